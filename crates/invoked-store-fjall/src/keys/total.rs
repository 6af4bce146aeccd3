//! `meta`: 4 | shard 2 | total key → count.

use bytes::Bytes;
use invoked_core::id::ShardId;
use invoked_core::totals::{Total, TotalKey};
use invoked_store::StoreError;
use invoked_store::record::total;

use super::{MetaKind, Parts};
use crate::error::corrupt;

pub(crate) fn encode_prefix(shard: ShardId) -> [u8; 3] {
    let [high, low] = shard.0.to_be_bytes();
    [MetaKind::Total as u8, high, low]
}

pub(crate) fn encode_key(shard: ShardId, key: &TotalKey) -> Vec<u8> {
    [&encode_prefix(shard)[..], &total::encode_key(key)].concat()
}

pub(crate) fn encode_value(count: u64) -> Bytes {
    total::encode_value(count)
}

pub(crate) fn decode(shard: ShardId, key: &[u8], value: &[u8]) -> Result<Total, StoreError> {
    Parts::behind(key, &encode_prefix(shard))
        .and_then(|parts| total::decode(parts.rest(), value))
        .map_err(|source| corrupt(format!("a total of shard {}", shard.0), source))
}
