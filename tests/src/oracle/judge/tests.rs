//! The oracle sees each kind of broken promise: otherwise a green kill -9 test would mean nothing.

use super::{Evidence, judge};
use crate::oracle::{Answer, Run, Sent, Told};

fn sent(key: u64, answer: Answer) -> Sent {
    Sent { key, function: "settle", task: None, answer }
}

fn accepted(key: u64, request_id: &str) -> Sent {
    sent(key, Answer::Accepted { request_id: request_id.to_owned() })
}

fn run(key: u64, request_id: &str, attempt: u32) -> Run {
    Run { key, request_id: request_id.to_owned(), attempt }
}

fn told(key: u64, parent: &str, child: &str) -> Told {
    Told { key, parent: parent.to_owned(), child: child.to_owned(), attempt: 1 }
}

/// One accepted and one that is in doubt but had been accepted; both run and told.
fn honest() -> Evidence {
    Evidence {
        sent: vec![accepted(1, "a"), sent(2, Answer::InDoubt), sent(3, Answer::InDoubt)],
        runs: vec![run(1, "a", 1), run(1, "a", 2), run(2, "b", 1), run(2, "b", 1)],
        told: vec![told(1, "a", "child-a"), told(2, "b", "child-b")],
        owing: ["settle"].into(),
        settled: 2,
        records: [].into(),
    }
}

#[track_caller]
fn finds(evidence: &Evidence, complaint: &str) {
    let broken = judge(evidence);
    assert!(
        broken.iter().any(|line| line.contains(complaint)),
        "{complaint:?} is not among {broken:?}"
    );
}

#[test]
fn an_honest_run_breaks_nothing() {
    assert_eq!(judge(&honest()), [""; 0]);
}

#[test]
fn a_lost_202_is_found_unless_its_record_explains_it() {
    let mut evidence = honest();
    evidence.runs.retain(|run| run.key != 1);
    finds(&evidence, "never executed: a");
    evidence.records.insert(1, "Failed".to_owned());
    finds(&evidence, "never executed: a");
    evidence.records.insert(1, "Expired".to_owned());
    assert_eq!(judge(&evidence), [""; 0]);
}

#[test]
fn a_lost_callback_is_found_even_if_it_was_counted() {
    let mut evidence = honest();
    evidence.told.retain(|told| told.key != 1);
    finds(&evidence, "callback never delivered: a");
}

#[test]
fn a_lost_callback_of_a_task_accepted_in_doubt_is_found() {
    let mut evidence = honest();
    evidence.sent.push(sent(4, Answer::Duplicate));
    finds(&evidence, "callback never delivered: task");
}

#[test]
fn a_callback_handed_over_twice_is_found() {
    let mut evidence = honest();
    evidence.told.push(told(1, "a", "another-child"));
    finds(&evidence, "handed over more than once");
}

#[test]
fn a_count_too_many_and_a_count_too_few_are_found() {
    for settled in [1, 3] {
        finds(&Evidence { settled, ..honest() }, "callbacks settled: 2, counted by the daemon");
    }
}

#[test]
fn attempts_that_go_backwards_and_attempts_without_a_number_are_found() {
    let mut evidence = honest();
    evidence.runs.push(run(1, "a", 1));
    finds(&evidence, "attempt 1 of a came after 2");
    let mut evidence = honest();
    evidence.runs.push(run(1, "a", 0));
    finds(&evidence, "attempt 0 of a");
}

#[test]
fn a_request_that_became_two_invocations_is_found() {
    let mut evidence = honest();
    evidence.runs.push(run(1, "c", 1));
    finds(&evidence, "request 1 became several invocations");
}

#[test]
fn a_request_id_given_twice_is_found() {
    let mut evidence = honest();
    evidence.sent.push(accepted(5, "a"));
    finds(&evidence, "request id a was given to several requests");
}
