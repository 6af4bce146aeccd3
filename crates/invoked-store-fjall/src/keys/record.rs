//! `rec-<day>`: 1 | inv 16 → head record of a finished row.

use invoked_core::head::Head;
use invoked_core::id::InvKey;
use invoked_store::StoreError;
use invoked_store::record::head;

use super::RecordKind;
use crate::error::corrupt;

pub(crate) fn encode_key(key: InvKey) -> Vec<u8> {
    [&[RecordKind::Record as u8][..], &key.0].concat()
}

pub(crate) fn decode_value(key: InvKey, value: &[u8]) -> Result<Head, StoreError> {
    head::decode(key, value).map_err(|source| corrupt(format!("record {key:?}"), source))
}
