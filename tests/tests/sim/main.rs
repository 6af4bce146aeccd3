//! Seeded simulation: the real engine and core on a store that delays, refuses, fails and dies.
//!
//! One seed is one world: virtual time on one thread, seeded clients, functions, destinations and
//! crashes. A seed replays byte for byte. At the end everything drains and an oracle outside judges
//! every promise. The deliberate defects at the bottom show that the judgement can find something.
//!
//! `SIM_SEEDS=n` runs n seeds, `SIM_SEED=s` runs one and prints it, `SIM_FIRST=s` begins there.

mod books;
mod operator;
mod outside;
mod plan;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use invoked_core::shard::Defect;
use invoked_testkit::mem_store::Lie;
use world::{Options, Run};

const SEEDS_DEFAULT: u64 = 200;
/// From here on the numbers of what was done say whether the worlds are worth anything.
const SEEDS_MANY: u64 = 1_000;

#[test]
fn every_seed_keeps_every_promise() {
    if let Some(seed) = number("SIM_SEED") {
        let run = world::run(seed, Options::default());
        println!("{}", run.trace);
        assert!(run.problems.is_empty(), "seed {seed}: {:#?}", run.problems);
        return;
    }
    let seeds = number("SIM_SEEDS").unwrap_or(SEEDS_DEFAULT);
    let first = number("SIM_FIRST").unwrap_or(1);
    let halves = [(first, first + seeds / 2), (first + seeds / 2, first + seeds)];
    let [accepted, redriven, ended, again] = std::thread::scope(|scope| {
        let half = |(from, to): (u64, u64)| {
            scope.spawn(move || {
                let runs = (from..to).map(clean).map(counts);
                runs.fold([0; 4], sum)
            })
        };
        let halves = halves.map(half);
        let joined =
            halves.into_iter().map(|half| half.join().unwrap_or_else(|_| panic!("see above")));
        joined.fold([0; 4], sum)
    });
    println!(
        "{seeds} seeds, {accepted} invocations accepted, {redriven} redrives, {ended} ended and {again} done again by \
         operations, every one accounted for"
    );
    assert!(accepted >= seeds, "worlds without work show nothing");
    assert!(redriven >= seeds / 10, "worlds without redrives show nothing of them");
    // Few worlds have operations that find much.
    if SEEDS_MANY <= seeds {
        assert!(ended >= seeds / 4, "worlds without purges and stops show nothing of them");
        assert!(again >= seeds / 50, "worlds without retries show nothing of them");
    }
}

fn counts(run: Run) -> [u64; 4] {
    [run.accepted, run.redriven, run.worked.ended, run.worked.again]
}

fn sum(left: [u64; 4], right: [u64; 4]) -> [u64; 4] {
    std::array::from_fn(|index| left[index] + right[index])
}

fn clean(seed: u64) -> Run {
    let run = catch_unwind(AssertUnwindSafe(|| world::run(seed, Options::default())));
    let run = run.unwrap_or_else(|_| panic!("seed {seed} panicked; SIM_SEED={seed} replays it"));
    assert!(run.problems.is_empty(), "SIM_SEED={seed} replays: {:#?}", run.problems);
    run
}

#[test]
fn a_seed_replays_byte_for_byte() {
    for seed in 1..=20 {
        let once = world::run(seed, Options::default());
        let again = world::run(seed, Options::default());
        assert_eq!(once.trace, again.trace, "seed {seed}");
        assert!(once.trace.len() > 1_000, "seed {seed} did nothing");
    }
}

#[test]
fn acknowledging_before_the_commit_is_found() {
    let lie = Some(Lie::AckBeforeSync);
    found("acknowledge before commit", Options { lie, ..Options::default() });
}

#[test]
fn dropping_the_callback_from_the_outcomes_write_is_found() {
    let lie = Some(Lie::DropOwedCallback);
    found("drop the callback", Options { lie, ..Options::default() });
}

#[test]
fn retrying_a_failed_sync_is_found() {
    let lie = Some(Lie::RetryFailedSync);
    found("retry a failed sync", Options { lie, ..Options::default() });
}

#[test]
fn two_commits_of_one_row_in_flight_are_found() {
    let defect = Some(Defect::OverlappingCommits);
    found("overlapping commits", Options { defect, ..Options::default() });
}

/// A world with this defect is found out within a few seeds.
fn found(what: &str, options: Options) {
    let seed = (1..=300).find(|seed| {
        let run = catch_unwind(AssertUnwindSafe(|| world::run(*seed, options)));
        run.is_err() || run.is_ok_and(|run| !run.problems.is_empty())
    });
    match seed {
        Some(seed) => println!("{what}: found with seed {seed}"),
        None => panic!("{what}: 300 seeds did not notice"),
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}
