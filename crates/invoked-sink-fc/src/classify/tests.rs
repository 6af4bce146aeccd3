use std::time::Duration;

use bytes::Bytes;
use http::Response;
use invoked_core::callback::CallVerdict;
use invoked_core::life::Verdict;
use invoked_http::Error;

use super::{attempt, callback};

const MINUTE: Duration = Duration::from_secs(60);
const BODY: &str = r#"{"Code":"SomeCode","Message":"in words"}"#;

fn response(
    status: u16,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Result<Response<Bytes>, Error> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(Bytes::from_static(body.as_bytes())).unwrap())
}

#[test]
fn only_202_is_a_delivery() {
    let headers = [("x-fc-request-id", "1-abc")];
    let delivered = callback(response(202, &headers, ""));
    assert_eq!(delivered, CallVerdict::Delivered { message_id: Some("1-abc".into()) });
    assert_eq!(callback(response(202, &[], "")), CallVerdict::Delivered { message_id: None });
    for status in [200, 204] {
        let CallVerdict::Retry { error, .. } = callback(response(status, &headers, "")) else {
            panic!("{status} is no delivery");
        };
        assert_eq!((&*error.code, error.status), ("UnexpectedAnswer", status));
    }
}

#[test]
fn callbacks_are_retried_when_a_later_try_may_pass() {
    for status in [300, 307, 400, 403, 404, 409, 412, 413, 499] {
        let CallVerdict::Permanent { error } = callback(response(status, &[], BODY)) else {
            panic!("{status} is permanent");
        };
        assert_eq!((&*error.code, &*error.message, error.status), ("SomeCode", "in words", status));
    }
    for status in [408, 425, 429, 500, 501, 502, 503, 504, 505, 599] {
        let headers = [("retry-after", "9")];
        let CallVerdict::Retry { error, retry_after } = callback(response(status, &headers, BODY))
        else {
            panic!("{status} is retried");
        };
        assert_eq!((&*error.code, error.status), ("SomeCode", status));
        assert_eq!(retry_after, Some(Duration::from_secs(9)));
    }
}

#[test]
fn throttling_and_a_date_too_old_are_retried_whatever_their_status() {
    let skewed = r#"{"Code":"AccessDenied","Message":"the difference between the request time 'Mon, 03 Jun 2024 08:00:00 GMT' and the current time 'Mon, 03 Jun 2024 08:16:00 GMT' is too large"}"#;
    for body in [
        r#"{"Code":"Throttling.User","Message":"m"}"#,
        r#"{"ErrorCode":"ResourceExhausted","ErrorMessage":"m"}"#,
        skewed,
    ] {
        let verdict = callback(response(403, &[("retry-after", "9")], body));
        let CallVerdict::Retry { retry_after, .. } = verdict else { panic!("{verdict:?}") };
        assert_eq!(retry_after, Some(Duration::from_secs(9)));
        let answer = attempt(response(403, &[], body), MINUTE);
        assert_eq!(answer.verdict, Verdict::Refused, "attempts follow the status");
    }
    let denied = r#"{"Code":"AccessDenied","Message":"no"}"#;
    assert!(matches!(callback(response(403, &[], denied)), CallVerdict::Permanent { .. }));
}

