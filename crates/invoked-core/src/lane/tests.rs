//! Lanes against a store that is a plain ordered set.

use super::*;
use crate::id::{FnId, ShardId};
use core::time::Duration;
use proptest::prelude::*;

mod budget;
mod fairness;
mod guests;

const RULES: LaneRules = LaneRules::plain(u32::MAX);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn lane(number: u32) -> LaneId {
    LaneId::Function(FnId(number))
}

fn position(due: i64, number: u64) -> Position {
    (at(due), InvKey::generated(ShardId(0), at(due), number << 1))
}

#[test]
fn lanes_take_turns() {
    let mut lanes = Lanes::new(100);
    for id in 0..3 {
        lanes.set_rules(lane(id), RULES, at(0));
    }
    // One lane has a deep backlog, the others a little.
    for number in 0..50 {
        lanes.place(lane(0), position(1, number), at(1));
    }
    for number in 100..102 {
        lanes.place(lane(1), position(1, number), at(1));
        lanes.place(lane(2), position(1, number + 100), at(1));
    }
    let order: Vec<_> = core::iter::from_fn(|| lanes.next(at(1))).map(|(id, _)| id).collect();
    assert_eq!(order[..6], [lane(0), lane(1), lane(2), lane(0), lane(1), lane(2)]);
    assert_eq!(order.len(), 54);
}

#[test]
fn weights_are_shares() {
    let mut lanes = Lanes::new(100);
    lanes.set_rules(lane(0), LaneRules { weight: 3, ..RULES }, at(0));
    lanes.set_rules(lane(1), RULES, at(0));
    for number in 0..20 {
        lanes.place(lane(0), position(1, number), at(1));
        lanes.place(lane(1), position(1, number + 100), at(1));
    }
    let first: Vec<_> =
        core::iter::from_fn(|| lanes.next(at(1))).take(8).map(|(id, _)| id).collect();
    assert_eq!(first.iter().filter(|id| **id == lane(0)).count(), 6);
}

#[test]
fn a_full_lane_waits_for_a_slot() {
    let mut lanes = Lanes::new(100);
    lanes.set_rules(lane(0), LaneRules { limit: 1, ..RULES }, at(0));
    lanes.place(lane(0), position(1, 1), at(1));
    lanes.place(lane(0), position(1, 2), at(1));
    assert!(lanes.next(at(1)).is_some());
    lanes.occupy(lane(0), at(1));
    assert_eq!(lanes.next(at(1)), None);
    lanes.release(lane(0), at(1));
    assert!(lanes.next(at(1)).is_some());
}

#[test]
fn a_closed_lane_gives_everything_at_once() {
    let mut lanes = Lanes::new(100);
    lanes.set_rules(lane(0), RULES, at(0));
    lanes.place(lane(0), position(9_000, 1), at(1));
    assert_eq!(lanes.next(at(1)), None);
    assert_eq!(lanes.next_wakeup(), Some(at(9_000)));
    lanes.set_rules(lane(0), LaneRules { closed: true, ..LaneRules::plain(0) }, at(1));
    assert!(lanes.next(at(1)).is_some());
}

#[test]
fn rows_behind_the_horizon_stay_in_the_store() {
    let mut lanes = Lanes::new(4);
    lanes.set_rules(lane(0), RULES, at(0));
    for number in 0..4u64 {
        assert_eq!(
            lanes.place(lane(0), position(10 + 10 * number.cast_signed(), number), at(0)),
            Placed::InWindow
        );
    }
    assert_eq!(lanes.place(lane(0), position(100, 9), at(0)), Placed::Behind);
    let (_, displaced) = position(40, 3);
    assert_eq!(lanes.place(lane(0), position(5, 8), at(0)), Placed::Displaced(displaced));
    assert!(!lanes.view(lane(0), at(1)).unwrap().is_complete);
}

/// What a shard does with its lanes, against a store: everything placed comes out exactly once.
struct World {
    lanes: Lanes,
    store: BTreeSet<Position>,
    memory: BTreeSet<InvKey>,
    taken: Vec<Position>,
    reading: Option<(Position, Vec<Position>, Option<Position>)>,
    now: Timestamp,
}

impl World {
    fn new(window_max: usize, rows: usize) -> Self {
        let mut lanes = Lanes::new(window_max).keeping(rows);
        lanes.set_rules(lane(0), RULES, at(0));
        Self {
            lanes,
            store: BTreeSet::new(),
            memory: BTreeSet::new(),
            taken: Vec::new(),
            reading: None,
            now: at(0),
        }
    }

    fn place(&mut self, position: Position) {
        self.store.insert(position);
        self.place_stored(position);
    }

