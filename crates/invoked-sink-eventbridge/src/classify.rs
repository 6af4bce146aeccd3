//! What EventBridge's answer means. Pure.
//!
//! | answer | verdict |
//! |---|---|
//! | 2xx without a failed entry | delivered, with the entry's event id |
//! | 2xx with a failed entry | as the entry's code, see below |
//! | 2xx that is no answer to `putEvents`, or longer than is read | retry: nothing is acknowledged |
//! | 408, 425, 429, 5xx | retry |
//! | other 4xx with a code of throttling, or of a date that is too old | retry |
//! | other 4xx, 1xx, 3xx | permanent |
//! | timeout, no connection, broken, not HTTP | retry |
//! | egress | permanent |
//!
//! A failed entry has no status of its own. Codes of the service's table that name a mistake of ours
//! are permanent; all others are retried, because a callback that is retried in vain is kept with its
//! error all the same.

use bytes::Bytes;
use http::{Response, response};
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_http::{Error, retry_after};
use serde_json::Value;

/// Codes that no later try changes: the page "error codes" of EventBridge, and those that its open
/// core (apache/rocketmq-eventbridge, `EventBridgeErrorCode`) gives to `putEvents`, with status 409.
const PERMANENT: &[&str] = &[
    "AccessDenied",
    "AccessDeniedByPreCheck",
    "AccessDeniedForInternalRegion",
    "AccountIdNotExist",
    "EventBusNameInvalid",
    "EventBusNotExist",
    "InvalidAccessKeyId",
    "InvalidArgument",
    "InvalidParameter",
    "InvalidStsAccessKeyId",
    "JsonAttributeInvalid",
    "ParentAccountNotExist",
    "PutEventsRequestMoreThanOneEventBus",
    "PutEventsRequestSecurityCheckFailed",
    "SecurityTokenInvalid",
    "ServiceAccessDenied",
    "SignatureDoesNotMatch",
    "StsAccessIdExpired",
];

/// Codes of a request whose date or nonce the service no longer takes; the next try has new ones.
const STALE: &[&str] =
    &["IllegalTimestamp", "InvalidTimeStamp.Expired", "SignatureNonceUsed", "TimeExpired"];

/// What a try came to.
pub(crate) fn callback(outcome: Result<Response<Bytes>, Error>) -> CallVerdict {
    let (head, body) = match outcome {
        Ok(response) => response.into_parts(),
        Err(Error::TooLarge { limit, head }) if head.status.is_success() => {
            let message = format!("the answer has more than {limit} bytes");
            return retry(bad_response(&message, &head));
        }
        Err(Error::TooLarge { head, .. }) => (*head, Bytes::new()),
        Err(error) => return failed(&error),
    };
    if head.status.is_success() {
        return answered(&head, &body);
    }
    let error = refusal(&head, &body);
    match head.status.as_u16() {
        408 | 425 | 429 | 500..=599 => {
            CallVerdict::Retry { error, retry_after: retry_after(&head.headers) }
        }
        400..=499 if is_throttling(&error.code) || STALE.contains(&&*error.code) => {
            CallVerdict::Retry { error, retry_after: retry_after(&head.headers) }
        }
        _ => CallVerdict::Permanent { error },
    }
}

/// A 2xx: the batch was read, and each of its events has an entry in the answer.
fn answered(head: &response::Parts, body: &[u8]) -> CallVerdict {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let entry = answer.get("EntryList").and_then(|entries| entries.get(0));
    let code = entry.and_then(|entry| string(entry, &["ErrorCode"]));
    match (answer.get("FailedEntryCount").and_then(Value::as_u64), code) {
        (Some(0), None) => {
            let id = entry.and_then(|entry| string(entry, &["EventId", "TraceId"]));
            let id = id.or_else(|| string(&answer, &["RequestId"]));
            CallVerdict::Delivered { message_id: id.map(Into::into) }
        }
        (Some(_) | None, Some(code)) => {
            let message = entry
                .and_then(|entry| string(entry, &["ErrorMessage"]))
                .unwrap_or("EventBridge did not take the event and does not say why");
            let error = Fault::new(code, message, head.status.as_u16());
            if PERMANENT.contains(&code) {
                CallVerdict::Permanent { error }
            } else {
                CallVerdict::Retry { error, retry_after: retry_after(&head.headers) }
            }
        }
        (Some(_), None) => {
            let message = "EventBridge did not take the event and gives no code";
            retry(Fault::new("FailedEntry", message, head.status.as_u16()))
        }
        (None, None) => {
            retry(bad_response("the answer has no FailedEntryCount; is this EventBridge?", head))
        }
    }
}

fn failed(error: &Error) -> CallVerdict {
    let because = |code| Fault::new(code, &error.in_full(), 0);
    match error {
        Error::Egress { .. } => CallVerdict::Permanent { error: because("EgressDenied") },
        Error::Connect { .. } => retry(because("DestinationUnreachable")),
        Error::Timeout { .. } => retry(because("DestinationTimeout")),
        Error::Broken { .. } => retry(because("DestinationDisconnected")),
        Error::Protocol(_) | Error::TooLarge { .. } => retry(because("BadResponse")),
    }
}

/// Code and message of an error's body; of a gateway's, which has none, what its status says.
fn refusal(head: &response::Parts, body: &[u8]) -> Fault {
    let status = head.status.as_u16();
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = string(&answer, &["code", "Code"]).unwrap_or(match status {
        429 => "TooManyRequests",
        500..=599 => "InternalServerError",
        _ => "UnexpectedAnswer",
    });
    match string(&answer, &["message", "Message"]) {
        Some(message) => Fault::new(code, message, status),
        None => {
            let message = format!("the endpoint answered with HTTP status {status}");
            Fault::new(code, &message, status)
        }
    }
}

/// Whatever its status: the service's own code, and those of Alibaba's gateways.
fn is_throttling(code: &str) -> bool {
    matches!(code, "TooManyRequests" | "QpsLimitExceeded" | "FlowControl" | "ServiceUnavailable")
        || code.starts_with("Throttling")
}

fn bad_response(message: &str, head: &response::Parts) -> Fault {
    Fault::new("BadResponse", message, head.status.as_u16())
}

fn retry(error: Fault) -> CallVerdict {
    CallVerdict::Retry { error, retry_after: None }
}

fn string<'a>(answer: &'a Value, names: &[&str]) -> Option<&'a str> {
    let values = names.iter().filter_map(|name| answer.get(name)?.as_str());
    values.into_iter().find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
