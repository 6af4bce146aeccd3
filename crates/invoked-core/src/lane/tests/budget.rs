//! Many lanes under one budget.

use super::*;

const WINDOW: usize = 1_024;
const ROWS: usize = 2_000;

fn lanes() -> Lanes {
    Lanes::new(WINDOW).keeping(ROWS)
}

fn in_memory(lanes: &Lanes) -> usize {
    let ids: Vec<_> = lanes.ids().collect();
    ids.iter().map(|id| lanes.view(*id, at(1)).unwrap().in_window).sum()
}

fn fill(lanes: &mut Lanes, number: u32, rows: u64) {
    for row in 0..rows {
        lanes.place(lane(number), position(0, u64::from(number) * 10_000 + row), at(0));
    }
}

#[test]
fn one_lane_has_a_whole_window_and_many_have_their_parts() {
    let mut lanes = lanes();
    for number in 0..40 {
        lanes.set_rules(lane(number), RULES, at(0));
        fill(&mut lanes, number, 3_000);
        if number == 0 {
            assert_eq!(in_memory(&lanes), WINDOW);
        }
        while !lanes.trim(7).is_empty() {}
        assert!(in_memory(&lanes) <= ROWS * 5 / 4, "{} of {number}", in_memory(&lanes));
    }
    for number in 0..40 {
        let rows = lanes.view(lane(number), at(1)).unwrap().in_window;
        assert!((40..=150).contains(&rows), "lane {number} has {rows}");
    }
}

#[test]
fn however_many_lanes_there_are_each_has_some() {
    let mut lanes = lanes();
    for number in 0..2_000 {
        lanes.set_rules(lane(number), RULES, at(0));
        fill(&mut lanes, number, 50);
        while lanes.trim(100).len() == 100 {}
    }
    for number in 0..2_000 {
        let rows = lanes.view(lane(number), at(1)).unwrap().in_window;
        assert!(4 <= rows, "lane {number} has {rows}");
    }
    assert!(in_memory(&lanes) <= 2_000 * 4 * 5 / 4, "{}", in_memory(&lanes));
    assert_eq!(lanes.trim(100), [], "there is nothing to take from anybody");
}

#[test]
fn what_a_start_reads_is_within_the_budget() {
    let mut lanes = lanes();
    for number in 0..200 {
        lanes.open_stored(lane(number), RULES);
    }
    let wanted = lanes.poll_loads();
    assert_eq!(wanted.len(), 200);
    let rows: u32 = wanted.iter().map(|wanted| wanted.limit).sum();
    assert!(usize::try_from(rows).unwrap() <= ROWS, "{rows}");
    assert!(wanted.iter().all(|wanted| wanted.limit == 10), "{wanted:?}");
}

#[test]
fn a_lane_has_a_whole_window_again_once_the_others_are_empty() {
    let mut lanes = lanes();
    for number in 0..40 {
        lanes.set_rules(lane(number), RULES, at(0));
        fill(&mut lanes, number, 60);
    }
    while let Some((id, _)) = lanes.next(at(1)) {
        // What is behind the horizon ended otherwise.
        if let Some(wanted) = lanes.poll_loads().into_iter().find(|wanted| wanted.lane == id) {
            lanes.loaded(wanted.lane, &[], None, at(1));
        }
    }
    assert_eq!(in_memory(&lanes), 0);
    fill(&mut lanes, 7, 3_000);
    assert_eq!(in_memory(&lanes), WINDOW);
}
