//! `body-<day>`: 1 | inv 16 → event of a task; 2 | inv 16 → answer to it. The bytes are as they
//! came.

use invoked_core::id::InvKey;

use super::{BodyKind, of_kind};

pub(crate) fn encode_key(kind: BodyKind, key: InvKey) -> [u8; 17] {
    of_kind(kind as u8, key)
}
