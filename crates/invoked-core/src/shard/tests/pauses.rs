//! Lanes that an operator holds.

use super::*;
use crate::pause::Pauses;

const QUEUE: &str = "acs:mns:::/queues/q/messages";

fn held(destination: Option<Destination>, pauses: &Pauses) -> Input {
    let directory = directory(destination).as_ref().clone();
    Input::Directory(Arc::new(directory.with_pauses([(FnId(9), pauses.clone())].into())))
}

#[test]
fn a_destination_that_is_held_is_told_nothing_and_loses_no_time() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let key = bench.running();
    bench.ended(key, 1, Verdict::Succeeded);
    assert_eq!(bench.durable(), [format!("call 1 {QUEUE}")]);
    let mut pauses = Pauses::default();
    pauses.begin(bench.now);
    assert_eq!(bench.step(held(to(QUEUE, 9), &pauses)), [""; 0], "what is under way goes on");
    let error = Fault::new("Unreachable", "connection refused", 0);
    let verdict = CallVerdict::Retry { error, retry_after: None };
    assert_eq!(
        bench.step(Input::CallEnded { key, tried: Attempt(1), verdict }),
        ["update Succeeded+callback"]
    );
    bench.durable();
    assert_eq!(bench.pass(3 * 3_600_000), [""; 0], "neither tried nor given up");
    assert_eq!(bench.core.next_wakeup(bench.now), None);
    pauses.end(bench.now);
    assert_eq!(bench.step(held(to(QUEUE, 9), &pauses)), [format!("call 2 {QUEUE}")]);
    let error = Fault::new("Unreachable", "connection refused", 0);
    let verdict = CallVerdict::Retry { error, retry_after: None };
    let words = bench.step(Input::CallEnded { key, tried: Attempt(2), verdict });
    assert_eq!(words, ["update Succeeded+callback"], "the thirty minutes have just begun");
    bench.durable();
    pauses.begin(bench.now);
    bench.step(held(to(QUEUE, 9), &pauses));
    assert_eq!(bench.core.next_deadline(), None);
    pauses.end(bench.now);
    bench.step(held(to(QUEUE, 9), &pauses));
    let over = bench.core.next_deadline().unwrap();
    assert_eq!(over, at(1_000_000 + 1_800_000 + 3 * 3_600_000 + 1));
}

#[test]
fn a_function_of_ours_that_is_held_as_a_destination_is_told_later() {
    let to_audit = to("acs:fc:::functions/audit", 9);
    let mut bench = Bench::new(to_audit.clone());
    let key = bench.running();
    let mut pauses = Pauses::default();
    pauses.begin(bench.now);
    bench.step(held(to_audit.clone(), &pauses));
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["update Succeeded+callback"]);
    assert_eq!(bench.durable(), [""; 0]);
    pauses.end(bench.now);
    assert_eq!(bench.step(held(to_audit, &pauses)), ["insert Enqueued", "finish Succeeded"]);
}

#[test]
fn a_function_that_is_held_starts_nothing_and_expires_what_waits_too_long() {
    let mut bench = Bench::new(None);
    let running = bench.running();
    let (identity, names) = (bench.core.directory.identity.clone(), Arc::default());
    let paused = Function { paused: true, ..(*function(WORK, "work", None)).clone() };
    let directory = Directory::new(identity, [Arc::new(paused)], names);
    bench.step(Input::Directory(Arc::new(directory)));
    bench.accept(None);
    assert_eq!(bench.durable(), ["accepted"]);
    assert_eq!(bench.ended(running, 1, Verdict::Succeeded), ["finish Succeeded"]);
    bench.durable();
    let age = Duration::from_secs(u64::from(crate::limits::EVENT_AGE_SECONDS_DEFAULT));
    assert_eq!(bench.pass(i64::try_from(age.as_millis()).unwrap()), ["finish Expired"]);
}

#[test]
fn what_a_destination_asked_for_no_longer_holds_once_it_is_resumed() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let owing = |bench: &mut Bench| {
        let key = bench.running();
        bench.ended(key, 1, Verdict::Succeeded);
        (key, bench.durable())
    };
    let (key, _) = owing(&mut bench);
    let error = Fault::new("Throttled", "later", 429);
    let verdict = CallVerdict::Retry { error, retry_after: Some(Duration::from_secs(300)) };
    bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    bench.durable();
    assert_eq!(owing(&mut bench).1, [""; 0], "another one waits too");
    let mut pauses = Pauses::default();
    pauses.begin(bench.now);
    assert_eq!(bench.step(held(to(QUEUE, 9), &pauses)), [""; 0]);
    pauses.end(bench.now);
    assert_eq!(bench.step(held(to(QUEUE, 9), &pauses)), [format!("call 1 {QUEUE}")]);
}
