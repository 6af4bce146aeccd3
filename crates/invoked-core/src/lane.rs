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

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::breaker::Gate;
use crate::head::LaneId;
use crate::id::InvKey;
use crate::time::Timestamp;
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

/// What a lane may do.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct LaneRules {
    /// Rows that may be under way at a time; zero holds the lane.
    pub limit: u32,
    /// Share in the round robin; at least 1.
    pub weight: u32,
    /// Its function is gone: everything in it is due now and needs no slot.
    pub closed: bool,
}

/// A read of the store that a lane wants.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct LoadWanted {
    /// The lane.
    pub lane: LaneId,
    /// Rows behind this position.
    pub after: Position,
}

/// All lanes of a shard.
#[derive(Debug)]
pub struct Lanes {
    lanes: BTreeMap<LaneId, Lane>,
    ready: VecDeque<LaneId>,
    timers: BTreeSet<(Timestamp, LaneId)>,
    hungry: Vec<LaneId>,
    window_max: usize,
    /// The slots, where lanes share them.
    shared: Option<Shared>,
    /// Lanes that would go, but have enough of the shared slots; those with the fewest first.
    crowded: BTreeSet<(u32, LaneId)>,
}

#[derive(Debug)]
struct Lane {
    waiting: BTreeSet<Position>,
    horizon: Horizon,
    load: Option<Load>,
    busy: u32,
    rules: LaneRules,
    gate: Gate,
    deficit: u32,
    is_ready: bool,
    timer: Option<Timestamp>,
    /// Its entry among the crowded ones.
    crowded: Option<u32>,
}

/// How far a lane's knowledge reaches.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Horizon {
    /// Every row of the lane is in memory.
    Complete,
    /// Every row up to here is in memory.
    Upto(Position),
}

/// What happens behind the horizon while a read is under way.
#[derive(Debug, Default)]
struct Load {
    /// Rows that became durable meanwhile.
    arrived: BTreeSet<Position>,
    /// The earliest of those that were not noted, for want of room.
    cut: Option<Position>,
    /// Rows that ended meanwhile: the read may still show them.
    gone: BTreeSet<InvKey>,
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
}

impl Lanes {
    /// No lanes yet. `window_max` bounds the rows each keeps in memory.
    #[must_use]
    pub fn new(window_max: usize) -> Self {
        Self {
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            timers: BTreeSet::new(),
            hungry: Vec::new(),
            window_max: window_max.max(2),
            shared: None,
            crowded: BTreeSet::new(),
        }
    }

    /// No lanes yet, which share `slots`. A quarter of them is for lanes that have none; of the others a
    /// lane gets one only while it has fewer than are free. So lanes whose slots never come back leave
    /// room: the first gets three eighths at most, the next half of that, and so on.
    #[must_use]
    pub fn sharing(slots: u32, window_max: usize) -> Self {
        Self { shared: Some(Shared::new(slots)), ..Self::new(window_max) }
    }

    /// Whether the lane is known.
    #[must_use]
    pub fn contains(&self, lane: LaneId) -> bool {
        self.lanes.contains_key(&lane)
    }

    /// Opens a lane that the store has rows of: nothing of it is in memory.
    pub fn open_stored(&mut self, id: LaneId, rules: LaneRules) {
        self.lanes
            .entry(id)
            .or_insert_with(|| Lane::new(rules, Horizon::Upto((Timestamp::MIN, InvKey::MIN))));
        self.hungry.push(id);
    }

    /// Sets what a lane may do; a lane that is new is empty in the store too.
    pub fn set_rules(&mut self, id: LaneId, rules: LaneRules, now: Timestamp) {
        let lane = self.lanes.entry(id).or_insert_with(|| Lane::new(rules, Horizon::Complete));
        lane.rules = rules;
        self.refresh(id, now);
    }

