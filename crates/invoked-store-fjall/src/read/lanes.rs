//! The order of due work.

use std::ops::Bound;

use invoked_core::head::LaneId;
use invoked_core::id::ShardId;
use invoked_core::lane::Position;
use invoked_store::{Heads, StoreError};

use super::View;
use crate::error::corrupt;
use crate::keys::{Table, after, due};

impl View<'_> {
    /// The lanes of a shard: from one to the next by skipping all that the first one holds.
    pub(crate) fn lanes(&self, shard: ShardId) -> Result<Vec<LaneId>, StoreError> {
        let prefix = shard.0.to_be_bytes();
        let end = Bound::Excluded(after(&prefix));
        let mut from = Bound::Included(prefix.to_vec());
        let mut lanes = Vec::new();
        while let Some(row) = self.range(Table::Due, (from, end.clone())).next() {
            let (_, slot, _) = due::decode_key(&row?.0).map_err(broken)?;
            lanes.push(slot.lane);
            from = Bound::Included(after(&due::encode_prefix(shard, slot.lane)));
        }
        Ok(lanes)
    }

    /// Rows of a lane behind a position.
    pub(crate) fn heads(
        &self,
        shard: ShardId,
        lane: LaneId,
        position: Position,
        limit: u32,
    ) -> Result<Heads, StoreError> {
        let mut rows = self.range(Table::Due, due::range_behind(shard, lane, position));
        let mut heads = Vec::new();
        for row in rows.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
            let (_, slot, key) = due::decode_key(&row?.0).map_err(broken)?;
            match self.live(key)? {
                Some(head) => heads.push(head),
                None => tracing::error!(
                    event = "row_wrong",
                    ?key,
                    ?slot,
                    "a row is due that is not live"
                ),
            }
        }
        let is_complete = rows.next().transpose()?.is_none();
        Ok(Heads { heads, is_complete })
    }
}

fn broken(source: invoked_store::codec::DecodeError) -> StoreError {
    corrupt("a position of due work".to_owned(), source)
}
