//! The table of a life, walked in full and at random.

use super::*;
use crate::arn::Arn;
use crate::head::Status;
use crate::head::tests::head;
use crate::id::FnId;
use crate::invariant;
use crate::name::Qualifier;
use crate::terms::{Destination, Terms};
use alloc::sync::Arc;
use alloc::vec::Vec;
use proptest::prelude::*;

const POLICY: RetryPolicy =
    RetryPolicy { function_error: Backoff::FUNCTION_ERROR, system_error: Backoff::SYSTEM_ERROR };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn lives() -> [Life; 10] {
    let attempt = Attempt(1);
    let ended = |outcome| Life::Ended { outcome, at: at(2_000) };
    [
        Life::Enqueued,
        Life::Dequeued { attempt },
        Life::Running { attempt, since: at(1_000) },
        Life::Retrying { failed: attempt },
        Life::Stopping { attempt },
        ended(Outcome::Succeeded),
        ended(Outcome::Failed),
        ended(Outcome::Expired),
        ended(Outcome::Stopped),
        ended(Outcome::Invalid),
    ]
}

fn events(attempt: Attempt) -> Vec<Event> {
    let verdicts = [
        Verdict::Succeeded,
        Verdict::FunctionError,
        Verdict::Unavailable { retry_after: None },
        Verdict::Refused,
        Verdict::Gone,
    ];
    let mut events = Vec::from([
        Event::SlotGranted,
        Event::AttemptStarted { attempt },
        Event::AttemptLost,
        Event::StopRequested,
        Event::Purged,
        Event::ExpiryReached,
        Event::FunctionDeleted,
    ]);
    events.extend(verdicts.map(|verdict| Event::AttemptEnded { attempt, verdict }));
    events
}

fn in_life(life: Life) -> Head {
    let mut head = head();
    head.life = life;
    head.attempts = life.last_attempt().unwrap_or(Attempt::NONE);
    head
}

/// Where an event leads, as a word; `-` where it comes too late.
fn leads_to(life: Life, event: Event, now: Timestamp) -> &'static str {
    let mut head = in_life(life);
    if head.live(event, &POLICY, now) { head.status().as_str() } else { "-" }
}

#[test]
fn every_pair_is_decided() {
    // Columns: granted, started, lost, stop, purge, expiry, deleted, succeeded, function error,
    // unavailable, refused, gone. Before the time-to-live ends.
    let table: [[&str; 12]; 5] = [
        ["Dequeued", "-", "-", "Stopped", "Stopped", "-", "Invalid", "-", "-", "-", "-", "-"],
        [
            "-",
            "Running",
            "Retrying",
            "Stopping",
            "-",
            "-",
            "Invalid",
            "Succeeded",
            "Retrying",
            "Retrying",
            "Failed",
            "Invalid",
        ],
        [
            "-",
            "-",
            "Retrying",
            "Stopping",
            "-",
            "-",
            "-",
            "Succeeded",
            "Retrying",
            "Retrying",
            "Failed",
            "Invalid",
        ],
        ["Dequeued", "-", "-", "Stopped", "Stopped", "-", "Invalid", "-", "-", "-", "-", "-"],
        [
            "-", "-", "Stopped", "-", "-", "-", "-", "Stopped", "Stopped", "Stopped", "Stopped",
            "Stopped",
        ],
    ];
    for (life, row) in lives().into_iter().zip(table) {
        for (event, expected) in events(Attempt(1)).into_iter().zip(row) {
            assert_eq!(leads_to(life, event, at(1_000)), expected, "{life:?} {event:?}");
        }
    }
}

#[test]
fn after_the_time_to_live_waiting_ends_and_running_does_not() {
    let late = at(3_601_000);
    for life in [Life::Enqueued, Life::Retrying { failed: Attempt(1) }] {
        assert_eq!(leads_to(life, Event::SlotGranted, late), "Expired");
        assert_eq!(leads_to(life, Event::ExpiryReached, late), "Expired");
    }
    let started = Event::AttemptStarted { attempt: Attempt(1) };
    assert_eq!(leads_to(Life::Dequeued { attempt: Attempt(1) }, started, late), "Expired");
    let running = Life::Running { attempt: Attempt(1), since: at(1_000) };
    assert_eq!(leads_to(running, Event::ExpiryReached, late), "-");
    let succeeded = Event::AttemptEnded { attempt: Attempt(1), verdict: Verdict::Succeeded };
    assert_eq!(leads_to(running, succeeded, late), "Succeeded");
    let failed = Event::AttemptEnded { attempt: Attempt(1), verdict: Verdict::FunctionError };
    assert_eq!(leads_to(running, failed, late), "Expired");
}

#[test]
fn ended_is_final() {
    for life in lives().into_iter().skip(5) {
        for event in events(Attempt(1)) {
            for now in [at(1_000), at(3_601_000)] {
                assert_eq!(leads_to(life, event, now), "-", "{life:?} {event:?}");
            }
        }
    }
}

#[test]
fn late_attempt_is_ignored() {
    let second = Life::Running { attempt: Attempt(2), since: at(1_000) };
    for event in events(Attempt(1)) {
        let is_of_an_attempt =
            matches!(event, Event::AttemptStarted { .. } | Event::AttemptEnded { .. });
        assert!(!is_of_an_attempt || leads_to(second, event, at(1_000)) == "-", "{event:?}");
    }
}

#[test]
fn a_row_that_is_not_due_gets_no_slot() {
    let mut head = head();
    head.due = at(5_000);
    assert!(!head.live(Event::SlotGranted, &POLICY, at(4_999)));
    assert!(head.live(Event::SlotGranted, &POLICY, at(5_000)));
}

