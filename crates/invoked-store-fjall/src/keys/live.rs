//! `live`: inv 16 → head record.

use invoked_core::head::Head;
use invoked_core::id::InvKey;
use invoked_store::StoreError;
use invoked_store::codec::DecodeError;
use invoked_store::record::head::{self, Standing};

use crate::error::corrupt;

pub(crate) fn encode_key(key: InvKey) -> [u8; 16] {
    key.0
}

pub(crate) fn encode_value(row: &Head) -> bytes::Bytes {
    head::encode(row)
}

/// Only what the index by status has to know.
pub(crate) fn decode_standing(value: &[u8]) -> Result<Standing, DecodeError> {
    head::decode_standing(value)
}

pub(crate) fn decode_value(key: InvKey, value: &[u8]) -> Result<Head, StoreError> {
    head::decode(key, value).map_err(|source| corrupt(format!("row {key:?}"), source))
}
