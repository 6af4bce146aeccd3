//! Sending callbacks anew that were given up, and probing destinations.

use std::collections::BTreeMap;

use invoked_api::{Role, Tokens};
use invoked_core::arn::SinkKind;
use invoked_core::totals::Metric;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::{ASYNC, BROKEN, BUSY, GOOD, HELLO, INVOKE, until};
use crate::operator::Operator;

const NOBODY: &str = "00000000-0000-0000-0000-000000000009";

impl Operator {
    /// An operator of a daemon whose successes go to a queue that is not there.
    async fn of_broken() -> Self {
        let operator = Self::start().await;
        let body = json!({"destinationConfig": {"onSuccess": {"destination": BROKEN}}});
        let path = format!("{HELLO}/async-invoke-config");
        let put = operator.daemon.client().await.json("PUT", &path, &body).await;
        assert_eq!(put.status, 200, "{}", put.text());
        operator
    }

    async fn callbacks(&mut self, query: &str) -> Vec<Value> {
        let page = self.get(&format!("/v1/callbacks?{query}")).await;
        page.get("callbacks").and_then(Value::as_array).expect("a list").clone()
    }

    /// Invokes until so many callbacks are given up.
    async fn given_up(&mut self, count: usize) -> Vec<Value> {
        let mut api = self.daemon.client().await;
        for _ in 0..count {
            assert_eq!(api.send("POST", INVOKE, &[ASYNC], "hi").await.status, 202);
        }
        self.are_given_up(count).await
    }

    async fn are_given_up(&mut self, count: usize) -> Vec<Value> {
        until(async || {
            let found = self.callbacks("status=Failed&limit=100").await;
            (found.len() == count).then_some(found)
        })
        .await
    }

    async fn redrive(&mut self, wanted: Value) -> Value {
        let answer = self.change("POST", "/v1/callbacks/redrive", &wanted.to_string()).await;
        assert_eq!(answer.status, 202, "{wanted}: {}", answer.text());
        answer.value()
    }

    async fn done(&mut self, operation: &Value) -> Value {
        let path = path_of(operation);
        until(async || {
            let shown = self.get(&path).await;
            (shown.get("state") != Some(&json!("Running"))).then_some(shown)
        })
        .await
    }

    /// The durable counts of callbacks, over all functions.
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (key, value) in self.daemon.engine.handle().totals() {
            match key.metric {
                Metric::CallbackDelivered(SinkKind::Mns) => counts.delivered += value,
                Metric::CallbackFailed(SinkKind::Mns) => counts.failed += value,
                Metric::Redriven(SinkKind::Mns) => counts.redrives += value,
                Metric::RedriveDelivered(SinkKind::Mns) => counts.redrives_delivered += value,
                Metric::RedriveFailed(SinkKind::Mns) => counts.redrives_failed += value,
                Metric::Accepted
                | Metric::Ended(_)
                | Metric::CallbackDelivered(_)
                | Metric::CallbackFailed(_)
                | Metric::Redriven(_)
                | Metric::RedriveDelivered(_)
                | Metric::RedriveFailed(_)
                | Metric::Now(_) => {}
            }
        }
        counts
    }
}

/// What `FunctionDestinationSucceed`, `FunctionDestinationErrors` and the three
/// `invoked_callback_redrives_*` are rendered from.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
struct Counts {
    delivered: u64,
    failed: u64,
    redrives: u64,
    redrives_delivered: u64,
    redrives_failed: u64,
}

fn path_of(operation: &Value) -> String {
    format!("/v1/operations/{}", operation["id"].as_str().expect("an id"))
}

fn figures(operation: &Value) -> [Option<u64>; 4] {
    ["examined", "matched", "redriven", "skipped"].map(|name| operation[name].as_u64())
}

fn figure(of: &Value, name: &str) -> u64 {
    of[name].as_u64().expect("a number")
}

