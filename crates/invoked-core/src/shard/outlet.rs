//! Destinations as their callbacks find them: the breaker of each, and what went wrong last.

use alloc::vec::Vec;

use super::ShardCore;
use super::message::{Effect, Note};
use crate::breaker::{Breaker, BreakerEvent, Gate};
use crate::callback::{CallEvent, CallVerdict};
use crate::fault::Fault;
use crate::head::LaneId;
use crate::id::InvKey;
use crate::limits::{GIVING_UP_MAX, LANE_HOLD_MAX, SETTLED_PER_TURN_MAX};
use crate::time::Timestamp;

/// A destination with callbacks, as operators see it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outlet {
    /// Whether it is let alone.
    pub breaker: Breaker,
    /// What the last try that was not delivered came to, and when. Lives in memory only.
    pub last_error: Option<(Timestamp, Fault)>,
}

impl ShardCore {
    /// A try has ended: what its destination's breaker learns from it.
    pub(super) fn learn(
        &mut self,
        lane: LaneId,
        key: InvKey,
        verdict: &CallVerdict,
        now: Timestamp,
    ) {
        let (event, error) = match verdict {
            CallVerdict::Delivered { .. } => (BreakerEvent::Answered, None),
            CallVerdict::Permanent { error } => (BreakerEvent::Answered, Some(error)),
            CallVerdict::Retry { error, .. } => (BreakerEvent::Failed(key), Some(error)),
        };
        if let Some(error) = error {
            let error = Some((now, error.clone()));
            self.outlet_states.entry(lane).or_default().last_error = error;
        }
        // What it asks for one callback it asks for all.
        if let CallVerdict::Retry { retry_after: Some(wait), .. } = verdict {
            self.outlets.hold(lane, now.plus((*wait).min(LANE_HOLD_MAX)), now);
        }
        self.move_breaker(lane, event, now);
    }

    /// Something has happened to whoever a lane leads to: its breaker moves, and with it the lane's gate.
    pub(super) fn move_breaker(&mut self, lane: LaneId, event: BreakerEvent, now: Timestamp) {
        let lane = self.directory.limiting(lane);
        let (breaker, policy) = match lane {
            LaneId::Function(_) => {
                let inlet = self.inlets.get_mut(&lane);
                (inlet.map(|inlet| &mut inlet.breaker), &self.config.function_breaker)
            }
            LaneId::Destination(_) => {
                let outlet = self.outlet_states.get_mut(&lane);
                (outlet.map(|outlet| &mut outlet.breaker), &self.config.breaker)
            }
        };
        // One that nothing was learnt of is closed, and so it stays.
        let Some(breaker) = breaker else { return };
        if breaker.is_resting() && !matches!(event, BreakerEvent::Failed(_)) {
            return;
        }
        let has_moved = breaker.apply(event, policy, now);
        let breaker = breaker.clone();
        self.obey_breaker(lane, breaker, has_moved, now);
    }

    /// What was configured for breakers has changed: those that are open are held to it, and their lanes
    /// go on when it says so.
    pub(super) fn adopt_breakers(&mut self, now: Timestamp) {
        let inlets = self.inlets.iter_mut().map(|(lane, inlet)| (*lane, &mut inlet.breaker));
        let inlets = inlets.map(|known| (known, &self.config.function_breaker));
        let outlets = self.outlet_states.iter_mut();
        let outlets = outlets.map(|(lane, outlet)| (*lane, &mut outlet.breaker));
        let outlets = outlets.map(|known| (known, &self.config.breaker));
        let mut adopted = Vec::new();
        for ((lane, breaker), policy) in inlets.chain(outlets) {
            if breaker.gate() != Gate::Open {
                let has_moved = breaker.adopt(policy, now);
                adopted.push((lane, breaker.clone(), has_moved));
            }
        }
        for (lane, breaker, has_moved) in adopted {
            self.obey_breaker(lane, breaker, has_moved, now);
        }
    }

    pub(super) fn obey_breaker(
        &mut self,
        lane: LaneId,
        breaker: Breaker,
        has_moved: bool,
        now: Timestamp,
    ) {
        let gate = breaker.gate();
        if has_moved {
            self.effects.push(Effect::Note(Note::Breaker { lane, breaker }));
        }
        self.lanes_of(lane).set_gate(lane, gate, now);
    }

    /// Gives up the callbacks that wait in memory and whose time for tries is over. It takes no slot,
    /// so a destination that is let alone does not keep them.
    pub(super) fn pass_deadlines(&mut self, now: Timestamp) {
        let mut settled = 0;
        while let Some(&(at, key)) = self.deadlines.first() {
            if now <= at || self.is_draining || !self.has_room() {
                break;
            }
            if settled == SETTLED_PER_TURN_MAX || self.giving_up == GIVING_UP_MAX {
                self.has_more = settled == SETTLED_PER_TURN_MAX;
                break;
            }
            settled += 1;
            self.deadlines.pop_first();
            self.leave_lane(key, now);
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if row.payload.is_some() {
                self.give_up(key, CallEvent::DeadlinePassed, now);
            } else {
                // The message is kept with it, so what it says has to be read first.
                row.is_giving_up = true;
                self.giving_up += 1;
                self.want_bytes(key);
            }
        }
    }

    /// Operators hold other destinations than before, and the time of their callbacks stands or runs.
    pub(super) fn adopt_pauses(&mut self, now: Timestamp) {
        let known: Vec<_> = self.outlets.ids().collect();
        for lane in known {
            let rules = self.rules_of(lane);
            self.outlets.set_rules(lane, rules, now);
        }
        for (key, row) in &mut self.rows {
            if row.waiting_at.is_none() || !row.head.callback.is_owed() {
                continue;
            }
            let pauses = self.directory.pauses_for(&row.head);
            let deadline = row.head.callback.deadline(&self.config.callback, pauses);
            if let Some(old) = core::mem::replace(&mut row.deadline, deadline) {
                self.deadlines.remove(&(old, *key));
            }
            if let Some(deadline) = deadline {
                self.deadlines.insert((deadline, *key));
            }
        }
    }

    /// When the first deadline of a waiting callback is over.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        if self.giving_up == GIVING_UP_MAX {
            return None;
        }
        let first = self.deadlines.first();
        first.map(|(at, _)| at.plus(core::time::Duration::from_millis(1)))
    }
}
