//! One lane: the rows of its window, how far they reach, and what holds them back.

use alloc::collections::BTreeSet;

use super::Position;
use super::budget::Counted;
use super::guests::Quota;
use super::rate::{Bucket, Rate};
use super::ring::Tenant;
use super::shared::Shared;
use crate::breaker::Gate;
use crate::id::InvKey;
use crate::time::Timestamp;

/// What a lane may do.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct LaneRules {
    /// Rows that may be under way at a time; zero holds the lane.
    pub limit: u32,
    /// Rows that may go in a second; `None` is any number.
    pub rate: Option<Rate>,
    /// Share in the round robin of its tenant's lanes; at least 1.
    pub weight: u32,
    /// Whose lane it is.
    pub tenant: Tenant,
    /// The tenant's share in the round robin of the tenants; at least 1.
    pub share: u32,
    /// Its function is gone: everything in it is due now and needs no slot.
    pub closed: bool,
    /// The way to it was taken out of the configuration: nothing goes.
    pub unconfigured: bool,
}

impl LaneRules {
    /// A lane of nobody in particular with this limit and nothing else to hold it.
    #[must_use]
    pub const fn plain(limit: u32) -> Self {
        Self {
            limit,
            rate: None,
            weight: 1,
            tenant: Tenant(0),
            share: 1,
            closed: false,
            unconfigured: false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) waiting: BTreeSet<Position>,
    pub(super) horizon: Horizon,
    pub(super) load: Option<Load>,
    pub(super) busy: u32,
    /// Rows of its guests under way.
    pub(super) lent: u32,
    pub(super) rules: LaneRules,
    pub(super) gate: Gate,
    /// What the adaptive limit lets be under way at a time.
    pub(super) cap: u32,
    /// Until then nothing goes: somebody asked for that time.
    pub(super) held_until: Timestamp,
    bucket: Bucket,
    /// When one of its rows last went, by the count of those that did.
    pub(super) went: u64,
    pub(super) deficit: u32,
    pub(super) is_ready: bool,
    pub(super) timer: Option<Timestamp>,
    /// What the budget of all windows has counted of it.
    pub(super) counted: Counted,
    /// Its entry among the crowded ones: rows under way, and its number among those turned away.
    pub(super) crowded: Option<(u32, u64)>,
}

/// How far a lane's knowledge reaches.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Horizon {
    /// Every row of the lane is in memory.
    Complete,
    /// Every row up to here is in memory.
    Upto(Position),
}

/// What happens behind the horizon while a read is under way.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Rows that it brings, at most.
    pub(super) limit: usize,
    /// Rows that became durable meanwhile.
    pub(super) arrived: BTreeSet<Position>,
    /// The earliest of those that were not noted, for want of room.
    pub(super) cut: Option<Position>,
    /// Rows that ended meanwhile: the read may still show them.
    pub(super) gone: BTreeSet<InvKey>,
}

impl Lane {
    pub(super) fn new(rules: LaneRules, horizon: Horizon) -> Self {
        Self {
            waiting: BTreeSet::new(),
            horizon,
            load: None,
            busy: 0,
            lent: 0,
            rules,
            gate: Gate::Open,
            cap: u32::MAX,
            held_until: Timestamp::MIN,
            bucket: Bucket::default(),
            went: 0,
            deficit: 0,
            is_ready: false,
            timer: None,
            counted: Counted::default(),
            crowded: None,
        }
    }

    /// Whether its first row may go, by its own quota or by the one that it borrows.
    pub(super) fn may_go(&self, borrowed: Option<Quota>, now: Timestamp) -> bool {
        let quota = borrowed.unwrap_or_else(|| self.quota());
        match self.waiting.first() {
            None => false,
            Some(_) if self.rules.closed => true,
            Some(_) => quota.busy < quota.limit && self.wake_at(quota).is_some_and(|at| at <= now),
        }
    }

    /// What it lets go, of its own rows and its guests'.
    pub(super) fn quota(&self) -> Quota {
        Quota {
            busy: self.busy + self.lent,
            limit: self.limit(),
            is_adaptive: self.cap < self.rules.limit,
            rate_at: self.rules.rate.map_or(Timestamp::MIN, |rate| self.bucket.next_at(rate)),
            held_until: self.held_until,
            gate: self.gate,
        }
    }

    /// Whether it has enough of the slots that all share. A closed lane needs none.
    pub(super) fn is_crowded(&self, shared: Option<Shared>) -> bool {
        !self.rules.closed && shared.is_some_and(|shared| !shared.has_room_for(self.busy))
    }

    /// Rows that may be under way at a time: no more than its rules and its adaptive limit say.
    fn limit(&self) -> u32 {
        self.rules.limit.min(self.cap)
    }

    /// When its first row is due and let through; `None` if there is none.
    pub(super) fn wake_at(&self, quota: Quota) -> Option<Timestamp> {
        let (due, _) = self.waiting.first()?;
        let due = quota.held_until.max(*due).max(quota.rate_at);
        match quota.gate {
            Gate::Open => Some(due),
            Gate::HeldUntil(until) | Gate::ProbedUntil(until) => Some(until.max(due)),
        }
    }

    /// A row that counts here has gone.
    pub(super) fn take_token(&mut self, now: Timestamp) {
        if let Some(rate) = self.rules.rate {
            self.bucket.take(rate, now);
        }
    }

    /// Sends the last row back to the store if the window is too large.
    pub(super) fn shrink_to(&mut self, window_max: usize) -> Option<Position> {
        if self.waiting.len() <= window_max {
            return None;
        }
        let last = self.waiting.pop_last()?;
        self.horizon = Horizon::Upto(self.waiting.last().copied()?);
        // A read under way started behind the old horizon and cannot show this row.
        if let Some(load) = &mut self.load {
            load.note_arrival(last, window_max);
        }
        Some(last)
    }
}

impl Load {
    pub(super) fn note_arrival(&mut self, position: Position, room: usize) {
        self.arrived.insert(position);
        if self.arrived.len() > room
            && let Some(last) = self.arrived.pop_last()
        {
            self.cut = Some(self.cut.map_or(last, |cut| cut.min(last)));
        }
    }
}
