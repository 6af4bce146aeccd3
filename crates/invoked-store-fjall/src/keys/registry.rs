//! `meta`: 7 | kind 1 | name → registry entry. A deletion is an entry without a value.

use bytes::Bytes;
use invoked_store::codec::{DecodeError, Reader, Writer};
use invoked_store::{RegistryEntry, RegistryKind, StoreError};

use super::{MetaKind, Parts};
use crate::error::corrupt;

const VERSION: u8 = 1;

pub(crate) const PREFIX: [u8; 1] = [MetaKind::Registry as u8];

pub(crate) fn encode_key(kind: RegistryKind, name: &str) -> Vec<u8> {
    [&PREFIX[..], &[kind as u8], name.as_bytes()].concat()
}

pub(crate) fn encode_value(value: Option<&Bytes>) -> Bytes {
    let mut writer = Writer::new(VERSION);
    writer.option(value, |writer, value| writer.bytes(value));
    writer.finish()
}

pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<RegistryEntry, StoreError> {
    read(key, value).map_err(|source| corrupt("a registry entry".to_owned(), source))
}

fn read(key: &[u8], value: &[u8]) -> Result<RegistryEntry, DecodeError> {
    let mut parts = Parts::behind(key, &PREFIX)?;
    let [number] = parts.fixed("kind")?;
    let kind = RegistryKind::from_number(number).ok_or(DecodeError::Unknown {
        field: "kind of registry entry",
        number: u64::from(number),
    })?;
    let name = parts.text("name")?.to_owned();
    let (mut reader, _) = Reader::new(value, VERSION)?;
    let value = reader.option("value", |reader| reader.bytes("value"))?;
    Ok(RegistryEntry { kind, name, value: value.map(Bytes::copy_from_slice) })
}
