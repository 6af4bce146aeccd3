//! Lanes held and let go, counted, stopped, purged and done again.

use serde_json::{Value, json};

use crate::daemon::{ASYNC, BROKEN, HELLO, INVOKE, until};
use crate::operator::Operator;

impl Operator {
    async fn posted(&mut self, path: &str, body: Value, status: u16) -> Value {
        let answer = self.change("POST", path, &body.to_string()).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
        answer.value()
    }

    /// Begins an operation and waits for its end.
    async fn worked(&mut self, path: &str, body: Value) -> Value {
        let operation = self.posted(path, body, 202).await;
        let path = path_of(&operation);
        until(async || {
            let shown = self.get(&path).await;
            (shown.get("state") != Some(&json!("Running"))).then_some(shown)
        })
        .await
    }

    async fn invoked(&mut self, count: usize, payload: &str) {
        let mut api = self.daemon.client().await;
        for _ in 0..count {
            assert_eq!(api.send("POST", INVOKE, &[ASYNC], payload).await.status, 202);
        }
    }

    async fn counted(&mut self) -> Value {
        self.get("/v1/functions/hello/count").await
    }
}

fn path_of(operation: &Value) -> String {
    format!("/v1/operations/{}", operation["id"].as_str().expect("an id"))
}

fn figures(operation: &Value) -> [Option<u64>; 4] {
    ["examined", "matched", "acted", "skipped"].map(|name| operation[name].as_u64())
}

#[tokio::test]
async fn a_function_is_held_counted_purged_and_let_go() {
    let mut operator = Operator::start().await;
    let held = operator.posted("/v1/functions/hello/pause", json!({"note": "a deploy"}), 200).await;
    assert_eq!((&held["paused"], &held["note"]), (&json!(true), &json!("a deploy")), "{held}");
    let since = held["paused_since"].clone();
    let again = operator.posted("/v1/functions/hello/pause", json!({}), 200).await;
    assert_eq!((&again["paused_since"], &again["note"]), (&since, &json!("a deploy")));
    assert_eq!(operator.get("/v1/functions/hello").await["paused_since"], since);

    operator.invoked(3, "hi").await;
    let counts = operator.counted().await;
    assert_eq!((&counts["live"], &counts["enqueued"]), (&json!(3), &json!(3)), "{counts}");
    assert_eq!(counts["paused"], true);
    let dry = json!({"dry_run": true});
    let counted = operator.worked("/v1/functions/hello/purge", dry).await;
    assert_eq!(figures(&counted), [Some(3), Some(3), Some(0), Some(0)], "{counted}");
    let other = json!({"status": ["Retrying"]});
    let none = operator.worked("/v1/functions/hello/purge", other).await;
    assert_eq!(figures(&none), [Some(3), Some(0), Some(0), Some(0)], "{none}");
    let purged =
        operator.worked("/v1/functions/hello/purge", json!({"rate_per_second": 1000})).await;
    assert_eq!(figures(&purged), [Some(3), Some(3), Some(3), Some(0)], "{purged}");
    assert_eq!((&purged["kind"], &purged["expected"]), (&json!("Purge"), &json!(3)), "{purged}");
    assert_eq!((&purged["function"], &purged["redriven"]), (&json!("hello"), &json!(0)));
    let counts = operator.counted().await;
    assert_eq!((&counts["live"], &counts["stopped"]), (&json!(0), &json!(3)), "{counts}");

    let held = operator.posted("/v1/functions/hello/resume", json!({}), 200).await;
    assert_eq!((&held["paused"], &held["paused_since"]), (&json!(false), &Value::Null));
    operator.task("after", "hi").await;
    assert_eq!(operator.counted().await["succeeded"], 1);
}

#[tokio::test]
async fn tasks_that_fit_are_stopped_and_failed_ones_are_done_again() {
    let mut operator = Operator::start().await;
    let body = json!({"maxAsyncRetryAttempts": 0, "asyncTask": true});
    let path = format!("{HELLO}/async-invoke-config");
    let put = operator.daemon.client().await.json("PUT", &path, &body).await;
    assert_eq!(put.status, 200, "{}", put.text());
    operator.task("bad-1", "fail").await;
    operator.task("bad-2", "fail").await;
    operator.task("good", "hi").await;

    let wanted = json!({"code": "InvocationError", "prefix": "bad-"});
    let done = operator.worked("/v1/functions/hello/retry", wanted).await;
    assert_eq!((&done["kind"], &done["acted"]), (&json!("Retry"), &json!(2)), "{done}");
    until(async || (operator.counted().await["failed"] == 4).then_some(())).await;
    let failed = operator.get("/v1/tasks?function=hello&status=Failed").await;
    let mut olds: Vec<_> = failed["tasks"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|task| task["retry_of"].as_str())
        .collect();
    olds.sort_unstable();
    assert_eq!(olds, ["bad-1", "bad-2"], "{failed}");

    operator.posted("/v1/functions/hello/pause", json!({}), 200).await;
    operator.invoked(2, "hi").await;
    let stopped =
        operator.worked("/v1/functions/hello/stop", json!({"status": ["Enqueued"]})).await;
    assert_eq!((&stopped["kind"], &stopped["acted"]), (&json!("Stop"), &json!(2)), "{stopped}");
    let page = operator.get("/v1/tasks?function=hello&status=Stopped").await;
    assert_eq!(page["tasks"].as_array().map(Vec::len), Some(2), "a stopped task is kept");
}