    fn place_stored(&mut self, position: Position) {
        match self.lanes.place(lane(0), position, self.now) {
            Placed::InWindow => {
                self.memory.insert(position.1);
            }
            Placed::Displaced(key) => {
                self.memory.insert(position.1);
                self.memory.remove(&key);
            }
            Placed::Behind => {}
        }
    }

    fn take(&mut self) -> bool {
        let Some((id, key)) = self.lanes.next(self.now) else { return false };
        assert!(self.memory.remove(&key), "only what is in memory comes out");
        let position = *self.store.iter().find(|position| position.1 == key).unwrap();
        self.store.remove(&position);
        self.lanes.forget(id, key);
        self.taken.push(position);
        true
    }

    fn read(&mut self) {
        for wanted in self.lanes.poll_loads() {
            let behind = self
                .store
                .range((core::ops::Bound::Excluded(wanted.after), core::ops::Bound::Unbounded));
            let mut found: Vec<_> = behind.copied().collect();
            let most = usize::try_from(wanted.limit).unwrap().min(3);
            let upto = (found.len() > most).then(|| found[most - 1]);
            found.truncate(most);
            self.reading = Some((wanted.after, found, upto));
        }
    }

    fn trim(&mut self) {
        for key in self.lanes.trim(2) {
            self.memory.remove(&key);
        }
    }

    fn finish_read(&mut self) {
        let Some((_, found, upto)) = self.reading.take() else { return };
        let fresh: Vec<_> =
            found.into_iter().filter(|position| !self.memory.contains(&position.1)).collect();
        let loaded = self.lanes.loaded(lane(0), &fresh, upto, self.now);
        for key in loaded.keys {
            self.memory.insert(key);
        }
        for key in loaded.displaced {
            self.memory.remove(&key);
        }
        for key in loaded.missed {
            // The row is read by its key, and is there unless it has ended meanwhile.
            if self.memory.contains(&key) {
                continue;
            }
            if let Some(position) = self.store.iter().find(|position| position.1 == key).copied() {
                self.place_stored(position);
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_skipped_by_loading(
        steps in proptest::collection::vec((0u8..6, 0i64..50), 1..300),
        window_max in 2usize..8,
        rows in 0usize..10,
    ) {
        let mut world = World::new(window_max, rows);
        let mut placed = 0u64;
        for (step, due) in steps {
            match step {
                0 | 1 => {
                    placed += 1;
                    world.place(position(due, placed));
                }
                2 => {
                    world.now = world.now.plus(Duration::from_millis(5));
                    world.lanes.tick(world.now);
                    world.take();
                }
                3 => if world.reading.is_none() { world.read() },
                4 => world.trim(),
                _ => world.finish_read(),
            }
            // the_window_is_bounded
            prop_assert!(world.lanes.view(lane(0), at(1)).unwrap().in_window <= window_max);
        }
        world.now = at(1_000);
        for _ in 0..2_000 {
            world.lanes.tick(world.now);
            while world.take() {}
            world.finish_read();
            world.read();
        }
        prop_assert_eq!(world.taken.len() as u64, placed, "left in the store: {:?}", world.store);
    }
}

#[test]
fn lanes_that_hang_leave_slots_to_those_after_them() {
    let mut lanes = Lanes::sharing_carefully(16, 64);
    let (mut taken, count) = (Vec::new(), 6);
    for number in 0..count {
        lanes.set_rules(lane(number), RULES, at(0));
        for row in 0..20 {
            lanes.place(lane(number), position(0, u64::from(number) * 100 + row), at(0));
        }
        // Nothing of the lanes before it ends; this one takes what it may.
        let mut got = 0;
        while let Some((id, _)) = lanes.next(at(1)) {
            assert_eq!(id, lane(number), "those before it have what they may have");
            lanes.occupy(id, at(1));
            got += 1;
        }
        taken.push(got);
    }
    assert_eq!(taken, [6, 3, 2, 1, 1, 1]);
}

#[test]
fn a_lane_that_was_turned_away_goes_on_when_slots_come_free() {
    let mut lanes = Lanes::sharing_carefully(4, 64);
    for number in 0..2 {
        lanes.set_rules(lane(number), RULES, at(0));
        for row in 0..20 {
            lanes.place(lane(number), position(0, u64::from(number) * 100 + row), at(0));
        }
    }
    let mut under_way = Vec::new();
    let mut gone = 0;
    // One ends whenever nobody may go; in the end every row has gone, and each lane in its turn.
    loop {
        match lanes.next(at(1)) {
            Some((id, _)) => {
                lanes.occupy(id, at(1));
                under_way.push(id);
                gone += 1;
            }
            None if under_way.is_empty() => break,
            None => lanes.release(under_way.remove(0), at(1)),
        }
        assert!(under_way.len() <= 4);
    }
    assert_eq!(gone, 40);
}
