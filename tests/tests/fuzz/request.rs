//! The head and the body of a request, as far as they are read before anything is done: path, query, headers, body.
//!
//! An input is a request as it travels: a request line, header lines, an empty line, a body.

use std::borrow::Cow;

use invoked_fc::dto::task::TaskFilter;
use invoked_fc::headers::{self, values};
use invoked_fc::query::{self, Query};
use invoked_fc::route::{self, Operation};
use invoked_fc::sign;

use crate::bodies;

/// What the listener lets through; it refuses a request with more headers.
const HEADERS_MAX: usize = 1_000;

/// A request taken apart, as loosely as possible.
#[derive(Debug)]
pub struct Parts<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: &'a str,
}

impl<'a> Parts<'a> {
    pub fn of(text: &'a str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let mut start = lines.next().unwrap_or_default().split(' ');
        let method = start.next().unwrap_or_default();
        let target = start.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.filter_map(|line| line.split_once(':')).take(HEADERS_MAX).collect();
        Self { method, path, query, headers, body }
    }

    pub fn request(&self) -> sign::Request<'_> {
        sign::Request {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: &self.headers,
        }
    }
}

pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

pub fn read(bytes: &[u8]) {
    let text = text(bytes);
    let parts = Parts::of(&text);
    let request = parts.request();
    let query = Query::parse(parts.query);

    match route::parse(parts.method, parts.path) {
        Ok(route) => {
            assert!(!route.operation.name().is_empty());
            if let Operation::InvokeFunction(path) = &route.operation {
                assert!(!path.qualifier(&query).is_empty(), "there is always a qualifier");
            }
        }
        Err(refusal) => drop(refusal.to_string()),
    }

    // What is sent after encoding reads as it was read before.
    let encoded = query::encode(query.pairs());
    let again = Query::parse(&encoded);
    assert_eq!(query::encode(again.pairs()), encoded, "the canonical form is one");
    drop((TaskFilter::parse(&query), query.page(), query.flag("includePayload")));
    drop(query.integer("startedTimeBegin"));

    let header = |name| request.header(name);
    drop(values::InvocationType::parse(header(headers::INVOCATION_TYPE)));
    drop(values::LogType::parse(header(headers::LOG_TYPE)));
    drop(values::parse_async_delay(header(headers::ASYNC_DELAY)));
    drop(values::parse_stateful_enable(header(headers::STATEFUL_ASYNC_INVOCATION_ENABLE)));
    bodies::read(parts.body.as_bytes());
}
