//! `meta`: 8 | shard 2 | number 8 → submission record.

use bytes::Bytes;
use invoked_core::id::ShardId;
use invoked_store::record::submission;
use invoked_store::{StoreError, Submission};

use super::{MetaKind, Parts};
use crate::error::corrupt;

pub(crate) fn encode_prefix(shard: ShardId) -> [u8; 3] {
    let [high, low] = shard.0.to_be_bytes();
    [MetaKind::Submission as u8, high, low]
}

pub(crate) fn encode_key(shard: ShardId, number: u64) -> Vec<u8> {
    [&encode_prefix(shard)[..], &number.to_be_bytes()].concat()
}

pub(crate) fn encode_value(submission: &Submission) -> Bytes {
    submission::encode(submission)
}

pub(crate) fn decode(
    shard: ShardId,
    key: &[u8],
    value: &[u8],
) -> Result<(u64, Submission), StoreError> {
    let read = || {
        let number = Parts::behind(key, &encode_prefix(shard))?.fixed("number")?;
        Ok((u64::from_be_bytes(number), submission::decode(value)?))
    };
    read().map_err(|source| corrupt(format!("a submission to shard {}", shard.0), source))
}