    /// Sets what the lane lets through.
    pub fn set_gate(&mut self, id: LaneId, gate: Gate, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id).filter(|lane| lane.gate != gate) {
            lane.gate = gate;
            self.refresh(id, now);
        }
    }

    /// Puts a durable row into its lane.
    pub fn place(&mut self, id: LaneId, position: Position, now: Timestamp) -> Placed {
        let window_max = self.window_max;
        let Some(lane) = self.lanes.get_mut(&id) else { return Placed::Behind };
        if let Horizon::Upto(horizon) = lane.horizon
            && horizon < position
        {
            if let Some(load) = &mut lane.load {
                load.note_arrival(position, window_max);
            }
            return Placed::Behind;
        }
        lane.waiting.insert(position);
        let placed = match lane.shrink_to(window_max) {
            Some(last) if last == position => Placed::Behind,
            Some((_, key)) => Placed::Displaced(key),
            None => Placed::InWindow,
        };
        self.refresh(id, now);
        placed
    }

    /// Takes a waiting row out, because something other than a slot has moved it.
    pub fn remove(&mut self, id: LaneId, position: Position, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id)
            && lane.waiting.remove(&position)
        {
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
            let &(busy, id) = self.crowded.first()?;
            if !self.shared.is_some_and(|shared| shared.has_room_for(busy)) {
                return None;
            }
            self.refresh(id, now);
        }
    }

    fn next_ready(&mut self, now: Timestamp) -> Option<(LaneId, InvKey)> {
        while let Some(&id) = self.ready.front() {
            let shared = self.shared;
            let may_go = |lane: &&mut Lane| lane.may_go(now) && !lane.is_crowded(shared);
            let Some(lane) = self.lanes.get_mut(&id).filter(may_go) else {
                self.ready.pop_front();
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
            let first = lane.waiting.pop_first();
            if lane.deficit == 0 {
                self.ready.rotate_left(1);
            }
            self.note_hunger(id);
            if let Some((_, key)) = first {
                return Some((id, key));
            }
        }
        None
    }

    /// A row of the lane is under way.
    pub fn occupy(&mut self, id: LaneId) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            lane.busy += 1;
            if let Some(shared) = &mut self.shared {
                shared.take();
            }
        }
    }

    /// A row of the lane is no longer under way.
    pub fn release(&mut self, id: LaneId, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&id) {
            if lane.busy > 0 {
                lane.busy -= 1;
                if let Some(shared) = &mut self.shared {
                    shared.give_back();
                }
            }
            self.refresh(id, now);
        }
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
            let low_mark = self.window_max / 4;
            let Some(lane) = self.lanes.get_mut(&id) else { continue };
            let Horizon::Upto(after) = lane.horizon else { continue };
            if lane.load.is_none() && lane.waiting.len() <= low_mark {
                lane.load = Some(Load::default());
                wanted.push(LoadWanted { lane: id, after });
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
        let window_max = self.window_max;
        let Some(lane) = self.lanes.get_mut(&id) else { return Loaded::default() };
        let load = lane.load.take().unwrap_or_default();
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
        while let Some((_, key)) = lane.shrink_to(window_max) {
            taken.keys.remove(&key);
            taken.displaced.push(key);
        }
        self.refresh(id, now);
        self.note_hunger(id);
        taken
    }

    /// A lane as operators see it.
    #[must_use]
    pub fn view(&self, id: LaneId) -> Option<LaneView> {
        self.lanes.get(&id).map(|lane| LaneView {
            in_window: lane.waiting.len(),
            busy: lane.busy,
            first_due: lane.waiting.first().map(|(due, _)| *due),
            is_complete: lane.horizon == Horizon::Complete,
        })
    }

    /// Every lane's name.
    pub fn ids(&self) -> impl Iterator<Item = LaneId> {
        self.lanes.keys().copied()
    }

    fn note_hunger(&mut self, id: LaneId) {
        let low_mark = self.window_max / 4;
        if let Some(lane) = self.lanes.get(&id)
            && lane.horizon != Horizon::Complete
            && lane.load.is_none()
            && lane.waiting.len() <= low_mark
        {
            self.hungry.push(id);
        }
    }

    fn refresh(&mut self, id: LaneId, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let may_go = lane.may_go(now);
        let crowded = (may_go && lane.is_crowded(self.shared)).then_some(lane.busy);
        if lane.crowded != crowded {
            if let Some(busy) = lane.crowded {
                self.crowded.remove(&(busy, id));
            }
            if let Some(busy) = crowded {
                self.crowded.insert((busy, id));
            }
            lane.crowded = crowded;
        }
        if may_go && crowded.is_none() {
            if !lane.is_ready {
                lane.is_ready = true;
                self.ready.push_back(id);
            }
            return;
        }
        let wake_at = lane.wake_at().filter(|at| now < *at);
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

impl Lane {
    fn new(rules: LaneRules, horizon: Horizon) -> Self {
        Self {
            waiting: BTreeSet::new(),
            horizon,
            load: None,
            busy: 0,
            rules,
            gate: Gate::Open,
            deficit: 0,
            is_ready: false,
            timer: None,
            crowded: None,
        }
    }

    fn may_go(&self, now: Timestamp) -> bool {
        match self.waiting.first() {
            None => false,
            Some(_) if self.rules.closed => true,
            Some(_) => self.busy < self.rules.limit && self.wake_at().is_some_and(|at| at <= now),
        }
    }

    /// Whether it has enough of the slots that all share. A closed lane needs none.
    fn is_crowded(&self, shared: Option<Shared>) -> bool {
        !self.rules.closed && shared.is_some_and(|shared| !shared.has_room_for(self.busy))
    }

    /// When its first row is due and let through; `None` if there is none, or the gate is shut.
    fn wake_at(&self) -> Option<Timestamp> {
        let (due, _) = self.waiting.first()?;
        match self.gate {
            Gate::Open => Some(*due),
            Gate::HeldUntil(until) => Some(until.max(*due)),
            Gate::Shut => None,
        }
    }

    /// Sends the last row back to the store if the window is too large.
    fn shrink_to(&mut self, window_max: usize) -> Option<Position> {
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
    fn note_arrival(&mut self, position: Position, room: usize) {
        self.arrived.insert(position);
        if self.arrived.len() > room
            && let Some(last) = self.arrived.pop_last()
        {
            self.cut = Some(self.cut.map_or(last, |cut| cut.min(last)));
        }
    }
}

mod shared;

#[cfg(test)]
mod tests;