#[tokio::test]
async fn a_callback_that_was_given_up_is_found_redriven_and_delivered() {
    let mut operator = Operator::of_broken().await;
    operator.task("told", "hi").await;
    let kept = operator.are_given_up(1).await.remove(0);
    assert_eq!((&kept["status"], &kept["tries"]), (&json!("Failed"), &json!(1)), "{kept}");
    assert_eq!((&kept["task_id"], &kept["destination"]), (&json!("told"), &json!(BROKEN)));
    assert_eq!(kept["error"]["code"], "QueueNotExist");
    let at = kept["failed_at"].as_str().expect("a time").to_owned();
    for (query, count) in [
        ("code=QueueNotExist", 1),
        ("code=QueueNotExis", 0),
        (&format!("destination={BROKEN}"), 1),
        (&format!("destination={BUSY}"), 0),
        (&format!("since_after={at}"), 1),
        ("since_after=2100-01-01T00:00:00Z", 0),
        (&format!("since_before={at}"), 1),
        ("since_before=2020-01-01T00:00:00Z", 0),
        (&format!("code=QueueNotExist&destination={BROKEN}&since_before={at}"), 1),
        (&format!("code=QueueNotExist&destination={BUSY}"), 0),
    ] {
        assert_eq!(operator.callbacks(query).await.len(), count, "{query}");
    }
    let once = Counts { failed: 1, ..Counts::default() };
    assert_eq!(operator.counts(), once);

    operator.daemon.queues.mend();
    let operation = operator.redrive(json!({"ids": [kept["id"]]})).await;
    let done = operator.done(&operation).await;
    assert_eq!((&done["state"], &done["dry_run"]), (&json!("Done"), &json!(false)), "{done}");
    assert_eq!(figures(&done), [Some(1), Some(1), Some(1), Some(0)], "{done}");

    let mut api = operator.daemon.client().await;
    let shown = until(async || {
        let path = "/2023-03-30/functions/hello/async-tasks/told";
        let shown = api.send("GET", path, &[], "").await.value();
        (shown["destinationStatus"] == "Succeeded").then_some(shown)
    })
    .await;
    let message = format!("m-{}", kept["request_id"].as_str().expect("an id"));
    assert!(shown.to_string().contains(&message), "{shown}");
    let record = operator.get("/v1/tasks/hello/told").await.to_string();
    assert!(record.contains(&format!(r#""message_id":"{message}""#)), "{record}");
    assert!(record.contains(&format!("operation {}", done["id"].as_str().unwrap())), "{record}");
    assert_eq!(operator.callbacks("").await, Vec::<Value>::new());
    let gone = format!("/v1/callbacks/{}", kept["id"].as_str().unwrap());
    let gone = operator.client.send("GET", &gone, &[], "").await;
    Operator::refused(&gone, 404, "CallbackNotFound", None);
    // Once each, whatever comes of sending it anew.
    assert_eq!(operator.counts(), Counts { redrives: 1, redrives_delivered: 1, ..once });

    let again = operator.redrive(json!({"ids": [kept["id"]]})).await;
    let again = operator.done(&again).await;
    assert_eq!(figures(&again), [Some(1), Some(0), Some(0), Some(1)], "{again}");
    assert_eq!(operator.counts(), Counts { redrives: 1, redrives_delivered: 1, ..once });
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn a_redrive_that_fails_is_kept_again_and_counted_as_one() {
    let mut operator = Operator::of_broken().await;
    let kept = operator.given_up(1).await.remove(0);
    let operation = operator.redrive(json!({"ids": [kept["id"]]})).await;
    let done = operator.done(&operation).await;
    assert_eq!(figures(&done), [Some(1), Some(1), Some(1), Some(0)], "{done}");
    let again = until(async || {
        let again = operator.callbacks("status=Failed").await.pop()?;
        again["redrives"][0]["ended_at"].is_string().then_some(again)
    })
    .await;
    assert_eq!((&again["id"], &again["redrive_count"]), (&kept["id"], &json!(1)));
    assert_eq!(again["redrives"][0]["code"], "QueueNotExist");
    let counts = Counts { failed: 1, redrives: 1, redrives_failed: 1, ..Counts::default() };
    assert_eq!(operator.counts(), counts);
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let mut operator = Operator::of_broken().await;
    let kept = operator.given_up(3).await;
    operator.daemon.queues.mend();
    for (wanted, matched) in [
        (json!({"all": true}), 3),
        (json!({"code": "QueueNotExist"}), 3),
        (json!({"code": "Timeout"}), 0),
        (json!({"destination": BUSY}), 0),
        (json!({"function": "hello", "since_before": "2020-01-01T00:00:00Z"}), 0),
        (json!({"ids": [kept[0]["id"], NOBODY]}), 1),
    ] {
        let mut wanted = wanted;
        wanted["dry_run"] = json!(true);
        let operation = operator.redrive(wanted.clone()).await;
        let done = operator.done(&operation).await;
        assert_eq!(done["dry_run"], true);
        assert_eq!(
            (figure(&done, "matched"), figure(&done, "redriven"), figure(&done, "skipped")),
            (matched, 0, 0),
            "{wanted}: {done}"
        );
    }
    assert_eq!(operator.callbacks("").await, kept);
    assert_eq!(operator.counts(), Counts { failed: 3, ..Counts::default() });
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn what_fits_is_redriven_at_its_rate_and_the_operation_ends() {
    let mut operator = Operator::of_broken().await;
    operator.given_up(4).await;
    operator.daemon.queues.mend();
    let wanted = json!({"code": "QueueNotExist", "function": "hello", "rate_per_second": 1});
    let operation = operator.redrive(wanted).await;
    assert_eq!(operation["rate_per_second"], 1);
    let path = path_of(&operation);
    let under_way = until(async || {
        let shown = operator.get(&path).await;
        (figure(&shown, "redriven") > 0).then_some(shown)
    })
    .await;
    assert_eq!(under_way["state"], "Running", "{under_way}");
    assert!((1..4).contains(&figure(&under_way, "redriven")), "{under_way}");
    let done = operator.done(&operation).await;
    assert_eq!(figures(&done), [Some(4), Some(4), Some(4), Some(0)], "{done}");
    assert!(done["ended_at"].is_string(), "{done}");
    assert_eq!(operator.get("/v1/operations").await["operations"], json!([done]));
    until(async || operator.callbacks("").await.is_empty().then_some(())).await;
    let counts = Counts { failed: 4, redrives: 4, redrives_delivered: 4, ..Counts::default() };
    until(async || (operator.counts() == counts).then_some(())).await;
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn an_operation_is_cancelled_and_what_it_did_stays() {
    let mut operator = Operator::of_broken().await;
    operator.given_up(20).await;
    operator.daemon.queues.mend();
    let operation = operator.redrive(json!({"all": true, "rate_per_second": 1})).await;
    let path = path_of(&operation);
    until(async || (figure(&operator.get(&path).await, "redriven") > 0).then_some(())).await;
    let cancel = format!("{path}/cancel");
    let cancelled = operator.change("POST", &cancel, "").await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    let cancelled = cancelled.value();
    assert_eq!(cancelled["state"], "Cancelled");
    let redriven = figure(&cancelled, "redriven");
    assert!((1..20).contains(&redriven), "{cancelled}");
    assert_eq!(operator.get(&path).await, cancelled);
    let left = 20 - usize::try_from(redriven).expect("small");
    operator.are_given_up(left).await;
    let again = operator.change("POST", &cancel, "").await;
    Operator::refused(&again, 409, "OperationEnded", None);
    assert_eq!(operator.get(&path).await, cancelled);
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_in_its_form_is_said() {
    let mut operator = Operator::start().await;
    for (path, code) in [
        (format!("/v1/callbacks/{NOBODY}"), "CallbackNotFound"),
        ("/v1/callbacks/x".to_owned(), "CallbackNotFound"),
        (format!("/v1/operations/{NOBODY}"), "OperationNotFound"),
        ("/v1/operations/x".to_owned(), "OperationNotFound"),
    ] {
        let answer = operator.client.send("GET", &path, &[], "").await;
        Operator::refused(&answer, 404, code, None);
    }
    let cancel = format!("/v1/operations/{NOBODY}/cancel");
    let answer = operator.change("POST", &cancel, "").await;
    Operator::refused(&answer, 404, "OperationNotFound", None);
    let operation = operator.redrive(json!({"ids": [NOBODY]})).await;
    let done = operator.done(&operation).await;
    assert_eq!(figures(&done), [Some(1), Some(0), Some(0), Some(1)], "{done}");

    let too_many: Vec<_> = std::iter::repeat_n(NOBODY, 1_001).collect();
    for (wanted, status, code, field) in [
        (json!({}), 400, "InvalidArgument", Some("ids")),
        (json!({"ids": []}), 400, "InvalidArgument", Some("ids")),
        (json!({"ids": too_many}), 400, "InvalidArgument", Some("ids")),
        (json!({"ids": ["x"]}), 400, "InvalidArgument", Some("ids")),
        (json!({"ids": [NOBODY], "all": true}), 400, "InvalidArgument", Some("ids")),
        (json!({"all": true, "code": "x"}), 400, "InvalidArgument", Some("all")),
        (
            json!({"all": true, "rate_per_second": 0}),
            400,
            "InvalidArgument",
            Some("rate_per_second"),
        ),
        (
            json!({"all": true, "rate_per_second": 5_001}),
            400,
            "InvalidArgument",
            Some("rate_per_second"),
        ),
        (json!({"since_after": "today"}), 400, "InvalidArgument", Some("since_after")),
        (json!({"destination": "nonsense"}), 400, "InvalidArgument", Some("destination")),
        (
            json!({"since_after": "2026-01-02T00:00:00Z", "since_before": "2026-01-01T00:00:00Z"}),
            400,
            "InvalidArgument",
            Some("since_after"),
        ),
        (json!({"function": "none"}), 404, "FunctionNotFound", None),
    ] {
        let answer = operator.change("POST", "/v1/callbacks/redrive", &wanted.to_string()).await;
        Operator::refused(&answer, status, code, field);
    }
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    let mut operator = Operator::of_broken().await;
    let kept = operator.given_up(1).await;
    let tokens = Tokens::default().with("v", Role::Viewer, "viewer");
    operator.daemon.tokens.replace(tokens.with("o", Role::Operator, "operator"));
    let mut client = Client::connect(operator.daemon.admin).await;
    let probe = json!({"destination": GOOD}).to_string();
    let redrive = json!({"ids": [kept[0]["id"]]}).to_string();
    let cancel = format!("/v1/operations/{NOBODY}/cancel");
    for (method, path, body, viewer, operator) in [
        ("GET", "/v1/callbacks", "", 200, 200),
        ("GET", "/v1/operations", "", 200, 200),
        ("GET", "/v1/destinations", "", 200, 200),
        ("POST", "/v1/callbacks/redrive", redrive.as_str(), 403, 202),
        ("POST", &cancel, "", 403, 404),
        ("POST", "/v1/destinations/probe", probe.as_str(), 403, 200),
    ] {
        for (token, status) in [("viewer", viewer), ("operator", operator)] {
            let bearer = format!("Bearer {token}");
            let headers = BTreeMap::from([
                ("authorization", bearer.as_str()),
                ("content-type", "application/json"),
                ("x-invoked-admin", "1"),
            ]);
            let headers: Vec<_> = headers.into_iter().collect();
            let answer = client.send(method, path, &headers, body).await;
            assert_eq!(answer.status, status, "{token}: {method} {path}: {}", answer.text());
        }
    }
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn a_probe_says_in_words_what_a_destination_answers() {
    let mut operator = Operator::start().await;
    let mut probe = async |destination: &str| {
        let body = json!({"destination": destination}).to_string();
        operator.change("POST", "/v1/destinations/probe", &body).await
    };
    for (destination, outcome, words) in [
        (GOOD, "Delivered", "delivered as message m-"),
        (BUSY, "Retry", "not delivered; a callback would be tried again: "),
        (BROKEN, "Permanent", "not delivered; a callback would be given up: "),
        ("acs:fc:::functions/hello", "Local", "'hello' is a function of this daemon"),
    ] {
        let answer = probe(destination).await;
        assert_eq!(answer.status, 200, "{destination}: {}", answer.text());
        let answer = answer.value();
        assert_eq!(answer["outcome"], outcome, "{answer}");
        let message = answer["message"].as_str().expect("words");
        assert!(message.starts_with(words), "{message}");
        assert_eq!(answer["message_id"].is_string(), outcome == "Delivered", "{answer}");
        assert_eq!(answer["request_id"].is_string(), outcome != "Local", "{answer}");
    }
    let broken = probe(BROKEN).await.value();
    assert_eq!(broken["error"]["code"], "QueueNotExist");
    assert!(broken["message"].as_str().unwrap().contains("the queue is not there"), "{broken}");
    // Nothing is configured for its kind; and it is no ARN.
    let unknown = probe("acs:mq:cn-hangzhou:123:/instances/i/topics/t").await;
    Operator::refused(&unknown, 409, "NoSuchSink", None);
    assert!(unknown.text().contains("is configured"), "{}", unknown.text());
    Operator::refused(&probe("queue").await, 400, "InvalidArgument", Some("destination"));
    // A probe is no callback.
    assert_eq!(operator.counts(), Counts::default());
    assert_eq!(operator.callbacks("").await, Vec::<Value>::new());
    operator.daemon.stopped().await;
}
