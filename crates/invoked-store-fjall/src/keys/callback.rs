//! `call-<day>`: 5 | failed at 8 | inv 16 → kept callback. Its day is the one it failed on, so the
//! buckets in their order are in order of failure. 6 | inv 16 → failed at finds it by its row.

use std::ops::Bound;

use invoked_core::id::InvKey;
use invoked_core::shard::KeptCallback;
use invoked_core::time::Timestamp;
use invoked_store::StoreError;
use invoked_store::record::callback;

use super::{KeyRange, Parts, RecordKind, after, beginning_with, of_kind, time};
use crate::error::corrupt;

const PREFIX: [u8; 1] = [RecordKind::Callback as u8];

pub(crate) fn encode_key(failed_at: Timestamp, key: InvKey) -> Vec<u8> {
    [&PREFIX[..], &time(failed_at), &key.0].concat()
}

pub(crate) fn encode_value(kept: &KeptCallback) -> bytes::Bytes {
    callback::encode(kept)
}

pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<KeptCallback, StoreError> {
    let read = || {
        let mut parts = Parts::behind(key, &PREFIX)?;
        let failed_at = parts.time("failed at")?;
        callback::decode(InvKey(parts.fixed("key")?), failed_at, value)
    };
    read().map_err(|source| corrupt("a kept callback".to_owned(), source))
}

pub(crate) fn encode_of_key(key: InvKey) -> [u8; 17] {
    of_kind(RecordKind::CallbackOf as u8, key)
}

pub(crate) fn encode_of_value(failed_at: Timestamp) -> [u8; 8] {
    time(failed_at)
}

pub(crate) fn decode_of_value(value: &[u8]) -> Result<Timestamp, StoreError> {
    let read = || Parts::behind(value, &[])?.time("failed at");
    read().map_err(|source| corrupt("the place of a kept callback".to_owned(), source))
}

/// The kept callbacks behind a position.
pub(crate) fn range_behind(position: Option<(Timestamp, InvKey)>) -> KeyRange {
    match position {
        None => beginning_with(&PREFIX),
        Some((failed_at, key)) => {
            (Bound::Excluded(encode_key(failed_at, key)), Bound::Excluded(after(&PREFIX)))
        }
    }
}
