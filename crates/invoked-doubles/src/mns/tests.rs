use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use super::*;
use crate::mailbox::Mail;

/// Thu, 15 Jan 2026 08:30:00 GMT.
const AT: i64 = 1_768_465_800_000;
const DATE: &str = "Thu, 15 Jan 2026 08:30:00 GMT";
const QUEUE: &str = "/queues/fc-dest-queue/messages";
const TOPIC: &str = "/topics/fc-dest-topic/messages";
const XMLNS: &str = "http://mns.aliyuncs.com/doc/v1/";

fn account() -> Account {
    Account {
        access_key_id: "testAccessKeyId".to_owned(),
        access_key_secret: "testAccessKeySecret".to_owned(),
        security_token: None,
    }
}

fn mns() -> Arc<Mns> {
    let mns = Mns::new(account());
    mns.create("/queues/fc-dest-queue");
    mns.create("/topics/fc-dest-topic");
    mns
}

/// A request as the vendor's Python client sends it.
fn request(path: &str, md5: &str, signature: &str, body: &str) -> Received {
    let headers = [
        ("content-md5", md5),
        ("content-type", "text/xml;charset=UTF-8"),
        ("x-mns-version", "2015-06-06"),
        ("date", DATE),
        ("authorization", signature),
    ];
    let headers = headers.into_iter().filter(|(_, value)| !value.is_empty());
    Received {
        method: Method::POST,
        uri: path.parse().unwrap(),
        headers: headers
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        at: AT,
    }
}

/// Vector V-A1, captured from aliyun-mns-sdk 1.3.0.
fn to_queue() -> Received {
    let body = xml(
        "<MessageBody>eyJ0aW1lc3RhbXAiOjE2NjAxMjAyNzY5NzUsInJlcXVlc3RDb250ZXh0Ijp7InJlcXVlc3RJZCI6InItMSJ9LCJub3RlIjoi5Lit5paHIDwmPiJ9</MessageBody>",
    );
    let signature = "MNS testAccessKeyId:pYrxPsBfYsLqa9nYmWVfyg6yxMI=";
    request(QUEUE, "OTRhZWYxOWMwM2ViNzFmMmQ1ZjkxMWFmZDM4NTUzYzI=", signature, &body)
}

/// Vector V-A3 of the same.
fn to_topic() -> Received {
    let body = xml(
        "<MessageBody>{&quot;timestamp&quot;:1660120276975,&quot;requestContext&quot;:{&quot;requestId&quot;:&quot;r-1&quot;},&quot;note&quot;:&quot;中文 &lt;&amp;&gt;&quot;}</MessageBody><MessageTag>succeeded</MessageTag>",
    );
    let signature = "MNS testAccessKeyId:jiNurKAo03j/Gzuwhzxsgg7VqKM=";
    request(TOPIC, "ODdiYjExYmE2ZjFkMzBiOGJkNzQwNmVjZjM2ZDJmMDE=", signature, &body)
}

fn xml(children: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Message xmlns=\"{XMLNS}\">{children}</Message>"
    )
}

fn taken(mns: &Mns, request: &Received) -> (Mail, String) {
    match mns.judge(request).outcome {
        Outcome::Taken { mut mails, answer } => {
            assert_eq!((answer.status().as_u16(), mails.len()), (201, 1));
            (mails.remove(0), String::from_utf8(answer.into_body().to_vec()).unwrap())
        }
        Outcome::Refused { code, answer } => panic!("{code}: {answer:?}"),
    }
}

#[track_caller]
fn assert_refused(mns: &Mns, request: &Received, status: u16, code: &str) {
    match mns.judge(request).outcome {
        Outcome::Taken { mails, .. } => panic!("{code} wanted, taken: {mails:?}"),
        Outcome::Refused { code: found, answer } => {
            assert_eq!((answer.status().as_u16(), &*found), (status, code), "{answer:?}");
            let xml = String::from_utf8(answer.into_body().to_vec()).unwrap();
            assert!(xml.contains(&format!("<Code>{code}</Code>")), "{xml}");
        }
    }
}

