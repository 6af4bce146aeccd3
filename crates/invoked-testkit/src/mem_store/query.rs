//! What reads find: each is a scan of everything, so that there is no index to get wrong.

use std::collections::BTreeSet;

use invoked_core::head::{Head, LaneId};
use invoked_core::id::ShardId;
use invoked_core::lane::Position;
use invoked_core::limits::LIST_EXAMINED_MAX;
use invoked_core::shard::BytesWanted;
use invoked_store::{Heads, Order, TaskPage, TaskQuery, TaskView};

use super::rows::{Blob, Rows};

impl Rows {
    /// The lanes of a shard that have live rows.
    pub(super) fn lanes(&self, shard: ShardId) -> Vec<LaneId> {
        let of_shard = self.slots().filter(|(key, _)| key.shard() == shard);
        of_shard.map(|(_, slot)| slot.lane).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// A page of a lane.
    pub(super) fn heads(&self, shard: ShardId, lane: LaneId, after: Position, limit: u32) -> Heads {
        let of_lane = self.slots().filter(|(key, slot)| key.shard() == shard && slot.lane == lane);
        let positions: BTreeSet<Position> = of_lane.map(|(key, slot)| (slot.due, key)).collect();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let behind: Vec<_> =
            positions.into_iter().filter(|position| after < *position).take(limit + 1).collect();
        let page = behind.iter().take(limit);
        Heads {
            heads: page.filter_map(|(_, key)| self.live(*key).map(|(head, _)| head)).collect(),
            is_complete: behind.len() <= limit,
        }
    }

    /// A page of tasks.
    pub(super) fn tasks(&self, query: &TaskQuery) -> TaskPage {
        let is_behind = |head: &Head| match (query.after, query.order) {
            (None, _) => true,
            (Some(after), Order::Ascending) => after < (head.accepted_at, head.key),
            (Some(after), Order::Descending) => (head.accepted_at, head.key) < after,
        };
        // Nobody finds what waits in a lane that is not named.
        let is_there = |head: &Head| match head.slot().lane {
            LaneId::Function(lane) => query.lanes.contains(&lane),
            LaneId::Destination(_) => true,
        };
        // The live row hides the record of one whose callback is redriven.
        let kept = self.kept_heads().filter(|head| self.live(head.key).is_none());
        let mut tasks: Vec<Head> = self
            .live_heads()
            .filter(is_there)
            .chain(kept)
            .filter(|head| head.fn_id == query.fn_id && head.task.is_some() && is_behind(head))
            .collect();
        tasks.sort_by_key(|head| (head.accepted_at, head.key));
        if query.order == Order::Descending {
            tasks.reverse();
        }
        let total = tasks.len();
        let mut page = TaskPage::default();
        let mut examined = 0;
        for head in tasks.into_iter().take(LIST_EXAMINED_MAX) {
            examined += 1;
            let position = (head.accepted_at, head.key);
            if query.may_match(&head) {
                page.tasks.push(self.view(head, query));
            }
            if page.tasks.len() >= query.limit || examined == LIST_EXAMINED_MAX {
                page.next = (examined < total).then_some(position);
                break;
            }
        }
        page
    }

    fn view(&self, head: Head, query: &TaskQuery) -> TaskView {
        let Blob { payload, result } = match query.with_payload {
            true => self.bytes(BytesWanted::from(&head)),
            false => Blob::default(),
        };
        TaskView { head, payload, result }
    }
}
