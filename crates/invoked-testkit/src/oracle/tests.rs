use std::time::Duration;

use invoked_core::arn::Arn;
use invoked_core::callback::Callback;
use invoked_core::head::Head;
use invoked_core::id::{Attempt, FnId, ShardId};
use invoked_core::life::{Outcome, Verdict};
use invoked_core::name::FunctionName;

use super::*;
use crate::function::Ended;
use crate::sample::{DESTINATION, NOON, Sample};
use crate::sink::Arrival;

const PAYLOAD: Bytes = Bytes::from_static(b"event");

/// An invocation that was accepted, ran, failed, and whose destination was told.
struct Story {
    oracle: Oracle,
    executions: Vec<Execution>,
    told: Vec<Told>,
    evidence: Evidence,
    head: Head,
}

impl Story {
    fn new() -> Self {
        let mut sample = Sample::plain(ShardId(0), FnId(1), 1, Duration::ZERO).owing(FnId(2));
        sample.end(Outcome::Failed, Duration::from_secs(1));
        sample.deliver();
        let head = sample.head;
        let oracle = Oracle::default();
        oracle.sent(&PAYLOAD);
        oracle.accepted(Promise {
            request_id: head.request_id,
            function: "hello".to_owned(),
            payload: PAYLOAD,
            is_task: Expected::No,
            on_success: Expected::Yes,
        });
        let told = Told {
            destination: Arn::parse(DESTINATION).unwrap(),
            request_id: head.request_id,
            outcome: Outcome::Failed,
            depth: 1,
            envelope: Bytes::new(),
            started_at: NOON,
            arrival: Arrival::Arrived,
        };
        let evidence = Evidence { kept: vec![head.clone()], ..Evidence::default() };
        let executions = vec![execution(head.request_id, 1), execution(head.request_id, 2)];
        Self { oracle, executions, told: vec![told], evidence, head }
    }

    fn judge(&self) -> Vec<String> {
        self.oracle.judge(&self.executions, &self.told, &self.evidence)
    }

    #[track_caller]
    fn is_broken(&self, claim: &str) {
        let broken = self.judge();
        assert!(broken.iter().any(|line| line.contains(claim)), "{claim}: {broken:?}");
    }
}

fn execution(request_id: RequestId, attempt: u16) -> Execution {
    Execution {
        function: FunctionName::parse("hello").unwrap(),
        request_id,
        attempt: Attempt(attempt),
        depth: 0,
        payload: PAYLOAD,
        started_at: NOON,
        ended: Ended::Answered(Verdict::FunctionError),
    }
}

fn child(parent: RequestId, id: u8) -> Execution {
    let envelope = format!("{{\"timestamp\":1,\"requestContext\":{{\"requestId\":\"{parent}\",");
    Execution { depth: 1, payload: envelope.into(), ..execution(RequestId([id; 16]), 1) }
}

#[test]
fn kept_promises_are_not_complained_about() {
    assert_eq!(Story::new().judge(), Vec::<String>::new());
}

#[test]
fn an_invocation_that_never_ran_is_noticed_unless_its_record_says_why() {
    let mut story = Story::new();
    story.executions.clear();
    story.is_broken("never ran");
    for outcome in [Outcome::Expired, Outcome::Stopped] {
        let mut head = story.head.clone();
        head.life = invoked_core::life::Life::Ended { outcome, at: NOON };
        story.evidence.kept = vec![head];
        story.told[0].outcome = outcome;
        assert_eq!(story.judge(), Vec::<String>::new());
    }
}

#[test]
fn an_untold_destination_is_noticed() {
    let mut story = Story::new();
    story.told[0].arrival = Arrival::Lost;
    story.is_broken("nobody was told");
    story.executions.push(child(story.head.request_id, 9));
    assert_eq!(story.judge(), Vec::<String>::new(), "a function was told");
    story.executions.push(child(story.head.request_id, 8));
    story.is_broken("was handed over as");
}

#[test]
fn a_plain_success_leaves_no_record_and_is_owed_a_callback_all_the_same() {
    let mut story = Story::new();
    story.evidence.kept.clear();
    assert_eq!(story.judge(), Vec::<String>::new());
    story.told.clear();
    story.is_broken("nobody was told");
}

#[test]
fn a_lost_task_record_and_a_row_that_never_ends_are_noticed() {
    let mut story = Story::new();
    story.oracle.accepted(Promise {
        request_id: RequestId([5; 16]),
        function: "hello".to_owned(),
        payload: PAYLOAD,
        is_task: Expected::Yes,
        on_success: Expected::No,
    });
    story.is_broken("left no record");
    story.evidence.live.push(Head { callback: Callback::None, ..story.head.clone() });
    story.is_broken("still owes something");
}

#[test]
fn attempts_that_go_back_are_noticed() {
    let mut story = Story::new();
    story.executions.reverse();
    story.is_broken("attempt 1 of");
}

#[test]
fn what_runs_unasked_is_noticed_but_not_what_is_unanswered() {
    let mut story = Story::new();
    let stranger = RequestId([7; 16]);
    let payload = Bytes::from_static(b"another");
    story.executions.push(Execution { payload: payload.clone(), ..execution(stranger, 1) });
    story.is_broken("ran unasked");
    story.oracle.sent(&payload);
    assert_eq!(story.judge(), Vec::<String>::new());
    story.oracle.refused(&payload);
    story.is_broken("ran unasked");
}

#[test]
fn a_request_that_became_two_invocations_is_noticed() {
    let mut story = Story::new();
    story.executions.push(execution(RequestId([7; 16]), 1));
    story.is_broken("became several");
}

#[test]
fn two_outcomes_are_noticed() {
    let mut story = Story::new();
    story.told[0].outcome = Outcome::Succeeded;
    story.is_broken("ended Failed, but");
}
