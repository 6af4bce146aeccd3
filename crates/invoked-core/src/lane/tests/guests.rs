//! Lanes that go by the limits of another one.

use super::*;
use crate::breaker::Gate;

const HOST: u32 = 9;

fn limited(limit: u32, rate: Option<u32>) -> LaneRules {
    LaneRules { rate: rate.map(|per_second| Rate { per_second }), ..LaneRules::plain(limit) }
}

/// A host and its guests, with these rules and so many rows each.
fn hosted(rules: LaneRules, rows: u64) -> Lanes {
    let mut lanes = Lanes::sharing(64, 100);
    for id in [HOST, 0, 1] {
        lanes.set_rules(lane(id), rules, at(0));
    }
    for id in [HOST, 0, 1] {
        if id != HOST {
            lanes.set_host(lane(id), Some(lane(HOST)), at(0));
        }
        for row in 0..rows {
            lanes.place(lane(id), position(1, u64::from(id) * 1_000 + row), at(1));
        }
    }
    lanes
}

/// All that go now.
fn go(lanes: &mut Lanes, now: Timestamp) -> Vec<LaneId> {
    lanes.tick(now);
    let granted = core::iter::from_fn(|| {
        let (id, _) = lanes.next(now)?;
        lanes.occupy(id, now);
        Some(id)
    });
    granted.collect()
}

fn hold(lanes: &Lanes, id: u32, now: Timestamp) -> Hold {
    lanes.view(lane(id), now).unwrap().hold
}

#[test]
fn a_slot_is_for_all_of_them_and_each_has_it_in_turn() {
    let mut lanes = hosted(limited(1, None), 3);
    let mut order = Vec::new();
    while let [id] = go(&mut lanes, at(1))[..] {
        assert_eq!([HOST, 0, 1].map(|id| hold(&lanes, id, at(1)) == Hold::Turn), [false; 3]);
        order.push(id);
        lanes.release(id, at(1));
    }
    assert_eq!(order.len(), 9);
    for turn in order.chunks(3) {
        assert_eq!(turn.iter().collect::<BTreeSet<_>>().len(), 3, "{order:?}");
    }
}

#[test]
fn a_token_is_for_all_of_them_and_each_has_it_in_turn() {
    let mut lanes = hosted(limited(100, Some(1)), 2);
    let mut order = Vec::new();
    for second in 0..6 {
        let now = at(1 + 1_000 * second);
        let gone = go(&mut lanes, now);
        assert_eq!(gone.len(), 1, "in second {second}");
        order.extend(gone);
        if second < 4 {
            let until = at(1 + 1_000 * (second + 1));
            let holds = [HOST, 0, 1].map(|id| hold(&lanes, id, now));
            assert!(holds.contains(&Hold::Rate { until }), "{holds:?}");
            assert_eq!(lanes.next_wakeup(), Some(until));
        }
    }
    for turn in order.chunks(3) {
        assert_eq!(turn.iter().collect::<BTreeSet<_>>().len(), 3, "{order:?}");
    }
}

#[test]
fn what_holds_the_host_holds_its_guests() {
    let mut lanes = hosted(limited(100, None), 1);
    lanes.set_gate(lane(HOST), Gate::HeldUntil(at(50)), at(1));
    assert_eq!(go(&mut lanes, at(1)), []);
    assert_eq!(hold(&lanes, 0, at(1)), Hold::Breaker { until: at(50) });
    lanes.set_gate(lane(HOST), Gate::Open, at(1));
    lanes.hold(lane(HOST), at(60), at(1));
    assert_eq!(go(&mut lanes, at(1)), []);
    assert_eq!(hold(&lanes, 0, at(1)), Hold::RetryAfter { until: at(60) });
    lanes.lift_hold(lane(HOST), at(1));
    lanes.set_cap(lane(HOST), 2, at(1));
    assert_eq!(go(&mut lanes, at(1)).len(), 2);
    let view = lanes.view(lane(1), at(1)).unwrap();
    assert_eq!((view.limit, view.is_adaptive), (2, true));
    lanes.set_cap(lane(HOST), 3, at(1));
    assert_eq!(go(&mut lanes, at(1)).len(), 1, "and they go when it may");
}

#[test]
fn what_a_lane_has_under_way_counts_for_its_host_while_it_is_a_guest() {
    let mut lanes = hosted(limited(2, None), 5);
    lanes.set_host(lane(0), None, at(1));
    lanes.set_host(lane(1), None, at(1));
    assert_eq!(go(&mut lanes, at(1)).len(), 6, "two each");
    lanes.set_host(lane(0), Some(lane(HOST)), at(1));
    lanes.set_host(lane(1), Some(lane(HOST)), at(1));
    assert_eq!(lanes.busy_in_all(lane(HOST)), 6);
    for id in [0, 1, HOST, 0] {
        assert_eq!(go(&mut lanes, at(1)), [], "too many are under way");
        lanes.release(lane(id), at(1));
    }
    assert_eq!(go(&mut lanes, at(1)), [], "as many as may be");
    lanes.set_host(lane(1), None, at(1));
    assert_eq!(lanes.busy_in_all(lane(HOST)), 1);
    assert_eq!(go(&mut lanes, at(1)).len(), 2, "one of its own, and one for the host");
}

proptest! {
    #[test]
    fn guests_and_their_host_never_have_more_than_it_may(
        steps in proptest::collection::vec((0u8..7, 0u32..3, 0u32..4), 1..200),
        limit in 1u32..4,
    ) {
        let mut lanes = Lanes::sharing(64, 100);
        let ids = [HOST, 0, 1];
        for id in ids {
            lanes.set_rules(lane(id), limited(limit, None), at(0));
        }
        let (mut now, mut placed, mut gone) = (at(1), 0u64, 0u64);
        let mut under_way: Vec<LaneId> = Vec::new();
        let mut guests = BTreeSet::new();
        for (step, which, amount) in steps {
            let id = lane(ids[which as usize]);
            match step {
                0 | 1 => {
                    placed += 1;
                    lanes.place(id, position(now.millis() + i64::from(amount), placed), now);
                }
                2 => if !under_way.is_empty() {
                    let ended = under_way.remove(amount as usize % under_way.len());
                    lanes.release(ended, now);
                },
                3 => now = now.plus(Duration::from_millis(u64::from(amount))),
                4 if id != lane(HOST) => {
                    let is_guest = guests.insert(id) || !guests.remove(&id);
                    lanes.set_host(id, is_guest.then_some(lane(HOST)), now);
                }
                5 => lanes.set_cap(lane(HOST), amount.max(1), now),
                _ => {
                    lanes.tick(now);
                    while let Some((id, _)) = lanes.next(now) {
                        lanes.occupy(id, now);
                        under_way.push(id);
                        gone += 1;
                        let of = |id: &LaneId| guests.contains(id) || *id == lane(HOST);
                        let counted = under_way.iter().filter(|id| of(id)).count();
                        let in_all = lanes.busy_in_all(lane(HOST));
                        prop_assert_eq!(counted, in_all as usize);
                        if of(&id) {
                            prop_assert!(in_all <= limit, "{} of {}", in_all, limit);
                        }
                    }
                }
            }
        }
        // Whatever waits goes in the end: nobody is forgotten.
        now = now.plus(Duration::from_secs(1));
        loop {
            lanes.tick(now);
            match lanes.next(now) {
                Some((id, _)) => {
                    lanes.occupy(id, now);
                    under_way.push(id);
                    gone += 1;
                }
                None if under_way.is_empty() => break,
                None => lanes.release(under_way.remove(0), now),
            }
        }
        prop_assert_eq!(gone, placed);
    }
}
