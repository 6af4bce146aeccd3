//! `rec-<day>`: 4 | function 4 | task id | 0 | inv 16 → accepted 8. Every task by its id, so that
//! the beginning of an id lists. Ids have no zero byte.

use invoked_core::id::{FnId, InvKey};
use invoked_core::lane::Position;
use invoked_core::time::Timestamp;
use invoked_store::codec::DecodeError;

use super::{Parts, RecordKind, time};

pub(crate) fn encode_prefix(function: FnId, beginning: &str) -> Vec<u8> {
    let function = function.0.to_be_bytes();
    [&[RecordKind::TaskId as u8][..], &function, beginning.as_bytes()].concat()
}

pub(crate) fn encode_key(function: FnId, id: &str, key: InvKey) -> Vec<u8> {
    let mut bytes = encode_prefix(function, id);
    bytes.push(0);
    bytes.extend_from_slice(&key.0);
    bytes
}

pub(crate) fn encode_value(accepted: Timestamp) -> [u8; 8] {
    time(accepted)
}

/// Where the task stands in the order of acceptance.
pub(crate) fn decode_position(key: &[u8], value: &[u8]) -> Result<Position, DecodeError> {
    let short = DecodeError::Short { field: "key" };
    let (_, inv) = key.split_last_chunk().ok_or(short)?;
    Ok((Parts::behind(value, &[])?.time("accepted at")?, InvKey(*inv)))
}
