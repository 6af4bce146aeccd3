//! What an answer means: the table "How does a function's answer read?" of `ARCHITECTURE.md`. Pure.
//!
//! | `x-fc-status` | HTTP status | reading |
//! |---|---|---|
//! | `200` | any | success |
//! | anything else | any | function error |
//! | absent, [`StatusRule::Ignore`] | any | success |
//! | absent | 2xx | success |
//! | absent | 429, 503 | throttled |
//! | absent | 502, 504 | system error |
//! | absent | any other | function error |
//!
//! Without a whole answer: a timeout after the request may have left is a function error, as is an
//! answer over the limit; what egress denies is refused; every other failure is a system error.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use http::{Response, StatusCode, response};
use invoked_core::fault::Fault;
use invoked_core::life::Verdict;
use invoked_fc::headers;
use invoked_http::{Error, retry_after};
use invoked_sink::{Answer, StatusRule};

const STATUS: HeaderName = HeaderName::from_static(headers::STATUS);

/// How the failure of a function is called since Function Compute 3.0, timeouts included.
const INVOCATION_ERROR: &str = "InvocationError";
/// How a failure of `/initialize` is called.
pub(crate) const INITIALIZATION_ERROR: &str = "InitializationError";

/// Which request an answer is to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// How a status reads.
    pub(crate) rule: StatusRule,
    /// The code of a function error.
    pub(crate) error_code: &'static str,
    /// How long the function had.
    pub(crate) timeout: Duration,
}

impl Asked {
    pub(crate) fn invoke(rule: StatusRule, timeout: Duration) -> Self {
        Self { rule, error_code: INVOCATION_ERROR, timeout }
    }

    /// Initializing succeeds with 2xx alone, whatever the rule.
    pub(crate) fn initialize(timeout: Duration) -> Self {
        Self { rule: StatusRule::Header, error_code: INITIALIZATION_ERROR, timeout }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reading {
    Succeeded,
    FunctionError,
    Unavailable { code: &'static str },
}

/// What `outcome` comes to.
pub(crate) fn answer(outcome: Result<Response<Bytes>, Error>, asked: Asked) -> Answer {
    match outcome {
        Ok(response) => {
            let (head, body) = response.into_parts();
            of_response(&head, body, asked)
        }
        Err(error) => failure(&error, asked),
    }
}

/// An answer for a function that cannot be called as it is configured.
pub(crate) fn refused(code: &str, message: &str) -> Answer {
    failed(Verdict::Refused, Fault::new(code, message, 0), Bytes::new())
}

fn of_response(head: &response::Parts, body: Bytes, asked: Asked) -> Answer {
    match read(head.status, &head.headers, asked.rule) {
        Reading::Succeeded => Answer { verdict: Verdict::Succeeded, fault: None, body },
        Reading::FunctionError => {
            let message = error_message(&body).unwrap_or_else(|| said(head));
            function_error(asked, &message, body)
        }
        Reading::Unavailable { code } => unavailable(code, head, body),
    }
}

/// What an exchange without a whole answer comes to.
pub(crate) fn failure(error: &Error, asked: Asked) -> Answer {
    let fault = |code| Fault::new(code, &error.in_full(), 0);
    let waiting = Verdict::Unavailable { retry_after: None };
    match error {
        Error::Timeout { may_have_been_sent: true, .. } => {
            let after = asked.timeout.as_secs_f64();
            let message = format!("Function timed out after {after} seconds");
            function_error(asked, &message, Bytes::new())
        }
        Error::TooLarge { limit, head } => match read(head.status, &head.headers, asked.rule) {
            Reading::Succeeded | Reading::FunctionError => {
                let message = format!("the function's answer exceeds the limit of {limit} bytes");
                function_error(asked, &message, Bytes::new())
            }
            Reading::Unavailable { code } => unavailable(code, head, Bytes::new()),
        },
        Error::Egress { .. } => failed(Verdict::Refused, fault("EgressDenied"), Bytes::new()),
        Error::Connect { .. } | Error::Timeout { may_have_been_sent: false, .. } => {
            failed(waiting, fault("FunctionUnreachable"), Bytes::new())
        }
        Error::Broken { .. } => failed(waiting, fault("FunctionDisconnected"), Bytes::new()),
        Error::Protocol(_) => failed(waiting, fault("BadResponse"), Bytes::new()),
    }
}

fn read(status: StatusCode, headers: &HeaderMap, rule: StatusRule) -> Reading {
    match (headers.get(STATUS), rule) {
        (Some(value), _) if value.as_bytes().trim_ascii() == b"200" => Reading::Succeeded,
        (Some(_), _) => Reading::FunctionError,
        (None, StatusRule::Ignore) => Reading::Succeeded,
        (None, StatusRule::Header) => match status.as_u16() {
            200..=299 => Reading::Succeeded,
            429 => Reading::Unavailable { code: "ResourceExhausted" },
            503 => Reading::Unavailable { code: "ResourceThrottled" },
            502 => Reading::Unavailable { code: "BadResponse" },
            504 => Reading::Unavailable { code: "InternalServerError" },
            _ => Reading::FunctionError,
        },
    }
}

/// A function error has status 200: the function did run.
fn function_error(asked: Asked, message: &str, body: Bytes) -> Answer {
    failed(Verdict::FunctionError, Fault::new(asked.error_code, message, 200), body)
}

fn unavailable(code: &str, head: &response::Parts, body: Bytes) -> Answer {
    let verdict = Verdict::Unavailable { retry_after: retry_after(&head.headers) };
    failed(verdict, Fault::new(code, &said(head), head.status.as_u16()), body)
}

/// A failure; one without a body gets an object with the message.
fn failed(verdict: Verdict, fault: Fault, body: Bytes) -> Answer {
    let body = if body.is_empty() {
        serde_json::json!({ "errorMessage": &*fault.message }).to_string().into()
    } else {
        body
    };
    Answer { verdict, fault: Some(fault), body }
}

fn said(head: &response::Parts) -> String {
    match head.headers.get(STATUS) {
        Some(value) => {
            format!("the function answered with x-fc-status {}", value.as_bytes().escape_ascii())
        }
        None => format!("the function answered with HTTP status {}", head.status.as_u16()),
    }
}

/// The `errorMessage` of an error payload, or the beginning of any other text, on one line.
fn error_message(body: &[u8]) -> Option<String> {
    let payload: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = payload.as_ref().and_then(|payload| payload.get("errorMessage")?.as_str());
    let text = match message {
        Some(message) => message.into(),
        None => {
            let start = body.get(..invoked_core::limits::FAULT_MESSAGE_MAX).unwrap_or(body);
            String::from_utf8_lossy(start)
        }
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests;