#[tokio::test]
async fn a_destination_is_held_and_what_waits_for_it_is_given_up_and_redriven() {
    let mut operator = Operator::start().await;
    operator.daemon.queues.mend();
    let body = json!({"destinationConfig": {"onSuccess": {"destination": BROKEN}}});
    let path = format!("{HELLO}/async-invoke-config");
    let put = operator.daemon.client().await.json("PUT", &path, &body).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let named = json!({"destination": BROKEN});
    operator.posted("/v1/destinations/pause", named.clone(), 200).await;
    operator.invoked(2, "hi").await;
    until(async || {
        let shown = operator.get("/v1/destinations").await;
        let shown = &shown["destinations"][0];
        (shown["owed"] == 2 && shown["paused_since"].is_string()).then_some(())
    })
    .await;
    let purged = operator.worked("/v1/destinations/purge", named.clone()).await;
    assert_eq!(figures(&purged), [Some(2), Some(2), Some(2), Some(0)], "{purged}");
    assert_eq!(purged["destination"], BROKEN);
    let kept = operator.get("/v1/callbacks?status=Failed&code=Purged").await;
    assert_eq!(kept["callbacks"].as_array().map(Vec::len), Some(2), "{kept}");

    operator.posted("/v1/destinations/resume", named, 200).await;
    operator.worked("/v1/callbacks/redrive", json!({"code": "Purged"})).await;
    until(async || {
        let shown = operator.get("/v1/destinations").await;
        (shown["destinations"][0]["owed"] == 0).then_some(())
    })
    .await;
    let kept = operator.get("/v1/callbacks").await;
    assert_eq!(kept["callbacks"], json!([]), "they are delivered");
}

#[tokio::test]
async fn tasks_of_a_disabled_function_are_not_done_again() {
    let mut operator = Operator::start().await;
    operator.task("good", "hi").await;
    let disable = json!({"reason": "moved"});
    let path = format!("{HELLO}/invoke/disable");
    assert_eq!(operator.daemon.client().await.json("POST", &path, &disable).await.status, 200);
    for dry_run in [false, true] {
        let body = json!({"dry_run": dry_run}).to_string();
        let answer = operator.change("POST", "/v1/functions/hello/retry", &body).await;
        Operator::refused(&answer, 409, "FunctionDisabled", None);
    }
    let operations = operator.get("/v1/operations").await;
    assert_eq!(operations["operations"], json!([]), "none is begun");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let mut operator = Operator::start().await;
    for (path, body, status, code, field) in [
        ("/v1/functions/nobody/pause", json!({}), 404, "FunctionNotFound", None),
        ("/v1/functions/nobody/purge", json!({}), 404, "FunctionNotFound", None),
        (
            "/v1/functions/hello/pause",
            json!({"note": "x".repeat(1_025)}),
            400,
            "InvalidArgument",
            Some("note"),
        ),
        (
            "/v1/functions/hello/stop",
            json!({"status": ["Failed"]}),
            400,
            "InvalidArgument",
            Some("status"),
        ),
        (
            "/v1/functions/hello/purge",
            json!({"rate_per_second": 100_001}),
            400,
            "InvalidArgument",
            Some("rate_per_second"),
        ),
        (
            "/v1/functions/hello/purge",
            json!({"accepted_before": "yesterday"}),
            400,
            "InvalidArgument",
            Some("accepted_before"),
        ),
        (
            "/v1/functions/hello/stop",
            json!({"accepted_after": "2026-01-02T00:00:00Z", "accepted_before": "2026-01-01T23:59:59Z"}),
            400,
            "InvalidArgument",
            Some("accepted_after"),
        ),
        (
            "/v1/functions/hello/purge",
            json!({"prefix": "night 7"}),
            400,
            "InvalidArgument",
            Some("prefix"),
        ),
        (
            "/v1/destinations/pause",
            json!({"destination": "queue"}),
            400,
            "InvalidArgument",
            Some("destination"),
        ),
        (
            "/v1/destinations/purge",
            json!({"destination": "acs:mns:::/queues/never/messages"}),
            404,
            "DestinationNotFound",
            None,
        ),
    ] {
        let answer = operator.change("POST", path, &body.to_string()).await;
        Operator::refused(&answer, status, code, field);
    }
}

#[tokio::test]
async fn a_store_without_room_is_a_reason_to_come_back_and_not_an_error() {
    let mut operator = Operator::start().await;
    operator.daemon.store.set_no_room(true);
    for path in ["/v1/functions/hello/pause", "/v1/functions/hello/purge", "/v1/callbacks/redrive"]
    {
        let body = if path.ends_with("redrive") { json!({"all": true}) } else { json!({}) };
        let answer = operator.change("POST", path, &body.to_string()).await;
        Operator::refused(&answer, 503, "ServiceUnavailable", None);
        assert_eq!(answer.header("retry-after"), Some("10"), "{path}");
        assert!(answer.text().contains("no room left in the store"), "{path}: {}", answer.text());
    }
    let function = json!({"url": "http://127.0.0.1:9/"}).to_string();
    let answer = operator.change("PUT", "/v1/functions/new", &function).await;
    Operator::refused(&answer, 503, "ServiceUnavailable", None);
    // What only reads goes on.
    assert_eq!(operator.counted().await["live"], 0);
    assert_eq!(operator.get("/v1/functions/hello").await["paused_since"], Value::Null);

    operator.daemon.store.set_no_room(false);
    operator.posted("/v1/functions/hello/pause", json!({}), 200).await;
}
