//! What is recorded, and what becomes of it when nobody takes it.

use std::collections::HashMap;
use std::time::Duration;

use invoked_core::arn::Arn;
use invoked_core::id::{Attempt, RequestId};
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::trace::TraceContext;
use invoked_http::{Config as HttpConfig, Egress, Endpoint};
use invoked_sink::{Ended, Spans as _, Step};
use opentelemetry_sdk::trace::SpanData;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinSet;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn parent(text: &str) -> TraceContext {
    TraceContext::parse(text, Some("a=1")).unwrap()
}

/// Makes spans, and what has ended of them.
fn spans(sample_ratio: f64, queue_max: usize) -> (Otlp, Receiver<SpanData>) {
    let (ended, taken) = mpsc::channel(queue_max);
    let resource = opentelemetry_sdk::Resource::builder_empty().build();
    (Otlp::new(Queue::new(ended), resource, sample_ratio, 7), taken)
}

fn accept(otlp: &Otlp, parent: Option<&TraceContext>) -> Option<TraceContext> {
    let function = FunctionKey::new("123", FunctionName::parse("hello").unwrap());
    let step = Step::Accept { function: &function, qualifier: &Qualifier::LATEST };
    let span = otlp.begin(step, parent)?;
    let context = span.context();
    span.end(Ended { request_id: Some(RequestId([7; 16])), error: Some("overloaded") });
    Some(context)
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    found.map(|attribute| attribute.value.to_string())
}

#[test]
fn a_span_is_a_child_of_the_callers_and_says_what_it_was() {
    let (otlp, mut taken) = spans(0.0, 9);
    let context = accept(&otlp, Some(&parent(PARENT))).unwrap();
    assert_eq!(context.trace_id, parent(PARENT).trace_id);
    assert_eq!((context.flags, context.state.as_deref()), (1, Some("a=1")));
    let span = taken.try_recv().unwrap();
    assert_eq!(span.span_context.span_id().to_bytes(), context.parent_id);
    assert_eq!(span.parent_span_id.to_bytes(), parent(PARENT).parent_id);
    assert!(span.parent_span_is_remote);
    assert_eq!(
        (&*span.name, &span.span_kind),
        ("invoke hello", &opentelemetry::trace::SpanKind::Server)
    );
    for (name, value) in [
        ("faas.name", "hello"),
        ("faas.version", "LATEST"),
        ("faas.trigger", "http"),
        ("faas.invocation_id", &RequestId([7; 16]).to_string()),
        ("cloud.account.id", "123"),
        ("error.type", "overloaded"),
    ] {
        assert_eq!(attribute(&span, name).as_deref(), Some(value), "{name} of {span:?}");
    }
    assert_eq!(span.status, opentelemetry::trace::Status::error("overloaded"));

    let arn = Arn::parse("acs:alikafka:::/instances/main/topics/orders").unwrap();
    let request_id = RequestId([9; 16]);
    let step = Step::Callback { destination: &arn, request_id, tried: Attempt(2) };
    drop(otlp.begin(step, Some(&context)).unwrap());
    let span = taken.try_recv().unwrap();
    assert_eq!(span.parent_span_id.to_bytes(), context.parent_id);
    assert_eq!(attribute(&span, "messaging.system").as_deref(), Some("kafka"));
    assert_eq!(attribute(&span, "invoked.attempt").as_deref(), Some("2"));
}

#[test]
fn the_caller_decides_of_its_trace_and_the_ratio_of_those_that_begin_here() {
    let (all, _taken) = spans(1.0, 9);
    assert_eq!(accept(&all, Some(&parent(&PARENT.replace("-01", "-00")))), None);
    let begun = accept(&all, None).unwrap();
    assert!(begun.is_sampled() && begun.trace_id != [0; 16]);
    let (none, _taken) = spans(0.0, 9);
    assert_eq!((0..1_000).filter_map(|_| accept(&none, None)).count(), 0);
    let (some, _taken) = spans(0.25, 9);
    let recorded = (0..10_000).filter_map(|_| accept(&some, None)).count();
    assert!((2_300..2_700).contains(&recorded), "{recorded}");
}

#[test]
fn what_finds_the_queue_full_is_gone_and_holds_nobody_up() {
    let (otlp, mut taken) = spans(1.0, 3);
    for _ in 0..10 {
        accept(&otlp, None).unwrap();
    }
    assert_eq!(std::iter::from_fn(|| taken.try_recv().ok()).count(), 3);
}

/// A collector that takes connections and says nothing.
#[tokio::test(start_paused = true)]
async fn a_collector_that_hangs_keeps_nobody_from_stopping() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap());
    let config = Config {
        endpoint: Endpoint::parse(&url).unwrap(),
        headers: HashMap::from([("x-key".to_owned(), "planted".to_owned())]),
        sample_ratio: 1.0,
        timeout: Duration::from_secs(3_600),
        queue_max: 100,
        version: "0",
        instance: "i".to_owned(),
        seed: 1,
    };
    let client = Client::new(&HttpConfig::default(), Egress::default());
    let (otlp, export) = start(&config, &client).unwrap();
    for _ in 0..20 {
        accept(&otlp, None).unwrap();
    }
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut exporting = JoinSet::new();
    exporting.spawn(export.run(async { drop(stopped.await) }, Duration::from_secs(2)));
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        connection.read_buf(&mut head).await.unwrap();
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    assert!(head.starts_with("post /base/v1/traces http/1.1\r\n"), "{head}");
    for line in ["content-type: application/x-protobuf", "x-key: planted"] {
        assert!(head.contains(line), "{line} in {head}");
    }
    stop.send(()).unwrap();
    exporting.join_next().await.unwrap().unwrap();
}
