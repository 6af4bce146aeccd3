//! `live`: inv 16 → head record.

use invoked_core::head::Head;
use invoked_core::id::InvKey;
use invoked_store::StoreError;
use invoked_store::record::head;

use crate::error::corrupt;

pub(crate) fn encode_key(key: InvKey) -> [u8; 16] {
    key.0
}

pub(crate) fn encode_value(row: &Head) -> bytes::Bytes {
    head::encode(row)
}

pub(crate) fn decode_value(key: InvKey, value: &[u8]) -> Result<Head, StoreError> {
    head::decode(key, value).map_err(|source| corrupt(format!("row {key:?}"), source))
}
