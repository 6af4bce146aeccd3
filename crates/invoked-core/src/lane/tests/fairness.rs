//! Who goes next, and who has to leave room: tenants, rates, holds and caps.

use super::*;
use crate::breaker::Gate;
use alloc::vec;

fn of(tenant: u64) -> LaneRules {
    LaneRules { tenant: Tenant(tenant), ..RULES }
}

/// A lane of a tenant with rows that are due.
fn fill(lanes: &mut Lanes, id: u32, rules: LaneRules, rows: u64) {
    lanes.set_rules(lane(id), rules, at(0));
    for row in 0..rows {
        lanes.place(lane(id), position(1, u64::from(id) * 10_000 + row), at(1));
    }
}

/// Takes all that may go, and lets none of it end.
fn take_all(lanes: &mut Lanes) -> Vec<LaneId> {
    let mut taken = Vec::new();
    while let Some((id, _)) = lanes.next(at(1)) {
        lanes.occupy(id, at(1));
        taken.push(id);
    }
    taken
}

#[test]
fn a_thousand_lanes_of_one_tenant_do_not_outvote_the_only_one_of_another() {
    let mut lanes = Lanes::new(100);
    for id in 0..1_000 {
        fill(&mut lanes, id, of(1), 2);
    }
    fill(&mut lanes, 5_000, of(2), 50);
    let first: Vec<_> =
        core::iter::from_fn(|| lanes.next(at(1))).take(100).map(|(id, _)| id).collect();
    assert_eq!(first.iter().filter(|id| **id == lane(5_000)).count(), 50);
}

#[test]
fn shares_of_tenants_are_as_told() {
    let mut lanes = Lanes::new(100);
    fill(&mut lanes, 0, LaneRules { share: 3, ..of(1) }, 100);
    fill(&mut lanes, 1, of(2), 100);
    let first: Vec<_> =
        core::iter::from_fn(|| lanes.next(at(1))).take(80).map(|(id, _)| id).collect();
    assert_eq!(first.iter().filter(|id| **id == lane(0)).count(), 60);
}

#[test]
fn a_tenant_whose_calls_hang_leaves_slots_to_another() {
    let mut lanes = Lanes::sharing(64, 100);
    fill(&mut lanes, 9_999, of(2), 0);
    for id in 0..200 {
        fill(&mut lanes, id, of(1), 10);
    }
    let taken = take_all(&mut lanes);
    assert!((40..=48).contains(&taken.len()), "at most three quarters: {}", taken.len());
    fill(&mut lanes, 9_999, of(2), 10);
    assert_eq!(take_all(&mut lanes), vec![lane(9_999); 10], "there is room for all of it");
    // One call of the first ends: he has enough of them still. All of them end: he goes on.
    lanes.release(taken[0], at(1));
    assert_eq!(lanes.next(at(1)), None);
    for id in &taken[1..] {
        lanes.release(*id, at(1));
    }
    assert!(take_all(&mut lanes).len() > 30);
}

#[test]
fn the_only_tenant_may_have_every_slot_over_all_his_lanes() {
    let mut lanes = Lanes::sharing(64, 100);
    for id in 0..100 {
        fill(&mut lanes, id, of(1), 1);
    }
    assert_eq!(take_all(&mut lanes).len(), 64);
}

#[test]
fn one_lane_alone_leaves_a_quarter() {
    let mut lanes = Lanes::sharing(1_024, 4_000);
    fill(&mut lanes, 0, of(1), 3_000);
    assert_eq!(take_all(&mut lanes).len(), 768);
    fill(&mut lanes, 1, of(1), 3_000);
    assert!(take_all(&mut lanes).len() > 100);
    fill(&mut lanes, 2, of(1), 3_000);
    assert!(!take_all(&mut lanes).is_empty(), "however many hang");
}

#[test]
fn a_rate_lets_so_many_go_in_a_second() {
    let mut lanes = Lanes::new(1_000);
    lanes.set_rules(lane(0), LaneRules { rate: Some(Rate { per_second: 20 }), ..RULES }, at(0));
    for row in 0..500 {
        lanes.place(lane(0), position(0, row), at(0));
    }
    let (mut now, mut gone) = (at(1_000), 0);
    while now < at(6_000) {
        lanes.tick(now);
        while let Some((id, _)) = lanes.next(now) {
            lanes.occupy(id, now);
            lanes.release(id, now);
            gone += 1;
        }
        now = lanes.next_wakeup().expect("it waits for its rate");
    }
    assert!((100..=102).contains(&gone), "{gone}");
}