#[test]
fn throttling_never_consumes_retries() {
    let mut head = head();
    head.expires_at = at(i64::MAX);
    let mut now = at(1_000);
    let mut attempts = 0u16;
    while head.life.outcome().is_none() {
        now = now.max(head.due);
        assert!(head.live(Event::SlotGranted, &POLICY, now));
        let attempt = head.life.attempt_under_way().unwrap();
        assert!(head.live(Event::AttemptStarted { attempt }, &POLICY, now));
        let verdict = Verdict::Unavailable { retry_after: None };
        assert!(head.live(Event::AttemptEnded { attempt, verdict }, &POLICY, now));
        assert_eq!(head.tally.failures, 0);
        attempts += 1;
    }
    assert_eq!(head.life.outcome(), Some(Outcome::Failed));
    let five_hours = THROTTLED_FOR_MAX;
    assert!(five_hours <= now.since(at(1_000)), "gave up after {:?}", now.since(at(1_000)));
    assert!(now.since(at(1_000)) < five_hours + POLICY.system_error.max * 2);
    assert!((60..100).contains(&attempts), "{attempts}");
}

#[test]
fn a_wish_to_wait_is_honoured_but_never_past_the_time_to_live() {
    let wish = |seconds| {
        let mut head = in_life(Life::Running { attempt: Attempt(1), since: at(1_000) });
        let retry_after = Some(Duration::from_secs(seconds));
        let verdict = Verdict::Unavailable { retry_after };
        assert!(head.live(
            Event::AttemptEnded { attempt: Attempt(1), verdict },
            &POLICY,
            at(1_000)
        ));
        assert_eq!(head.life, Life::Retrying { failed: Attempt(1) });
        head.due
    };
    assert_eq!(wish(60), at(61_000));
    assert_eq!(wish(86_400), at(3_600_000));
}

#[test]
fn an_attempt_that_could_only_start_too_late_expires_at_once() {
    let mut head = in_life(Life::Running { attempt: Attempt(1), since: at(1_000) });
    let now = at(3_600_900);
    let verdict = Verdict::FunctionError;
    assert!(head.live(Event::AttemptEnded { attempt: Attempt(1), verdict }, &POLICY, now));
    assert_eq!(head.life, Life::Ended { outcome: Outcome::Expired, at: now });
}

#[test]
fn the_outcome_decides_who_is_told() {
    let destination = |name: &str, id| {
        let arn = Arn::parse(&alloc::format!("acs:fc:::functions/{name}")).unwrap();
        Some(Destination { arn, id: FnId(id) })
    };
    for (outcome, told) in [
        (Outcome::Succeeded, Some("acs:fc:::functions/good")),
        (Outcome::Failed, Some("acs:fc:::functions/bad")),
        (Outcome::Expired, Some("acs:fc:::functions/bad")),
        (Outcome::Stopped, Some("acs:fc:::functions/bad")),
        (Outcome::Invalid, None),
    ] {
        let mut head = head();
        head.terms = Arc::new(Terms {
            on_success: destination("good", 8),
            on_failure: destination("bad", 9),
            ..(*Terms::defaults(Qualifier::LATEST)).clone()
        });
        let to = head.destination_for(outcome).map(|to| to.arn.as_str());
        assert_eq!(to, told, "{outcome:?}");
    }
}

fn any_event() -> impl Strategy<Value = (Event, i64)> {
    let event = (0usize..12, 1u16..6).prop_map(|(index, attempt)| events(Attempt(attempt))[index]);
    (event, 0i64..120_000)
}

proptest! {
    /// Whatever happens in whatever order, the named invariants hold after every step.
    #[test]
    fn no_order_of_events_breaks_an_invariant(
        order in proptest::collection::vec(any_event(), 1..60),
        max_retries in 0u8..=8,
        age_seconds in 1i64..4_000,
    ) {
        let mut head = head();
        head.terms = Arc::new(Terms { max_retries, ..(*head.terms).clone() });
        head.expires_at = at(1_000 + age_seconds * 1_000);
        let mut now = at(1_000);
        let mut ended: Option<Life> = None;
        let mut attempts = Attempt::NONE;
        for (event, pause) in order {
            now = now.plus(Duration::from_millis(pause.unsigned_abs()));
            let before = head.clone();
            let moved = head.live(event, &POLICY, now);
            prop_assert!(moved || before == head, "an event that came too late changed the row");
            prop_assert!(attempts <= head.attempts, "attempt_numbers_only_grow");
            attempts = head.attempts;
            if let Some(ended) = ended {
                prop_assert_eq!(head.life, ended, "ended_is_final");
            }
            ended = head.life.outcome().map(|_| head.life);
            for check in [
                invariant::outcome_with_callback(&head),
                invariant::no_start_after_expiry(&head),
                invariant::attempts_are_bounded(&head),
            ] {
                prop_assert_eq!(check, Ok(()));
            }
            // What is owed is derivable: a waiting row has a due time within its life, one under way
            // has its attempt, one that ended owes a callback or nothing.
            prop_assert_eq!(head.life.is_waiting(), head.life.attempt_under_way().is_none() && ended.is_none());
            if matches!(head.life, Life::Retrying { .. }) {
                prop_assert!(head.due < head.expires_at);
            }
        }
    }
}

#[test]
fn attempt_numbers_only_grow() {
    let mut head = head();
    for expected in 1..=4 {
        let now = head.due;
        assert!(head.live(Event::SlotGranted, &POLICY, now));
        let attempt = Attempt(expected);
        assert_eq!(head.attempts.next(), attempt, "it is only about to start");
        assert!(head.live(Event::AttemptStarted { attempt }, &POLICY, now));
        assert_eq!(head.attempts, attempt);
        assert!(head.live(Event::AttemptLost, &POLICY, now));
    }
    assert_eq!(head.status(), Status::Failed);
}
