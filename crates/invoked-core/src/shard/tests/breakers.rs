//! A destination that takes nothing is let alone: its callbacks are held, not tried away.

use super::*;
use crate::breaker::BreakerPolicy;

const QUEUE: &str = "acs:mns:::/queues/q/messages";

fn bench() -> Bench {
    let mut bench = Bench::new(to(QUEUE, 9));
    bench.core.config.breaker = BreakerPolicy {
        failures: 3,
        callbacks: 2,
        hold: Duration::from_secs(10),
        hold_max: Duration::from_secs(40),
    };
    bench
}

/// So many callbacks whose first try is under way.
fn calling(bench: &mut Bench, count: usize) -> Vec<InvKey> {
    let keys: Vec<_> = (0..count).map(|_| bench.running()).collect();
    for key in &keys {
        bench.ended(*key, 1, Verdict::Succeeded);
        bench.durable();
    }
    keys
}

fn failed(bench: &mut Bench, key: InvKey, tried: u16) -> Vec<String> {
    let error = Fault::new("Unreachable", "no", 0);
    let verdict = CallVerdict::Retry { error, retry_after: None };
    bench.step(Input::CallEnded { key, tried: Attempt(tried), verdict });
    bench.durable()
}

/// The one that is let through.
fn probe(bench: &Bench, keys: &[InvKey]) -> InvKey {
    let held: Vec<_> = keys.iter().filter(|key| bench.core.rows[key].held.is_some()).collect();
    assert_eq!(held.len(), 1);
    *held[0]
}

fn call(tried: u16) -> String {
    format!("call {tried} {QUEUE}")
}

#[test]
fn an_open_breaker_holds_its_lane_and_lets_one_through_when_the_hold_is_over() {
    let mut bench = bench();
    let keys = calling(&mut bench, 3);
    for key in &keys {
        assert_eq!(failed(&mut bench, *key, 1), [""; 0]);
    }
    assert_eq!(bench.pass(9_999), [""; 0], "all are due, and held");
    let fresh = calling(&mut bench, 1)[0];
    assert_eq!(bench.pass(1), [call(2)], "one probe");
    let first = probe(&bench, &keys);
    assert_eq!(failed(&mut bench, first, 2), [""; 0]);
    assert_eq!(bench.pass(19_999), [""; 0], "held twice as long");
    assert_eq!(bench.pass(1).len(), 1);
    let probe = probe(&bench, &[keys, vec![fresh]].concat());
    let Callback::Calling { trying: tried, .. } = bench.core.rows[&probe].head.callback else {
        panic!("a probe is under way")
    };
    let verdict = CallVerdict::Delivered { message_id: None };
    let words = bench.step(Input::CallEnded { key: probe, tried, verdict });
    assert_eq!(words.iter().filter(|word| word.starts_with("call")).count(), 3, "{words:?}");
    let waited = bench.core.rows.get(&fresh).map(|row| row.head.callback.first_try_at());
    assert!(waited.is_none_or(|at| at == Some(bench.now)), "its clock has just started");
}

#[test]
fn a_refusal_for_good_closes_it_as_well() {
    let mut bench = bench();
    let keys = calling(&mut bench, 3);
    for key in &keys {
        failed(&mut bench, *key, 1);
    }
    assert_eq!(bench.pass(10_000), [call(2)]);
    let probe = probe(&bench, &keys);
    let verdict = CallVerdict::Permanent { error: Fault::new("MessageTooLong", "no", 400) };
    let words = bench.step(Input::CallEnded { key: probe, tried: Attempt(2), verdict });
    assert_eq!(words, [call(2), call(2), "finish Succeeded, callback kept".to_string()]);
}

#[test]
fn one_that_fails_alone_keeps_its_schedule() {
    let mut bench = bench();
    let key = calling(&mut bench, 1)[0];
    for (tried, wait) in [(1, 550), (2, 1_100), (3, 2_200), (4, 4_400), (5, 8_800)] {
        failed(&mut bench, key, tried);
        assert_eq!(bench.pass(wait), [call(tried + 1)]);
    }
}

