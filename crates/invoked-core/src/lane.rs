//! Lanes: one line of due work for each function and each destination, and the fair choice between
//! them.
//!
//! A lane keeps the earliest rows of its line in memory, up to a window, and knows how far its
//! knowledge reaches (its horizon). Rows behind the horizon stay in the store until the window
//! drains, so a backlog of millions costs no memory, and one lane's backlog hides nobody else's.
//! Between lanes that have due work and a free slot, deficit round robin chooses.
//!
//! # Invariants
//!
//! `the_window_is_bounded` and `nothing_is_skipped_by_loading` in one property test; and tests of
//! the same names: `lanes_take_turns`, `a_full_lane_waits_for_a_slot`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

pub use line::LaneRules;
pub use rate::Rate;
pub use ring::Tenant;
pub use view::{Hold, LaneView};

use crate::breaker::Gate;
use crate::head::LaneId;
use crate::id::InvKey;
use crate::limits::HEADS_PER_LOAD;
use crate::time::Timestamp;
use budget::Budget;
use guests::Guests;
use line::{Horizon, Lane, Load};
use ring::Ring;
use shared::Shared;

/// A row's place in its lane.
pub type Position = (Timestamp, InvKey);

/// What became of a row that was put into its lane.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Placed {
    /// It waits in memory.
    InWindow,
    /// It waits in memory, and the last row of the window went back to the store for it.
    Displaced(InvKey),
    /// It waits in the store, behind the horizon.
    Behind,
}

/// A read of the store that a lane wants.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct LoadWanted {
    /// The lane.
    pub lane: LaneId,
    /// Rows behind this position.
    pub after: Position,
    /// Rows, at most.
    pub limit: u32,
}

/// All lanes of a shard.
#[derive(Debug)]
pub struct Lanes {
    lanes: BTreeMap<LaneId, Lane>,
    ready: Ring,
    timers: BTreeSet<(Timestamp, LaneId)>,
    hungry: Vec<LaneId>,
    budget: Budget,
    /// The slots, where lanes share them.
    shared: Option<Shared>,
    /// Lanes that would go, but have enough of the shared slots; those with the fewest first, and of
    /// these the ones that wait longest.
    crowded: BTreeSet<(u32, u64, LaneId)>,
    /// Counts the lanes that were turned away.
    turned_away: u64,
    guests: Guests,
    /// Counts the rows that went.
    gone: u64,
}

impl Lanes {
    /// No lanes yet. `window_max` bounds the rows each keeps in memory.
    #[must_use]
    pub fn new(window_max: usize) -> Self {
        Self {
            lanes: BTreeMap::new(),
            ready: Ring::default(),
            timers: BTreeSet::new(),
            hungry: Vec::new(),
            budget: Budget::new(window_max, usize::MAX),
            shared: None,
            crowded: BTreeSet::new(),
            turned_away: 0,
            guests: Guests::default(),
            gone: 0,
        }
    }

    /// No lanes yet, which share `slots`. A quarter of them is for lanes that have none; of the others a
    /// lane gets one only while it has fewer than are free. So lanes whose slots never come back leave
    /// room: the first gets three eighths at most, the next half of that, and so on.
    #[must_use]
    pub fn sharing_carefully(slots: u32, window_max: usize) -> Self {
        Self { shared: Some(Shared::careful(slots)), ..Self::new(window_max) }
    }

    /// The same, with most of the slots for one lane where nobody else wants any: three quarters at most,
    /// and a sixteenth for lanes that have none. What holds for lanes holds for tenants, if there are
    /// several.
    #[must_use]
    pub fn sharing(slots: u32, window_max: usize) -> Self {
        Self { shared: Some(Shared::generous(slots)), ..Self::new(window_max) }
    }

    /// From here on there are `slots` to share, each lane keeps `window_max` rows in memory, and all of them some
    /// `rows`. Slots that lanes have above that come back as their rows end; windows above that drain, or are trimmed.
    pub fn resize(&mut self, slots: u32, window_max: usize, rows: usize) {
        if let Some(shared) = &mut self.shared {
            shared.resize(slots);
        }
        self.budget.resize(window_max, rows);
    }