#[test]
fn a_held_lane_wakes_by_itself_and_a_cap_is_a_limit() {
    let mut lanes = Lanes::new(100);
    fill(&mut lanes, 0, of(1), 10);
    lanes.hold(lane(0), at(500), at(1));
    lanes.hold(lane(0), at(300), at(1));
    assert_eq!(lanes.next(at(1)), None);
    assert_eq!(lanes.view(lane(0), at(1)).unwrap().hold, Hold::RetryAfter { until: at(500) });
    assert_eq!(lanes.next_wakeup(), Some(at(500)), "the longest hold counts");
    lanes.set_cap(lane(0), 2, at(1));
    lanes.tick(at(500));
    let mut taken = 0;
    while let Some((id, _)) = lanes.next(at(500)) {
        lanes.occupy(id, at(500));
        taken += 1;
    }
    assert_eq!(taken, 2);
    let view = lanes.view(lane(0), at(500)).unwrap();
    assert_eq!((view.limit, view.is_adaptive, view.hold), (2, true, Hold::Concurrency));
    lanes.set_cap(lane(0), 3, at(500));
    assert!(lanes.next(at(500)).is_some());
}

#[test]
fn a_view_names_what_holds_the_first_row_back() {
    let mut lanes = Lanes::new(100);
    let hold = |lanes: &Lanes| lanes.view(lane(0), at(10)).unwrap().hold;
    lanes.set_rules(lane(0), of(1), at(0));
    assert_eq!(hold(&lanes), Hold::Nothing);
    lanes.place(lane(0), position(50, 1), at(0));
    assert_eq!(hold(&lanes), Hold::NotDue { until: at(50) });
    lanes.place(lane(0), position(5, 2), at(10));
    assert_eq!(hold(&lanes), Hold::Turn);
    lanes.set_gate(lane(0), Gate::HeldUntil(at(90)), at(10));
    assert_eq!(hold(&lanes), Hold::Breaker { until: at(90) });
    lanes.set_gate(lane(0), Gate::ProbedUntil(at(90)), at(10));
    assert_eq!(hold(&lanes), Hold::Probe);
    lanes.set_rules(lane(0), LaneRules { limit: 0, ..of(1) }, at(10));
    assert_eq!(hold(&lanes), Hold::Paused);
    assert_eq!(lanes.position_of(lane(0), position(50, 1)), Some(1));
    assert_eq!(lanes.position_of(lane(0), position(51, 1)), None);
}

#[test]
fn a_view_names_what_holds_longer_than_the_row_is_not_due() {
    let mut lanes = Lanes::new(100);
    lanes.set_rules(lane(0), of(1), at(0));
    lanes.place(lane(0), position(50, 1), at(0));
    lanes.hold(lane(0), at(70), at(10));
    assert_eq!(lanes.view(lane(0), at(10)).unwrap().hold, Hold::RetryAfter { until: at(70) });
    assert_eq!(lanes.next_wakeup(), Some(at(70)));
}

#[test]
fn more_lanes_than_slots_have_their_turns_all_of_them() {
    for tenants in [1, 100] {
        let mut lanes = Lanes::sharing(16, 100);
        for id in 0..100 {
            fill(&mut lanes, id, of(u64::from(id) % tenants), 20);
        }
        // Each call ends after those that began before it; its lane has more to do at once.
        let mut under_way = alloc::collections::VecDeque::from(take_all(&mut lanes));
        let mut turns = [0; 100];
        for _ in 0..1_000 {
            let id = under_way.pop_front().expect("some are under way");
            let LaneId::Function(FnId(number)) = id else { unreachable!() };
            turns[number as usize] += 1;
            lanes.release(id, at(1));
            under_way.extend(take_all(&mut lanes));
        }
        let (least, most) = (turns.iter().min().unwrap(), turns.iter().max().unwrap());
        assert!(most - least <= 3, "{tenants} tenants: between {least} and {most} turns");
    }
}
