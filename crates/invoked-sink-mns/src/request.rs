//! From a message to a signed `SendMessage` or `PublishMessage`. Pure: the time is an argument.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName, HeaderValue};
use http::{Method, Request};
use invoked_core::arn::Resource;
use invoked_core::fault::Fault;
use invoked_core::limits::MNS_BODY_MAX;
use invoked_sink::Delivery;
use md5::{Digest as _, Md5};
use serde::de::IgnoredAny;
use sha1::Sha1;

use crate::config::{Config, Encoding};

const CONTENT_XML: &str = "text/xml;charset=UTF-8";
const VERSION: HeaderName = HeaderName::from_static("x-mns-version");
const VERSION_2015: &str = "2015-06-06";
const USER_REQUEST_ID: HeaderName = HeaderName::from_static("x-mns-user-request-id");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("security-token");

/// Characters in the name of a queue or topic. MNS: 120.
const NAME_MAX: usize = 120;

/// The first second of the year 9999. HTTP's dates end with that year.
const YEAR_9999: u64 = 253_370_764_800;

/// A message as it is to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    /// Where to, below the endpoint.
    pub(crate) path: String,
    /// The body of the request.
    pub(crate) xml: Bytes,
    /// What the service says of the message's body when it has it: MD5 in upper-case hex.
    pub(crate) body_md5: String,
}

/// What signature V2 covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToSign<'a> {
    pub(crate) method: &'a str,
    /// Empty without the header.
    pub(crate) content_md5: &'a str,
    /// Empty without the header.
    pub(crate) content_type: &'a str,
    pub(crate) date: &'a str,
    /// The headers that start with `x-mns-`, by name.
    pub(crate) mns_headers: &'a [(&'a str, &'a str)],
    /// Path and query, exactly as they are sent.
    pub(crate) target: &'a str,
}

/// The message for a destination.
///
/// # Errors
/// It can never be sent.
pub(crate) fn message(delivery: &Delivery, config: &Config) -> Result<Message, Fault> {
    let (path, encoding, tag) = match delivery.destination.resource() {
        Resource::MnsQueue { queue } => {
            let path = format!("/queues/{}/messages", name("queue", queue)?);
            (path, config.queue_encoding, None)
        }
        Resource::MnsTopic { topic } => {
            let path = format!("/topics/{}/messages", name("topic", topic)?);
            (path, config.topic_encoding, Some(delivery.tag()))
        }
        Resource::Function { .. }
        | Resource::EventBus { .. }
        | Resource::RocketMq { .. }
        | Resource::Kafka { .. }
        | Resource::Amqp { .. } => {
            let message = "the destination is neither a queue nor a topic of MNS";
            return Err(Fault::new("InvalidDestinationResources", message, 0));
        }
    };
    let body = match encoding {
        Encoding::Base64 => base64(&delivery.envelope)?,
        Encoding::Raw => text(&delivery.envelope)?,
    };
    check_size(body.len(), encoding)?;
    Ok(Message {
        path,
        xml: xml(&body, tag).into(),
        body_md5: format!("{:032X}", u128::from_be_bytes(Md5::digest(&body).into())),
    })
}

