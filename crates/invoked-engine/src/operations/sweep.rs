//! A page of a sweep: asked of the shard, which answers when it is durable.

use std::sync::Arc;

use invoked_core::head::LaneId;
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::limits::SWEEP_ROWS;
use invoked_core::sweep::{SweepAction, SweepPage};
use invoked_core::time::Timestamp;
use invoked_store::StoreError;
use tokio::sync::oneshot;

use super::Operation;
use super::run::{Page, Runner};
use super::work::Sweep;
use crate::pauses::LaneKey;
use crate::shard::Ask;

/// Pages in a second, so that what is limited goes evenly.
const PAGES_PER_SECOND: u32 = 4;

impl Runner {
    pub(super) async fn page_of_sweep(
        &self,
        operation: &mut Operation,
        sweep: &Sweep,
    ) -> Result<Page, StoreError> {
        let shards = &self.handle.shared.shards;
        let Some(port) = self.handle.shared.shard(ShardId(operation.shard)) else {
            return Ok(Page::Last);
        };
        let page = SweepPage {
            lane: match sweep.lane {
                LaneKey::Function(_) => LaneId::Function(operation.lane.unwrap_or(sweep.id)),
                LaneKey::Destination(_) => LaneId::Destination(sweep.id),
            },
            after: operation.cursor.unwrap_or((Timestamp::MIN, InvKey::MIN)),
            filter: Arc::new(sweep.filter.clone()),
            upto: operation.began_at,
            action: if operation.is_dry_run { SweepAction::Count } else { sweep.action },
            limit: operation.rate.map_or(SWEEP_ROWS, |rate| rate / PAGES_PER_SECOND).max(1),
        };
        let (reply, answer) = oneshot::channel();
        if port.asks.send(Ask::Sweep { page, reply }).await.is_err() {
            return Ok(later());
        }
        let Ok(Ok(swept)) = answer.await else { return Ok(later()) };
        operation.counts.examined += u64::from(swept.examined);
        operation.counts.matched += u64::from(swept.matched);
        operation.counts.acted += u64::from(swept.acted);
        operation.counts.skipped += u64::from(swept.skipped);
        operation.cursor = swept.next;
        if swept.next.is_none() {
            operation.lane = self.lane_behind(sweep, operation.lane);
            if operation.lane.is_none() {
                operation.shard = operation.shard.saturating_add(1);
            }
        }
        let is_last = usize::from(operation.shard) >= shards.len();
        Ok(if is_last { Page::Last } else { Page::More(swept.acted) })
    }

    /// The lane that comes after this one, which is the function's own if it is `None`. They go by their
    /// numbers, so one that is new comes last: nothing in it is older than the operation.
    fn lane_behind(&self, sweep: &Sweep, lane: Option<FnId>) -> Option<FnId> {
        match sweep.lane {
            LaneKey::Function(_) => {
                let lanes = self.handle.directory();
                lanes.lanes_of(sweep.id).skip(1).filter(|next| lane < Some(*next)).min()
            }
            LaneKey::Destination(_) => None,
        }
    }
}

fn later() -> Page {
    Page::Later("the daemon cannot move rows now".to_owned())
}
