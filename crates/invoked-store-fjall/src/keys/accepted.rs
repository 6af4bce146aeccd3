//! `rec-<day>`: 2 | function 4 | accepted 8 | inv 16 → nothing. Every task, from acceptance on.

use invoked_core::id::{FnId, InvKey};
use invoked_core::time::Timestamp;

use super::{RecordKind, time};

pub(crate) fn encode_prefix(function: FnId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(29);
    bytes.push(RecordKind::Accepted as u8);
    bytes.extend_from_slice(&function.0.to_be_bytes());
    bytes
}

pub(crate) fn encode_key(function: FnId, accepted: Timestamp, key: InvKey) -> Vec<u8> {
    let mut bytes = encode_prefix(function);
    bytes.extend_from_slice(&time(accepted));
    bytes.extend_from_slice(&key.0);
    bytes
}
