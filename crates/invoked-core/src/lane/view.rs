//! A lane as operators see it, and what holds its first row back.

use super::Lanes;
use super::guests::Quota;
use super::line::{Horizon, Lane, LaneRules};
use crate::breaker::Gate;
use crate::head::LaneId;
use crate::id::InvKey;
use crate::time::Timestamp;

/// What holds the first row of a lane back. Where several do, the one that an operator can change least
/// is named last.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Hold {
    /// Nothing: no row waits in memory.
    Nothing,
    /// Nothing: it is about to go.
    Turn,
    /// An operator has paused the lane.
    Paused,
    /// The way to what it leads to was taken out of the configuration.
    Unconfigured,
    /// Its breaker is open: what it leads to did not answer.
    Breaker {
        /// Until then.
        until: Timestamp,
    },
    /// Its breaker lets one row try first.
    Probe,
    /// What it leads to asked for this time (`Retry-After`).
    RetryAfter {
        /// Until then.
        until: Timestamp,
    },
    /// As many rows as it may have are under way.
    Concurrency,
    /// Its rate.
    Rate {
        /// Until then.
        until: Timestamp,
    },
    /// It has enough of the slots that all lanes share.
    Slots,
    /// Its tenant has enough of them.
    Share,
    /// The row is not due yet: a delay, or the wait between two attempts.
    NotDue {
        /// Until then.
        until: Timestamp,
    },
}

impl Hold {
    /// Until when it holds, if that is known.
    #[must_use]
    pub fn until(self) -> Option<Timestamp> {
        match self {
            Self::Breaker { until }
            | Self::RetryAfter { until }
            | Self::Rate { until }
            | Self::NotDue { until } => Some(until),
            Self::Nothing
            | Self::Turn
            | Self::Paused
            | Self::Unconfigured
            | Self::Probe
            | Self::Concurrency
            | Self::Slots
            | Self::Share => None,
        }
    }
}

/// A lane as operators see it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct LaneView {
    /// Rows in the window.
    pub in_window: usize,
    /// Rows under way.
    pub busy: u32,
    /// When the first row of the window is due.
    pub first_due: Option<Timestamp>,
    /// Whether the window holds the whole lane.
    pub is_complete: bool,
    /// Rows that may be under way at a time, the adaptive limit included.
    pub limit: u32,
    /// Whether it is the adaptive limit that says so.
    pub is_adaptive: bool,
    /// Rows that may go in a second.
    pub rate: Option<u32>,
    /// What holds its first row back.
    pub hold: Hold,
    /// Rows of its tenant under way.
    pub tenant_busy: u32,
    /// Tenants that share the slots.
    pub tenants: usize,
}

impl Lanes {
    /// A lane as operators see it.
    #[must_use]
    pub fn view(&self, id: LaneId, now: Timestamp) -> Option<LaneView> {
        let lane = self.lanes.get(&id)?;
        let quota = self.borrowed(id).unwrap_or_else(|| lane.quota());
        Some(self.seen(lane, quota, self.hold_of(id, now)))
    }

    /// A lane that has never had a row, as it would begin.
    #[must_use]
    pub fn view_of_none(&self, rules: LaneRules, cap: u32) -> LaneView {
        let mut lane = Lane::new(rules, Horizon::Complete);
        lane.cap = cap;
        self.seen(&lane, lane.quota(), Hold::Nothing)
    }

    fn seen(&self, lane: &Lane, quota: Quota, hold: Hold) -> LaneView {
        let (tenant_busy, tenants) = self.ready.share(lane.rules.tenant);
        LaneView {
            in_window: lane.waiting.len(),
            busy: lane.busy,
            first_due: lane.waiting.first().map(|(due, _)| *due),
            is_complete: lane.horizon == Horizon::Complete,
            limit: quota.limit,
            is_adaptive: quota.is_adaptive,
            rate: lane.rules.rate.map(|rate| rate.per_second),
            hold,
            tenant_busy,
            tenants,
        }
    }

    /// Rows of the lane's window before this one, and whether it is there.
    #[must_use]
    pub fn position_of(&self, id: LaneId, position: super::Position) -> Option<usize> {
        let lane = self.lanes.get(&id)?;
        let is_there = lane.waiting.contains(&position);
        is_there.then(|| lane.waiting.range(..position).count())
    }

    /// The rows of the lane's window, in their order.
    pub fn waiting_in(&self, id: LaneId) -> impl Iterator<Item = InvKey> {
        let lane = self.lanes.get(&id);
        lane.into_iter().flat_map(|lane| lane.waiting.iter().map(|(_, key)| *key))
    }

    fn hold_of(&self, id: LaneId, now: Timestamp) -> Hold {
        let Some(lane) = self.lanes.get(&id) else { return Hold::Nothing };
        let Some(&(due, _)) = lane.waiting.first() else { return Hold::Nothing };
        if lane.rules.closed {
            return Hold::Turn;
        }
        if lane.rules.unconfigured {
            return Hold::Unconfigured;
        }
        if lane.rules.limit == 0 {
            return Hold::Paused;
        }
        let quota = self.borrowed(id).unwrap_or_else(|| lane.quota());
        match quota.gate {
            Gate::ProbedUntil(until) if now < until => return Hold::Probe,
            Gate::HeldUntil(until) if now < until => return Hold::Breaker { until },
            Gate::HeldUntil(_) | Gate::ProbedUntil(_) | Gate::Open => {}
        }
        if now < due && quota.held_until <= due {
            Hold::NotDue { until: due }
        } else if now < quota.held_until {
            Hold::RetryAfter { until: quota.held_until }
        } else if quota.limit <= quota.busy {
            Hold::Concurrency
        } else if now < quota.rate_at {
            Hold::Rate { until: quota.rate_at }
        } else if lane.is_crowded(self.shared) {
            Hold::Slots
        } else if self.ready.is_crowded(lane.rules.tenant) {
            Hold::Share
        } else {
            Hold::Turn
        }
    }
}
