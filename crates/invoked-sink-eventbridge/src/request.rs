//! From an event to a signed `POST /openapi/putEvents`. Pure: time and nonce are arguments.
//!
//! String to sign, as the vendor's SDK builds it (`alibabacloud-eventbridge` 1.3.8): method, an empty
//! Content-MD5, Content-Type, Date, each `x-acs-*` header as `name:value` in order of their names,
//! every line ended by a line feed, then the path. `x-eventbridge-version` is sent and not signed.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut as _, Bytes, BytesMut};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use invoked_core::limits::EVENT_MAX;
use invoked_core::trace::TraceContext;
use sha1::Sha1;

use crate::config::Config;

/// A batch in JSON. The service takes no other spelling of the character set.
const BATCH: &str = "application/cloudevents-batch+json; charset=utf-8";

const ACCESS_KEY_ID: &str = "x-acs-accesskey-id";
const SECURITY_TOKEN: &str = "x-acs-security-token";
const SIGNATURE_METHOD: &str = "x-acs-signature-method";
const SIGNATURE_NONCE: &str = "x-acs-signature-nonce";
const SIGNATURE_VERSION: &str = "x-acs-signature-version";
const VERSION: HeaderName = HeaderName::from_static("x-eventbridge-version");

/// What makes a request one of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) nonce: [u8; 16],
    pub(crate) unix_seconds: u64,
}

/// The signed request for a batch of one event.
pub(crate) fn signed(event: &[u8], config: &Config, moment: Moment) -> Request<Bytes> {
    let path = format!("{}/openapi/putEvents", config.endpoint.path());
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(moment.unix_seconds));
    let nonce = uuid(moment.nonce);
    // In the order of their names, which is that of the signature.
    let mut acs = Vec::with_capacity(5);
    if let Some(token) = &config.security_token {
        acs.push((ACCESS_KEY_ID, &*config.access_key_id));
        acs.push((SECURITY_TOKEN, &**token));
    }
    acs.push((SIGNATURE_METHOD, "HMAC-SHA1"));
    acs.push((SIGNATURE_NONCE, &nonce));
    acs.push((SIGNATURE_VERSION, "1.0"));
    let signature = sign(&string_to_sign(&date, &acs, &path), &config.access_key_secret);
    let authorization = format!("acs:{}:{signature}", config.access_key_id);

    let mut request = Request::new(batch_of_one(event));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::try_from(path).expect("an endpoint's path is one");
    let headers = request.headers_mut();
    headers.insert(HOST, text(&config.endpoint.authority()));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(BATCH));
    headers.insert(DATE, text(&date));
    headers.insert(VERSION, HeaderValue::from_static("2015-06-06"));
    for (name, value) in acs {
        headers.insert(HeaderName::from_static(name), text(value));
    }
    headers.insert(AUTHORIZATION, text(&authorization));
    request
}

/// The event with its place in a trace, as the attributes of CloudEvents' extension "Distributed Tracing".
/// An event that has no room left for them goes without.
pub(crate) fn traced<'a>(event: &'a [u8], trace: Option<&TraceContext>) -> Cow<'a, [u8]> {
    let (Some(trace), Some(open)) = (trace, event.strip_suffix(b"}")) else {
        return Cow::Borrowed(event);
    };
    let mut extended = open.to_vec();
    for (name, value) in trace.fields() {
        // A tracestate is printable ASCII.
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        extended.extend_from_slice(format!(",\"{name}\":\"{value}\"").as_bytes());
    }
    extended.push(b'}');
    if extended.len() > EVENT_MAX { Cow::Borrowed(event) } else { Cow::Owned(extended) }
}

fn batch_of_one(event: &[u8]) -> Bytes {
    let mut batch = BytesMut::with_capacity(event.len() + 2);
    batch.put_u8(b'[');
    batch.put_slice(event);
    batch.put_u8(b']');
    batch.freeze()
}

fn string_to_sign(date: &str, acs: &[(&str, &str)], path: &str) -> String {
    let mut text = format!("POST\n\n{BATCH}\n{date}\n");
    for (name, value) in acs {
        // Writing to a string does not fail.
        let _infallible = writeln!(text, "{name}:{value}");
    }
    text.push_str(path);
    text
}

