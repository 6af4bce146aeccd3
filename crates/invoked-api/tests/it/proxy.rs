//! HTTP functions, reached through the API.

use invoked_api::ApiConfig;
use invoked_core::limits::ASYNC_PAYLOAD_MAX;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::daemon::{ASYNC, Daemon, HELLO, until};

const PROXY: &str = "/2016-08-15/proxy/svc/fn";
const TASK: (&str, &str) = ("x-fc-invocation-type", "Task");

async fn daemon() -> Daemon {
    let daemon = Daemon::start(ApiConfig::default()).await;
    daemon.http_function("svc$fn").await;
    daemon
}

/// The values of a header as the function saw them.
fn seen<'a>(answer: &'a Value, name: &str) -> Vec<&'a str> {
    let pairs = answer.get("headers").and_then(Value::as_array).into_iter().flatten();
    let pairs = pairs.filter_map(|pair| Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?)));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| value).collect()
}

#[tokio::test]
async fn a_request_is_passed_on_as_it_came() {
    let daemon = daemon().await;
    let mut client = daemon.client().await;
    let headers = [
        ("x-tag", "one"),
        ("x-tag", "two"),
        ("cookie", "c=1"),
        ("content-type", "text/plain"),
        ("authorization", "FC testid:signature"),
        ("x-acs-security-token", "token"),
        ("x-fc-security-token", "token"),
        ("x-invoked-lineage", "3"),
        ("connection", "keep-alive, X-Hop"),
        ("x-hop", "1"),
    ];
    let path = format!("{PROXY}/a%20b//c?q=1+2&x-fc-signature=s&qualifier=mine&a=x&a=y");
    let answer = client.send("PATCH", &path, &headers, "body").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("x-fc-invocation-duration").is_some() && !answer.id().is_empty());
    let got = answer.value();
    assert_eq!(got["method"], "PATCH");
    assert_eq!(got["uri"], "/a%20b//c?q=1+2&qualifier=mine&a=x&a=y");
    assert_eq!((&got["body"], &got["qualifier"]), (&json!("body"), &json!("LATEST")));
    assert_eq!(got["depth"], 3);
    assert_eq!(seen(&got, "x-tag"), ["one", "two"]);
    assert_eq!(
        (seen(&got, "cookie"), seen(&got, "content-type")),
        (vec!["c=1"], vec!["text/plain"])
    );
    let names = got["headers"].as_array().unwrap().len();
    assert_eq!(names, 4, "no credential, nothing of the connection: {got}");

    for (path, uri, qualifier) in [
        ("/2016-08-15/proxy/svc.prod/fn", "/", "prod"),
        ("/2021-04-06/proxy/svc/fn/?", "/?", "LATEST"),
        ("/2021-04-06/proxy/svc/fn/a?x-fc-expires=1", "/a", "LATEST"),
        ("/2023-03-30/proxy/svc%24fn.1/a", "/a", "1"),
    ] {
        let got = client.send("GET", path, &[], "").await.value();
        assert_eq!((&got["uri"], &got["qualifier"]), (&json!(uri), &json!(qualifier)), "{path}");
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn an_answer_is_passed_back_as_it_came() {
    let daemon = daemon().await;
    let mut client = daemon.client().await;
    let answer = client.send("GET", &format!("{PROXY}/teapot"), &[], "").await;
    assert_eq!((answer.status, answer.text().as_str()), (418, "tea"));
    assert_eq!((answer.header("x-of"), answer.header("set-cookie")), (Some("me"), Some("a=1")));
    assert_eq!(answer.header("x-fc-error-type"), Some("InvocationError"));
    assert_ne!(answer.id(), "forged");
    for name in ["x-fc-status", "connection", "x-hop"] {
        assert_eq!(answer.header(name), None, "{name}");
    }

    // Without a body, the length is that of what a GET would bring.
    assert!(
        client.write(crate::client::head("HEAD", &format!("{PROXY}/head"), &[]) + "\r\n").await
    );
    let answer = client.answer_head().await.unwrap();
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("999")));
    assert_eq!(client.send("GET", &format!("{PROXY}/head"), &[], "").await.text(), "");

    let cached = client.send("GET", &format!("{PROXY}/cached"), &[], "").await;
    assert_eq!((cached.status, cached.header("content-length")), (304, None));

    let switched = client.send("GET", &format!("{PROXY}/switch"), &[], "").await;
    switched.is_error(502, "BadResponse", &["status 101"]);
    let large = client.send("GET", &format!("{PROXY}/large"), &[], "").await;
    large.is_error(502, "BadResponse", &["headers", "8192 bytes"]);
    let slow = client.send("GET", &format!("{PROXY}/slow"), &[], "").await;
    slow.is_error(502, "BadResponse", &["timed out after 60 seconds"]);
    assert_eq!(slow.header("x-fc-error-type"), Some("InvocationError"));
    let down = client.send("GET", &format!("{PROXY}/down"), &[], "").await;
    down.is_error(503, "ServiceUnavailable", &["FunctionUnreachable"]);
    assert!(!down.text().contains("10.0.0.7"));
    daemon.stopped().await;
}

/// The record of a task, once it has succeeded.
async fn succeeded(daemon: &Daemon, id: &str) -> Value {
    let path = format!("/2023-03-30/functions/svc%24fn/async-tasks/{id}");
    let mut client = daemon.client().await;
    until(async || {
        let record = client.send("GET", &path, &[], "").await.value();
        (record.get("status") == Some(&"Succeeded".into())).then_some(record)
    })
    .await
}

