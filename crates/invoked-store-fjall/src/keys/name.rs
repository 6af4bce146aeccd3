//! `meta`: the dictionary, both ways. 5 | name → function number; 6 | function 4 → name.

use invoked_core::id::FnId;
use invoked_store::StoreError;
use invoked_store::codec::DecodeError;

use super::{MetaKind, Parts};
use crate::error::corrupt;

pub(crate) fn encode_name_key(name: &str) -> Vec<u8> {
    [&[MetaKind::Name as u8][..], name.as_bytes()].concat()
}

pub(crate) fn encode_id_value(id: FnId) -> [u8; 4] {
    id.0.to_be_bytes()
}

pub(crate) fn decode_id_value(name: &str, value: &[u8]) -> Result<FnId, StoreError> {
    let id = value.try_into().map(u32::from_be_bytes).map(FnId);
    id.map_err(|_| corrupt(format!("the number of {name}"), DecodeError::Short { field: "number" }))
}

pub(crate) const ID_PREFIX: [u8; 1] = [MetaKind::Function as u8];

pub(crate) fn encode_id_key(id: FnId) -> Vec<u8> {
    [&ID_PREFIX[..], &id.0.to_be_bytes()].concat()
}

/// A number and its name.
pub(crate) fn decode_id(key: &[u8], value: &[u8]) -> Result<(FnId, String), StoreError> {
    let read = || {
        let id = u32::from_be_bytes(Parts::behind(key, &ID_PREFIX)?.fixed("function")?);
        let name = str::from_utf8(value).map_err(|_| DecodeError::Malformed { field: "name" })?;
        Ok((FnId(id), name.to_owned()))
    };
    read().map_err(|source| corrupt("a name".to_owned(), source))
}
