//! What Function Compute's answer means, for a callback and for an attempt. Pure.
//!
//! | answer | callback | attempt |
//! |---|---|---|
//! | 202 | delivered | success |
//! | other 2xx | retry: not the answer of Function Compute | success, or function error with `x-fc-error-type` |
//! | 404 with `FunctionNotFound` or `ServiceNotFound` | permanent | gone |
//! | 429, 5xx | retry | unavailable |
//! | 408, 425; a 4xx with a code of throttling, or that finds the date too old | retry | refused |
//! | other 4xx, 1xx, 3xx | permanent | refused |
//! | timeout after sending | retry | function error |
//! | no connection, broken, not HTTP | retry | unavailable |
//! | egress | permanent | refused |
//! | too large | as its status | function error, unless its status says otherwise |

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use http::{Response, response};
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::life::Verdict;
use invoked_fc::client::Refusal;
use invoked_fc::headers;
use invoked_http::{Error, retry_after};
use invoked_sink::Answer;
use serde_json::Value;

const ERROR_TYPE: HeaderName = HeaderName::from_static(headers::ERROR_TYPE);
const REQUEST_ID: HeaderName = HeaderName::from_static(headers::REQUEST_ID);

/// What a status says about trying again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    Accepted,
    Done,
    Busy,
    Refused,
}

/// What a callback came to.
pub(crate) fn callback(outcome: Result<Response<Bytes>, Error>) -> CallVerdict {
    let (head, body) = match outcome {
        Ok(response) => response.into_parts(),
        Err(Error::TooLarge { head, .. }) => (*head, Bytes::new()),
        Err(error) => return callback_failed(&error),
    };
    match class(head.status.as_u16()) {
        Class::Accepted => {
            let message_id = text(&head.headers, &REQUEST_ID).map(|id| (*id).into());
            CallVerdict::Delivered { message_id }
        }
        Class::Busy => CallVerdict::Retry {
            error: fault(&head, &body),
            retry_after: retry_after(&head.headers),
        },
        Class::Refused => {
            let error = fault(&head, &body);
            if may_pass(&error) {
                CallVerdict::Retry { error, retry_after: retry_after(&head.headers) }
            } else {
                CallVerdict::Permanent { error }
            }
        }
        Class::Done => {
            let status = head.status.as_u16();
            let message = format!(
                "the endpoint answered {status} to an asynchronous invocation, where Function Compute answers 202; is it one?"
            );
            // A proxy or a page of maintenance says so too, and will not for ever.
            let error = Fault::new("UnexpectedAnswer", &message, status);
            CallVerdict::Retry { error, retry_after: retry_after(&head.headers) }
        }
    }
}

/// What an attempt came to.
pub(crate) fn attempt(outcome: Result<Response<Bytes>, Error>, timeout: Duration) -> Answer {
    match outcome {
        Ok(response) => {
            let (head, body) = response.into_parts();
            answered(&head, body)
        }
        Err(error) => attempt_failed(&error, timeout),
    }
}

/// An answer for a function that cannot be called as it is configured.
pub(crate) fn refused(code: &str, message: &str) -> Answer {
    failed(Verdict::Refused, Fault::new(code, message, 0), Bytes::new())
}

/// An answer for a call that this machine could not make just now.
pub(crate) fn unavailable(message: &str) -> Answer {
    let verdict = Verdict::Unavailable { retry_after: None };
    failed(verdict, Fault::new("InternalServerError", message, 0), Bytes::new())
}

fn class(status: u16) -> Class {
    match status {
        202 => Class::Accepted,
        200..=299 => Class::Done,
        429 | 500..=599 => Class::Busy,
        _ => Class::Refused,
    }
}