/// Changes what is not signed, or what is looked at before the signature.
fn with(mut request: Received, name: &'static str, value: Option<&str>) -> Received {
    request.headers.remove(name);
    if let Some(value) = value {
        request.headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

#[test]
fn what_the_vendors_client_sends_is_taken() {
    let mns = mns();
    let (mail, answer) = taken(&mns, &to_queue());
    let json =
        r#"{"timestamp":1660120276975,"requestContext":{"requestId":"r-1"},"note":"中文 <&>"}"#;
    assert_eq!((&*mail.destination, &mail.body[..]), ("/queues/fc-dest-queue", json.as_bytes()));
    assert_eq!(mail.tag, None);
    assert!(answer.contains(&format!("<MessageId>{}</MessageId>", mail.message_id)), "{answer}");
    assert!(answer.contains("<MessageBodyMD5>"), "{answer}");

    let (mail, _) = taken(&mns, &to_topic());
    assert_eq!((&*mail.destination, &mail.body[..]), ("/topics/fc-dest-topic", json.as_bytes()));
    assert_eq!(mail.tag.as_deref(), Some("succeeded"));
}

#[test]
fn the_md5_is_of_the_body_as_it_was_sent() {
    let body = xml("<MessageBody>aGVsbG8=</MessageBody>");
    let signature = "MNS testAccessKeyId:BC0bh7xI+sZInER7LjnZFTeQ+EU=";
    let request = request(QUEUE, "ZmNhMzI5NGRmMmU4NzJjZjJiZTMwYjU5ZWNhZGU0MGE=", signature, &body);
    let (mail, answer) = taken(&mns(), &request);
    assert_eq!(&mail.body[..], b"hello");
    assert!(
        answer.contains("<MessageBodyMD5>0733351879B2FA9BD05C7CA3061529C0</MessageBodyMD5>"),
        "{answer}"
    );
}

#[test]
fn a_temporary_key_needs_its_token() {
    let account = Account { security_token: Some("CAISstsToken==".to_owned()), ..account() };
    let mns = Mns::with_any(account);
    assert_refused(&mns, &to_queue(), 403, "InvalidSecurityToken");
    let wrong = with(to_queue(), "security-token", Some("another"));
    assert_refused(&mns, &wrong, 403, "InvalidSecurityToken");
    taken(&mns, &with(to_queue(), "security-token", Some("CAISstsToken==")));
}

#[test]
fn headers_are_checked_one_by_one() {
    let mns = mns();
    for (name, value, status, code) in [
        ("date", None, 400, "MissingDateHeader"),
        ("date", Some("2026-01-15T08:30:00Z"), 400, "InvalidDateHeader"),
        ("date", Some("Thu, 15 Jan 2026 08:14:59 GMT"), 408, "TimeExpired"),
        ("date", Some("Thu, 15 Jan 2026 08:45:01 GMT"), 408, "TimeExpired"),
        ("date", Some("Thu, 15 Jan 2026 08:30:01 GMT"), 403, "SignatureDoesNotMatch"),
        ("x-mns-version", None, 400, "MissingVersionHeader"),
        ("x-mns-version", Some("2015-06-07"), 400, "InvalidArgument"),
        ("x-mns-extra", Some("unsigned"), 403, "SignatureDoesNotMatch"),
        ("content-type", Some("application/json"), 400, "InvalidArgument"),
        ("content-type", Some("text/xml"), 403, "SignatureDoesNotMatch"),
        ("content-md5", None, 403, "SignatureDoesNotMatch"),
        ("authorization", None, 400, "MissingAuthorizationHeader"),
        ("authorization", Some("acs id:x"), 400, "InvalidAuthorizationHeader"),
        ("authorization", Some("MNS other:x"), 403, "InvalidAccessKeyId"),
        ("authorization", Some("MNS testAccessKeyId:x"), 403, "SignatureDoesNotMatch"),
    ] {
        assert_refused(&mns, &with(to_queue(), name, value), status, code);
    }
    let other = Received { body: Bytes::from(xml("<MessageBody>b</MessageBody>")), ..to_queue() };
    assert_refused(&mns, &other, 400, "InvalidDegist");
}

#[test]
fn what_does_not_exist_is_not_found() {
    let mns = mns();
    mns.delete("/queues/fc-dest-queue");
    mns.delete("/topics/fc-dest-topic");
    assert_refused(&mns, &to_queue(), 404, "QueueNotExist");
    assert_refused(&mns, &to_topic(), 404, "TopicNotExist");
    for uri in
        ["/", "/queues//messages", "/queues/q", "/queues/a/b/messages", "/queues/q/messages?x=1"]
    {
        let request = Received { uri: uri.parse().unwrap(), ..to_queue() };
        assert_refused(&mns, &request, 400, "InvalidRequestURL");
    }
    let get = Received { method: Method::GET, ..to_queue() };
    assert_refused(&mns, &get, 400, "InvalidRequestURL");
}

#[test]
fn names_have_their_rules() {
    for (name, is_topic, code) in [
        ("a.b", false, "InvalidQueueName"),
        ("a.b", true, "TopicNameInvalid"),
        (&*"a".repeat(121), false, "QueueNameLengthError"),
        (&*"a".repeat(121), true, "TopicNameLengthError"),
    ] {
        assert_eq!(Place { is_topic, name }.check_name().unwrap_err().0, code);
    }
    Place { is_topic: true, name: &"a".repeat(120) }.check_name().unwrap();
}

#[test]
fn messages_have_only_what_they_may_have() {
    let queue = |children: &str| body::read(xml(children).as_bytes(), false).map(|read| read.body);
    let topic = |children: &str| body::read(xml(children).as_bytes(), true);
    let code = |read: Result<String, Refusal>| read.unwrap_err().0;
    let body = "<MessageBody>b</MessageBody>";
    assert_eq!(queue("<MessageBody>a&#13;&lt;</MessageBody>").unwrap(), "a\r<");
    assert_eq!(queue(&format!("{body}<DelaySeconds>0</DelaySeconds>")).unwrap(), "b");
    for (children, wanted) in [
        ("", "InvalidArgument"),
        ("<MessageBody></MessageBody>", "InvalidArgument"),
        ("<MessageBody>a</MessageBody><MessageBody>b</MessageBody>", "MalformedXML"),
        ("<MessageBody><b/></MessageBody>", "MalformedXML"),
        ("<MessageBody>\u{1}</MessageBody>", "MalformedXML"),
        ("<MessageBody>\u{ffff}</MessageBody>", "MalformedXML"),
        ("<MessageBody>&own;</MessageBody>", "MalformedXML"),
        ("<MessageBody>b</MessageBody><MessageTag>t</MessageTag>", "MalformedXML"),
        ("<MessageBody>b</MessageBody><Priority>17</Priority>", "InvalidArgument"),
        ("<MessageBody>b</MessageBody><DelaySeconds>x</DelaySeconds>", "InvalidArgument"),
        ("text", "MalformedXML"),
    ] {
        assert_eq!(code(queue(children)), wanted, "{children}");
    }
    let tagged = |tag: &str| topic(&format!("{body}<MessageTag>{tag}</MessageTag>"));
    assert_eq!(tagged(&"t".repeat(16)).unwrap().tag.unwrap().len(), 16);
    assert_eq!(tagged(&"t".repeat(17)).unwrap_err().0, "InvalidArgument");
    let with_type = "<!DOCTYPE Message [<!ENTITY own 'x'>]><Message>&own;</Message>";
    assert_eq!(body::read(with_type.as_bytes(), true).unwrap_err().0, "MalformedXML");
    let other = "<Message xmlns=\"http://other\"><MessageBody>b</MessageBody></Message>";
    assert_eq!(body::read(other.as_bytes(), true).unwrap_err().0, "MalformedXML");
}

#[test]
fn the_limit_is_counted_before_escaping_and_after_encoding() {
    for (size, fits) in [(65_536, true), (65_537, false)] {
        let full = xml(&format!("<MessageBody>{}</MessageBody>", "&lt;".repeat(size)));
        assert_eq!(body::read(full.as_bytes(), false).is_ok(), fits, "{size}");
    }
}

#[test]
fn errors_for_scripts_have_their_status() {
    for (status, code) in ERRORS {
        assert_eq!(error(code).status().as_u16(), status);
    }
    let gateway = error_with(502, "a<b", "x & y");
    assert_eq!(gateway.status(), 502);
    let xml = String::from_utf8(gateway.into_body().to_vec()).unwrap();
    assert!(xml.contains("<Code>a&lt;b</Code><Message>x &amp; y</Message>"), "{xml}");
}
