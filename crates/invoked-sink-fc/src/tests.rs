//! Callbacks and attempts over real connections, to an endpoint on loopback.

#[path = "../../invoked-http/src/tests/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::directory::FunctionKind;
use invoked_core::id::{Attempt, RequestId};
use invoked_core::life::{Outcome, Verdict};
use invoked_core::name::{FunctionName, Qualifier};
use invoked_fc::sign::{Authorization, Request, acs3};
use invoked_http::{Client, Egress};
use invoked_sink::{
    Attempted, Delivery, NamedBy, Sink, StatusRule, Target, TargetAddress, TargetSpec,
};

use server::{AT_ONCE, Reply, Seen, Server, answer};

use crate::{Config, RemoteFc};

const NOW: i64 = 1_717_401_600;

fn fc(url: &str) -> RemoteFc {
    let config = Config::new(url, "testid", "testsecret")
        .unwrap()
        .with_timeout(Duration::from_millis(200))
        .unwrap();
    of([("default".into(), config)].into())
}

fn of(instances: BTreeMap<Box<str>, Config>) -> RemoteFc {
    let client = Client::new(&invoked_http::Config::default(), Egress::default());
    RemoteFc::new(instances, &client, Arc::new(|| NOW))
}

fn delivery(destination: &str, envelope: impl Into<Bytes>) -> Delivery {
    Delivery {
        destination: Arn::parse(destination).unwrap(),
        envelope: envelope.into(),
        request_id: RequestId([7; 16]),
        outcome: Outcome::Failed,
        depth: 4,
        trace: None,
    }
}

fn attempted(instance: &str) -> Attempted {
    let name = |text| FunctionName::parse(text).unwrap();
    let address = TargetAddress::Remote {
        instance: instance.into(),
        function: name("there"),
        qualifier: Qualifier::parse("prod").unwrap(),
    };
    Attempted {
        target: Arc::new(TargetSpec {
            function: name("here"),
            account: "123".into(),
            region: "cn-hangzhou".into(),
            kind: FunctionKind::Event,
            address,
            named_by: NamedBy::Operator,
            timeout: Duration::from_millis(200),
            status: StatusRule::Header,
            initialize: false,
            handler: "h".into(),
            memory_mb: 128,
        }),
        qualifier: Qualifier::LATEST,
        request_id: RequestId([7; 16]),
        attempt: Attempt(2),
        depth: 1,
        trace: None,
        payload: Bytes::from_static(b"event"),
        result_max: 100,
    }
}

fn assert_signed(seen: &Seen) {
    let target = seen.lines[0].split(' ').nth(1).unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<_> =
        seen.lines.iter().skip(1).filter_map(|line| line.split_once(": ")).collect();
    let request = Request { method: "POST", path, query, headers: &headers };
    let authorization = Authorization::read(&request).unwrap();
    assert_eq!(authorization.verify(&request, "testsecret", NOW), Ok(()));
    assert!(acs3::body_matches(&request, &seen.body));
}

#[tokio::test]
async fn an_envelope_is_delivered_signed_and_with_a_fresh_nonce() {
    // Slow, but in time.
    let accepted = answer("202 Accepted", "x-fc-request-id: 1-abc\r\n", "");
    let wait = Duration::from_millis(20);
    let server = Server::start(move |_, _| Reply::Late(wait, accepted.clone())).await;
    let fc = fc(&server.url());
    for arn in ["acs:fc:::functions/f/prod", "acs:fc:cn-x:1:services/s.prod/functions/f"] {
        let verdict = fc.deliver(&delivery(arn, "envelope")).await;
        assert_eq!(verdict, CallVerdict::Delivered { message_id: Some("1-abc".into()) });
    }
    let seen = server.seen();
    assert_eq!(
        seen.iter().map(|seen| seen.lines[0].as_str()).collect::<Vec<_>>(),
        [
            "POST /2023-03-30/functions/f/invocations?qualifier=prod HTTP/1.1",
            "POST /2021-04-06/services/s/functions/f/invocations?qualifier=prod HTTP/1.1",
        ]
    );
    seen.iter().for_each(assert_signed);
    assert_eq!((seen[0].body.as_slice(), seen[1].connection), (&b"envelope"[..], 0));
    assert_eq!(seen[0].header("x-invoked-lineage"), Some("4"));
    let nonce = |seen: &Seen| seen.header("x-acs-signature-nonce").unwrap().to_owned();
    assert_ne!(nonce(&seen[0]), nonce(&seen[1]));
}

#[tokio::test]
async fn a_temporary_keys_token_is_sent_to_both_versions_and_signed() {
    let server = Server::answering("202 Accepted", "").await;
    let config = Config::new(&server.url(), "testid", "testsecret").unwrap();
    let config = config.with_security_token("CAISstsToken==").unwrap();
    let fc = of([("default".into(), config)].into());
    for arn in ["acs:fc:::functions/f", "acs:fc:::services/s/functions/f"] {
        let verdict = fc.deliver(&delivery(arn, "envelope")).await;
        assert_eq!(verdict, CallVerdict::Delivered { message_id: None });
    }
    for (seen, version) in server.seen().iter().zip(["2023-03-30", "2021-04-06"]) {
        assert_signed(seen);
        assert_eq!(seen.header("x-acs-version"), Some(version));
        assert_eq!(seen.header("x-acs-security-token"), Some("CAISstsToken=="));
        let signed = seen.header("authorization").unwrap();
        assert!(signed.contains("x-acs-security-token"), "{signed}");
    }
}

