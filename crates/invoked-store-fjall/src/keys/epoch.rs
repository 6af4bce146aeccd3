//! `meta`: 3 | shard 2 → epoch.

use invoked_core::id::{Epoch, ShardId};
use invoked_store::StoreError;

use super::{MetaKind, number};

pub(crate) fn encode_key(shard: ShardId) -> [u8; 3] {
    let [high, low] = shard.0.to_be_bytes();
    [MetaKind::Epoch as u8, high, low]
}

pub(crate) fn encode_value(epoch: Epoch) -> bytes::Bytes {
    number::encode_value(epoch.0)
}

pub(crate) fn decode_value(value: &[u8]) -> Result<Epoch, StoreError> {
    number::decode_value("epoch", value).map(Epoch)
}