    /// Whether the lane is known.
    #[must_use]
    pub fn contains(&self, lane: LaneId) -> bool {
        self.lanes.contains_key(&lane)
    }

    /// Opens a lane that the store has rows of: nothing of it is in memory.
    pub fn open_stored(&mut self, id: LaneId, rules: LaneRules) {
        let nothing = Horizon::Upto((Timestamp::MIN, InvKey::MIN));
        let lane = self.lanes.entry(id).or_insert_with(|| Lane::new(rules, nothing));
        self.budget.count(lane);
        self.ready.know(rules.tenant);
        self.hungry.push(id);
    }

    /// Sets what a lane may do; a lane that is new is empty in the store too.
    pub fn set_rules(&mut self, id: LaneId, rules: LaneRules, now: Timestamp) {
        let lane = self.lanes.entry(id).or_insert_with(|| Lane::new(rules, Horizon::Complete));
        lane.rules = rules;
        self.ready.know(rules.tenant);
        self.refresh_all(id, now);
    }

    /// Sets what the adaptive limit lets be under way at a time.
    pub fn set_cap(&mut self, id: LaneId, cap: u32, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id).filter(|lane| lane.cap != cap) {
            lane.cap = cap;
            self.refresh_all(id, now);
        }
    }

    /// Holds the lane: nothing goes before `until`.
    pub fn hold(&mut self, id: LaneId, until: Timestamp, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id).filter(|lane| lane.held_until < until) {
            lane.held_until = until;
            self.refresh_all(id, now);
        }
    }

    /// Whoever asked to be let alone, or was held, is another one now: nobody's time is waited for.
    pub fn lift_hold(&mut self, id: LaneId, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id).filter(|lane| Timestamp::MIN < lane.held_until)
        {
            lane.held_until = Timestamp::MIN;
            self.refresh_all(id, now);
        }
    }

    /// Sets what the lane lets through.
    pub fn set_gate(&mut self, id: LaneId, gate: Gate, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id).filter(|lane| lane.gate != gate) {
            lane.gate = gate;
            self.refresh_all(id, now);
        }
    }

    /// Puts a durable row into its lane.
    pub fn place(&mut self, id: LaneId, position: Position, now: Timestamp) -> Placed {
        let window = self.budget.window();
        let Some(lane) = self.lanes.get_mut(&id) else { return Placed::Behind };
        if let Horizon::Upto(horizon) = lane.horizon
            && horizon < position
        {
            if let Some(load) = &mut lane.load {
                load.note_arrival(position, window);
            }
            return Placed::Behind;
        }
        lane.waiting.insert(position);
        let placed = match lane.shrink_to(window) {
            Some(last) if last == position => Placed::Behind,
            Some((_, key)) => Placed::Displaced(key),
            None => Placed::InWindow,
        };
        self.budget.count(lane);
        self.refresh(id, now);
        placed
    }

    /// Takes a waiting row out, because something other than a slot has moved it.
    pub fn remove(&mut self, id: LaneId, position: Position, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id)
            && lane.waiting.remove(&position)
        {
            self.budget.count(lane);
            self.refresh(id, now);
            self.note_hunger(id);
        }
    }

    /// Notes that the stored row has changed or gone. A read under way may still show it as it was.
    pub fn forget(&mut self, id: LaneId, key: InvKey) {
        if let Some(load) = self.lanes.get_mut(&id).and_then(|lane| lane.load.as_mut()) {
            load.gone.insert(key);
        }
    }

    /// The next row that may go, chosen fairly. The caller says with [`Lanes::occupy`] whether it
    /// takes a slot.
    pub fn next(&mut self, now: Timestamp) -> Option<(LaneId, InvKey)> {
        loop {
            if let Some(found) = self.next_ready(now) {
                return Some(found);
            }
            // Slots have come free since these were turned away.
            let has_tenant = self.ready.wake(self.shared);
            if !has_tenant && !self.wake_crowded(now) {
                return None;
            }
        }
    }

    fn next_ready(&mut self, now: Timestamp) -> Option<(LaneId, InvKey)> {
        while let Some((tenant, id)) = self.ready.front(self.shared) {
            let (shared, borrowed) = (self.shared, self.borrowed(id));
            let may_go = |lane: &&mut Lane| lane.may_go(borrowed, now) && !lane.is_crowded(shared);
            let Some(lane) = self.lanes.get_mut(&id).filter(may_go) else {
                self.ready.dismiss(tenant);
                if let Some(lane) = self.lanes.get_mut(&id) {
                    lane.is_ready = false;
                    lane.deficit = 0;
                }
                self.refresh(id, now);
                continue;
            };
            if lane.deficit == 0 {
                lane.deficit = lane.rules.weight.max(1);
            }
            lane.deficit -= 1;
            self.ready.pass(tenant, lane.rules.share, lane.deficit == 0);
            let id = if self.has_guests() { self.longest_passed_over(id, now) } else { id };
            if let Some(key) = self.take_first(id) {
                return Some((id, key));
            }
        }
        None
    }

    fn take_first(&mut self, id: LaneId) -> Option<InvKey> {
        let lane = self.lanes.get_mut(&id)?;
        let (_, key) = lane.waiting.pop_first()?;
        self.budget.count(lane);
        self.gone += 1;
        lane.went = self.gone;
        self.note_hunger(id);
        Some(key)
    }

    /// Lets a lane that was turned away for want of slots back in; `false` if there are none for any.
    fn wake_crowded(&mut self, now: Timestamp) -> bool {
        let Some(&(busy, _, id)) = self.crowded.first() else { return false };
        let has_room = self.shared.is_some_and(|shared| shared.has_room_for(busy));
        if has_room {
            self.refresh(id, now);
        }
        has_room
    }

    /// A row of the lane is under way.
    pub fn occupy(&mut self, id: LaneId, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.busy += 1;
            lane.take_token(now);
            self.ready.occupy(lane.rules.tenant);
            if let Some(shared) = &mut self.shared {
                shared.take();
            }
            self.borrow(id, now);
        }
    }

    /// A row of the lane is no longer under way. Who was turned away goes before this lane.
    pub fn release(&mut self, id: LaneId, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        if lane.busy > 0 {
            lane.busy -= 1;
            self.ready.release(lane.rules.tenant);
            self.repay(id);
            if let Some(shared) = &mut self.shared {
                shared.give_back();
                self.ready.wake(self.shared);
                self.wake_crowded(now);
            }
        }
        self.refresh_all(id, now);
    }

    /// Wakes the lanes whose first row has become due.
    pub fn tick(&mut self, now: Timestamp) {
        while let Some(&(at, id)) = self.timers.first() {
            if now < at {
                break;
            }
            self.timers.pop_first();
            if let Some(lane) = self.lanes.get_mut(&id) {
                lane.timer = None;
            }
            self.refresh(id, now);
        }
    }

    /// When [`Lanes::tick`] is next worth calling.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The reads that lanes want now. Each lane has one under way at most.
    pub fn poll_loads(&mut self) -> Vec<LoadWanted> {
        let mut wanted = Vec::new();
        for id in core::mem::take(&mut self.hungry) {
            let Some(lane) = self.lanes.get_mut(&id) else { continue };
            let Horizon::Upto(after) = lane.horizon else { continue };
            let held = lane.waiting.len();
            // At a start all are read at once, and nobody knows who has much.
            let is_first = after == (Timestamp::MIN, InvKey::MIN);
            let window = if is_first { self.budget.part() } else { self.budget.window() };
            if lane.load.is_none() && held <= window / 4 {
                let room = u32::try_from(window - held).unwrap_or(u32::MAX);
                let limit = room.clamp(1, HEADS_PER_LOAD);
                let rows = usize::try_from(limit).unwrap_or(usize::MAX);
                lane.load = Some(Load { limit: rows, ..Load::default() });
                self.budget.count(lane);
                wanted.push(LoadWanted { lane: id, after, limit });
            }
        }
        wanted
    }

    /// Takes in what a read has found, which reached up to `upto`, or to the end of the lane if
    /// that is `None`. `found` leaves out what the caller has in memory already.
    pub fn loaded(
        &mut self,
        id: LaneId,
        found: &[Position],
        upto: Option<Position>,
        now: Timestamp,
    ) -> Loaded {
        let Some(lane) = self.lanes.get_mut(&id) else { return Loaded::default() };
        let load = lane.load.take().unwrap_or_default();
        self.budget.count(lane);
        let window = self.budget.window();
        let mut horizon = upto.map_or(Horizon::Complete, Horizon::Upto);
        if let Some(cut) = load.cut {
            let before_cut = Horizon::Upto((cut.0.just_before(), InvKey::MAX));
            if horizon == Horizon::Complete || matches!(horizon, Horizon::Upto(upto) if cut <= upto)
            {
                horizon = before_cut;
            }
        }
        let within = |position: &Position| match horizon {
            Horizon::Complete => true,
            Horizon::Upto(upto) => *position <= upto,
        };
        let mut taken = Loaded::default();
        for position in found.iter().filter(|position| within(position)) {
            if !load.gone.contains(&position.1) && lane.waiting.insert(*position) {
                taken.keys.insert(position.1);
            }
        }
        taken.missed = load
            .arrived
            .iter()
            .filter(|position| within(position))
            .map(|(_, key)| *key)
            .filter(|key| !taken.keys.contains(key))
            .collect();
        lane.horizon = horizon;
        while let Some((_, key)) = lane.shrink_to(window) {
            taken.keys.remove(&key);
            taken.displaced.push(key);
        }
        self.budget.count(lane);
        self.refresh(id, now);
        self.note_hunger(id);
        taken
    }

    /// Rows of the lane under way.
    #[must_use]
    pub fn busy(&self, id: LaneId) -> u32 {
        self.lanes.get(&id).map_or(0, |lane| lane.busy)
    }

    /// Every lane's name.
    pub fn ids(&self) -> impl Iterator<Item = LaneId> {
        self.lanes.keys().copied()
    }

    fn note_hunger(&mut self, id: LaneId) {
        let low_mark = self.budget.window() / 4;
        if let Some(lane) = self.lanes.get(&id)
            && lane.horizon != Horizon::Complete
            && lane.load.is_none()
            && lane.waiting.len() <= low_mark
        {
            self.hungry.push(id);
        }
    }

    fn refresh(&mut self, id: LaneId, now: Timestamp) {
        let borrowed = self.borrowed(id);
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let may_go = lane.may_go(borrowed, now);
        let is_crowded = may_go && lane.is_crowded(self.shared);
        let since = lane.crowded.map_or(self.turned_away, |(_, since)| since);
        let crowded = is_crowded.then_some((lane.busy, since));
        if lane.crowded != crowded {
            if let Some((busy, since)) = lane.crowded {
                self.crowded.remove(&(busy, since, id));
            }
            if let Some((busy, since)) = crowded {
                self.turned_away += 1;
                self.crowded.insert((busy, since, id));
            }
            lane.crowded = crowded;
        }
        if may_go && crowded.is_none() {
            if !lane.is_ready {
                lane.is_ready = true;
                self.ready.admit(lane.rules.tenant, id);
            }
            return;
        }
        let quota = borrowed.unwrap_or_else(|| lane.quota());
        let wake_at = lane.wake_at(quota).filter(|at| now < *at);
        if lane.timer != wake_at {
            if let Some(old) = lane.timer {
                self.timers.remove(&(old, id));
            }
            if let Some(at) = wake_at {
                self.timers.insert((at, id));
            }
            lane.timer = wake_at;
        }
    }
}

/// What became of the rows of a read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Rows of the read that wait in memory from now on.
    pub keys: BTreeSet<InvKey>,
    /// Rows that became durable during the read and that it did not show: to be read one by one.
    pub missed: Vec<InvKey>,
    /// Rows that went back behind the horizon.
    pub displaced: Vec<InvKey>,
}

mod budget;
mod guests;
mod line;
mod rate;
mod ring;
mod shared;
mod view;

#[cfg(test)]
mod tests;
