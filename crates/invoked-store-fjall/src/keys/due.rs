//! `due`: shard 2 | lane kind 1 | lane 4 | due 8 | inv 16 → nothing. The lane stands before the
//! time, so that one lane's backlog never hides another's.

use std::ops::Bound;

use invoked_core::head::{LaneId, Slot};
use invoked_core::id::{InvKey, ShardId};
use invoked_core::lane::Position;
use invoked_store::codec::DecodeError;
use invoked_store::record::number::{of_lane, to_lane};

use super::{KeyRange, Parts, after, time};

pub(crate) fn encode_key(shard: ShardId, slot: Slot, key: InvKey) -> Vec<u8> {
    let mut bytes = encode_prefix(shard, slot.lane);
    bytes.extend_from_slice(&time(slot.due));
    bytes.extend_from_slice(&key.0);
    bytes
}

pub(crate) fn decode_key(bytes: &[u8]) -> Result<(ShardId, Slot, InvKey), DecodeError> {
    let mut parts = Parts::behind(bytes, &[])?;
    let shard = ShardId(u16::from_be_bytes(parts.fixed("shard")?));
    let [kind] = parts.fixed("lane kind")?;
    let lane = to_lane(kind, u32::from_be_bytes(parts.fixed("lane")?))?;
    let slot = Slot { lane, due: parts.time("due")? };
    Ok((shard, slot, InvKey(parts.fixed("key")?)))
}

/// All positions of a lane.
pub(crate) fn encode_prefix(shard: ShardId, lane: LaneId) -> Vec<u8> {
    let (kind, id) = of_lane(lane);
    let mut bytes = Vec::with_capacity(31);
    bytes.extend_from_slice(&shard.0.to_be_bytes());
    bytes.push(kind);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes
}

/// The positions of a lane behind `position`.
pub(crate) fn range_behind(shard: ShardId, lane: LaneId, position: Position) -> KeyRange {
    let (due, key) = position;
    let start = encode_key(shard, Slot { lane, due }, key);
    (Bound::Excluded(start), Bound::Excluded(after(&encode_prefix(shard, lane))))
}