fn sign(text: &str, secret: &str) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// 16 bytes in the form of a UUID.
fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::try_from(value).expect("keys were checked, the rest is ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thu, 15 Jan 2026 08:30:00 GMT.
    const AT: u64 = 1_768_465_800;
    const NONCE: u128 = 0x7b1f_3d52_5d0e_4a0c_9d5e_0123_4567_89ab;
    const EVENT: &str = r#"{"id":"r-1","source":"acs:fc","specversion":"1.0","type":"fc:AsyncInvoke:succeeded","datacontenttype":"application/json","subject":"acs:fc:cn-hangzhou:123456789:functions/f1","time":"2026-01-15T08:30:00.000Z","data":{"requestContext":{"requestId":"r-1"}},"aliyuneventbusname":"my-bus"}"#;

    fn config(endpoint: &str) -> Config {
        Config::new(endpoint, "testAccessKeyId", "testAccessKeySecret").unwrap()
    }

    fn sent(config: &Config) -> Request<Bytes> {
        let moment = Moment { nonce: NONCE.to_be_bytes(), unix_seconds: AT };
        signed(EVENT.as_bytes(), config, moment)
    }

    #[test]
    fn a_place_in_a_trace_is_two_attributes() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceContext::parse(parent, Some("a=\"\\x"));
        let event = traced(EVENT.as_bytes(), trace.as_ref());
        let event: serde_json::Value = serde_json::from_slice(&event).unwrap();
        assert_eq!(
            (&event["traceparent"], &event["tracestate"]),
            (&parent.into(), &"a=\"\\x".into())
        );
        assert_eq!(event["data"]["requestContext"]["requestId"], "r-1");
        assert_eq!(&*traced(EVENT.as_bytes(), None), EVENT.as_bytes());
        let full = format!("{{\"data\":\"{}\"}}", "x".repeat(EVENT_MAX - 11));
        assert_eq!(&*traced(full.as_bytes(), trace.as_ref()), full.as_bytes(), "no room is left");
    }

    /// V-B1: captured from the vendor's SDK.
    #[test]
    fn the_vendors_request_is_reproduced() {
        let request = sent(&config("http://127.0.0.1:18081"));
        assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/openapi/putEvents"));
        let mut headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        headers.sort_unstable();
        assert_eq!(
            headers,
            [
                ("accept", "application/json"),
                ("authorization", "acs:testAccessKeyId:qS4AlJar2btlEqo/qSDTaNLeSGg="),
                ("content-type", "application/cloudevents-batch+json; charset=utf-8"),
                ("date", "Thu, 15 Jan 2026 08:30:00 GMT"),
                ("host", "127.0.0.1:18081"),
                ("x-acs-signature-method", "HMAC-SHA1"),
                ("x-acs-signature-nonce", "7b1f3d52-5d0e-4a0c-9d5e-0123456789ab"),
                ("x-acs-signature-version", "1.0"),
                ("x-eventbridge-version", "2015-06-06"),
            ]
        );
        assert_eq!(request.body(), format!("[{EVENT}]").as_bytes());
        assert_eq!(request.body().len(), 287);
    }

    /// V-B2: the same with a temporary key. Id and token are signed.
    #[test]
    fn a_temporary_keys_token_is_sent_and_signed() {
        let config =
            config("http://127.0.0.1:18081").with_security_token("CAISstsToken==").unwrap();
        let request = sent(&config);
        let headers = request.headers();
        assert_eq!(headers["authorization"], "acs:testAccessKeyId:dKbEGIjtipX7tI/6TMsQnfm9aMY=");
        assert_eq!(headers["x-acs-accesskey-id"], "testAccessKeyId");
        assert_eq!(headers["x-acs-security-token"], "CAISstsToken==");
    }

    #[test]
    fn the_path_is_signed_as_it_is_sent() {
        let (plain, below) = (sent(&config("http://h")), sent(&config("http://h/base")));
        assert_eq!(below.uri(), "/base/openapi/putEvents");
        assert_ne!(plain.headers()["authorization"], below.headers()["authorization"]);
        assert_eq!(below.headers()["host"], "h");
    }
}
