//! Callbacks over real connections, to the strict double of MNS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_doubles::mns::{self, Account};
use invoked_doubles::{Options, Server, Step};
use invoked_http::{Client, Egress};
use invoked_sink::{Delivery, Sink};

use crate::{Config, Encoding, Mns};

/// Thu, 15 Jan 2026 08:30:00 GMT.
const NOW: i64 = 1_768_465_800;
const QUEUE: &str = "acs:mns:::/queues/results/messages";
const TOPIC: &str = "acs:mns:cn-x:1:/topics/results/messages";
const ENVELOPE: &str = r#"{"requestContext":{"requestId":"r-1"},"note":"中文 <&>"}"#;

struct Rig {
    service: Arc<mns::Mns>,
    server: Server,
}

impl Rig {
    async fn start() -> Self {
        let service = mns::Mns::new(Account {
            access_key_id: "testid".to_owned(),
            access_key_secret: "testsecret".to_owned(),
            security_token: None,
        });
        service.create("/queues/results");
        service.create("/topics/results");
        let options = Options::new(Arc::new(|| NOW * 1_000));
        let server = Server::start(Arc::clone(&service) as _, options).await.unwrap();
        Self { service, server }
    }

    fn config(&self) -> Config {
        let config = Config::new(&self.server.url(), "testid", "testsecret").unwrap();
        config.with_timeout(Duration::from_millis(500)).unwrap()
    }

    fn sink(&self) -> Mns {
        sink([("default".into(), self.config())].into(), NOW)
    }
}

