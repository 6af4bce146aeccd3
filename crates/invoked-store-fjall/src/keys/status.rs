//! `rec-<day>`: 3 | function 4 | status 1 | accepted 8 | inv 16 → nothing. Tasks by the status of their
//! written row. What is due since its acceptance is not here: its place in the order of due work says the
//! same, and most of those entries would be removed a moment later. The two together are every task.

use invoked_core::head::{Head, Status};
use invoked_core::id::{FnId, InvKey};
use invoked_core::lane::Position;
use invoked_core::time::Timestamp;
use invoked_store::codec::DecodeError;
use invoked_store::record::number::of_status;

use super::{Parts, RecordKind, time};

/// The status under which a task is indexed; `None` if it is not.
pub(crate) fn indexed(status: Status, due: Timestamp, accepted: Timestamp) -> Option<Status> {
    match status {
        Status::Enqueued | Status::Dequeued | Status::Running | Status::Stopping
            if due == accepted =>
        {
            None
        }
        Status::Enqueued
        | Status::Dequeued
        | Status::Running
        | Status::Stopping
        | Status::Retrying
        | Status::Succeeded
        | Status::Failed
        | Status::Expired
        | Status::Stopped
        | Status::Invalid => Some(status),
    }
}

/// Whether a row that is due is a task that is listed by nothing else.
pub(crate) fn is_due_since_acceptance(head: &Head) -> bool {
    head.task.is_some() && indexed(head.status(), head.due, head.accepted_at).is_none()
}

/// Whether tasks of this status may be listed by their place in the order of due work.
pub(crate) fn may_be_due_since_acceptance(status: Status) -> bool {
    indexed(status, Timestamp::MIN, Timestamp::MIN).is_none()
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

/// What stands behind `prefix`.
pub(crate) fn decode_position(prefix: &[u8], key: &[u8]) -> Result<Position, DecodeError> {
    let mut parts = Parts::behind(key, prefix)?;
    Ok((parts.time("accepted at")?, InvKey(parts.fixed("key")?)))
}
