//! HTTP functions: what they see of a caller's request, and what comes of their answers.

use http::Request;
use invoked_core::directory::FunctionKind;
use invoked_core::trace::TraceContext;
use invoked_fc::http_event::{HttpEvent, RequestContext};
use invoked_sink::HttpHead;

use super::*;

fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> HttpHead {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn http_function(url: &str) -> Attempted {
    with(url, |spec| spec.kind = FunctionKind::Http)
}

/// The attempt of an asynchronous request.
fn later(url: &str) -> Attempted {
    let event = HttpEvent {
        method: "PUT".to_owned(),
        path: "/a%20b/".to_owned(),
        query: Some("q=1+2&a=x&a=y".to_owned()),
        headers: vec![
            ("x-tag".to_owned(), vec!["one".to_owned(), "two".to_owned()]),
            ("x-fc-request-id".to_owned(), vec!["forged".to_owned()]),
        ],
        body: Bytes::from_static(b"\xff\0"),
    };
    let context = RequestContext { account_id: "1", host: "h", user_agent: "", unix_ms: 0 };
    Attempted { payload: event.encode(&context).unwrap().into(), ..http_function(url) }
}

#[tokio::test]
async fn the_request_arrives_as_it_was_sent_with_the_common_headers() {
    let server = Server::start(|_, _| {
        Reply::Answer(answer("418 Teapot", "x-fc-status: 404\r\nx-of: me\r\n", "tea"))
    })
    .await;
    let head = head(
        "PATCH",
        "/a%20b//c?q=1+2&a=x&a=y",
        &[("x-tag", "one"), ("x-tag", "two"), ("content-type", "text/plain"), ("cookie", "c=1")],
    );
    let attempted = http_function(&format!("{}/base", server.url()));
    let response = target().request(&attempted, &head).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (418, &b"tea"[..]));
    assert_eq!(response.headers()["x-of"], "me", "whatever the function says is an answer");

    let seen = &server.seen()[0];
    assert_eq!(seen.lines[0], "PATCH /base/a%20b//c?q=1+2&a=x&a=y HTTP/1.1");
    assert_eq!(seen.body, b"event");
    for (name, value) in [
        ("content-type", "text/plain"),
        ("cookie", "c=1"),
        ("content-length", "5"),
        ("x-fc-control-path", "/http-invoke"),
        ("x-fc-request-id", "07070707-0707-0707-0707-070707070707"),
        ("x-fc-function-name", "hello"),
        ("x-invoked-lineage", "1"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name} of {:?}", seen.lines);
    }
    let tags: Vec<_> = seen.lines.iter().filter(|line| line.starts_with("x-tag")).collect();
    assert_eq!(tags, ["x-tag: one", "x-tag: two"]);
}

#[tokio::test]
async fn a_place_in_a_trace_is_told_once() {
    let server = Server::answering("200 OK", "").await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let callers = [("traceparent", parent), ("tracestate", "a=1")];
    let trace = TraceContext::parse(&parent.replace("00f0", "00f1"), Some("b=2")).map(Arc::new);
    let untraced = http_function(&server.url());
    let traced = Attempted { trace, ..untraced.clone() };
    target().request(&untraced, &head("GET", "/", &callers)).await.unwrap();
    target().request(&traced, &head("GET", "/", &callers)).await.unwrap();
    target().invoke(&Attempted { target: spec(&server.url()), ..traced }).await;
    let seen = server.seen();
    assert_eq!(seen[0].header("traceparent"), Some(parent), "the caller's goes through");
    for seen in &seen[1..] {
        let traces: Vec<_> = seen.lines.iter().filter(|line| line.starts_with("trace")).collect();
        let parent = format!("traceparent: {}", parent.replace("00f0", "00f1"));
        assert_eq!(traces, [parent.as_str(), "tracestate: b=2"]);
    }
}

