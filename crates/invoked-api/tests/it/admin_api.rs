//! The admin API: what operators see, and what they change.

use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::{ASYNC, HELLO, INVOKE, until};
use crate::operator::{Operator, TASK};

#[tokio::test]
async fn a_function_is_put_shown_listed_and_deleted() {
    let mut operator = Operator::start().await;
    let put = json!({"url": "http://127.0.0.1:9/", "timeout_ms": 1500, "concurrency": 3});
    let created = operator.change("PUT", "/v1/functions/svc%24fn", &put.to_string()).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let shown = operator.get("/v1/functions/svc$fn").await;
    assert_eq!(shown, created.value());
    for (field, value) in [
        ("account", json!("123")),
        ("name", json!("svc$fn")),
        ("origin", json!("api")),
        ("kind", json!("event")),
        ("url", json!("http://127.0.0.1:9/")),
        ("timeout_ms", json!(1500)),
        ("concurrency", json!(3)),
        ("status", json!("header")),
        ("initialize", json!(false)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let replaced = operator.change("PUT", "/v1/functions/svc$fn", r#"{"kind":"http"}"#).await;
    assert_eq!(replaced.status, 200, "{}", replaced.text());
    assert_eq!(replaced.value()["url"], Value::Null);
    assert_eq!(replaced.value()["created_at"], shown["created_at"]);

    let first = operator.get("/v1/functions?limit=1").await;
    assert_eq!(first["functions"][0]["name"], "hello");
    let token = first["next"].as_str().expect("a token").replace('$', "%24");
    let second = operator.get(&format!("/v1/functions?limit=1&token={token}")).await;
    assert_eq!(
        (&second["functions"][0]["name"], &second["next"]),
        (&"svc$fn".into(), &Value::Null)
    );
    assert_eq!(operator.get("/v1/functions?prefix=x").await["functions"], json!([]));
    assert_eq!(operator.get("/v1/functions?account=999").await["functions"], json!([]));

    assert_eq!(operator.change("DELETE", "/v1/functions/svc$fn", "").await.status, 204);
    let gone = operator.change("DELETE", "/v1/functions/svc$fn", "").await;
    Operator::refused(&gone, 404, "FunctionNotFound", None);
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn clients_see_what_an_operator_put_and_their_update_keeps_it() {
    let mut operator = Operator::start().await;
    let put = operator.change("PUT", "/v1/functions/hello", r#"{"url":"http://127.0.0.1:10"}"#);
    assert_eq!(put.await.status, 200);
    let mut api = operator.daemon.client().await;
    let shown = api.send("GET", HELLO, &[], "").await.value();
    assert_eq!(shown["environmentVariables"]["INVOKED_TARGET_URL"], "http://127.0.0.1:10");
    let updated = api.json("PUT", HELLO, &json!({"description": "x"})).await;
    assert_eq!(updated.status, 200, "{}", updated.text());
    assert_eq!(operator.get("/v1/functions/hello").await["url"], "http://127.0.0.1:10");
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn what_is_not_in_its_form_is_refused_with_its_name() {
    let mut operator = Operator::start().await;
    for (body, field) in [
        (r#"{"url":"ftp://x"}"#, Some("url")),
        (r#"{"timeout_ms":0}"#, Some("timeout_ms")),
        (r#"{"timeout_ms":86400001}"#, Some("timeout_ms")),
        (r#"{"timeout_ms":-1}"#, Some("timeout_ms")),
        (r#"{"concurrency":0}"#, Some("concurrency")),
        (r#"{"concurrency":-1}"#, Some("concurrency")),
        (r#"{"concurrency":100001}"#, Some("concurrency")),
        (r#"{"concurrency":4294967295}"#, Some("concurrency")),
        (r#"{"concurrency":4294967296}"#, Some("concurrency")),
        (r#"{"concurrency":1.5}"#, None),
        (r#"{"rate":4294967296}"#, Some("rate")),
        (r#"{"weight":-1}"#, Some("weight")),
        (r#"{"qualifiers":{"prod":{"concurrency":4294967295}}}"#, Some("qualifiers")),
        (r#"{"qualifiers":{"prod":{"rate":-1}}}"#, Some("qualifiers")),
        (r#"{"qualifiers":{"prod":{"weight":4294967296}}}"#, Some("qualifiers")),
        (r#"{"qualifiers":{"prod":{"weight":null}}}"#, None),
        (r#"{"timeout":5}"#, None),
        (r#"{"kind":"batch"}"#, None),
        ("[]", None),
        ("{", None),
        ("", None),
    ] {
        let answer = operator.change("PUT", "/v1/functions/f", body).await;
        Operator::refused(&answer, 400, "InvalidArgument", field);
    }
    let most = r#"{"concurrency":100000,"qualifiers":{"prod":{"concurrency":100000}}}"#;
    assert_eq!(operator.change("PUT", "/v1/functions/most", most).await.status, 201);
    let above = operator.change("PUT", "/v1/functions/most", r#"{"concurrency":100001}"#).await;
    assert!(above.text().contains("concurrency: must be between 1 and 100000"), "{}", above.text());
    let long = format!(r#"{{"url":"http://{}"}}"#, "x".repeat(3_000));
    let answer = operator.change("PUT", "/v1/functions/f", &long).await;
    Operator::refused(&answer, 400, "InvalidArgument", Some("url"));
    let named = operator.change("PUT", "/v1/functions/1f", "{}").await;
    Operator::refused(&named, 400, "InvalidArgument", Some("name"));
    let huge = " ".repeat(70_000);
    let answer = operator.change("PUT", "/v1/functions/f", &huge).await;
    Operator::refused(&answer, 413, "EntityTooLarge", None);

    let mut client = Client::connect(operator.daemon.admin).await;
    let headers = [("content-type", "text/plain"), ("x-invoked-admin", "1")];
    let answer = client.send("PUT", "/v1/functions/f", &headers, "{}").await;
    Operator::refused(&answer, 415, "UnsupportedMediaType", None);
    for (path, field) in [
        ("/v1/functions?limit=0", "limit"),
        ("/v1/functions?name=f", "name"),
        ("/v1/functions/hello/configs?limit=101", "limit"),
        ("/v1/tasks", "function"),
        ("/v1/tasks?function=1", "function"),
        ("/v1/tasks?function=hello&status=Done", "status"),
        ("/v1/tasks?function=hello&order=up", "order"),
        ("/v1/tasks?function=hello&qualifier=a%20b", "qualifier"),
        ("/v1/tasks?function=hello&started_after=noon", "started_after"),
        ("/v1/tasks?function=hello&token=x", "token"),
        ("/v1/callbacks?status=Delivered", "status"),
        ("/v1/callbacks?destination=nonsense", "destination"),
        (
            "/v1/callbacks?since_after=2026-01-02T00:00:00Z&since_before=2026-01-01T00:00:00Z",
            "since_after",
        ),
        ("/v1/tasks?function=hello&prefix=a.b", "prefix"),
        ("/v1/callbacks?token=x", "token"),
        ("/v1/status?verbose=1", "verbose"),
    ] {
        let answer = client.send("GET", path, &[], "").await;
        Operator::refused(&answer, 400, "InvalidArgument", Some(field));
    }
    for (path, code) in [
        ("/v1/functions/none", "FunctionNotFound"),
        ("/v1/functions/none/configs", "FunctionNotFound"),
        ("/v1/tasks?function=none", "FunctionNotFound"),
        ("/v1/tasks/none/x", "FunctionNotFound"),
        ("/v1/tasks/hello/x", "TaskNotFound"),
        ("/v1/invocations/x", "InvocationNotFound"),
        ("/v1/callbacks/x", "CallbackNotFound"),
        ("/v1/callbacks?function=none", "FunctionNotFound"),
        ("/v1/nothing", "NotFound"),
    ] {
        let answer = client.send("GET", path, &[], "").await;
        Operator::refused(&answer, 404, code, None);
    }
    let answer = client.send("PATCH", "/v1/functions/hello", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, PUT, DELETE")));
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn configurations_of_a_function_are_listed() {
    let mut operator = Operator::start().await;
    let mut api = operator.daemon.client().await;
    for (qualifier, retries) in [("LATEST", 0), ("prod", 2)] {
        let path = format!("{HELLO}/async-invoke-config?qualifier={qualifier}");
        let put = api.json("PUT", &path, &json!({"maxAsyncRetryAttempts": retries})).await;
        assert_eq!(put.status, 200, "{}", put.text());
    }
    let configs = operator.get("/v1/functions/hello/configs").await;
    let found = configs["configs"].as_array().expect("a list");
    let found: Vec<_> =
        found.iter().map(|of| (&of["qualifier"], &of["max_async_retry_attempts"])).collect();
    assert_eq!(found, [(&json!("LATEST"), &json!(0)), (&json!("prod"), &json!(2))]);
    assert_eq!(configs["configs"][0]["on_success"], Value::Null);
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn tasks_are_shown_whole_and_listed_by_what_is_asked() {
    let mut operator = Operator::start().await;
    let good = operator.task("good-1", "hi").await;
    assert_eq!(good["payload"], json!({"encoding": "utf8", "data": "hi"}));
    assert_eq!(good["result"], json!({"encoding": "utf8", "data": "hi"}));
    assert_eq!((&good["status"], &good["retry_of"]), (&json!("Succeeded"), &Value::Null));
    assert_eq!(good["events"][0]["status"], "Enqueued");
    operator.next_millisecond().await;
    operator.task("good-2", "hi").await;
    operator.next_millisecond().await;
    let mut api = operator.daemon.client().await;
    let held = ("x-fc-async-task-id", "held");
    assert_eq!(api.send("POST", INVOKE, &[ASYNC, TASK, held], "hold").await.status, 202);

    let ids = |page: &Value| {
        let tasks = page["tasks"].as_array().expect("a list");
        tasks.iter().map(|task| task["task_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let page = operator.get("/v1/tasks?function=hello&order=asc&limit=2").await;
    assert_eq!(ids(&page), ["good-1", "good-2"]);
    assert_eq!(page["tasks"][0]["payload"], Value::Null);
    let token = page["next"].as_str().expect("a token");
    let rest = format!("/v1/tasks?function=hello&order=asc&limit=2&token={token}");
    assert_eq!(ids(&operator.get(&rest).await), ["held"]);
    let some = operator.get("/v1/tasks?function=hello&prefix=good&status=Succeeded").await;
    assert_eq!(ids(&some), ["good-2", "good-1"]);
    for (bound, count) in [("before", 0), ("after", 3)] {
        let bounded =
            format!("/v1/tasks?function=hello&started_{bound}=2020-01-01T08:00:00%2B08:00");
        let page = operator.get(&bounded).await;
        assert_eq!(ids(&page).len(), count, "{bound}: {page}");
    }

    assert_eq!(operator.change("POST", "/v1/tasks/hello/held/stop", "").await.status, 204);
    assert_eq!(operator.ended("held").await["status"], "Stopped");
    let again = operator.change("POST", "/v1/tasks/hello/held/stop", "").await;
    Operator::refused(&again, 409, "TaskEnded", None);
    let lanes = operator.get("/v1/status").await;
    assert_eq!(lanes["live"], 0, "{lanes}");
    assert_eq!(
        (&lanes["accepting"], lanes["shards"].as_array().map(Vec::len)),
        (&json!(true), Some(1))
    );
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn a_finished_task_is_done_again_under_a_new_id_that_names_the_old_one() {
    let mut operator = Operator::start().await;
    let old = operator.task("nightly", "hi").await;
    let path = "/v1/tasks/hello/nightly/retry";
    let retried = operator.change("POST", path, r#"{"task_id":"nightly-2"}"#).await;
    assert_eq!(retried.status, 202, "{}", retried.text());
    let retried = retried.value();
    assert_eq!(
        (&retried["retry_of"], &retried["task_id"]),
        (&json!("nightly"), &json!("nightly-2"))
    );
    assert_eq!(retried["retry_of_request_id"], old["request_id"]);
    let new = operator.ended("nightly-2").await;
    assert_eq!((&new["status"], &new["retry_of"]), (&json!("Succeeded"), &json!("nightly")));
    assert_eq!(new["payload"], old["payload"]);
    assert_eq!(new["request_id"], retried["request_id"]);
    assert_eq!(new["events"][0]["detail"], r#"{"RetryOf":"nightly"}"#);

    let taken = operator.change("POST", path, r#"{"task_id":"nightly-2"}"#).await;
    Operator::refused(&taken, 409, "TaskExists", Some("task_id"));
    let bad = operator.change("POST", path, r#"{"task_id":"2"}"#).await;
    Operator::refused(&bad, 400, "InvalidArgument", Some("task_id"));
    // Without a name the daemon makes one, and by that one it is found again.
    let third = operator.change("POST", path, "").await.value();
    assert_eq!(third["task_id"], third["request_id"]);
    let id = third["request_id"].as_str().expect("an id").to_owned();
    operator.ended(&id).await;
    let shown = operator.get(&format!("/v1/invocations/{id}")).await;
    assert_eq!((&shown["function"], &shown["retry_of"]), (&json!("hello"), &json!("nightly")));
    let fourth = operator.change("POST", &format!("/v1/invocations/{id}/retry"), "").await;
    assert_eq!((fourth.status, &fourth.value()["retry_of"]), (202, &json!(id)));
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn what_cannot_be_done_again_says_why() {
    let mut operator = Operator::start().await;
    let mut api = operator.daemon.client().await;
    let held = ("x-fc-async-task-id", "held");
    assert_eq!(api.send("POST", INVOKE, &[ASYNC, TASK, held], "hold").await.status, 202);
    let running = operator.change("POST", "/v1/tasks/hello/held/retry", "").await;
    Operator::refused(&running, 409, "TaskNotEnded", None);
    assert_eq!(operator.change("POST", "/v1/tasks/hello/held/stop", "").await.status, 204);
    operator.ended("held").await;

    // Of a plain invocation that failed the record is kept, and no payload.
    let path = format!("{HELLO}/async-invoke-config");
    let put = api.json("PUT", &path, &json!({"maxAsyncRetryAttempts": 0})).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let plain = api.send("POST", INVOKE, &[ASYNC], "fail").await.id().to_owned();
    let path = format!("/v1/invocations/{plain}");
    let ended = until(async || {
        let shown = operator.get(&path).await;
        shown["ended_at"].is_string().then_some(shown)
    })
    .await;
    assert_eq!((&ended["task_id"], &ended["status"]), (&Value::Null, &json!("Failed")));
    let refused = operator.change("POST", &format!("{path}/retry"), "").await;
    Operator::refused(&refused, 410, "PayloadGone", None);

    // A deleted function's tasks are still shown; there is nobody to do them again.
    assert_eq!(operator.change("DELETE", "/v1/functions/hello", "").await.status, 204);
    assert_eq!(operator.get("/v1/tasks/hello/held").await["status"], "Stopped");
    let page = operator.get("/v1/tasks?function=hello").await;
    assert_eq!(page["tasks"][0]["task_id"], "held");
    let nobody = operator.change("POST", "/v1/tasks/hello/held/retry", "").await;
    Operator::refused(&nobody, 404, "FunctionNotFound", None);
    // Created anew, it does the old task again.
    let put =
        operator.change("PUT", "/v1/functions/hello", r#"{"url":"http://127.0.0.1:9"}"#).await;
    assert_eq!(put.status, 201, "{}", put.text());
    let put = operator.change("PUT", "/v1/functions/hello", "{}").await;
    assert_eq!(put.status, 200, "{}", put.text());
    let no_target = operator.change("POST", "/v1/tasks/hello/held/retry", "").await;
    Operator::refused(&no_target, 409, "NoTarget", None);
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn callbacks_that_are_not_delivered_are_listed_and_shown() {
    let mut operator = Operator::start().await;
    let mut api = operator.daemon.client().await;
    let path = format!("{HELLO}/async-invoke-config");
    let (nowhere, busy) =
        ("acs:mq:cn-hangzhou:123:/instances/i/topics/t", "acs:mns:::/queues/q/messages");
    let destinations = json!({"destinationConfig": {
        "onSuccess": {"destination": nowhere}, "onFailure": {"destination": busy},
    }, "maxAsyncRetryAttempts": 0});
    let put = api.json("PUT", &path, &destinations).await;
    assert_eq!(put.status, 200, "{}", put.text());
    operator.task("told-nobody", "hi").await;
    let plain = api.send("POST", INVOKE, &[ASYNC], "hi").await.id().to_owned();
    operator.task("told-later", "fail").await;

    let page = until(async || {
        let page = operator.get("/v1/callbacks").await;
        let callbacks = page["callbacks"].as_array().expect("a list");
        (callbacks.len() == 3 && callbacks[2]["tries"] == 1).then_some(page)
    })
    .await;
    let found = page["callbacks"].as_array().expect("a list");
    let mut failed: Vec<_> = found[..2].iter().map(|of| of["request_id"].clone()).collect();
    failed.retain(|id| *id == plain.as_str());
    assert_eq!(failed.len(), 1, "{page}");
    assert!(found[..2].iter().all(|of| of["status"] == "Failed" && of["destination"] == nowhere));
    assert!(found[..2].iter().all(|of| of["failed_at"].is_string() && of["error"].is_object()));
    let pending = &found[2];
    assert_eq!(
        (&pending["status"], &pending["task_id"]),
        (&json!("Pending"), &json!("told-later"))
    );
    assert_eq!((&pending["destination"], &pending["outcome"]), (&json!(busy), &json!("Failed")));
    assert_eq!(pending["error"]["code"], "ServiceUnavailable");
    assert!(pending["next_at"].is_string() && pending["failed_at"].is_null(), "{pending}");

    for callback in found {
        let id = callback["id"].as_str().expect("an id");
        let shown = operator.get(&format!("/v1/callbacks/{id}")).await;
        let data = shown["envelope"]["data"].as_str().expect("an envelope");
        let envelope: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(envelope["requestContext"]["requestId"], callback["request_id"]);
        assert_eq!(callback["envelope"], Value::Null);
        assert_eq!(shown["request_id"], callback["request_id"]);
    }
    let code = found[0]["error"]["code"].as_str().expect("a code");
    for (query, count) in [
        ("status=Failed", 2),
        ("status=Pending", 1),
        ("destination=acs:mns:::/queues/q/messages", 1),
        ("destination=acs:mns:::/queues/other/messages", 0),
        (&format!("code={code}"), 2),
        ("code=none", 0),
        ("function=hello", 3),
    ] {
        let page = operator.get(&format!("/v1/callbacks?{query}")).await;
        assert_eq!(page["callbacks"].as_array().map(Vec::len), Some(count), "{query}: {page}");
    }
    // One by one, all are seen once.
    let (mut seen, mut next) = (Vec::new(), String::new());
    for _ in 0..9 {
        let page = operator.get(&format!("/v1/callbacks?limit=1{next}")).await;
        seen.extend(
            page["callbacks"].as_array().expect("a list").iter().map(|of| of["id"].clone()),
        );
        let Some(token) = page["next"].as_str() else { break };
        next = format!("&token={token}");
    }
    assert_eq!(seen, found.iter().map(|of| of["id"].clone()).collect::<Vec<_>>());
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn the_description_is_served() {
    let mut operator = Operator::start().await;
    let described = operator.get("/v1/openapi.json").await;
    let version = described["openapi"].as_str().expect("a version");
    assert!(version.starts_with("3.1"), "{version}");
    assert!(described["paths"]["/v1/callbacks/{id}"]["get"].is_object());
    operator.daemon.stopped().await;
}
