//! Events to the strict double of EventBridge.

use invoked_core::fault::Fault;
use invoked_doubles::eventbridge::{self, Account};
use invoked_doubles::{Options, Server, Step};

use super::*;

/// An event as the core makes it, with `data` so long that it has `size` bytes.
fn event(bus: &str, size: usize) -> String {
    let frame = |padding: &str| {
        format!(
            r#"{{"id":"07070707-0707-0707-0707-070707070707","source":"acs:fc","specversion":"1.0","type":"fc:AsyncInvoke:failed","datacontenttype":"application/json","time":"2026-01-15T08:30:00.000Z","subject":"acs:fc:cn-hangzhou:1:functions/f","aliyuneventbusname":"{bus}","data":{{"note":"中文 <&>","responsePayload":"{padding}"}}}}"#
        )
    };
    let rest = size.saturating_sub(frame("").len());
    frame(&"x".repeat(rest))
}

fn account(token: Option<&str>) -> Account {
    Account {
        id: "1234567890".to_owned(),
        region: "cn-hangzhou".to_owned(),
        access_key_id: "testid".to_owned(),
        access_key_secret: "testsecret".to_owned(),
        security_token: token.map(str::to_owned),
    }
}

/// A double with the bus `bus`.
async fn started(account: Account) -> Server {
    let service = eventbridge::EventBridge::new(account);
    service.create("bus");
    Server::start(service, Options::new(Arc::new(|| NOW * 1_000))).await.unwrap()
}

fn sink(server: &Server, secret: &str, token: Option<&str>, now: i64) -> EventBridge {
    let config = Config::new(&server.url(), "testid", secret).unwrap();
    let mut config = config.with_timeout(Duration::from_millis(500)).unwrap();
    if let Some(token) = token {
        config = config.with_security_token(token).unwrap();
    }
    let client = Client::new(&invoked_http::Config::default(), Egress::default());
    EventBridge::new([("default".into(), config)].into(), &client, Arc::new(move || now))
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
async fn events_are_taken_as_they_are_with_and_without_a_token() {
    for token in [None, Some("CAISstsToken==")] {
        let server = started(account(token)).await;
        let sent = event("bus", 65_536);
        let sink = sink(&server, "testsecret", token, NOW);
        let verdict = sink.deliver(&delivery(BUS, sent.clone())).await;
        let id = RequestId([7; 16]).to_string();
        assert_eq!(verdict, CallVerdict::Delivered { message_id: Some(id.into()) });
        let [mail] = &server.mailbox().mails()[..] else { panic!("one event") };
        assert_eq!(mail.raw, format!("[{sent}]").as_bytes());
        assert_eq!(mail.tag.as_deref(), Some("fc:AsyncInvoke:failed"));
        assert_eq!(server.mailbox().refused(), []);
        let too_large = sink.deliver(&delivery(BUS, event("bus", 65_537))).await;
        assert_eq!(&*permanent(too_large).code, "EntityTooLarge");
        assert_eq!(server.mailbox().seen().len(), 1, "what is too large is not sent");
    }
}

#[tokio::test]
async fn what_the_service_refuses_is_permanent_and_says_why() {
    let server = started(account(None)).await;
    for (secret, token, bus, code) in [
        ("other", None, "bus", "SignatureDoesNotMatch"),
        ("testsecret", Some("unknown"), "bus", "SecurityTokenInvalid"),
        ("testsecret", None, "gone", "EventBusNotExist"),
    ] {
        let sink = sink(&server, secret, token, NOW);
        let error = permanent(sink.deliver(&delivery(BUS, event(bus, 0))).await);
        assert_eq!(&*error.code, code);
        assert!(!error.message.is_empty());
    }
    let late = sink(&server, "testsecret", None, NOW - 16 * 60);
    let error = retried(late.deliver(&delivery(BUS, event("bus", 0))).await);
    assert_eq!(&*error.code, "InvalidTimeStamp.Expired");
}

#[tokio::test]
async fn every_error_of_the_table_reads_as_it_should() {
    let server = started(account(None)).await;
    let sink = sink(&server, "testsecret", None, NOW);
    let delivery = delivery(BUS, event("bus", 0));
    for (status, code) in eventbridge::ERRORS {
        server.script().add("bus", Step::answer(eventbridge::error(code)), 1);
        let verdict = sink.deliver(&delivery).await;
        let stale = ["IllegalTimestamp", "InvalidTimeStamp.Expired", "SignatureNonceUsed"];
        let error = if status == 429 || status >= 500 || stale.contains(&code) {
            retried(verdict)
        } else {
            permanent(verdict)
        };
        assert_eq!((&*error.code, error.status), (code, status));
    }
    for (code, is_retried) in
        [("TooManyRequests", true), ("InternalError", true), ("EventBusNotExist", false)]
    {
        let failed = eventbridge::failed_entry(code, "in words");
        server.script().add("bus", Step::answer(failed), 1);
        let verdict = sink.deliver(&delivery).await;
        let error = if is_retried { retried(verdict) } else { permanent(verdict) };
        assert_eq!((&*error.code, &*error.message, error.status), (code, "in words", 200));
    }
    assert_eq!(server.mailbox().mails().len(), 0);
}

#[tokio::test]
async fn a_withheld_answer_is_retried_with_the_same_id() {
    let server = started(account(None)).await;
    let sink = sink(&server, "testsecret", None, NOW);
    let delivery = delivery(BUS, event("bus", 0));
    server.script().add("bus", Step::withhold(), 1);
    server.script().add("bus", Step::close(), 1);
    assert_eq!(&*retried(sink.deliver(&delivery).await).code, "DestinationTimeout");
    assert_eq!(&*retried(sink.deliver(&delivery).await).code, "DestinationDisconnected");
    let verdict = sink.deliver(&delivery).await;
    assert!(matches!(verdict, CallVerdict::Delivered { .. }), "{verdict:?}");
    let mails = server.mailbox().mails();
    assert_eq!(mails.len(), 3);
    assert!(mails.iter().all(|mail| mail.message_id == mails[0].message_id));
}