fn sink(instances: BTreeMap<Box<str>, Config>, now: i64) -> Mns {
    let client = Client::new(&invoked_http::Config::default(), Egress::default());
    Mns::new(instances, &client, Arc::new(move || now))
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

#[track_caller]
fn permanent(verdict: CallVerdict) -> Fault {
    let CallVerdict::Permanent { error } = verdict else { panic!("not permanent: {verdict:?}") };
    error
}

#[track_caller]
fn retried(verdict: CallVerdict) -> Fault {
    let CallVerdict::Retry { error, .. } = verdict else { panic!("not retried: {verdict:?}") };
    error
}

#[tokio::test]
async fn queues_and_topics_get_the_envelope_in_either_encoding() {
    let rig = Rig::start().await;
    for (queue_encoding, topic_encoding) in
        [(Encoding::Base64, Encoding::Raw), (Encoding::Raw, Encoding::Base64)]
    {
        let config = rig.config();
        let config = config.with_queue_encoding(queue_encoding).with_topic_encoding(topic_encoding);
        let sink = sink([("default".into(), config)].into(), NOW);
        for arn in [QUEUE, TOPIC] {
            let verdict = sink.deliver(&delivery(arn, ENVELOPE)).await;
            let taken = rig.server.mailbox().mails().pop().unwrap();
            let message_id = Some(taken.message_id.into());
            assert_eq!(verdict, CallVerdict::Delivered { message_id });
        }
    }
    let mails = rig.server.mailbox().mails();
    let id = RequestId([7; 16]).to_string();
    for (mail, (destination, tag, is_base64)) in mails.iter().zip([
        ("/queues/results", None, true),
        ("/topics/results", Some("failed"), false),
        ("/queues/results", None, false),
        ("/topics/results", Some("failed"), true),
    ]) {
        assert_eq!((&*mail.destination, mail.tag.as_deref()), (destination, tag));
        assert_eq!(mail.body, ENVELOPE);
        let raw = std::str::from_utf8(&mail.raw).unwrap();
        assert_eq!(!raw.contains("中文"), is_base64, "{raw}");
        assert_eq!(mail.header("x-mns-user-request-id"), Some(&*id));
        assert_eq!(mail.header("content-md5"), None);
    }
    assert_eq!((mails.len(), rig.server.mailbox().refused()), (4, Vec::new()));
}

#[tokio::test]
async fn every_error_of_the_table_reads_as_it_should() {
    let rig = Rig::start().await;
    let sink = rig.sink();
    for (status, code) in mns::ERRORS {
        rig.server.script().add("/queues/results", Step::answer(mns::error(code)), 1);
        let verdict = sink.deliver(&delivery(QUEUE, ENVELOPE)).await;
        let is_later =
            status >= 500 || matches!(code, "TooManyRequests" | "TimeExpired" | "QpsLimitExceeded");
        let error = if is_later { retried(verdict) } else { permanent(verdict) };
        assert_eq!((&*error.code, error.status), (code, status));
    }
    assert!(rig.server.mailbox().mails().is_empty());
}

#[tokio::test]
async fn wrong_keys_old_dates_and_missing_queues_are_named() {
    let rig = Rig::start().await;
    let of = |id: &str, secret: &str, now| {
        let config = Config::new(&rig.server.url(), id, secret).unwrap();
        sink([("default".into(), config)].into(), now)
    };
    let to_queue = delivery(QUEUE, ENVELOPE);
    let error = permanent(of("other", "testsecret", NOW).deliver(&to_queue).await);
    assert_eq!((&*error.code, error.status), ("InvalidAccessKeyId", 403));
    let error = permanent(of("testid", "wrong", NOW).deliver(&to_queue).await);
    assert_eq!((&*error.code, error.status), ("SignatureDoesNotMatch", 403));
    let error = retried(of("testid", "testsecret", NOW - 901).deliver(&to_queue).await);
    assert_eq!((&*error.code, error.status), ("TimeExpired", 408));
    for (destination, arn, code) in
        [("/queues/results", QUEUE, "QueueNotExist"), ("/topics/results", TOPIC, "TopicNotExist")]
    {
        rig.service.delete(destination);
        let error = permanent(rig.sink().deliver(&delivery(arn, ENVELOPE)).await);
        assert_eq!((&*error.code, error.status), (code, 404));
    }
    assert_eq!(rig.server.mailbox().seen().len(), 5);
}

#[tokio::test]
async fn temporary_keys_send_their_token() {
    let service = mns::Mns::with_any(Account {
        access_key_id: "STS.id".to_owned(),
        access_key_secret: "secret".to_owned(),
        security_token: Some("CAIStoken==".to_owned()),
    });
    let options = Options::new(Arc::new(|| NOW * 1_000));
    let server = Server::start(service, options).await.unwrap();
    let config = Config::new(&server.url(), "STS.id", "secret").unwrap();
    let with_token = config.clone().with_security_token("CAIStoken==").unwrap();
    for (config, is_delivered) in [(with_token, true), (config, false)] {
        let sink = sink([("default".into(), config)].into(), NOW);
        let verdict = sink.deliver(&delivery(TOPIC, ENVELOPE)).await;
        assert_eq!(matches!(verdict, CallVerdict::Delivered { .. }), is_delivered, "{verdict:?}");
    }
}

#[tokio::test]
async fn what_can_never_work_is_not_sent() {
    let rig = Rig::start().await;
    let sink = rig.sink();
    // 49,152 bytes are 65,536 as base64.
    let full = sink.deliver(&delivery(QUEUE, "x".repeat(49_152))).await;
    assert!(matches!(full, CallVerdict::Delivered { .. }), "{full:?}");
    let error = permanent(sink.deliver(&delivery(QUEUE, "x".repeat(49_153))).await);
    assert_eq!(&*error.code, "EntityTooLarge");
    let full = sink.deliver(&delivery(TOPIC, "<".repeat(65_536))).await;
    assert!(matches!(full, CallVerdict::Delivered { .. }), "{full:?}");
    let error = permanent(sink.deliver(&delivery(TOPIC, "x".repeat(65_537))).await);
    assert!(error.message.contains("65537") && error.message.contains("65536"), "{error}");
    let error = permanent(sink.deliver(&delivery("acs:fc:::functions/f", "x")).await);
    assert_eq!(&*error.code, "InvalidDestinationResources");
    assert_eq!(rig.server.mailbox().seen().len(), 2);

    let nowhere = self::sink(BTreeMap::new(), NOW);
    let error = permanent(nowhere.deliver(&delivery(QUEUE, "x")).await);
    assert!(error.message.contains("sinks.mns.default"), "{error}");
}

#[tokio::test]
async fn lost_and_wrong_answers_are_retried_with_the_same_id() {
    let rig = Rig::start().await;
    let sink = rig.sink();
    for (step, code) in [
        (Step::withhold(), "DestinationTimeout"),
        (Step::close(), "DestinationDisconnected"),
        (Step::take_and_answer(mns::wrong_md5()), "MessageBodyMD5Mismatch"),
    ] {
        rig.server.script().add("/queues/results", step, 1);
        let error = retried(sink.deliver(&delivery(QUEUE, ENVELOPE)).await);
        assert_eq!(&*error.code, code);
    }
    rig.server.script().add("/queues/results", Step::slow(Duration::from_millis(10)), 1);
    let verdict = sink.deliver(&delivery(QUEUE, ENVELOPE)).await;
    assert!(matches!(verdict, CallVerdict::Delivered { .. }), "{verdict:?}");
    let mails = rig.server.mailbox().mails();
    let ids: Vec<_> = mails.iter().map(|mail| mail.header("x-mns-user-request-id")).collect();
    assert_eq!(ids, vec![Some(&*RequestId([7; 16]).to_string()); 4]);
}

#[tokio::test]
async fn a_double_that_restarts_is_found_again() {
    let rig = Rig::start().await;
    let sink = rig.sink();
    let verdict = sink.deliver(&delivery(QUEUE, ENVELOPE)).await;
    assert!(matches!(verdict, CallVerdict::Delivered { .. }), "{verdict:?}");
    let Rig { service, server } = rig;
    let options = server.close().await;
    let error = retried(sink.deliver(&delivery(QUEUE, ENVELOPE)).await);
    assert_eq!((&*error.code, error.status), ("DestinationUnreachable", 0));
    let server = Server::start(service, options).await.unwrap();
    let verdict = sink.deliver(&delivery(QUEUE, ENVELOPE)).await;
    assert!(matches!(verdict, CallVerdict::Delivered { .. }), "{verdict:?}");
    assert_eq!(server.mailbox().mails().len(), 2);
}
