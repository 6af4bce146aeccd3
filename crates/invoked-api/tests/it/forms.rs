//! What requests may look like: the server's checklist, section 9 of the wire contract. Chunks and
//! stray bodies are in `bodies`, captured requests in `replay`.

use invoked_api::ApiConfig;
use serde_json::json;

use crate::client::head;
use crate::daemon::{ASYNC, Daemon, HELLO, INVOKE};

const CONFIG: &str = "/2023-03-30/functions/hello/async-invoke-config";

#[tokio::test]
async fn requests_are_routed_by_path_whatever_their_action_says() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let lies = [("x-acs-action", "DeleteFunction"), ("x-acs-version", "2016-08-15")];
    assert_eq!(client.send("GET", HELLO, &lies, "").await.status, 200);
    assert_eq!(client.send("GET", "/2023-03-30/functions/h%65llo", &[], "").await.status, 200);
    daemon.stopped().await;
}

#[tokio::test]
async fn missing_empty_and_latest_are_one_qualifier_in_path_and_query() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let svc = json!({"functionName": "svc$fn"});
    client.json("POST", "/2023-03-30/functions", &svc).await;
    let put = json!({"MAXASYNCRETRYATTEMPTS": "0", "unknown": {}, "asyncTask": null});
    let old = "/2016-08-15/services/svc.LATEST/functions/fn/async-invoke-config";
    assert_eq!(client.json("PUT", old, &put).await.status, 200);
    for path in [
        "/2016-08-15/services/svc/functions/fn/async-invoke-config",
        "/2016-08-15/services/svc./functions/fn/async-invoke-config",
        "/2016-08-15/services/svc/functions/fn/async-invoke-config?qualifier=LATEST",
        "/2021-04-06/services/svc.LATEST/functions/fn/async-invoke-config?qualifier=",
        "/2023-03-30/functions/svc%24fn/async-invoke-config?qualifier=",
    ] {
        let body = client.send("GET", path, &[], "").await.value();
        assert_eq!(body["maxAsyncRetryAttempts"], 0, "{path}");
    }
    for path in [
        "/2016-08-15/services/svc.prod/functions/fn/async-invoke-config",
        "/2021-04-06/services/svc/functions/fn/async-invoke-config?qualifier=prod",
    ] {
        let answer = client.send("GET", path, &[], "").await;
        answer.is_error(404, "AsyncConfigNotExists", &["function 'fn' in service 'svc'", "prod"]);
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn bodies_on_reads_and_deletes_are_passed_over() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    client.json("PUT", CONFIG, &json!({"asyncTask": true})).await;
    for path in [CONFIG, HELLO, "/2023-03-30/functions"] {
        for body in ["", "{}", "not json"] {
            assert_eq!(client.send("GET", path, &[], body).await.status, 200, "{path} {body:?}");
        }
    }
    assert_eq!(client.send("DELETE", CONFIG, &[], "{}").await.status, 204);
    // The connection is still good.
    assert_eq!(client.send("GET", HELLO, &[], "").await.status, 200);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_head_request_is_refused_without_a_body() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    assert!(client.write(head("HEAD", HELLO, &[]) + "\r\n").await);
    // What follows is read as the next answer: there was no body after the head.
    assert!(client.write(head("GET", HELLO, &[]) + "\r\n").await);
    assert_eq!(client.answer_head().await.unwrap().status, 400);
    assert_eq!(client.answer().await.unwrap().status, 200);
    daemon.stopped().await;
}

#[tokio::test]
async fn delays_and_kinds_of_invocations_read_in_every_version() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    client
        .json(
            "POST",
            "/2023-03-30/functions",
            &json!({
                "functionName": "svc$fn",
                "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9"},
            }),
        )
        .await;
    let old = "/services/svc/functions/fn/invocations";
    for (number, path) in
        [INVOKE.to_owned(), format!("/2016-08-15{old}"), format!("/2021-04-06{old}")]
            .iter()
            .enumerate()
    {
        for (delay, status) in [("0", 202), ("3600", 202), ("3601", 400), ("-1", 400), ("x", 400)] {
            let answer = client.send("POST", path, &[ASYNC, ("X-Fc-Async-Delay", delay)], "").await;
            assert_eq!(answer.status, status, "{path} {delay}");
        }
        let id = format!("t_{number}");
        let kind = ("X-FC-Invocation-Type", "tAsK");
        for (name, status) in
            [("x-fc-async-task-id", 202), ("X-Fc-Stateful-Async-Invocation-Id", 409)]
        {
            let answer = client.send("POST", path, &[kind, (name, &id)], "").await;
            assert_eq!(answer.status, status, "{path} {name} {}", answer.text());
        }
        let enable = ("x-fc-stateful-async-invocation-enable", "true");
        let answer =
            client.send("POST", path, &[ASYNC, enable, ("x-fc-async-task-id", &id)], "").await;
        answer.is_error(409, "StatefulAsyncInvocationAlreadyExists", &[&id]);
        // Without task mode, an id is not looked at.
        let answer = client.send("POST", path, &[ASYNC, ("x-fc-async-task-id", &id)], "").await;
        assert_eq!(answer.status, 202);
    }
    daemon.stopped().await;
}
