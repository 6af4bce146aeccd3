use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_http::Endpoint;
use roxmltree::Document;

use super::*;

/// Thu, 15 Jan 2026 08:30:00 GMT.
const AT: i64 = 1_768_465_800;
const DATE: &str = "Thu, 15 Jan 2026 08:30:00 GMT";
const QUEUE: &str = "acs:mns:::/queues/fc-dest-queue/messages";
const TOPIC: &str = "acs:mns:cn-x:1:/topics/fc-dest-topic/messages";

/// The message of the vectors V-A1 to V-A3.
const NOTE: &str =
    r#"{"timestamp":1660120276975,"requestContext":{"requestId":"r-1"},"note":"中文 <&>"}"#;

fn delivery(arn: &str, envelope: impl Into<Bytes>) -> Delivery {
    Delivery {
        destination: Arn::parse(arn).unwrap(),
        envelope: envelope.into(),
        request_id: RequestId([7; 16]),
        outcome: Outcome::Succeeded,
        depth: 1,
        trace: None,
    }
}

fn config() -> Config {
    Config::new("http://127.0.0.1:18080", "testAccessKeyId", "testAccessKeySecret").unwrap()
}

fn to(arn: &str, envelope: impl Into<Bytes>, config: &Config) -> Result<Message, Fault> {
    message(&delivery(arn, envelope), config)
}

/// What a receiver of the XML has as the message's body.
fn received(message: &Message) -> String {
    let xml = std::str::from_utf8(&message.xml).unwrap();
    let document = Document::parse(xml).unwrap();
    let namespaced = document.root_element().tag_name().namespace();
    assert_eq!(namespaced, Some("http://mns.aliyuncs.com/doc/v1/"));
    let body = document.descendants().find(|node| node.tag_name().name() == "MessageBody");
    body.unwrap().text().unwrap().to_owned()
}

/// The header of a request that carried `content_md5`, as the vendor's clients send it.
fn sdk(path: &str, content_md5: &str) -> String {
    let to_sign = ToSign {
        method: "POST",
        content_md5,
        content_type: CONTENT_XML,
        date: DATE,
        mns_headers: &[("x-mns-version", "2015-06-06")],
        target: path,
    };
    authorization("testAccessKeyId", "testAccessKeySecret", &to_sign)
}

#[test]
fn vector_v_a1_a_queue_with_base64() {
    let message = to(QUEUE, NOTE, &config()).unwrap();
    assert_eq!(message.path, "/queues/fc-dest-queue/messages");
    // Byte for byte what aliyun-mns-sdk 1.3.0 sends.
    assert_eq!(
        message.xml,
        r#"<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageBody>eyJ0aW1lc3RhbXAiOjE2NjAxMjAyNzY5NzUsInJlcXVlc3RDb250ZXh0Ijp7InJlcXVlc3RJZCI6InItMSJ9LCJub3RlIjoi5Lit5paHIDwmPiJ9</MessageBody></Message>"#
    );
    assert_eq!(
        sdk(&message.path, "OTRhZWYxOWMwM2ViNzFmMmQ1ZjkxMWFmZDM4NTUzYzI="),
        "MNS testAccessKeyId:pYrxPsBfYsLqa9nYmWVfyg6yxMI="
    );
}

#[test]
fn vector_v_a2_a_queue_as_it_is() {
    let message = to(QUEUE, NOTE, &config().with_queue_encoding(Encoding::Raw)).unwrap();
    assert_eq!(received(&message), NOTE);
    assert_eq!(
        sdk(&message.path, "ZGJmYTA5MTE2MDVlZTFhM2QyYzA0MDQwZDFmYzgwODY="),
        "MNS testAccessKeyId:bhyc7ABnz44gCJR6n7R4apdYs7M="
    );
}

