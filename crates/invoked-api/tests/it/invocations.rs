//! InvokeFunction, both ways.

use invoked_api::ApiConfig;
use serde_json::json;

use crate::daemon::{ASYNC, Daemon, HELLO, INVOKE, until};

#[tokio::test]
async fn an_accepted_invocation_has_no_body_and_three_ids() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let first = client.send("POST", INVOKE, &[ASYNC], "{}").await;
    let second = client.send("POST", INVOKE, &[ASYNC], "{}").await;
    for answer in [&first, &second] {
        assert_eq!((answer.status, answer.body.len()), (202, 0));
        assert_eq!(answer.header("x-fc-async-task-id"), Some(answer.id()));
        assert_eq!(answer.header("x-fc-stateful-async-invocation-id"), Some(answer.id()));
    }
    assert_ne!(first.id(), second.id());
    daemon.stopped().await;
}

#[tokio::test]
async fn every_version_invokes() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let function = json!({
        "functionName": "svc$fn",
        "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9"},
    });
    client.json("POST", "/2023-03-30/functions", &function).await;
    for version in ["2016-08-15", "2021-04-06"] {
        let path = format!("/{version}/services/svc.prod/functions/fn/invocations");
        assert_eq!(client.send("POST", &path, &[ASYNC], "").await.status, 202);
        let answer = client.send("POST", &path, &[], "a").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "a"));
        for (header, value) in [
            ("x-fc-invocation-service-version", "prod"),
            ("x-fc-invocation-code-version", "prod"),
            ("x-fc-max-memory-usage", "0"),
            ("x-fc-code-checksum", ""),
            ("x-fc-instance-id", ""),
        ] {
            assert_eq!(answer.header(header), Some(value), "{header}");
        }
        // The service is missed before the function.
        let path = format!("/{version}/services/svc/functions/other/invocations");
        let answer = client.send("POST", &path, &[ASYNC], "").await;
        answer.is_error(
            404,
            "FunctionNotFound",
            &["function 'other' does not exist in service 'svc'"],
        );
        let path = format!("/{version}/services/none/functions/fn");
        let answer = client.send("GET", &path, &[], "").await;
        answer.is_error(404, "ServiceNotFound", &["service 'none' does not exist"]);
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn a_synchronous_call_brings_the_answer_of_the_function() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let answer = client.send("POST", INVOKE, &[("x-fc-log-type", "Tail")], "hi").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "hi"));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert!(answer.header("x-fc-invocation-duration").is_some());
    assert_eq!(answer.header("x-fc-error-type"), None);

    let failed = client.send("POST", INVOKE, &[], "fail").await;
    assert_eq!((failed.status, failed.header("x-fc-error-type")), (200, Some("InvocationError")));
    assert_eq!(failed.value()["errorMessage"], "as planned");

    let down = client.send("POST", INVOKE, &[], "down").await;
    down.is_error(503, "ResourceThrottled", &["throttled"]);
    assert_eq!(down.header("retry-after"), Some("7"));
    assert!(!down.text().contains("10.0.0.7"), "{}", down.text());

    let panicked = client.send("POST", INVOKE, &[], "panic").await;
    panicked.is_error(500, "InternalServerError", &["retry"]);

    let depth = client.send("POST", INVOKE, &[("x-invoked-lineage", "3")], "depth").await;
    assert_eq!(depth.text(), "3");
    let qualified = client.send("POST", &format!("{INVOKE}?qualifier=a+b"), &[], "").await;
    qualified.is_error(400, "InvalidArgument", &["qualifier"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn headers_that_do_not_read_are_named_with_their_limits() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    for (name, value, limit) in [
        ("x-fc-async-delay", "3601", "3600"),
        ("x-fc-async-task-id", "9lives", "128"),
        ("x-fc-stateful-async-invocation-id", "a b", "128"),
        ("x-fc-stateful-async-invocation-enable", "maybe", "true or false"),
        ("x-invoked-lineage", "17", "16"),
    ] {
        let answer = client.send("POST", INVOKE, &[ASYNC, (name, value)], "{}").await;
        answer.is_error(400, "InvalidArgument", &[name, limit]);
    }
    let answer = client.send("POST", INVOKE, &[("x-fc-invocation-type", "Later")], "{}").await;
    answer.is_error(400, "InvalidArgument", &["x-fc-invocation-type", "Sync"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_task_is_there_at_once_and_its_id_is_taken() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let task = [("x-fc-invocation-type", "Task"), ("x-fc-async-task-id", "once")];
    let answer = client.send("POST", INVOKE, &task, "hi").await;
    assert_eq!((answer.status, answer.header("x-fc-async-task-id")), (202, Some("once")));
    let id = answer.id().to_owned();
    client.send("POST", INVOKE, &task, "hi").await.is_error(
        409,
        "StatefulAsyncInvocationAlreadyExists",
        &["once"],
    );
    let path = format!("{HELLO}/async-tasks/once");
    let record = until(async || {
        let record = client.send("GET", &path, &[], "").await.value();
        (record["status"] == "Succeeded").then_some(record)
    })
    .await;
    assert_eq!(record["requestId"], id);
    assert_eq!((&record["taskPayload"], &record["returnPayload"]), (&"hi".into(), &"hi".into()));
    let list = client.send("GET", &format!("{HELLO}/async-tasks?prefix=on"), &[], "").await.value();
    assert_eq!((&list["tasks"][0]["taskId"], &list["nextToken"]), (&"once".into(), &"".into()));
    let stop = client.send("PUT", &format!("{path}/stop"), &[], "").await;
    stop.is_error(400, "InvalidArgument", &["once", "Succeeded"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_running_task_is_stopped() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let task = [("x-fc-invocation-type", "Task"), ("x-fc-async-task-id", "endless")];
    assert_eq!(client.send("POST", INVOKE, &task, "hold").await.status, 202);
    let path = format!("{HELLO}/async-tasks/endless");
    let stop = client.send("PUT", &format!("{path}/stop"), &[], "").await;
    assert_eq!((stop.status, stop.body.len()), (204, 0));
    until(async || {
        let record = client.send("GET", &path, &[], "").await.value();
        (record["status"] == "Stopped").then_some(())
    })
    .await;
    let missing = client.send("GET", &format!("{HELLO}/async-tasks/nobody"), &[], "").await;
    missing.is_error(404, "StatefulAsyncInvocationNotFound", &["nobody"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_daemon_that_drains_asks_to_come_again() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    daemon.engine.handle().refuse();
    let answer = client.send("POST", INVOKE, &[ASYNC], "{}").await;
    answer.is_error(503, "ServiceUnavailable", &[]);
    assert_eq!(answer.header("retry-after"), Some("1"));
    daemon.stopped().await;
}
