//! `rec-<day>`: 2 | function 4 | accepted 8 | inv 16 → nothing. Every task, from acceptance on.

use invoked_core::id::{FnId, InvKey};
use invoked_core::lane::Position;
use invoked_core::time::Timestamp;
use invoked_store::codec::DecodeError;

use super::{Parts, RecordKind, time};

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

/// What stands behind `prefix`, here and in [`super::status`].
pub(crate) fn decode_position(prefix: &[u8], key: &[u8]) -> Result<Position, DecodeError> {
    let mut parts = Parts::behind(key, prefix)?;
    Ok((parts.time("accepted at")?, InvKey(parts.fixed("key")?)))
}