#[tokio::test]
async fn an_envelope_at_the_limit_is_delivered_to_both_versions() {
    let server = Server::answering("202 Accepted", "").await;
    let fc = fc(&server.url());
    for arn in ["acs:fc:::functions/f", "acs:fc:::services/s.prod/functions/f"] {
        let largest = fc.deliver(&delivery(arn, vec![b'x'; 131_072])).await;
        assert_eq!(largest, CallVerdict::Delivered { message_id: None });
        let larger = fc.deliver(&delivery(arn, vec![b'x'; 131_073])).await;
        assert!(matches!(larger, CallVerdict::Permanent { .. }), "{larger:?}");
    }
    let seen = server.seen();
    assert_eq!(seen.iter().map(|seen| seen.body.len()).collect::<Vec<_>>(), [131_072; 2]);
    assert!(seen.iter().all(|seen| seen.header("x-invoked-lineage") == Some("4")));
}

#[tokio::test]
async fn what_can_never_work_is_not_sent() {
    let server = Server::answering("202 Accepted", "").await;
    let (configured, none) = (fc(&server.url()), of(BTreeMap::new()));
    for (fc, delivery, code, says) in [
        (
            &configured,
            delivery("acs:fc:::functions/f", vec![0; 131_073]),
            "EntityTooLarge",
            "131073 bytes, a function takes at most 131072",
        ),
        (
            &none,
            delivery("acs:fc:::functions/f", ""),
            "InvalidDestinationResources",
            "[sinks.fc.default]",
        ),
        (
            &configured,
            delivery("acs:mns:::/queues/q/messages", ""),
            "InvalidDestinationResources",
            "not a function",
        ),
    ] {
        let CallVerdict::Permanent { error } = fc.deliver(&delivery).await else {
            panic!("{code} is permanent");
        };
        assert_eq!((&*error.code, error.status), (code, 0));
        assert!(error.message.contains(says), "{}", error.message);
    }
    assert!(server.seen().is_empty());
    let largest = delivery("acs:fc:::functions/f", vec![0; 131_072]);
    let verdict = configured.deliver(&largest).await;
    assert_eq!(verdict, CallVerdict::Delivered { message_id: None });
}

#[tokio::test]
async fn callbacks_that_do_not_get_through_are_retried() {
    for (reply, code) in [
        (Reply::Silence, "DestinationTimeout"),
        (Reply::AnswerAndClose(AT_ONCE, String::new()), "DestinationDisconnected"),
        (Reply::Answer("hello\r\n\r\n".to_owned()), "BadResponse"),
        (Reply::Answer(answer("500 Oops", "", "")), "InternalServerError"),
    ] {
        let server = Server::start(move |_, _| reply.clone()).await;
        let verdict = fc(&server.url()).deliver(&delivery("acs:fc:::functions/f", "")).await;
        let CallVerdict::Retry { error, .. } = verdict else { panic!("{code}: {verdict:?}") };
        assert_eq!(&*error.code, code);
    }
    let verdict = fc("http://127.0.0.1:1").deliver(&delivery("acs:fc:::functions/f", "")).await;
    let CallVerdict::Retry { error, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(&*error.code, "DestinationUnreachable");
}

#[tokio::test]
async fn a_remote_function_is_called_synchronously() {
    let server = Server::answering("200 OK", "result").await;
    let answer = fc(&server.url()).invoke(&attempted("default")).await;
    assert_eq!((answer.verdict, answer.body.as_ref()), (Verdict::Succeeded, &b"result"[..]));
    let seen = server.seen().remove(0);
    assert_signed(&seen);
    assert_eq!(
        seen.lines[0],
        "POST /2023-03-30/functions/there/invocations?qualifier=prod HTTP/1.1"
    );
    for (name, value) in [
        ("x-fc-invocation-type", "Sync"),
        ("x-invoked-attempt", "2"),
        ("x-invoked-lineage", "1"),
        ("x-fc-request-id", "07070707-0707-0707-0707-070707070707"),
    ] {
        assert_eq!(seen.header(name), Some(value));
    }
}

#[tokio::test]
async fn attempts_that_do_not_get_through() {
    let slow = Server::start(|_, _| Reply::Silence).await;
    let large = Server::start(|_, _| Reply::Answer(answer("200 OK", "", &"x".repeat(101)))).await;
    for (url, instance, verdict) in [
        (slow.url(), "default", Verdict::FunctionError),
        (large.url(), "default", Verdict::FunctionError),
        ("http://127.0.0.1:1".to_owned(), "default", Verdict::Unavailable { retry_after: None }),
        ("http://169.254.169.254".to_owned(), "default", Verdict::Refused),
        (slow.url(), "other", Verdict::Refused),
    ] {
        let answer = fc(&url).invoke(&attempted(instance)).await;
        assert_eq!(answer.verdict, verdict, "{url} {instance}: {answer:?}");
        assert!(answer.fault.is_some());
    }
}
