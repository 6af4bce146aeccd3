//! `rec-<day>`: 3 | function 4 | status 1 | accepted 8 | inv 16 → nothing. Tasks that wait
//! (Enqueued, Retrying) or have ended; what is under way lives in memory and is not indexed.

use invoked_core::head::Status;
use invoked_core::id::{FnId, InvKey};
use invoked_core::time::Timestamp;
use invoked_store::record::number::of_status;

use super::{RecordKind, time};

/// Whether tasks of this status are indexed by it.
pub(crate) fn is_indexed(status: Status) -> bool {
    match status {
        Status::Enqueued | Status::Retrying => true,
        Status::Dequeued | Status::Running | Status::Stopping => false,
        Status::Succeeded
        | Status::Failed
        | Status::Expired
        | Status::Stopped
        | Status::Invalid => true,
    }
}

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
