//! `rec-<day>`: 1 | inv 16 → head record of a finished row. Behind it may stand 1 and the answer to a
//! task, if that is small: it needs no row of its own then.

use invoked_core::head::Head;
use invoked_core::id::InvKey;
use invoked_store::StoreError;
use invoked_store::record::head;

use super::RecordKind;
use crate::error::corrupt;

pub(crate) fn encode_key(key: InvKey) -> Vec<u8> {
    [&[RecordKind::Record as u8][..], &key.0].concat()
}

/// Bytes of the longest answer that stands in the record.
pub(crate) const ANSWER_MAX: usize = 256;
const ANSWER: u8 = 1;

pub(crate) fn encode_value(row: &Head, answer: Option<&[u8]>) -> Vec<u8> {
    let mut value = head::encode(row).to_vec();
    if let Some(answer) = answer {
        value.push(ANSWER);
        value.extend_from_slice(answer);
    }
    value
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
