//! `body-<day>`: 1 | inv 16 → event of a task; 2 | inv 16 → answer to it. The bytes are as they came. What a
//! bucket got at once stands under 3 and 4 in their place, since format 6: 1 | pack 8 | offset 8 | length 4 says where,
//! and 0 | bytes is what a backup has of it.
//!
//! What stands under 3 and 4 counts first: whoever writes a row under 1 or 2 removes it.

use bytes::Bytes;
use invoked_core::id::InvKey;
use invoked_store::codec::DecodeError;

use super::{BodyKind, Parts, of_kind};
use crate::packs::{KEY_BYTES, Place};

/// What a value under 3 or 4 begins with.
const HERE: [u8; 1] = [0];
const ELSEWHERE: [u8; 1] = [1];
const PLACE_BYTES: usize = 21;

/// What stands under 3 or 4.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stored {
    Here(Bytes),
    Packed(Place),
}

pub(crate) fn encode_key(kind: BodyKind, key: InvKey) -> [u8; KEY_BYTES] {
    of_kind(kind as u8, key)
}

/// The key under which a place stands.
pub(crate) fn encode_packed_key(kind: BodyKind, key: InvKey) -> [u8; KEY_BYTES] {
    of_kind(packed(kind) as u8, key)
}

/// The same of the key of a body; `None` if it is no such key.
pub(crate) fn packed_key(key: &[u8]) -> Option<[u8; KEY_BYTES]> {
    let (kind, rest) = key.split_first()?;
    let kinds = [BodyKind::Payload, BodyKind::Result];
    let kind = kinds.into_iter().find(|known| *known as u8 == *kind)?;
    Some(encode_packed_key(kind, InvKey(rest.try_into().ok()?)))
}

/// Whether a row has a place.
pub(crate) fn is_packed(key: &[u8]) -> bool {
    let kinds = [BodyKind::PackedPayload, BodyKind::PackedResult];
    key.first().is_some_and(|kind| kinds.into_iter().any(|known| known as u8 == *kind))
}

/// Whether this row needs a pack, or does not read. No backup has one.
pub(crate) fn is_elsewhere(key: &[u8], value: &[u8]) -> bool {
    is_packed(key) && !matches!(decode_packed(value), Ok(Stored::Here(_)))
}

const fn packed(kind: BodyKind) -> BodyKind {
    match kind {
        BodyKind::Payload | BodyKind::PackedPayload => BodyKind::PackedPayload,
        BodyKind::Result | BodyKind::PackedResult => BodyKind::PackedResult,
    }
}

pub(crate) fn encode_place(place: Place) -> [u8; PLACE_BYTES] {
    let mut bytes = [0; PLACE_BYTES];
    let parts = ELSEWHERE.into_iter().chain(place.number.to_be_bytes());
    let parts = parts.chain(place.offset.to_be_bytes()).chain(place.length.to_be_bytes());
    bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    bytes
}

/// What a backup has in the place of a place.
pub(crate) fn encode_here(bytes: &[u8]) -> Vec<u8> {
    [&HERE[..], bytes].concat()
}

pub(crate) fn decode_packed(value: &[u8]) -> Result<Stored, DecodeError> {
    if let Some(bytes) = value.strip_prefix(&HERE) {
        return Ok(Stored::Here(Bytes::copy_from_slice(bytes)));
    }
    let mut parts = Parts::behind(value, &ELSEWHERE)?;
    let number = u64::from_be_bytes(parts.fixed("pack")?);
    let offset = u64::from_be_bytes(parts.fixed("offset")?);
    let length = u32::from_be_bytes(parts.fixed("length")?);
    match parts.rest() {
        [] => Ok(Stored::Packed(Place { number, offset, length })),
        [_, ..] => Err(DecodeError::Malformed { field: "place" }),
    }
}