/// Whether a refusal may be gone at the next try, which has a date and a nonce of its own. Codes of
/// throttling come from gateways too, with whatever status; Function Compute gives a date that is
/// too old no code of its own.
fn may_pass(error: &Fault) -> bool {
    match error.status {
        408 | 425 => true,
        400..=499 => {
            matches!(&*error.code, "ResourceExhausted" | "ResourceThrottled" | "TooManyRequests")
                || error.code.starts_with("Throttling")
                || error.message.starts_with("the difference between the request time ")
        }
        _ => false,
    }
}

fn callback_failed(error: &Error) -> CallVerdict {
    let because = |code| Fault::new(code, &error.in_full(), 0);
    let retry = |code| CallVerdict::Retry { error: because(code), retry_after: None };
    match error {
        Error::Egress { .. } => CallVerdict::Permanent { error: because("EgressDenied") },
        Error::Connect { .. } => retry("DestinationUnreachable"),
        Error::Timeout { .. } => retry("DestinationTimeout"),
        Error::Broken { .. } => retry("DestinationDisconnected"),
        Error::Protocol(_) | Error::TooLarge { .. } => retry("BadResponse"),
    }
}

fn answered(head: &response::Parts, body: Bytes) -> Answer {
    let status = head.status.as_u16();
    match class(status) {
        Class::Accepted | Class::Done => match text(&head.headers, &ERROR_TYPE) {
            None => Answer { verdict: Verdict::Succeeded, fault: None, body },
            Some(error_type) => {
                let payload = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let message = string(&payload, &["errorMessage", "ErrorMessage"]).map_or_else(
                    || format!("the function failed with {error_type}"),
                    str::to_owned,
                );
                let fault = Fault::new(&error_type, &message, 200);
                failed(Verdict::FunctionError, fault, body)
            }
        },
        Class::Busy => {
            let verdict = Verdict::Unavailable { retry_after: retry_after(&head.headers) };
            failed(verdict, fault(head, &body), body)
        }
        Class::Refused => {
            let fault = fault(head, &body);
            let is_gone = status == 404
                && matches!(fault.code.as_ref(), "FunctionNotFound" | "ServiceNotFound");
            failed(if is_gone { Verdict::Gone } else { Verdict::Refused }, fault, body)
        }
    }
}

fn attempt_failed(error: &Error, timeout: Duration) -> Answer {
    let because = |code| Fault::new(code, &error.in_full(), 0);
    let waiting = Verdict::Unavailable { retry_after: None };
    let (verdict, fault) = match error {
        Error::Timeout { may_have_been_sent: true, .. } => {
            let message = format!("Function timed out after {} seconds", timeout.as_secs_f64());
            (Verdict::FunctionError, Fault::new("InvocationError", &message, 200))
        }
        Error::TooLarge { limit, head } => match class(head.status.as_u16()) {
            Class::Accepted | Class::Done => {
                let message = format!("the function's answer exceeds the limit of {limit} bytes");
                (Verdict::FunctionError, Fault::new("InvocationError", &message, 200))
            }
            Class::Busy | Class::Refused => return answered(head, Bytes::new()),
        },
        Error::Egress { .. } => (Verdict::Refused, because("EgressDenied")),
        Error::Connect { .. } | Error::Timeout { may_have_been_sent: false, .. } => {
            (waiting, because("FunctionUnreachable"))
        }
        Error::Broken { .. } => (waiting, because("FunctionDisconnected")),
        Error::Protocol(_) => (waiting, because("BadResponse")),
    };
    failed(verdict, fault, Bytes::new())
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

/// The code and message of the error body, whichever of the spellings it has.
fn fault(head: &response::Parts, body: &[u8]) -> Fault {
    let refusal = Refusal::read(head.status.as_u16(), None, body);
    Fault::new(&refusal.code, &refusal.message, refusal.status)
}

fn string<'a>(payload: &'a Value, names: &[&str]) -> Option<&'a str> {
    let values = names.iter().filter_map(|name| payload.get(name)?.as_str());
    values.into_iter().find(|text| !text.is_empty())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