#[test]
fn a_tried_one_is_given_up_at_its_deadline_while_it_is_held() {
    for cache in [1_000, 0] {
        let mut bench = bench();
        bench.core.config.callback.max_elapsed = Duration::from_secs(5);
        let keys = calling(&mut bench, 3);
        bench.core.config.payload_cache_bytes = cache;
        for key in &keys {
            failed(&mut bench, *key, 1);
        }
        bench.core.config.payload_cache_bytes = 1_000;
        let _fresh = calling(&mut bench, 1);
        assert_eq!(bench.pass(5_000), [""; 0], "the deadline itself may still be used");
        let mut words = bench.pass(1);
        if cache == 0 {
            assert_eq!(words, ["load bytes"], "what it says is kept with it");
            let loaded =
                |key: &InvKey| LoadedBytes { key: *key, payload: Some(Bytes::new()), result: None };
            words = bench.step(Input::BytesLoaded(keys.iter().map(loaded).collect()));
        }
        assert_eq!(words, ["finish Succeeded, callback kept"; 3]);
        bench.durable();
        assert_eq!(bench.core.view(bench.now).rows, 1, "the one that was never tried waits on");
        assert!(bench.core.is_idle());
        assert!(!bench.pass(5_000).is_empty(), "and goes when the hold is over");
    }
}

#[test]
fn what_a_destination_asks_for_holds_all_its_callbacks() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let keys = calling(&mut bench, 2);
    let error = Fault::new("Throttled", "later", 429);
    let retry_after = Some(Duration::from_secs(7));
    let verdict = CallVerdict::Retry { error, retry_after };
    bench.step(Input::CallEnded { key: keys[0], tried: Attempt(1), verdict });
    bench.durable();
    let fresh = calling(&mut bench, 1)[0];
    assert!(bench.core.rows[&fresh].held.is_none(), "it waits like the one that was turned away");
    assert_eq!(bench.pass(6_999), [""; 0]);
    assert!(bench.pass(1).contains(&call(1)), "the fresh one goes");
}

/// The same bench after an operator has changed when destinations are let alone.
fn reconfigure(bench: &mut Bench, breaker: BreakerPolicy) -> Vec<String> {
    let config = ShardConfig { breaker, ..bench.core.config.clone() };
    bench.step(Input::Config(Box::new(config)))
}

#[test]
fn a_breaker_that_is_switched_off_lets_go_of_what_it_holds() {
    let mut bench = bench();
    let keys = calling(&mut bench, 3);
    for key in &keys {
        failed(&mut bench, *key, 1);
    }
    assert_eq!(bench.pass(5_000), [""; 0], "all are due, and held");
    let off = BreakerPolicy { failures: 0, ..bench.core.config.breaker };
    assert_eq!(reconfigure(&mut bench, off), [call(2), call(2), call(2)]);
    for key in &keys {
        failed(&mut bench, *key, 2);
    }
    assert_eq!(bench.pass(2_000), [call(3), call(3), call(3)], "and it is never opened again");
}

#[test]
fn a_shorter_hold_counts_for_breakers_that_are_open() {
    let mut bench = bench();
    let keys = calling(&mut bench, 3);
    for key in &keys {
        failed(&mut bench, *key, 1);
    }
    let second = Duration::from_secs(1);
    let short = BreakerPolicy { hold: second, hold_max: second, ..bench.core.config.breaker };
    assert_eq!(reconfigure(&mut bench, short), [""; 0]);
    assert_eq!(bench.core.next_wakeup(bench.now), Some(bench.now.plus(second)));
    assert_eq!(bench.pass(1_000), [call(2)], "one probe, nine seconds before the old hold is over");
    let first = probe(&bench, &keys);
    assert_eq!(failed(&mut bench, first, 2), [""; 0]);
    assert_eq!(bench.pass(1_000).len(), 1, "and it is not held twice as long");
}
