//! Attempts against functions on loopback that behave and that do not.

mod proxied;
#[path = "../../invoked-http/src/tests/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::directory::FunctionKind;
use invoked_core::id::{Attempt, RequestId};
use invoked_core::life::Verdict;
use invoked_core::limits::RESULT_MAX;
use invoked_core::name::{FunctionName, Qualifier};
use invoked_http::{Client, Config, Egress};
use invoked_sink::{Answer, Attempted, NamedBy, StatusRule, Target, TargetAddress, TargetSpec};
use tokio::task::JoinSet;

use server::{AT_ONCE, Reply, Server, answer};

use crate::HttpTarget;

pub(crate) fn spec(url: &str) -> Arc<TargetSpec> {
    Arc::new(TargetSpec {
        function: FunctionName::parse("hello").unwrap(),
        account: "123".into(),
        region: "cn-hangzhou".into(),
        kind: FunctionKind::Event,
        address: TargetAddress::Runtime { url: url.into() },
        named_by: NamedBy::Operator,
        timeout: Duration::from_secs(60),
        status: StatusRule::Header,
        initialize: false,
        handler: "index.handler".into(),
        memory_mb: 512,
    })
}

pub(crate) fn attempted(target: Arc<TargetSpec>) -> Attempted {
    Attempted {
        target,
        qualifier: Qualifier::LATEST,
        request_id: RequestId([7; 16]),
        attempt: Attempt(2),
        depth: 1,
        trace: None,
        payload: Bytes::from_static(b"event"),
        result_max: RESULT_MAX,
    }
}

fn with(url: &str, change: impl Fn(&mut TargetSpec)) -> Attempted {
    let mut spec = TargetSpec::clone(&spec(url));
    change(&mut spec);
    attempted(Arc::new(spec))
}

fn target() -> HttpTarget {
    let client = Client::new(&Config::default(), Egress::default());
    HttpTarget::new(client)
}

fn code(answer: &Answer) -> &str {
    answer.fault.as_ref().map_or("", |fault| &fault.code)
}

const WAITS: Verdict = Verdict::Unavailable { retry_after: None };

#[tokio::test]
async fn the_event_arrives_and_the_result_comes_back() {
    let server = Server::answering("200 OK", "result").await;
    let target = target();
    for _ in 0..3 {
        // Each time another specification, as after a reload: equal ones are one target.
        let answer = target.invoke(&attempted(spec(&server.url()))).await;
        assert_eq!((answer.verdict, answer.body.as_ref()), (Verdict::Succeeded, &b"result"[..]));
    }
    let seen = server.seen();
    assert_eq!(seen[0].lines[0], "POST /invoke HTTP/1.1");
    assert_eq!((seen[0].body.as_slice(), seen[2].connection), (&b"event"[..], 0));
    for secret in ["authorization", "x-fc-access-key-id", "x-fc-access-key-secret"] {
        assert_eq!(seen[0].header(secret), None);
    }
}

#[tokio::test]
async fn a_changed_specification_counts_at_once() {
    let (old, new) =
        (Server::answering("200 OK", "old").await, Server::answering("200 OK", "new").await);
    let target = target();
    for (url, body) in [(old.url(), "old"), (new.url(), "new"), (old.url(), "old")] {
        assert_eq!(target.invoke(&attempted(spec(&url))).await.body, body);
    }
}

