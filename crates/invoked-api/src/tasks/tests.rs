use std::time::Duration;

use invoked_core::callback::CallbackPolicy;
use invoked_core::fault::Fault;
use invoked_core::id::{FnId, ShardId};
use invoked_core::life::{Life, Outcome};
use invoked_core::name::FunctionName;
use invoked_core::pause::Pauses;
use invoked_testkit::sample::Sample;
use serde_json::{Value, json};

use super::*;

fn record(change: impl FnOnce(&mut Head)) -> TaskRecord {
    let mut head = Sample::task(ShardId(0), FnId(1), "t", Duration::ZERO).head;
    change(&mut head);
    TaskRecord { head, payload: Some(Bytes::from_static(b"{}")), result: None }
}

fn shown_as(task: &TaskRecord) -> Value {
    let identity = Identity { region: "cn-hangzhou".into(), account: "123".into() };
    serde_json::to_value(shown(
        Shape::Functions,
        &identity,
        &FunctionKey::new("123", FunctionName::parse("fn").unwrap()),
        task,
        task.head.callback.deadline(&CallbackPolicy::default(), Pauses::never()),
    ))
    .unwrap()
}

#[test]
fn a_task_that_waits_has_neither_begun_nor_ended() {
    let task = record(|_| {});
    let body = shown_as(&task);
    for (field, value) in [
        ("functionArn", json!("acs:fc:cn-hangzhou:123:functions/fn")),
        ("qualifier", json!("LATEST")),
        ("taskId", json!("t")),
        ("requestId", json!(task.head.request_id.to_string())),
        ("status", json!("Enqueued")),
        ("startedTime", json!(0)),
        ("endTime", json!(0)),
        ("durationMs", json!(0)),
        ("destinationStatus", json!("")),
        ("taskErrorMessage", json!("")),
        ("taskPayload", json!("{}")),
        ("instanceId", json!("")),
        ("alreadyRetriedTimes", json!(0)),
    ] {
        assert_eq!(body[field], value, "{field}");
    }
    assert!(body.get("returnPayload").is_none());
    let at = task.head.accepted_at.millis();
    assert_eq!(
        body["events"],
        json!([{"eventId": 1, "status": "Enqueued", "timestamp": at, "eventDetail": ""}])
    );
}

#[test]
fn a_failed_task_says_why_how_long_and_how_often() {
    let body = shown_as(&record(|head| {
        let started = head.accepted_at.plus(Duration::from_secs(1));
        head.first_started_at = Some(started);
        head.attempts = Attempt(4);
        head.fault = Some(Fault::new("InvocationError", "as planned", 200));
        let at = started.plus(Duration::from_millis(250));
        head.life = Life::Ended { outcome: Outcome::Failed, at };
    }));
    assert_eq!(
        (&body["status"], &body["taskErrorMessage"]),
        (&json!("Failed"), &json!("as planned"))
    );
    assert_eq!((&body["durationMs"], &body["alreadyRetriedTimes"]), (&json!(250), &json!(3)));
}

#[test]
fn a_success_does_not_show_the_failure_before_it() {
    let body = shown_as(&record(|head| {
        head.fault = Some(Fault::new("InvocationError", "as planned", 200));
        head.life = Life::Ended { outcome: Outcome::Succeeded, at: head.accepted_at };
    }));
    assert_eq!(body["taskErrorMessage"], "");
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    let text = Payload::Text("grün".into());
    assert_eq!(text_or_base64(&Bytes::from_static("grün".as_bytes())), text);
    let base64 = Payload::Base64("/wA=".into());
    assert_eq!(text_or_base64(&Bytes::from_static(&[0xff, 0x00])), base64);
}

#[test]
fn the_destination_status_follows_the_callback() {
    let at = Timestamp::from_millis(1);
    let error = Fault::new("x", "y", 500);
    for (callback, status) in [
        (Callback::None, ""),
        (Callback::owed(at), "Pending"),
        (Callback::Calling { trying: Attempt(1), first_at: at }, "Pending"),
        (Callback::Owed { tried: Attempt(1), first_at: Some(at), error: None }, "Retrying"),
        (Callback::Calling { trying: Attempt(2), first_at: at }, "Retrying"),
        (Callback::Delivered { tried: Attempt(2), at, message_id: None }, "Succeeded"),
        (Callback::Failed { tried: Attempt(2), at, error }, "Failed"),
    ] {
        assert_eq!(destination_status(&callback), status);
    }
}

#[test]
fn every_status_of_the_wire_can_be_asked_for() {
    let path = FunctionPath { name: "fn".into(), qualifier: None };
    for status in TaskStatus::ALL {
        let query = Query::parse(&format!("status={}", status.as_str()));
        let found = filter(&path, &query).unwrap().status.unwrap();
        assert_eq!((found.as_str(), shown_status(found)), (status.as_str(), status));
    }
    let query = Query::parse(
        "prefix=a&startedTimeBegin=5&sortOrderByTime=asc&limit=3&nextToken=n&includePayload=True",
    );
    let asked = filter(&path, &query).unwrap();
    assert_eq!((asked.prefix.as_str(), asked.limit), ("a", 3));
    assert_eq!(asked.started_from, Some(Timestamp::from_millis(5)));
    assert!(asked.is_ascending && asked.with_payload && asked.qualifier.is_none());
    assert_eq!(asked.token.as_deref(), Some("n"));
    let latest = filter(&path, &Query::parse("qualifier=LATEST")).unwrap();
    assert_eq!(latest.qualifier, Some(Qualifier::LATEST));
}

#[test]
fn the_delivery_is_shown_with_its_tries_error_next_time_and_message_id() {
    let fault = Fault::new("InternalError", "not now", 500);
    let shown = |callback: Callback| {
        shown_as(&record(|head| {
            let sample = Sample::task(ShardId(0), FnId(1), "t", Duration::ZERO).owing(FnId(7));
            head.terms = sample.head.terms;
            head.life = Life::Ended { outcome: Outcome::Succeeded, at: head.accepted_at };
            head.due = Timestamp::from_millis(7_000);
            head.callback = callback;
        }))["destinationDetail"]
            .clone()
    };
    assert_eq!(shown(Callback::None), Value::Null);
    let first_at = Some(Timestamp::from_millis(1_000));
    let owed = shown(Callback::Owed { tried: Attempt(2), first_at, error: Some(fault) });
    assert_eq!(
        owed,
        json!({
            "destination": invoked_testkit::sample::DESTINATION,
            "attempts": 2,
            "errorCode": "InternalError",
            "errorMessage": "not now",
            "nextTime": 7_000,
            "deadline": 1_801_000,
            "settledTime": 0,
            "messageId": "",
            "redrives": 0,
        })
    );
    let at = Timestamp::from_millis(9_000);
    let delivered =
        shown(Callback::Delivered { tried: Attempt(3), at, message_id: Some("m-1".into()) });
    assert_eq!(
        [&delivered["messageId"], &delivered["settledTime"], &delivered["nextTime"]],
        [&json!("m-1"), &json!(9_000), &json!(0)]
    );
}
