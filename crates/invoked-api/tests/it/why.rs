//! "Why is it waiting?", asked of invocations, tasks, functions and destinations.

use serde_json::{Value, json};

use crate::daemon::{ASYNC, BUSY, FUNCTIONS, HELLO, INVOKE, function, until};
use crate::operator::Operator;

impl Operator {
    async fn invoke(&mut self, headers: &[(&str, &str)], payload: &str) -> String {
        let mut api = self.daemon.client().await;
        let answer = api.send("POST", INVOKE, headers, payload).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.id().to_owned()
    }

    async fn why(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/invocations/{id}/why")).await
    }

    async fn limit(&mut self, fields: Value) {
        let mut body = json!({"url": "http://127.0.0.1:9/"});
        let (given, wanted) = (body.as_object_mut(), fields.as_object());
        given.expect("fields").extend(wanted.expect("fields").clone());
        let put = self.change("PUT", "/v1/functions/hello", &body.to_string()).await;
        assert_eq!(put.status, 200, "{}", put.text());
    }
}

#[tokio::test]
async fn a_full_function_says_who_goes_first_and_what_would_change_it() {
    let mut operator = Operator::start().await;
    operator.limit(json!({"concurrency": 1})).await;
    let running = operator.invoke(&[ASYNC], "hold").await;
    let first = operator.invoke(&[ASYNC], "hi").await;
    let second = operator.invoke(&[ASYNC], "hi").await;
    let why = until(async || {
        let why = operator.why(&running).await;
        (why["reason"] == "Running").then_some(why)
    })
    .await;
    assert_eq!((&why["before"], &why["lane"]["in_flight"]), (&Value::Null, &json!(1)));
    let whys = [operator.why(&first).await, operator.why(&second).await];
    for why in &whys {
        assert_eq!(
            (&why["reason"], &why["before_is_exact"]),
            (&json!("Concurrency"), &json!(true))
        );
        assert!(why["advice"].as_str().unwrap().contains("concurrency"), "{why}");
    }
    // Both may be of one millisecond, and then either goes first.
    let mut before = [&whys[0], &whys[1]].map(|why| why["before"].as_u64());
    before.sort_unstable();
    assert_eq!(before, [Some(0), Some(1)]);
    let lane = operator.get("/v1/functions/hello/why").await;
    assert_eq!(lane["reason"], "Concurrency");
    assert_eq!(
        (&lane["lane"]["limit"], &lane["lane"]["waiting"]),
        (&json!(1), &json!(2)),
        "{lane}"
    );
    assert_eq!(lane["lane"]["limit_is_adaptive"], false);
    let accepted = whys.iter().filter_map(|why| why["accepted_at"].as_str()).min();
    assert_eq!(lane["lane"]["oldest_accepted_at"].as_str(), accepted, "{lane}");
}

#[tokio::test]
async fn delays_waits_and_holds_have_their_times() {
    let mut operator = Operator::start().await;
    let delayed = operator.invoke(&[ASYNC, ("x-fc-async-delay", "600")], "hi").await;
    let why = operator.why(&delayed).await;
    assert_eq!(why["reason"], "Delay", "{why}");
    assert!(why["next_at"].is_string());
    let busy = operator.invoke(&[ASYNC], "down").await;
    let why = until(async || {
        let why = operator.why(&busy).await;
        (why["reason"] == "Backoff").then_some(why)
    })
    .await;
    assert_eq!(why["last_error"]["code"], "ResourceThrottled", "{why}");
    // What the function asked for holds the others as well.
    let held = operator.invoke(&[ASYNC], "hi").await;
    let why = operator.why(&held).await;
    assert_eq!(why["reason"], "RetryAfter", "{why}");
    let lane = operator.get("/v1/functions/hello/why").await;
    assert_eq!(lane["lane"]["last_error"]["code"], "ResourceThrottled", "{lane}");
}

#[tokio::test]
async fn a_rate_and_an_end_are_named() {
    let mut operator = Operator::start().await;
    operator.limit(json!({"rate": 1})).await;
    let first = operator.invoke(&[ASYNC], "fail").await;
    let second = operator.invoke(&[ASYNC], "hi").await;
    let why = until(async || {
        let why = operator.why(&second).await;
        (why["reason"] == "Rate").then_some(why)
    })
    .await;
    assert!(why["next_at"].is_string(), "{why}");
    operator.limit(json!({})).await;
    operator.task("t-1", "hi").await;
    let why = operator.get("/v1/tasks/hello/t-1/why").await;
    assert_eq!((&why["reason"], &why["task_id"]), (&json!("Ended"), &json!("t-1")), "{why}");
    let why = operator.why(&first).await;
    assert_eq!((&why["reason"], &why["status"]), (&json!("Backoff"), &json!("Retrying")), "{why}");
}

#[tokio::test]
async fn a_destination_says_why_its_callbacks_wait() {
    let mut operator = Operator::start().await;
    let path = format!("/v1/destinations/why?destination={}", BUSY.replace('/', "%2F"));
    let idle = operator.get(&path).await;
    assert_eq!((&idle["reason"], &idle["lane"]), (&json!("Nothing"), &Value::Null));
    let body = json!({"destinationConfig": {"onSuccess": {"destination": BUSY}}});
    let config = format!("{HELLO}/async-invoke-config");
    let put = operator.daemon.client().await.json("PUT", &config, &body).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let id = operator.invoke(&[ASYNC], "hi").await;
    let why = until(async || {
        let why = operator.why(&id).await;
        (why["reason"] == "Backoff").then_some(why)
    })
    .await;
    assert_eq!(why["lane"]["destination"], BUSY, "{why}");
    assert_eq!(why["status"], "Succeeded", "the function has answered");
    assert_eq!(why["last_error"]["code"], "ServiceUnavailable", "{why}");
    assert!(why["callback_tries"].as_u64().is_some_and(|tries| tries > 0), "{why}");
    assert!(why["callback_deadline"].is_string(), "{why}");
    let lane = operator.get(&path).await;
    assert_eq!(lane["reason"], "Backoff", "{lane}");
    assert_eq!(lane["lane"]["last_error"]["code"], "ServiceUnavailable", "{lane}");
}

#[tokio::test]
async fn what_is_not_there_has_no_reason() {
    let mut operator = Operator::start().await;
    let created = operator.daemon.client().await.json("POST", FUNCTIONS, &function("other")).await;
    assert_eq!(created.status, 200, "{}", created.text());
    let idle = operator.get("/v1/functions/other/why").await;
    assert_eq!((&idle["reason"], &idle["message"]), (&json!("Nothing"), &json!("nothing waits")));
    let lane = &idle["lane"];
    assert_eq!((&lane["function"], &lane["waiting"]), (&json!("other"), &json!(0)), "{idle}");
    assert!(lane["limit"].as_u64().is_some_and(|limit| limit > 0), "{idle}");
    assert_eq!(lane["oldest_accepted_at"], Value::Null, "{idle}");
    for (path, status) in [
        ("/v1/invocations/00000000-0000-0000-0000-000000000009/why", 404),
        ("/v1/invocations/x/why", 404),
        ("/v1/tasks/hello/none/why", 404),
        ("/v1/functions/nobody/why", 404),
        ("/v1/destinations/why", 400),
        ("/v1/destinations/why?destination=x", 400),
    ] {
        let answer = operator.client.send("GET", path, &[], "").await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}