#[test]
fn vector_v_a3_a_topic_with_and_without_tag() {
    let message = to(TOPIC, NOTE, &config()).unwrap();
    assert_eq!(message.path, "/topics/fc-dest-topic/messages");
    assert_eq!(received(&message), NOTE);
    assert!(message.xml.ends_with(b"</MessageBody><MessageTag>succeeded</MessageTag></Message>"));
    for (md5, signature) in [
        ("ODdiYjExYmE2ZjFkMzBiOGJkNzQwNmVjZjM2ZDJmMDE=", "jiNurKAo03j/Gzuwhzxsgg7VqKM="),
        ("OTAzMDJkNDk4ZDkwZmMxZTkzYzIzNTk1NDliODcyMjM=", "7t2aWIl1j/cE6d3wvCjKCq2ZFEM="),
    ] {
        assert_eq!(sdk(&message.path, md5), format!("MNS testAccessKeyId:{signature}"));
    }
}

#[test]
fn vector_v_a4_a_temporary_key() {
    let config = Config::new("http://h", "STS.testAccessKeyId", "testAccessKeySecret").unwrap();
    let config = config.with_security_token("CAISstsToken==").unwrap();
    let message = to(QUEUE, "hello", &config).unwrap();
    assert_eq!(received(&message), "aGVsbG8=");
    assert_eq!(message.body_md5, "0733351879B2FA9BD05C7CA3061529C0");
    let signature = sdk(&message.path, "ZmNhMzI5NGRmMmU4NzJjZjJiZTMwYjU5ZWNhZGU0MGE=");
    assert!(signature.ends_with(":BC0bh7xI+sZInER7LjnZFTeQ+EU="), "{signature}");
    // The token is sent, and is no part of what is signed.
    let request = signed(&message, "r-1", &config, AT).unwrap();
    let signature = request.headers()[AUTHORIZATION].clone();
    assert_eq!(request.headers()["security-token"], "CAISstsToken==");
    let without = Config { security_token: None, ..config };
    let without = signed(&message, "r-1", &without, AT).unwrap();
    assert_eq!(without.headers()[AUTHORIZATION], signature);
    assert!(without.headers().get("security-token").is_none());
    assert!(!format!("{request:?}").contains("CAISsts"), "{request:?}");
}

#[test]
fn vector_v_a5_as_alibaba_publishes_it() {
    let to_sign = ToSign {
        method: "GET",
        content_md5: "",
        content_type: "",
        date: "Thu, 09 Jul 2015 03:01:34 GMT",
        mns_headers: &[("x-mns-version", "2015-06-06")],
        target: "/MyQueue",
    };
    assert_eq!(
        authorization("TestAccessID", "TestAccessSecret", &to_sign),
        "MNS TestAccessID:uwx3yeWoILzgmvesW0BQSgfM7b8="
    );
}

