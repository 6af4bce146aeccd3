//! `rec-<day>`: 3 | function 4 | status 1 | accepted 8 | inv 16 → nothing. Every task, from acceptance
//! on, under the status that its durable row has: what runs for a short while is under the one before.

use invoked_core::head::Status;
use invoked_core::id::{FnId, InvKey};
use invoked_core::lane::Position;
use invoked_core::time::Timestamp;
use invoked_store::codec::DecodeError;
use invoked_store::record::number::of_status;

use super::{Parts, RecordKind, time};

pub(crate) fn encode_prefix(function: FnId, status: Status) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(30);
    bytes.push(RecordKind::Status as u8);
    bytes.extend_from_slice(&function.0.to_be_bytes());
    bytes.push(of_status(status));
    bytes
}

pub(crate) fn encode_key(
    function: FnId,
    status: Status,
    accepted: Timestamp,
    key: InvKey,
) -> Vec<u8> {
    let mut bytes = encode_prefix(function, status);
    bytes.extend_from_slice(&time(accepted));
    bytes.extend_from_slice(&key.0);
    bytes
}

/// What stands behind `prefix`.
pub(crate) fn decode_position(prefix: &[u8], key: &[u8]) -> Result<Position, DecodeError> {
    let mut parts = Parts::behind(key, prefix)?;
    Ok((parts.time("accepted at")?, InvKey(parts.fixed("key")?)))
}