#[tokio::test]
async fn failures_of_the_way_are_unavailable_and_of_the_function_are_its_own() {
    let short = Duration::from_millis(50);
    for (reply, verdict, code_is) in [
        (Reply::Silence, Verdict::FunctionError, "InvocationError"),
        (
            Reply::AnswerAndClose(
                AT_ONCE,
                "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123".to_owned(),
            ),
            WAITS,
            "FunctionDisconnected",
        ),
        (Reply::AnswerAndClose(AT_ONCE, String::new()), WAITS, "FunctionDisconnected"),
        (Reply::Answer("hello\r\n\r\n".to_owned()), WAITS, "BadResponse"),
        (
            Reply::Answer(answer("200 OK", "", &"x".repeat(101))),
            Verdict::FunctionError,
            "InvocationError",
        ),
    ] {
        let server = Server::start(move |_, _| reply.clone()).await;
        let attempt =
            Attempted { result_max: 100, ..with(&server.url(), |spec| spec.timeout = short) };
        let answer = target().invoke(&attempt).await;
        assert_eq!((answer.verdict, code(&answer)), (verdict, code_is));
        assert!(answer.body.starts_with(b"{\"errorMessage\":\""), "{answer:?}");
    }
    let server = Server::answering("200 OK", "").await;
    let url = server.url();
    drop(server);
    tokio::task::yield_now().await;
    let answer = target().invoke(&attempted(spec(&url))).await;
    assert_eq!((answer.verdict, code(&answer)), (WAITS, "FunctionUnreachable"));
    assert_eq!(answer.fault.unwrap().status, 0);
}

#[tokio::test]
async fn what_cannot_be_called_is_refused() {
    let server = Server::answering("200 OK", "").await;
    let remote = with("http://unused", |spec| {
        spec.address = TargetAddress::Remote {
            instance: "default".into(),
            function: FunctionName::parse("f").unwrap(),
            qualifier: Qualifier::LATEST,
        };
    });
    for (target, attempt, code_is) in [
        (&target(), with(&server.url(), |spec| spec.named_by = NamedBy::Client), "EgressDenied"),
        (&target(), attempted(spec("http://169.254.169.254")), "EgressDenied"),
        (&target(), attempted(spec("ftp://h")), "InvalidTarget"),
        (&target(), with("http://h", |spec| spec.handler = "\n".into()), "InvalidTarget"),
        (&target(), remote, "InvalidTarget"),
    ] {
        let answer = target.invoke(&attempt).await;
        assert_eq!((answer.verdict, code(&answer)), (Verdict::Refused, code_is), "{answer:?}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_target_is_initialized_once_and_everyone_waits() {
    let server = Server::start(|_, seen| {
        let ok = answer("200 OK", "", "");
        if seen.lines[0].contains("/initialize") {
            Reply::Late(Duration::from_millis(50), ok)
        } else {
            Reply::Answer(ok)
        }
    })
    .await;
    let target = Arc::new(target());
    let attempt = with(&server.url(), |spec| spec.initialize = true);
    let mut attempts = JoinSet::new();
    for _ in 0..10 {
        let (target, attempt) = (Arc::clone(&target), attempt.clone());
        attempts.spawn(async move { target.invoke(&attempt).await.verdict });
    }
    assert!(attempts.join_all().await.iter().all(|verdict| *verdict == Verdict::Succeeded));
    let lines: Vec<_> = server.seen().iter().map(|seen| seen.lines[0].clone()).collect();
    assert_eq!(lines.iter().filter(|line| line.contains("/initialize")).count(), 1);
    assert!(lines[0].contains("/initialize") && lines.len() == 11, "{lines:?}");
}

#[tokio::test]
async fn a_failed_initialization_is_shared_and_tried_again() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Late(
            Duration::from_millis(50),
            answer("500 No", "", r#"{"errorMessage":"no database"}"#),
        ),
        _ => Reply::Answer(answer("200 OK", "", "")),
    })
    .await;
    let target = target();
    let attempt = with(&server.url(), |spec| spec.initialize = true);
    let (first, second) = tokio::join!(target.invoke(&attempt), target.invoke(&attempt));
    for answer in [first, second] {
        assert_eq!(answer.verdict, Verdict::FunctionError);
        assert_eq!(code(&answer), "InitializationError");
        assert_eq!(&*answer.fault.unwrap().message, "no database");
    }
    assert_eq!(server.seen().len(), 1);
    assert_eq!(target.invoke(&attempt).await.verdict, Verdict::Succeeded);
    assert_eq!(target.invoke(&attempt).await.verdict, Verdict::Succeeded);
    let lines: Vec<_> = server.seen().iter().skip(1).map(|seen| seen.lines[0].clone()).collect();
    assert_eq!(
        lines,
        ["POST /initialize HTTP/1.1", "POST /invoke HTTP/1.1", "POST /invoke HTTP/1.1"]
    );
}
