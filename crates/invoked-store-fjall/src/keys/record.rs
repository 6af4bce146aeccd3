//! `rec-<day>`: 1 | inv 16 → head record of a finished row. Behind it may stand 1 and the answer to a
//! task, if that is small: it needs no row of its own then.

use bytes::Bytes;
use invoked_core::head::Head;
use invoked_core::id::InvKey;
use invoked_store::StoreError;
use invoked_store::record::head;

use super::{RecordKind, of_kind};
use crate::error::corrupt;

pub(crate) fn encode_key(key: InvKey) -> [u8; 17] {
    of_kind(RecordKind::Record as u8, key)
}

/// Bytes of the longest answer that stands in the record.
pub(crate) const ANSWER_MAX: usize = 256;
const ANSWER: u8 = 1;

pub(crate) fn encode_value(row: &Head, answer: Option<&[u8]>) -> Bytes {
    match answer {
        Some(answer) => head::encode_with_rest(row, &[&[ANSWER], answer]),
        None => head::encode(row),
    }
}

/// The answer in the record.
pub(crate) fn decode_answer(key: InvKey, value: &[u8]) -> Result<Option<&[u8]>, StoreError> {
    let read = head::decode_with_rest(key, value);
    let (_, rest) = read.map_err(|source| corrupt(format!("record {key:?}"), source))?;
    Ok(rest.strip_prefix(&[ANSWER]))
}

pub(crate) fn decode_value(key: InvKey, value: &[u8]) -> Result<Head, StoreError> {
    head::decode(key, value).map_err(|source| corrupt(format!("record {key:?}"), source))
}
