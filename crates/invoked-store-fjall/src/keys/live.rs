//! `live`: inv 16 → head record.

use invoked_core::head::{Head, Status};
use invoked_core::id::InvKey;
use invoked_store::StoreError;
use invoked_store::codec::DecodeError;
use invoked_store::record::head;

use crate::error::corrupt;

pub(crate) fn encode_key(key: InvKey) -> [u8; 16] {
    key.0
}

pub(crate) fn encode_value(row: &Head) -> bytes::Bytes {
    head::encode(row)
}

/// Only the status of the row.
pub(crate) fn decode_status(value: &[u8]) -> Result<Status, DecodeError> {
    head::decode_status(value)
}

pub(crate) fn decode_value(key: InvKey, value: &[u8]) -> Result<Head, StoreError> {
    head::decode(key, value).map_err(|source| corrupt(format!("row {key:?}"), source))
}