#[tokio::test]
async fn a_request_for_later_is_kept_as_an_event() {
    let daemon = daemon().await;
    let mut client = daemon.client().await;
    let headers = [
        TASK,
        ("x-fc-async-task-id", "t_1"),
        ("authorization", "FC testid:signature"),
        ("x-tag", "one"),
        ("x-tag", "two"),
        ("user-agent", "test"),
    ];
    let path = format!("{PROXY}/a%20b?q=1+2&x-fc-security-token=t&q=3");
    let accepted = client.send("PUT", &path, &headers, "hi").await;
    assert_eq!((accepted.status, accepted.text().as_str()), (202, ""));
    assert_eq!(accepted.header("x-fc-async-task-id"), Some("t_1"));

    let record = succeeded(&daemon, "t_1").await;
    let mut event: Value = serde_json::from_str(record["taskPayload"].as_str().unwrap()).unwrap();
    let context = event["requestContext"].as_object_mut().unwrap();
    assert!(context.remove("time").is_some() && context.remove("timeEpoch").is_some());
    assert_eq!(
        event,
        json!({
            "version": "v1",
            "rawPath": "/a%20b",
            "rawQueryString": "q=1+2&q=3",
            "body": "hi",
            "isBase64Encoded": false,
            "headers": {"x-tag": ["one", "two"], "user-agent": "test"},
            "queryParameters": {"q": "1 2,3"},
            "requestContext": {
                "accountId": "123",
                "domainName": "localhost",
                "http": {
                    "method": "PUT", "path": "/a b", "protocol": "HTTP/1.1", "userAgent": "test",
                },
            },
        })
    );
    let again = client.send("PUT", &path, &headers, "hi").await;
    again.is_error(409, "StatefulAsyncInvocationAlreadyExists", &["t_1"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn headers_of_a_request_for_later_are_text() {
    let daemon = daemon().await;
    let latin = |headers: &[(&str, &str)]| {
        let mut bytes = crate::client::head("GET", PROXY, headers).into_bytes();
        bytes.extend_from_slice(b"x-tag: gr\xfcn\r\n\r\n");
        bytes
    };
    let mut client = daemon.client().await;
    assert!(client.write(latin(&[ASYNC])).await);
    let refused = client.answer().await.unwrap();
    refused.is_error(400, "InvalidArgument", &["header 'x-tag'", "UTF-8"]);
    assert!(client.write(latin(&[])).await);
    let passed = client.answer().await.unwrap();
    assert_eq!(seen(&passed.value(), "x-tag"), ["gr\u{fffd}n"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn what_is_too_large_to_pass_on_is_an_invalid_argument() {
    let daemon = daemon().await;
    let refused = |answer: Answer, names: &[&str]| {
        answer.is_error(400, "InvalidArgument", names);
    };
    let mut client = daemon.client().await;
    let path = |bytes: usize| format!("{PROXY}/{}?q", "x".repeat(bytes - 3));
    assert_eq!(client.send("GET", &path(4_096), &[], "").await.status, 200);
    refused(client.send("GET", &path(4_097), &[], "").await, &["path and query", "4096 bytes"]);
    let mut client = daemon.client().await;
    let large = ["x".repeat(8_000), "x".repeat(8_192)];
    assert_eq!(client.send("GET", PROXY, &[("x", &large[0])], "").await.status, 200);
    refused(client.send("GET", PROXY, &[("x", &large[1])], "").await, &["headers", "8192 bytes"]);
    let mut client = daemon.client().await;
    let body = vec![b'x'; ASYNC_PAYLOAD_MAX + 1];
    refused(client.send("POST", PROXY, &[ASYNC], body).await, &["body", "131072 bytes"]);
    let mut client = daemon.client().await;
    // It is the event that is kept, so it is the event that counts.
    let body = vec![0xff; ASYNC_PAYLOAD_MAX];
    refused(client.send("POST", PROXY, &[ASYNC], body).await, &["event", "131072 bytes"]);
    let mut client = daemon.client().await;
    assert_eq!(client.send("POST", PROXY, &[], vec![b'x'; 200_000]).await.status, 200);
    daemon.stopped().await;
}

#[tokio::test]
async fn each_kind_of_function_has_its_own_way_in() {
    let daemon = daemon().await;
    daemon.http_function("web").await;
    let mut client = daemon.client().await;
    for path in ["/2023-03-30/functions/web", "/2016-08-15/services/svc/functions/fn"] {
        for headers in [&[ASYNC][..], &[]] {
            let answer = client.send("POST", &format!("{path}/invocations"), headers, "{}").await;
            answer.is_error(400, "InvalidArgument", &["is an HTTP function", "/proxy/"]);
        }
    }
    let hello = format!("{}/", HELLO.replace("functions", "proxy"));
    for headers in [&[ASYNC][..], &[]] {
        let answer = client.send("GET", &hello, headers, "").await;
        answer.is_error(400, "InvalidArgument", &["'hello' is an event function"]);
    }
    for headers in [&[ASYNC][..], &[]] {
        let answer = client.send("GET", "/2016-08-15/proxy/svc/no/", headers, "").await;
        answer.is_error(404, "FunctionNotFound", &["svc$no"]);
    }
    let answer = client.send("GET", &format!("{PROXY}/a/%2e./b"), &[], "").await;
    answer.is_error(400, "InvalidArgument", &["'..'"]);
    let remote = json!({
        "functionName": "far",
        "environmentVariables": {
            "INVOKED_TARGET_URL": "fc://default/f", "INVOKED_FUNCTION_KIND": "http",
        },
    });
    let answer = client.json("POST", "/2023-03-30/functions", &remote).await;
    answer.is_error(400, "InvalidArgument", &["an HTTP function cannot be one of a remote"]);
    daemon.stopped().await;
}
