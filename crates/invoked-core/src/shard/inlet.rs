//! Functions as their attempts find them: what each one's breaker and adaptive limit have learnt, and what
//! went wrong last.

use super::ShardCore;
use super::message::AttemptReport;
use crate::adaptive::{Adaptive, Ended, INITIAL_LIMIT};
use crate::breaker::{Breaker, BreakerEvent, Gate};
use crate::fault::Fault;
use crate::head::LaneId;
use crate::life::Verdict;
use crate::limits::LANE_HOLD_MAX;
use crate::time::Timestamp;

/// A function with attempts, as operators see it. Lives in memory only.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inlet {
    /// Whether it is let alone.
    pub breaker: Breaker,
    /// What it takes at a time, where no limit is set.
    pub adaptive: Option<Adaptive>,
    /// What the last attempt that did not succeed came to, and when.
    pub last_error: Option<(Timestamp, Fault)>,
}

impl ShardCore {
    /// An attempt that held a slot of `lane` has ended: what its function's breaker, its adaptive limit and
    /// its lane learn from it.
    pub(super) fn learn_attempt(
        &mut self,
        lane: LaneId,
        report: &AttemptReport,
        began: Timestamp,
        now: Timestamp,
    ) {
        let (event, how, hold) = match report.verdict {
            // How long it took says nothing.
            Verdict::Refused | Verdict::Gone => (BreakerEvent::Answered, None, None),
            Verdict::FunctionError if report.is_timeout => {
                (BreakerEvent::Failed(report.key), Some(Ended::Pressed), None)
            }
            Verdict::Succeeded | Verdict::FunctionError => {
                (BreakerEvent::Answered, Some(Ended::Answered), None)
            }
            Verdict::Unavailable { retry_after } => {
                (BreakerEvent::Failed(report.key), Some(Ended::Pressed), retry_after)
            }
        };
        let lane = self.directory.limiting(lane);
        let is_fixed = self.has_fixed_limit(lane);
        let busy = self.lanes.busy_in_all(lane);
        let max = self.config.function_limit;
        let inlet = self.inlets.entry(lane).or_default();
        if let Some(fault) = &report.fault {
            inlet.last_error = Some((now, fault.clone()));
        }
        if is_fixed {
            inlet.adaptive = None;
            self.lanes.set_cap(lane, u32::MAX, now);
        } else if let Some(how) = how {
            let adaptive = inlet.adaptive.get_or_insert_with(|| Adaptive::new(max, began));
            adaptive.ended(how, began, busy, now);
            let cap = adaptive.limit();
            self.lanes.set_cap(lane, cap, now);
        }
        if let Some(wait) = hold {
            self.lanes.hold(lane, now.plus(wait.min(LANE_HOLD_MAX)), now);
        }
        self.move_breaker(lane, event, now);
    }

    /// Nothing goes by the lane's own limits any more: what was learnt under them is forgotten.
    pub(super) fn forget_inlet(&mut self, lane: LaneId, now: Timestamp) {
        let Some(inlet) = self.inlets.remove(&lane) else { return };
        self.lanes.lift_hold(lane, now);
        let was_open = inlet.breaker.gate() != Gate::Open;
        self.obey_breaker(lane, Breaker::default(), was_open, now);
    }

    /// What the adaptive limit of a lane lets be under way at a time.
    pub(super) fn cap_of(&self, lane: LaneId) -> u32 {
        let lane = self.directory.limiting(lane);
        if self.has_fixed_limit(lane) {
            return u32::MAX;
        }
        let known = self.inlets.get(&lane).and_then(|inlet| inlet.adaptive.as_ref());
        known.map_or(INITIAL_LIMIT, Adaptive::limit)
    }

    /// Whether somebody has said how many attempts of the lane may be under way.
    fn has_fixed_limit(&self, lane: LaneId) -> bool {
        match lane {
            LaneId::Function(id) => {
                self.directory.lane(id).is_none_or(|(_, limits)| limits.concurrency.is_some())
            }
            LaneId::Destination(_) => true,
        }
    }
}
