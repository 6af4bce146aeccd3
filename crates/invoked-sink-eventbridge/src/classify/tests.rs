use std::time::Duration;

use bytes::Bytes;
use http::Response;
use invoked_core::callback::CallVerdict;
use invoked_http::Error;

use super::{PERMANENT, callback};

fn response(status: u16, body: &str) -> Response<Bytes> {
    let response = Response::builder().status(status).header("retry-after", "9");
    response.body(Bytes::from(body.to_owned())).unwrap()
}

fn entry(failed: u32, code: &str, message: &str) -> String {
    format!(
        r#"{{"RequestId":"q","ResourceOwnerAccountId":"1","FailedEntryCount":{failed},"EntryList":[{{"EventId":"r-1","TraceId":"t","ErrorCode":{code},"ErrorMessage":{message}}}]}}"#
    )
}

#[test]
fn an_acknowledged_event_is_delivered_with_its_id() {
    for (body, id) in [
        (entry(0, "null", "null"), Some("r-1")),
        (entry(0, r#""""#, r#""""#), Some("r-1")),
        (r#"{"FailedEntryCount":0,"EntryList":[{"TraceId":"t"}]}"#.to_owned(), Some("t")),
        (r#"{"RequestId":"q","FailedEntryCount":0,"EntryList":[]}"#.to_owned(), Some("q")),
        (r#"{"FailedEntryCount":0}"#.to_owned(), None),
    ] {
        let delivered = CallVerdict::Delivered { message_id: id.map(Into::into) };
        assert_eq!(callback(Ok(response(200, &body))), delivered, "{body}");
    }
}

#[test]
fn a_failed_entry_in_a_200_is_read_by_its_code() {
    for code in PERMANENT {
        let body = entry(1, &format!("\"{code}\""), r#""in words""#);
        let CallVerdict::Permanent { error } = callback(Ok(response(200, &body))) else {
            panic!("{code} is permanent");
        };
        assert_eq!((&*error.code, &*error.message, error.status), (*code, "in words", 200));
    }
    for code in ["TooManyRequests", "InternalError", "SomethingNew"] {
        // A count that contradicts its entry does not make the entry a success.
        for failed in [0, 1] {
            let body = entry(failed, &format!("\"{code}\""), "null");
            let verdict = callback(Ok(response(200, &body)));
            let CallVerdict::Retry { error, retry_after } = verdict else {
                panic!("{code} is retried");
            };
            assert_eq!((&*error.code, retry_after), (code, Some(Duration::from_secs(9))));
        }
    }
    let verdict = callback(Ok(response(200, &entry(1, "null", "null"))));
    let CallVerdict::Retry { error, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!(&*error.code, "FailedEntry");
}

#[test]
fn a_200_that_acknowledges_nothing_is_retried() {
    for body in ["", "<html>", "[]", "null", r#"{"FailedEntryCount":"0"}"#, r#"{"EntryList":[]}"#] {
        let verdict = callback(Ok(response(200, body)));
        let CallVerdict::Retry { error, .. } = verdict else { panic!("{body}: {verdict:?}") };
        assert_eq!((&*error.code, error.status), ("BadResponse", 200), "{body}");
    }
}

#[test]
fn every_status_of_the_table() {
    let body = r#"{"code":"SomeCode","message":"in words","requestId":"q"}"#;
    for status in [408, 425, 429, 500, 501, 502, 503, 504, 505, 599] {
        let CallVerdict::Retry { error, retry_after } = callback(Ok(response(status, body))) else {
            panic!("{status} is retried");
        };
        assert_eq!((&*error.code, &*error.message, error.status), ("SomeCode", "in words", status));
        assert_eq!(retry_after, Some(Duration::from_secs(9)));
    }
    for status in [300, 301, 307, 400, 401, 403, 404, 405, 409, 411, 413, 415, 499] {
        let CallVerdict::Permanent { error } = callback(Ok(response(status, body))) else {
            panic!("{status} is permanent");
        };
        assert_eq!((&*error.code, &*error.message, error.status), ("SomeCode", "in words", status));
    }
}

#[test]
fn throttling_and_a_date_too_old_are_retried_whatever_their_status() {
    for code in [
        "TooManyRequests",
        "Throttling",
        "Throttling.User",
        "QpsLimitExceeded",
        "InvalidTimeStamp.Expired",
        "SignatureNonceUsed",
    ] {
        let verdict = callback(Ok(response(403, &format!(r#"{{"Code":"{code}"}}"#))));
        let CallVerdict::Retry { error, .. } = verdict else { panic!("{code}: {verdict:?}") };
        assert_eq!(&*error.code, code);
    }
}

#[test]
fn an_answer_of_a_gateway_is_named_by_its_status() {
    for (status, code) in
        [(429, "TooManyRequests"), (502, "InternalServerError"), (404, "UnexpectedAnswer")]
    {
        let (CallVerdict::Retry { error, .. } | CallVerdict::Permanent { error }) =
            callback(Ok(response(status, "<html>")))
        else {
            panic!("{status} is an error");
        };
        assert_eq!(&*error.code, code);
        assert_eq!(&*error.message, format!("the endpoint answered with HTTP status {status}"));
    }
}

#[test]
fn failures_without_a_whole_answer() {
    for may_have_been_sent in [true, false] {
        let after = Duration::from_secs(1);
        let verdict = callback(Err(Error::Timeout { after, may_have_been_sent }));
        let CallVerdict::Retry { error, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(&*error.code, "DestinationTimeout");
    }
    for (status, is_retried) in [(200, true), (503, true), (403, false)] {
        let (head, _) = response(status, "").into_parts();
        let verdict = callback(Err(Error::TooLarge { limit: 5, head: Box::new(head) }));
        assert_eq!(matches!(verdict, CallVerdict::Retry { .. }), is_retried, "{verdict:?}");
        assert!(!matches!(verdict, CallVerdict::Delivered { .. }));
    }
}
