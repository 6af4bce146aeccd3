//! Events over real connections, to an endpoint on loopback that misbehaves.

#[path = "../../invoked-http/src/tests/server.rs"]
mod server;

mod double;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_http::{Client, Egress};
use invoked_sink::{Delivery, Sink};

use server::{AT_ONCE, Reply, Seen, Server, answer};

use crate::{Config, EventBridge};

const NOW: i64 = 1_768_465_800;
const BUS: &str = "acs:eventbridge:::eventbus/bus";
const TAKEN: &str = r#"{"FailedEntryCount":0,"EntryList":[{"EventId":"07"}]}"#;

fn eventbridge(url: &str) -> EventBridge {
    let config = Config::new(url, "testid", "testsecret")
        .unwrap()
        .with_timeout(Duration::from_millis(200))
        .unwrap();
    of([("default".into(), config)].into())
}

fn of(instances: BTreeMap<Box<str>, Config>) -> EventBridge {
    let client = Client::new(&invoked_http::Config::default(), Egress::default());
    EventBridge::new(instances, &client, Arc::new(|| NOW))
}

fn delivery(destination: &str, envelope: impl Into<Bytes>) -> Delivery {
    Delivery {
        destination: Arn::parse(destination).unwrap(),
        envelope: envelope.into(),
        request_id: RequestId([7; 16]),
        outcome: Outcome::Failed,
        depth: 1,
        trace: None,
    }
}

#[tokio::test]
async fn an_event_goes_out_in_a_batch_of_one_with_a_fresh_nonce() {
    // Slow, but in time.
    let wait = Duration::from_millis(20);
    let server = Server::start(move |_, _| Reply::Late(wait, answer("200 OK", "", TAKEN))).await;
    let eventbridge = eventbridge(&server.url());
    for arn in [BUS, "acs:eventbridge:cn-other:1:eventbus/bus"] {
        let verdict = eventbridge.deliver(&delivery(arn, "{\"id\":\"x\"}")).await;
        assert_eq!(verdict, CallVerdict::Delivered { message_id: Some("07".into()) });
    }
    let seen = server.seen();
    assert_eq!(seen[0].lines[0], "POST /openapi/putEvents HTTP/1.1");
    assert_eq!(seen[0].body, b"[{\"id\":\"x\"}]");
    assert_eq!(seen[0].header("date"), Some("Thu, 15 Jan 2026 08:30:00 GMT"));
    assert_eq!(seen[1].connection, 0, "the connection is kept");
    let nonce = |seen: &Seen| seen.header("x-acs-signature-nonce").unwrap().to_owned();
    assert_ne!(nonce(&seen[0]), nonce(&seen[1]));
}

#[tokio::test]
async fn what_can_never_work_is_not_sent() {
    let server = Server::answering("200 OK", TAKEN).await;
    let (configured, none) = (eventbridge(&server.url()), of(BTreeMap::new()));
    for (eventbridge, delivery, code, says) in [
        (
            &configured,
            delivery(BUS, vec![b'x'; 65_537]),
            "EntityTooLarge",
            "65537 bytes, EventBridge takes at most 65536",
        ),
        (&none, delivery(BUS, ""), "InvalidDestinationResources", "[sinks.eventbridge.default]"),
        (
            &configured,
            delivery("acs:mns:::/queues/q/messages", ""),
            "InvalidDestinationResources",
            "not an event bus",
        ),
    ] {
        let CallVerdict::Permanent { error } = eventbridge.deliver(&delivery).await else {
            panic!("{code} is permanent");
        };
        assert_eq!((&*error.code, error.status), (code, 0));
        assert!(error.message.contains(says), "{}", error.message);
    }
    assert!(server.seen().is_empty());
    let verdict = configured.deliver(&delivery(BUS, vec![b'x'; 65_536])).await;
    assert_eq!(verdict, CallVerdict::Delivered { message_id: Some("07".into()) });
}

#[tokio::test]
async fn events_that_do_not_get_through_are_retried() {
    let endless =
        format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}", "x".repeat(70_000));
    for (reply, code) in [
        (Reply::Silence, "DestinationTimeout"),
        (Reply::AnswerAndClose(AT_ONCE, String::new()), "DestinationDisconnected"),
        (Reply::Answer("hello\r\n\r\n".to_owned()), "BadResponse"),
        (Reply::Answer(answer("500 Oops", "", "")), "InternalServerError"),
        (Reply::Answer(endless), "BadResponse"),
    ] {
        let server = Server::start(move |_, _| reply.clone()).await;
        let verdict = eventbridge(&server.url()).deliver(&delivery(BUS, "{}")).await;
        let CallVerdict::Retry { error, .. } = verdict else { panic!("{code}: {verdict:?}") };
        assert_eq!(&*error.code, code);
    }
    let verdict = eventbridge("http://127.0.0.1:1").deliver(&delivery(BUS, "{}")).await;
    let CallVerdict::Retry { error, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(&*error.code, "DestinationUnreachable");
}

#[test]
fn secrets_are_not_shown() {
    let config = Config::new("http://h", "id", "topsecret").unwrap();
    let config = config.with_security_token("toptoken").unwrap();
    let shown = format!("{:?}", of([("default".into(), config)].into()));
    assert!(shown.contains("id") && !shown.contains("top"), "{shown}");
}