#[test]
fn requests_carry_what_is_signed_and_no_content_md5() {
    let endpoint = Endpoint::parse("http://h/base").unwrap();
    let config = Config { endpoint, ..config() };
    let message = to(QUEUE, NOTE, &config).unwrap();
    let request = signed(&message, "r-1", &config, AT).unwrap();
    assert_eq!((request.method().as_str(), request.body()), ("POST", &message.xml));
    assert_eq!(request.uri(), "/base/queues/fc-dest-queue/messages");
    let headers = request.headers();
    let expected = authorization(
        "testAccessKeyId",
        "testAccessKeySecret",
        &ToSign {
            method: "POST",
            content_md5: "",
            content_type: "text/xml;charset=UTF-8",
            date: DATE,
            mns_headers: &[("x-mns-user-request-id", "r-1"), ("x-mns-version", "2015-06-06")],
            target: "/base/queues/fc-dest-queue/messages",
        },
    );
    assert_eq!(headers[AUTHORIZATION], expected.as_str());
    for (name, value) in [
        ("content-type", "text/xml;charset=UTF-8"),
        ("date", DATE),
        ("x-mns-version", "2015-06-06"),
        ("x-mns-user-request-id", "r-1"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert_eq!(headers.len(), 5, "{headers:?}");
}

#[test]
fn a_clock_that_is_out_of_range_is_an_error() {
    let message = to(QUEUE, NOTE, &config()).unwrap();
    for seconds in [-1, i64::MIN, i64::MAX, 253_370_764_800] {
        assert!(signed(&message, "r-1", &config(), seconds).is_err(), "{seconds}");
    }
}

#[test]
fn every_text_arrives_as_it_was() {
    let config = config().with_queue_encoding(Encoding::Raw);
    for envelope in ["<a>&amp;]]>", "a\r\nb\rc\td", " x ", "\u{7f}\u{85}\u{e000}\u{1F980}\"'"] {
        assert_eq!(received(&to(QUEUE, envelope, &config).unwrap()), envelope);
    }
}

#[test]
fn characters_that_xml_has_not_are_escaped_within_json() {
    let raw = config().with_queue_encoding(Encoding::Raw);
    let json = "{\"a\":\"x\u{ffff}\\\\\u{fffe}\u{7f}\"}";
    let sent = received(&to(QUEUE, json, &raw).unwrap());
    assert_eq!(sent, "{\"a\":\"x\\uffff\\\\\\ufffe\u{7f}\"}");
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&sent), value(json));

    for envelope in [&b"no json \x01"[..], b"\xff", "\u{ffff}".as_bytes(), b"\0"] {
        let refused = to(QUEUE, Bytes::copy_from_slice(envelope), &raw).unwrap_err();
        assert_eq!(&*refused.code, "InvalidMessageBody");
        assert!(refused.message.contains("base64"), "{refused}");
        to(QUEUE, Bytes::copy_from_slice(envelope), &config()).unwrap();
    }
}

#[test]
fn the_limit_is_that_of_the_encoded_body() {
    let raw = config().with_queue_encoding(Encoding::Raw);
    let grown = format!("\"{}\u{ffff}\"", "x".repeat(65_531));
    for (config, envelope, size) in [
        (config(), "x".repeat(49_152), None),
        (config(), "x".repeat(49_153), Some("65540 bytes as base64")),
        (raw.clone(), "<".repeat(65_536), None),
        (raw.clone(), "x".repeat(65_537), Some("65537 bytes")),
        // It fits as it is, but not as it would have to be sent.
        (raw, grown, Some("65539 bytes")),
    ] {
        match (to(QUEUE, envelope, &config), size) {
            (Ok(_), None) => {}
            (Err(refused), Some(size)) => {
                assert_eq!(&*refused.code, "EntityTooLarge");
                assert!(refused.message.contains(size), "{refused}");
                assert!(refused.message.ends_with("at most 65536"), "{refused}");
            }
            (other, _) => panic!("{size:?}: {other:?}"),
        }
    }
}

#[test]
fn names_that_would_not_stay_in_the_path_are_refused() {
    for name in ["a?b", "a%2Fb", "a#b", "..", "a.b", &"a".repeat(121)] {
        let refused = to(&format!("acs:mns:::/queues/{name}/messages"), "x", &config());
        assert_eq!(&*refused.unwrap_err().code, "InvalidDestinationResources", "{name}");
    }
    let longest = format!("acs:mns:::/topics/{}_-9/messages", "a".repeat(117));
    to(&longest, "x", &config()).unwrap();
    let other = to("acs:fc:::functions/f", "x", &config()).unwrap_err();
    assert_eq!(&*other.code, "InvalidDestinationResources");
}

#[test]
fn every_outcome_fits_as_a_tag() {
    let all =
        [Outcome::Succeeded, Outcome::Failed, Outcome::Expired, Outcome::Stopped, Outcome::Invalid];
    for outcome in all {
        let delivery = Delivery { outcome, ..delivery(TOPIC, "x") };
        assert!((1..=16).contains(&delivery.tag().len()));
        let xml = message(&delivery, &config()).unwrap().xml;
        let tag = format!("<MessageTag>{}</MessageTag>", delivery.tag());
        assert!(std::str::from_utf8(&xml).unwrap().contains(&tag));
    }
}
