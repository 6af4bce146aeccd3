//! An HTTP request as an event, and back.
//!
//! An asynchronous request of an HTTP function is kept as the event that an HTTP trigger of
//! Function Compute 3.0 makes of a request, and becomes the request again when the function is
//! called. Two things go beyond the documented form, so that nothing is lost on the way:
//!
//! - `rawQueryString` is the query as it was sent; `queryParameters` holds it decoded, for readers.
//! - A header that came more than once is an array. The documented form joins the values with
//!   commas, which `set-cookie` and dates do not survive.
//!
//! A body that is not UTF-8 is base64, as documented.
//!
//! # Invariants
//!
//! `what_is_encoded_is_decoded`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{percent, query::Query, time};

/// The version of the form.
const VERSION: &str = "v1";

/// An HTTP request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpEvent {
    /// The method.
    pub method: String,
    /// The path, still encoded.
    pub path: String,
    /// What stands after the `?`, still encoded; nothing without one.
    pub query: Option<String>,
    /// The headers by name, in lower case, each with its values in order.
    pub headers: Vec<(String, Vec<String>)>,
    /// The body.
    pub body: Bytes,
}

/// What the event tells of the request besides.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// The function's account.
    pub account_id: &'a str,
    /// The host that the caller named.
    pub host: &'a str,
    /// The `user-agent` header.
    pub user_agent: &'a str,
    /// When the request came.
    pub unix_ms: i64,
}

/// A text is no event of an HTTP request.
#[derive(Debug, thiserror::Error)]
pub enum HttpEventError {
    /// It is not JSON of this form.
    #[error("it does not read as the event of an HTTP request: {0}")]
    Form(#[from] serde_json::Error),
    /// Its body does not read.
    #[error("its body is not base64")]
    Base64,
}

impl HttpEvent {
    /// The event as JSON.
    ///
    /// # Errors
    ///
    /// None that this type can cause.
    pub fn encode(&self, context: &RequestContext<'_>) -> Result<Vec<u8>, serde_json::Error> {
        let (body, is_base64_encoded) = match std::str::from_utf8(&self.body) {
            Ok(text) => (Cow::Borrowed(text), false),
            Err(_) => (Cow::Owned(STANDARD.encode(&self.body)), true),
        };
        let path = percent::decode(&self.path);
        serde_json::to_vec(&Written {
            version: VERSION,
            raw_path: &self.path,
            raw_query_string: self.query.as_deref(),
            body,
            is_base64_encoded,
            headers: Headers(Cow::Borrowed(&self.headers)),
            query_parameters: parameters(self.query.as_deref().unwrap_or_default()),
            request_context: Context {
                account_id: context.account_id,
                domain_name: context.host,
                http: Http {
                    method: &self.method,
                    path: String::from_utf8_lossy(&path),
                    protocol: "HTTP/1.1",
                    user_agent: context.user_agent,
                },
                time: time::rfc3339(context.unix_ms.div_euclid(1_000)),
                time_epoch: context.unix_ms.to_string(),
            },
        })
    }

    /// Reads what [`HttpEvent::encode`] wrote.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn decode(event: &[u8]) -> Result<Self, HttpEventError> {
        let read: Read = serde_json::from_slice(event)?;
        let body = if read.is_base64_encoded {
            STANDARD.decode(read.body).map_err(|_| HttpEventError::Base64)?.into()
        } else {
            read.body.into()
        };
        Ok(Self {
            method: read.request_context.http.method,
            path: read.raw_path,
            query: read.raw_query_string,
            headers: read.headers.0.into_owned(),
            body,
        })
    }
}

/// Whether a path, still encoded, leads above where it starts. Servers differ in what they decode
/// first, so every reading counts.
#[must_use]
pub fn climbs(path: &str) -> bool {
    let path = percent::decode(path);
    path.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| segment == b"..")
}

/// The decoded parameters; those of one name are joined with commas, as documented.
fn parameters(raw: &str) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (key, value) in Query::parse(raw).pairs() {
        match joined.get_mut(key) {
            Some(values) => {
                values.push(',');
                values.push_str(value);
            }
            None => {
                joined.insert(key.clone(), value.clone());
            }
        }
    }
    joined
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    version: &'static str,
    raw_path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_query_string: Option<&'a str>,
    body: Cow<'a, str>,
    is_base64_encoded: bool,
    headers: Headers<'a>,
    query_parameters: BTreeMap<String, String>,
    request_context: Context<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'a str,
    domain_name: &'a str,
    http: Http<'a>,
    time: String,
    time_epoch: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: Cow<'a, str>,
    protocol: &'static str,
    user_agent: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    raw_path: String,
    raw_query_string: Option<String>,
    body: String,
    is_base64_encoded: bool,
    headers: Headers<'static>,
    request_context: ReadContext,
}

#[derive(Deserialize)]
struct ReadContext {
    http: ReadHttp,
}

#[derive(Deserialize)]
struct ReadHttp {
    method: String,
}

/// In the order in which they came, which a map of the JSON library would lose.
struct Headers<'a>(Cow<'a, [(String, Vec<String>)]>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, values) in self.0.iter() {
            match values.as_slice() {
                [value] => map.serialize_entry(name, value)?,
                values => map.serialize_entry(name, values)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Headers<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Headers<'static>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, values)) = map.next_entry::<String, Values>()? {
                    let values = match values {
                        Values::One(value) => vec![value],
                        Values::Many(values) => values,
                    };
                    headers.push((name, values));
                }
                Ok(Headers(Cow::Owned(headers)))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests;
