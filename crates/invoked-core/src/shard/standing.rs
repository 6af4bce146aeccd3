//! Where one row and its lane stand: what "why is it waiting?" is answered from.

use alloc::boxed::Box;

use super::{Inlet, Outlet, ShardCore};
use crate::head::{Head, LaneId};
use crate::id::InvKey;
use crate::lane::LaneView;
use crate::time::Timestamp;

/// Where a row stands in memory.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Stage {
    /// It waits in its lane's window.
    Waiting {
        /// Rows of its lane that go first.
        before: usize,
    },
    /// It has a slot: its attempt or its callback is under way or about to start.
    UnderWay,
    /// What was decided of it is being stored.
    Storing,
}

/// A lane, with what is known of whoever it leads to.
#[derive(Clone, Debug)]
pub struct LaneStanding {
    /// Which.
    pub id: LaneId,
    /// Whether it has had a row here; else `view` is what it would begin with.
    pub is_open: bool,
    /// The lane.
    pub view: LaneView,
    /// When the oldest was accepted of those that wait in the lane's window; `None` if none does.
    pub oldest_accepted_at: Option<Timestamp>,
    /// What is known of its function.
    pub inlet: Option<Inlet>,
    /// What is known of its destination.
    pub outlet: Option<Outlet>,
}

/// Where a row stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The row, as far as it is durable, and its stage; `None` if it is not in memory.
    pub row: Option<Box<(Head, Stage)>>,
    /// Its lane; `None` if neither the row nor whoever asked names one.
    pub lane: Option<LaneStanding>,
}

impl ShardCore {
    /// Where a row stands. If it is not in memory, the lane is that of `lane`.
    #[must_use]
    pub fn standing(&self, key: &InvKey, lane: Option<LaneId>, now: Timestamp) -> Standing {
        let row = self.rows.get(key).filter(|row| row.is_stored);
        let lane = row.map(|row| row.held.unwrap_or(row.slot.lane)).or(lane);
        let found = row.map(|row| {
            let lanes = match row.slot.lane {
                LaneId::Function(_) => &self.lanes,
                LaneId::Destination(_) => &self.outlets,
            };
            let place = row.waiting_at.and_then(|at| lanes.position_of(row.slot.lane, at));
            let stage = match place {
                Some(before) => Stage::Waiting { before },
                None if row.held.is_some() => Stage::UnderWay,
                None => Stage::Storing,
            };
            Box::new((row.head.clone(), stage))
        });
        Standing { row: found, lane: lane.map(|lane| self.lane_standing(lane, now)) }
    }

    /// A lane, with what is known of whoever it leads to.
    #[must_use]
    pub fn lane_standing(&self, id: LaneId, now: Timestamp) -> LaneStanding {
        let lanes = match id {
            LaneId::Function(_) => &self.lanes,
            LaneId::Destination(_) => &self.outlets,
        };
        let present = lanes.view(id, now);
        let waiting = lanes.waiting_in(id).filter_map(|key| self.rows.get(&key));
        LaneStanding {
            id,
            is_open: present.is_some(),
            view: present.unwrap_or_else(|| lanes.view_of_none(self.rules_of(id), self.cap_of(id))),
            oldest_accepted_at: waiting.map(|row| row.head.accepted_at).min(),
            inlet: self.inlets.get(&self.directory.limiting(id)).cloned(),
            outlet: self.outlet_states.get(&id).cloned(),
        }
    }
}
