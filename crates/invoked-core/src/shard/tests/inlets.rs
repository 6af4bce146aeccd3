//! A function that takes nothing is let alone, and one that takes little is given little.

use super::*;
use crate::breaker::BreakerPolicy;

const LATER: Verdict = Verdict::Unavailable { retry_after: None };

fn bench() -> Bench {
    let mut bench = Bench::new(None);
    bench.core.config.function_breaker = BreakerPolicy {
        failures: 3,
        callbacks: 2,
        hold: Duration::from_secs(10),
        hold_max: Duration::from_secs(40),
    };
    bench
}

/// The end of an attempt, made durable; what goes because of it.
fn ended(bench: &mut Bench, key: InvKey, attempt: u16, verdict: Verdict) -> Vec<String> {
    bench.ended(key, attempt, verdict);
    bench.durable()
}

fn is_held(bench: &Bench, key: InvKey) -> bool {
    bench.core.rows.get(&key).is_some_and(|row| row.held.is_some())
}

#[test]
fn a_function_that_does_not_answer_is_tried_with_one() {
    let mut bench = bench();
    let keys = [bench.running(), bench.running(), bench.running()];
    for key in keys {
        assert_eq!(ended(&mut bench, key, 1, LATER), [""; 0]);
    }
    let (fresh, _) = bench.accept(None);
    assert_eq!(bench.durable(), ["accepted"], "it is taken, and waits");
    assert_eq!(bench.pass(9_999), [""; 0], "all are due, and held");
    assert_eq!(bench.pass(1).len(), 1, "one goes");
    let probe = *keys.iter().chain([&fresh]).find(|key| is_held(&bench, **key)).unwrap();
    let attempt = bench.core.rows[&probe].head.attempts.0;
    assert_eq!(ended(&mut bench, probe, attempt, LATER), [""; 0]);
    assert_eq!(bench.pass(19_999), [""; 0], "held twice as long");
    assert_eq!(bench.pass(1).len(), 1);
    let probe = *keys.iter().chain([&fresh]).find(|key| is_held(&bench, **key)).unwrap();
    let attempt = bench.core.rows[&probe].head.attempts.0;
    // An error of its own is an answer: somebody is there. The adaptive limit lets a few go.
    let words = bench.ended(probe, attempt, Verdict::FunctionError);
    assert!(words.iter().any(|word| word.starts_with("dispatch")), "{words:?}");
}

#[test]
fn timeouts_count_as_no_answer_and_errors_of_the_function_do_not() {
    for (is_timeout, goes) in [(true, 0), (false, 1)] {
        let mut bench = bench();
        let keys = [bench.running(), bench.running(), bench.running()];
        for key in keys {
            let report = AttemptReport {
                key,
                attempt: Attempt(1),
                verdict: Verdict::FunctionError,
                fault: Some(Fault::new("InvocationError", "late", 200)),
                is_timeout,
                result: Bytes::new(),
            };
            bench.step(Input::AttemptEnded(report));
            bench.durable();
        }
        bench.accept(None);
        let words = bench.durable();
        assert_eq!(words.iter().filter(|word| word.starts_with("dispatch")).count(), goes);
    }
}

#[test]
fn what_a_function_asks_for_holds_its_whole_lane() {
    let mut bench = Bench::new(None);
    let key = bench.running();
    let verdict = Verdict::Unavailable { retry_after: Some(Duration::from_secs(7)) };
    ended(&mut bench, key, 1, verdict);
    bench.accept(None);
    assert_eq!(bench.durable(), ["accepted"]);
    assert_eq!(bench.pass(6_999), [""; 0]);
    assert!(!bench.pass(1).is_empty(), "one at least, as many as the limit lets");
}

#[test]
fn a_limit_that_was_set_does_not_adapt() {
    let mut bench = Bench::new(None);
    let directory = |concurrency| {
        let limits = Limits { concurrency, ..Limits::default() };
        let work = Function { limits, ..(*function(WORK, "work", None)).clone() };
        let identity = Identity { region: "cn-x".into(), account: "123".into() };
        Arc::new(Directory::new(identity, [Arc::new(work)], Arc::default()))
    };
    let limit = |bench: &Bench| {
        let lanes = bench.core.view(bench.now).lanes;
        lanes.iter().find(|(id, _)| *id == LaneId::Function(WORK)).unwrap().1.limit
    };
    let keys = [bench.running(), bench.running(), bench.running(), bench.running()];
    for key in keys {
        ended(&mut bench, key, 1, LATER);
    }
    assert_eq!(limit(&bench), 4, "four of four were refused");
    bench.step(Input::Directory(directory(Some(8))));
    assert_eq!(limit(&bench), 8);
}

#[test]
fn a_stop_says_nothing_about_the_function() {
    let mut bench = bench();
    for _ in 0..5 {
        let key = bench.running();
        bench.step(Input::Stop { key, reply: ReplyId(2) });
        bench.durable();
        ended(&mut bench, key, 1, LATER);
    }
    bench.accept(None);
    assert_eq!(bench.durable(), ["accepted", "dispatch 1"]);
}

#[test]
fn a_breaker_that_is_switched_off_lets_the_function_s_invocations_go() {
    let mut bench = bench();
    let keys = [bench.running(), bench.running(), bench.running()];
    for key in keys {
        ended(&mut bench, key, 1, LATER);
    }
    assert_eq!(bench.pass(5_000), [""; 0], "all are due, and held");
    let function_breaker = BreakerPolicy { failures: 0, ..bench.core.config.function_breaker };
    let config = ShardConfig { function_breaker, ..bench.core.config.clone() };
    let words = bench.step(Input::Config(Box::new(config)));
    assert_eq!(words, ["dispatch 2"; 3]);
    for key in keys {
        ended(&mut bench, key, 2, LATER);
    }
    assert!(!bench.pass(2_000).is_empty(), "and it is never opened again");
}

#[test]
fn what_a_function_asked_for_no_longer_holds_when_it_is_another_one_or_is_resumed() {
    let with = |changed_at, paused| {
        let work = Function { changed_at, paused, ..(*function(WORK, "work", None)).clone() };
        let identity = Identity { region: "cn-x".into(), account: "123".into() };
        Arc::new(Directory::new(identity, [Arc::new(work)], Arc::default()))
    };
    let never = Timestamp::MIN;
    for (first, then, goes) in [
        (with(never, false), with(never, false), false),
        (with(never, false), with(at(5), false), true),
        (with(never, true), with(never, false), true),
        (with(at(5), false), with(at(5), true), false),
    ] {
        let mut bench = Bench::new(None);
        let key = bench.running();
        let verdict = Verdict::Unavailable { retry_after: Some(Duration::from_secs(300)) };
        ended(&mut bench, key, 1, verdict);
        bench.accept(None);
        assert_eq!(bench.durable(), ["accepted"], "it waits with the one that was turned away");
        bench.core.directory = first;
        let expected: &[&str] = if goes { &["dispatch 1"] } else { &[] };
        assert_eq!(bench.step(Input::Directory(then)), expected);
    }
}
