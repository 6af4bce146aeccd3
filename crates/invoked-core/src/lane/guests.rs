//! Lanes that have no limits of their own: what goes from them goes as if it were another lane's.
//!
//! A guest is a line of its own and nothing more. It takes its host's slots and tokens, and is held by what
//! holds the host; so all of them together have what the host may have. Of those that could go, the one goes
//! from which longest none did.
//!
//! # Invariants
//!
//! Test of the same name: `guests_and_their_host_never_have_more_than_it_may`.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound;

use super::Lanes;
use super::line::Lane;
use crate::breaker::Gate;
use crate::head::LaneId;
use crate::time::Timestamp;

/// What lets rows go: a lane's own, or its host's.
#[derive(Copy, Clone, Debug)]
pub(super) struct Quota {
    /// Rows under way.
    pub(super) busy: u32,
    /// Rows that may be.
    pub(super) limit: u32,
    /// Whether it is the adaptive limit that says so.
    pub(super) is_adaptive: bool,
    /// When its rate lets the next row go.
    pub(super) rate_at: Timestamp,
    /// Until then nothing goes: somebody asked for that time.
    pub(super) held_until: Timestamp,
    /// What its breaker lets through.
    pub(super) gate: Gate,
}

/// Who is whose guest.
#[derive(Debug, Default)]
pub(super) struct Guests {
    hosts: BTreeMap<LaneId, LaneId>,
    guests: BTreeMap<LaneId, BTreeSet<LaneId>>,
}

impl Guests {
    /// The lane whose limits hold for this one: its host, or itself.
    fn host_or_self(&self, id: LaneId) -> LaneId {
        self.hosts.get(&id).copied().unwrap_or(id)
    }

    /// The guests of a lane, those behind one of them if that is given.
    fn of(&self, host: LaneId, after: Option<LaneId>) -> impl Iterator<Item = LaneId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let guests = self.guests.get(&host).into_iter();
        guests.flat_map(move |guests| guests.range((from, Bound::Unbounded))).copied()
    }

    fn set(&mut self, guest: LaneId, host: Option<LaneId>) {
        let old = match host {
            Some(host) => self.hosts.insert(guest, host),
            None => self.hosts.remove(&guest),
        };
        if let Some(of_old) = old.and_then(|old| self.guests.get_mut(&old)) {
            of_old.remove(&guest);
        }
        if let Some(host) = host {
            self.guests.entry(host).or_default().insert(guest);
        }
    }
}

impl Lanes {
    /// Makes the lane the guest of another one, which has to be there, or nobody's. What it has under way
    /// counts for its host from here on, or no longer does.
    pub fn set_host(&mut self, id: LaneId, host: Option<LaneId>, now: Timestamp) {
        let old = self.guests.hosts.get(&id).copied();
        let host = host.filter(|host| *host != id && self.lanes.contains_key(host));
        if old == host {
            return;
        }
        let busy = self.busy(id);
        if let Some(old) = old.and_then(|old| self.lanes.get_mut(&old)) {
            old.lent = old.lent.saturating_sub(busy);
        }
        if let Some(host) = host.and_then(|host| self.lanes.get_mut(&host)) {
            host.lent += busy;
        }
        self.guests.set(id, host);
        for changed in [old, Some(id)].into_iter().flatten() {
            self.refresh_all(changed, now);
        }
    }

    /// Rows under way that count for the lane: its own and its guests'.
    #[must_use]
    pub fn busy_in_all(&self, id: LaneId) -> u32 {
        self.lanes.get(&id).map_or(0, |lane| lane.quota().busy)
    }

    /// The quota of the lane's host, if it has one.
    pub(super) fn borrowed(&self, id: LaneId) -> Option<Quota> {
        let host = self.guests.hosts.get(&id)?;
        self.lanes.get(host).map(Lane::quota)
    }

    /// A row has gone from a guest: its host's slot and token went with it.
    pub(super) fn borrow(&mut self, id: LaneId, now: Timestamp) {
        let host = self.guests.hosts.get(&id);
        if let Some(host) = host.and_then(|host| self.lanes.get_mut(host)) {
            host.lent += 1;
            host.take_token(now);
        }
    }

    /// A guest's row is no longer under way.
    pub(super) fn repay(&mut self, id: LaneId) {
        let host = self.guests.hosts.get(&id);
        if let Some(host) = host.and_then(|host| self.lanes.get_mut(host)) {
            host.lent = host.lent.saturating_sub(1);
        }
    }

    /// Tries a lane again, and all that go by the same limits.
    pub(super) fn refresh_all(&mut self, id: LaneId, now: Timestamp) {
        let host = self.guests.host_or_self(id);
        self.refresh(host, now);
        let mut next = self.guests.of(host, None).next();
        while let Some(guest) = next {
            self.refresh(guest, now);
            next = self.guests.of(host, Some(guest)).next();
        }
    }

    /// Of the lanes that go by the same limits as this one, which may go, and may go themselves: the one from
    /// which longest none went.
    pub(super) fn longest_passed_over(&self, id: LaneId, now: Timestamp) -> LaneId {
        let host = self.guests.host_or_self(id);
        let quota = self.lanes.get(&host).map(Lane::quota);
        let all = core::iter::once(host).chain(self.guests.of(host, None));
        let could_go = all
            .filter_map(|other| Some((other, self.lanes.get(&other)?)))
            .filter(|(_, lane)| lane.may_go(quota, now) && !lane.is_crowded(self.shared));
        could_go.min_by_key(|(_, lane)| lane.went).map_or(id, |(other, _)| other)
    }

    /// Whether any lane is the guest of another.
    pub(super) fn has_guests(&self) -> bool {
        !self.guests.hosts.is_empty()
    }
}