#[test]
fn error_bodies_are_read_in_every_spelling() {
    for (body, code, message) in [
        (BODY, "SomeCode", "in words"),
        (r#"{"code":"c","message":"m"}"#, "c", "m"),
        (r#"{"ErrorCode":"c","ErrorMessage":"m"}"#, "c", "m"),
        (r#"{"Code":"","ErrorCode":"c"}"#, "c", "the endpoint answered with HTTP status 503"),
        ("<html>", "ResourceThrottled", "the endpoint answered with HTTP status 503"),
        ("", "ResourceThrottled", "the endpoint answered with HTTP status 503"),
        ("[1]", "ResourceThrottled", "the endpoint answered with HTTP status 503"),
    ] {
        let CallVerdict::Retry { error, .. } = callback(response(503, &[], body)) else {
            panic!("503 is retried");
        };
        assert_eq!((&*error.code, &*error.message), (code, message), "{body}");
    }
}

#[test]
fn attempts_by_status_and_error_type() {
    let waits = Verdict::Unavailable { retry_after: None };
    let error_type = [("x-fc-error-type", "UnhandledInvocationError")];
    let gone = r#"{"Code":"FunctionNotFound","Message":"function 'f' does not exist."}"#;
    let service = r#"{"ErrorCode":"ServiceNotFound","ErrorMessage":"x"}"#;
    let alias = r#"{"Code":"AliasNotFound","Message":"x"}"#;
    for (status, headers, body, verdict, fault) in [
        (200, &[][..], "result", Verdict::Succeeded, None),
        (
            200,
            &error_type[..],
            r#"{"errorMessage":"boom"}"#,
            Verdict::FunctionError,
            Some(("UnhandledInvocationError", "boom", 200)),
        ),
        (
            200,
            &error_type[..],
            "",
            Verdict::FunctionError,
            Some((
                "UnhandledInvocationError",
                "the function failed with UnhandledInvocationError",
                200,
            )),
        ),
        (
            404,
            &[][..],
            gone,
            Verdict::Gone,
            Some(("FunctionNotFound", "function 'f' does not exist.", 404)),
        ),
        (404, &[][..], service, Verdict::Gone, Some(("ServiceNotFound", "x", 404))),
        (404, &[][..], alias, Verdict::Refused, Some(("AliasNotFound", "x", 404))),
        (
            404,
            &[][..],
            "nginx",
            Verdict::Refused,
            Some(("UnexpectedAnswer", "the endpoint answered with HTTP status 404", 404)),
        ),
        (403, &[][..], BODY, Verdict::Refused, Some(("SomeCode", "in words", 403))),
        (412, &[][..], BODY, Verdict::Refused, Some(("SomeCode", "in words", 412))),
        (301, &[][..], BODY, Verdict::Refused, Some(("SomeCode", "in words", 301))),
        (429, &[][..], BODY, waits, Some(("SomeCode", "in words", 429))),
        (500, &error_type[..], BODY, waits, Some(("SomeCode", "in words", 500))),
    ] {
        let answer = attempt(response(status, headers, body), MINUTE);
        assert_eq!(answer.verdict, verdict, "{status} {body}");
        let said = answer.fault.as_ref().map(|fault| (&*fault.code, &*fault.message, fault.status));
        assert_eq!(said, fault, "{status} {body}");
        if body.is_empty() {
            assert!(answer.body.starts_with(b"{\"errorMessage\":"));
        } else {
            assert_eq!(answer.body, body);
        }
    }
}

#[test]
fn failures_without_an_answer() {
    let late = |may_have_been_sent| Error::Timeout { after: MINUTE, may_have_been_sent };
    for may_have_been_sent in [true, false] {
        let verdict = callback(Err(late(may_have_been_sent)));
        assert!(matches!(verdict, CallVerdict::Retry { .. }), "{verdict:?}");
    }
    let sent = attempt(Err(late(true)), MINUTE);
    assert_eq!(sent.verdict, Verdict::FunctionError);
    assert_eq!(sent.body, r#"{"errorMessage":"Function timed out after 60 seconds"}"#);
    let unsent = attempt(Err(late(false)), MINUTE);
    assert_eq!(unsent.verdict, Verdict::Unavailable { retry_after: None });

    for (status, verdict) in [
        (200, Verdict::FunctionError),
        (503, Verdict::Unavailable { retry_after: None }),
        (400, Verdict::Refused),
    ] {
        let (head, _) = response(status, &[], "").unwrap().into_parts();
        let answer = attempt(Err(Error::TooLarge { limit: 5, head: Box::new(head) }), MINUTE);
        assert_eq!(answer.verdict, verdict);
    }
    let (head, _) = response(202, &[], "").unwrap().into_parts();
    let verdict = callback(Err(Error::TooLarge { limit: 5, head: Box::new(head) }));
    assert_eq!(verdict, CallVerdict::Delivered { message_id: None });
}
