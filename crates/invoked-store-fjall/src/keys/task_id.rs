//! `rec-<day>`: 4 | function 4 | task id | 0 | inv 16 → accepted 8. Tasks by their ids, so that the
//! beginning of an id lists. Ids have no zero byte. An id that the daemon chose is the text of the key,
//! so that the keys of rows and records say it already.

use invoked_core::id::{FnId, InvKey, RequestId};
use invoked_core::lane::Position;
use invoked_core::time::Timestamp;
use invoked_store::codec::DecodeError;

use super::{Parts, RecordKind, time};

/// Whether a task has to be found by its id here: its key does not say it.
pub(crate) fn is_indexed(id: &str, key: InvKey) -> bool {
    let is_lower = !id.bytes().any(|byte| byte.is_ascii_uppercase());
    key.is_chosen() || !is_lower || RequestId::parse(id) != Some(RequestId::from(key))
}

/// The first and the last key whose text begins so; `None` if no text of a key does.
pub(crate) fn keys_beginning(beginning: &str) -> Option<(InvKey, InvKey)> {
    let first = "00000000-0000-0000-0000-000000000000".get(beginning.len()..)?;
    let last = "ffffffff-ffff-ffff-ffff-ffffffffffff".get(beginning.len()..)?;
    if beginning.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let key = |rest: &str| Some(InvKey(RequestId::parse(&[beginning, rest].concat())?.0));
    Some((key(first)?, key(last)?))
}

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