#[tokio::test]
async fn nobody_writes_the_daemon_s_headers_but_the_daemon() {
    let server = Server::answering("200 OK", "").await;
    let forged = [
        ("authorization", "FC testid:x"),
        ("x-acs-date", "x"),
        ("x-fc-access-key-secret", "x"),
        ("x-invoked-lineage", "0"),
        ("transfer-encoding", "chunked"),
        ("host", "elsewhere"),
    ];
    let attempted = http_function(&server.url());
    target().request(&attempted, &head("GET", "/", &forged)).await.unwrap();
    let seen = &server.seen()[0];
    for name in
        ["authorization", "x-acs-date", "x-fc-access-key-secret", "transfer-encoding: chunked"]
    {
        assert_eq!(seen.header(name), None, "{:?}", seen.lines);
    }
    assert_eq!(seen.header("x-invoked-lineage"), Some("1"));
    assert_eq!(seen.header("host"), Some(server.address.to_string().as_str()));
}

#[tokio::test]
async fn an_event_becomes_the_request_again_and_the_answer_a_verdict() {
    let statuses = ["201 Created", "404 Not Found", "302 Found", "503 Busy", "502 Bad"];
    let server = Server::start(move |number, _| {
        let status = statuses.get(number).copied();
        Reply::Answer(match status {
            Some(status) => answer(status, "", "said"),
            None => answer("500 No", "x-fc-status: 200\r\n", "said"),
        })
    })
    .await;
    let target = target();
    for (verdict, code_is) in [
        (Verdict::Succeeded, ""),
        (Verdict::FunctionError, "InvocationError"),
        (Verdict::FunctionError, "InvocationError"),
        (WAITS, "ResourceThrottled"),
        (WAITS, "BadResponse"),
        (Verdict::Succeeded, ""),
    ] {
        let answer = target.invoke(&later(&server.url())).await;
        assert_eq!((answer.verdict, code(&answer)), (verdict, code_is));
        assert_eq!(answer.body, "said");
    }
    let seen = &server.seen()[0];
    assert_eq!(seen.lines[0], "PUT /a%20b/?q=1+2&a=x&a=y HTTP/1.1");
    assert_eq!(seen.body, b"\xff\0");
    let id = "x-fc-request-id: 07070707-0707-0707-0707-070707070707";
    let ids: Vec<_> =
        seen.lines.iter().filter(|line| line.starts_with("x-fc-request-id")).collect();
    assert_eq!(ids, [id]);
    assert_eq!(seen.header("x-tag"), Some("one"));
}

#[tokio::test]
async fn what_cannot_be_passed_on_is_refused() {
    let server = Server::answering("200 OK", "").await;
    let attempted = http_function(&server.url());
    let answer = target().invoke(&attempted).await;
    assert_eq!((answer.verdict, code(&answer)), (Verdict::Refused, "InvalidArgument"));
    assert!(answer.fault.unwrap().message.contains("takes HTTP requests"));
    let climbing = head("GET", "/a/%2e%2e/b", &[]);
    let answer = target().request(&attempted, &climbing).await.unwrap_err();
    assert_eq!((answer.verdict, code(&answer)), (Verdict::Refused, "InvalidArgument"));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_request_without_a_whole_answer_has_the_verdict_of_an_event() {
    let large = Server::start(|_, _| Reply::Answer(answer("200 OK", "", &"x".repeat(101)))).await;
    let attempted = Attempted { result_max: 100, ..http_function(&large.url()) };
    let failed = target().request(&attempted, &head("GET", "/", &[])).await.unwrap_err();
    assert_eq!((failed.verdict, code(&failed)), (Verdict::FunctionError, "InvocationError"));

    let silent = Server::start(|_, _| Reply::Silence).await;
    let attempted = with(&silent.url(), |spec| spec.timeout = Duration::from_millis(50));
    let failed = target().request(&attempted, &head("GET", "/", &[])).await.unwrap_err();
    assert_eq!((failed.verdict, code(&failed)), (Verdict::FunctionError, "InvocationError"));

    let url = silent.url();
    drop(silent);
    tokio::task::yield_now().await;
    let failed = target().request(&http_function(&url), &head("GET", "/", &[])).await.unwrap_err();
    assert_eq!((failed.verdict, code(&failed)), (WAITS, "FunctionUnreachable"));
}

#[tokio::test]
async fn the_length_of_what_a_head_leaves_out_comes_back() {
    let server = Server::start(|_, _| {
        Reply::Answer("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_owned())
    })
    .await;
    let attempted = Attempted { payload: Bytes::new(), ..http_function(&server.url()) };
    let response = target().request(&attempted, &head("HEAD", "/", &[])).await.unwrap();
    assert_eq!(response.headers()["content-length"], "1000");
    assert!(response.body().is_empty());
}