/// The request for a message. It is signed anew for every try, because the date is in it.
///
/// # Errors
/// The clock is out of the range of dates.
pub(crate) fn signed(
    message: &Message,
    request_id: &str,
    config: &Config,
    unix_seconds: i64,
) -> Result<Request<Bytes>, Fault> {
    let date = u64::try_from(unix_seconds).ok().filter(|seconds| *seconds < YEAR_9999);
    let Some(date) = date.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)) else {
        return Err(Fault::new("InternalServerError", "this machine's clock is out of range", 0));
    };
    let date = httpdate::fmt_http_date(date);
    let uri = config.endpoint.uri(&message.path).expect("names of queues and topics are plain");
    let authorization = authorization(
        &config.access_key_id,
        &config.access_key_secret,
        &ToSign {
            method: Method::POST.as_str(),
            content_md5: "",
            content_type: CONTENT_XML,
            date: &date,
            mns_headers: &[
                (USER_REQUEST_ID.as_str(), request_id),
                (VERSION.as_str(), VERSION_2015),
            ],
            target: uri.path(),
        },
    );

    let mut request = Request::new(message.xml.clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let token = config.security_token.as_deref();
    let headers = [
        (CONTENT_TYPE, Some(CONTENT_XML)),
        (DATE, Some(&*date)),
        (VERSION, Some(VERSION_2015)),
        (USER_REQUEST_ID, Some(request_id)),
        (SECURITY_TOKEN, token),
        (AUTHORIZATION, Some(&*authorization)),
    ];
    for (name, value) in headers {
        let Some(value) = value else { continue };
        let mut value = HeaderValue::try_from(value).expect("keys were checked, the rest is ours");
        value.set_sensitive(name == SECURITY_TOKEN || name == AUTHORIZATION);
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// The `Authorization` header, signature V2.
pub(crate) fn authorization(id: &str, secret: &str, to_sign: &ToSign<'_>) -> String {
    let ToSign { method, content_md5, content_type, date, mns_headers, target } = to_sign;
    let mut text = format!("{method}\n{content_md5}\n{content_type}\n{date}\n");
    for (name, value) in *mns_headers {
        text.extend([name, ":", value, "\n"]);
    }
    text.push_str(target);
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(text.as_bytes());
    format!("MNS {id}:{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A name that can stand in a path as it is.
fn name<'a>(kind: &str, name: &'a str) -> Result<&'a str, Fault> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if name.len() <= NAME_MAX && name.bytes().all(is_plain) {
        return Ok(name);
    }
    let message = format!(
        "'{name}' cannot name a {kind} of MNS: at most {NAME_MAX} letters, digits, hyphens and underscores"
    );
    Err(Fault::new("InvalidDestinationResources", &message, 0))
}

fn base64(envelope: &[u8]) -> Result<String, Fault> {
    // Before it is encoded, so that a huge envelope is not encoded for nothing.
    check_size(envelope.len().div_ceil(3).saturating_mul(4), Encoding::Base64)?;
    Ok(STANDARD.encode(envelope))
}

/// The envelope as text that XML 1.0 can carry.
///
/// In JSON, what XML cannot carry stands only within strings: other control characters than white
/// space must be escaped there already, and nothing but a string holds U+FFFE or U+FFFF. Escaped,
/// it is the same JSON.
fn text(envelope: &[u8]) -> Result<String, Fault> {
    check_size(envelope.len(), Encoding::Raw)?;
    let refused = |what: &str| {
        let message = format!(
            "the message {what}, which XML cannot carry; set queue_encoding or topic_encoding of the instance to \"base64\""
        );
        Fault::new("InvalidMessageBody", &message, 0)
    };
    let text = str::from_utf8(envelope).map_err(|_| refused("is not UTF-8"))?;
    if text.chars().all(is_xml) {
        return Ok(text.to_owned());
    }
    if serde_json::from_slice::<IgnoredAny>(envelope).is_err() {
        return Err(refused("is not JSON and holds control characters or U+FFFE or U+FFFF"));
    }
    let mut escaped = String::with_capacity(envelope.len());
    for letter in text.chars() {
        if is_xml(letter) {
            escaped.push(letter);
        } else {
            escaped.push_str(&format!("\\u{:04x}", u32::from(letter)));
        }
    }
    Ok(escaped)
}

/// Whether XML 1.0 has the character, production `Char`.
fn is_xml(letter: char) -> bool {
    !matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

fn check_size(size: usize, encoding: Encoding) -> Result<(), Fault> {
    if size <= MNS_BODY_MAX {
        return Ok(());
    }
    let encoded = match encoding {
        Encoding::Base64 => " as base64",
        Encoding::Raw => "",
    };
    let message =
        format!("the message has {size} bytes{encoded}, MNS takes at most {MNS_BODY_MAX}");
    Err(Fault::new("EntityTooLarge", &message, 0))
}

fn xml(body: &str, tag: Option<&str>) -> String {
    let mut xml = String::with_capacity(body.len() + body.len() / 8 + 200);
    xml.push_str(r#"<?xml version="1.0" encoding="utf-8"?>"#);
    xml.push_str(r#"<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageBody>"#);
    let mut rest = body;
    while let Some(at) = rest.find(['&', '<', '>', '\r']) {
        let (plain, special) = rest.split_at(at);
        xml.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('&') => xml.push_str("&amp;"),
            Some('<') => xml.push_str("&lt;"),
            Some('>') => xml.push_str("&gt;"),
            // A reader of XML makes a line feed of one that is not escaped.
            Some(_) => xml.push_str("&#13;"),
            None => {}
        }
        rest = chars.as_str();
    }
    xml.push_str(rest);
    xml.push_str("</MessageBody>");
    if let Some(tag) = tag {
        xml.extend(["<MessageTag>", tag, "</MessageTag>"]);
    }
    xml.push_str("</Message>");
    xml
}

#[cfg(test)]
mod tests;
