use std::time::Duration;

use bytes::Bytes;
use http::Response;
use invoked_core::life::Verdict;
use invoked_http::{Client, Config, Egress, Error};
use invoked_sink::{Answer, StatusRule};

use super::{Asked, answer, error_message};

const MINUTE: Duration = Duration::from_secs(60);

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

fn read(status: u16, x_fc_status: Option<&str>, rule: StatusRule) -> Answer {
    let headers: Vec<_> = x_fc_status.map(|value| ("x-fc-status", value)).into_iter().collect();
    answer(response(status, &headers, ""), Asked::invoke(rule, MINUTE))
}

#[test]
fn every_row_of_the_table() {
    use StatusRule::{Header, Ignore};
    let (ok, error) = (Verdict::Succeeded, Verdict::FunctionError);
    let waits = Verdict::Unavailable { retry_after: None };
    for (status, x_fc_status, rule, verdict, fault) in [
        (200, None, Header, ok, None),
        (204, None, Header, ok, None),
        (301, None, Header, error, Some(("InvocationError", 200))),
        (400, None, Header, error, Some(("InvocationError", 200))),
        (404, None, Header, error, Some(("InvocationError", 200))),
        (429, None, Header, waits, Some(("ResourceExhausted", 429))),
        (500, None, Header, error, Some(("InvocationError", 200))),
        (501, None, Header, error, Some(("InvocationError", 200))),
        (502, None, Header, waits, Some(("BadResponse", 502))),
        (503, None, Header, waits, Some(("ResourceThrottled", 503))),
        (504, None, Header, waits, Some(("InternalServerError", 504))),
        (200, Some("200"), Header, ok, None),
        (503, Some("200"), Header, ok, None),
        (200, Some("404"), Header, error, Some(("InvocationError", 200))),
        (503, Some("404"), Header, error, Some(("InvocationError", 200))),
        (200, Some("500"), Header, error, Some(("InvocationError", 200))),
        (200, Some(""), Header, error, Some(("InvocationError", 200))),
        (200, None, Ignore, ok, None),
        (500, None, Ignore, ok, None),
        (503, None, Ignore, ok, None),
        (200, Some("404"), Ignore, error, Some(("InvocationError", 200))),
        (500, Some("200"), Ignore, ok, None),
    ] {
        let answer = read(status, x_fc_status, rule);
        let row = format!("{status} {x_fc_status:?} {rule:?}");
        assert_eq!(answer.verdict, verdict, "{row}");
        let said = answer.fault.as_ref().map(|fault| (&*fault.code, fault.status));
        assert_eq!(said, fault, "{row}");
        assert_eq!(answer.body.is_empty(), fault.is_none(), "{row}");
    }
}

#[test]
fn the_functions_own_words_are_kept() {
    for (body, message) in [
        (r#"{"errorMessage":"no such\nuser","errorType":"E"}"#, "no such user"),
        ("plain text", "plain text"),
        (r#"{"error":"x"}"#, r#"{"error":"x"}"#),
        ("", "the function answered with HTTP status 500"),
        (" \n", "the function answered with HTTP status 500"),
    ] {
        let answer = answer(response(500, &[], body), Asked::invoke(StatusRule::Header, MINUTE));
        assert_eq!(&*answer.fault.unwrap().message, message);
        if body.is_empty() {
            assert_eq!(answer.body, format!(r#"{{"errorMessage":"{message}"}}"#));
        } else {
            assert_eq!(answer.body, body);
        }
    }
    assert_eq!(error_message(&[0xff; 5_000]).unwrap().chars().count(), 1_024);
}

#[test]
fn a_wish_to_wait_is_passed_on() {
    for status in [429, 502, 503, 504] {
        let headers = [("retry-after", "7")];
        let answer =
            answer(response(status, &headers, "busy"), Asked::invoke(StatusRule::Header, MINUTE));
        let retry_after = Some(Duration::from_secs(7));
        assert_eq!(answer.verdict, Verdict::Unavailable { retry_after });
        assert_eq!(answer.body, "busy");
    }
}

#[test]
fn failures_without_an_answer() {
    let sent = |may_have_been_sent| Error::Timeout { after: MINUTE, may_have_been_sent };
    let asked = Asked::invoke(StatusRule::Header, MINUTE);

    let late = answer(Err(sent(true)), asked);
    assert_eq!(late.verdict, Verdict::FunctionError);
    assert_eq!(late.body, r#"{"errorMessage":"Function timed out after 60 seconds"}"#);
    assert_eq!(&*late.fault.unwrap().code, "InvocationError");

    let unsent = answer(Err(sent(false)), asked);
    assert_eq!(unsent.verdict, Verdict::Unavailable { retry_after: None });
    assert_eq!(&*unsent.fault.unwrap().code, "FunctionUnreachable");

    for (status, verdict, says) in [
        (200, Verdict::FunctionError, "limit of 1048576 bytes"),
        (500, Verdict::FunctionError, "limit of 1048576 bytes"),
        (503, Verdict::Unavailable { retry_after: None }, "HTTP status 503"),
    ] {
        let (head, _) = response(status, &[], "").unwrap().into_parts();
        let error = Error::TooLarge { limit: 1_048_576, head: Box::new(head) };
        let answer = answer(Err(error), asked);
        assert_eq!(answer.verdict, verdict);
        let message = answer.fault.unwrap().message;
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test]
async fn what_egress_denies_is_refused_in_clear_words() {
    let client = Client::new(&Config::default(), Egress::default());
    let endpoint = invoked_http::Endpoint::parse("http://169.254.169.254").unwrap();
    let call = invoked_http::Call {
        request: http::Request::new(Bytes::new()),
        timeout: MINUTE,
        body_bytes_max: 1,
    };
    let denied = client.origin(&endpoint, invoked_http::Trust::Operator).send(call).await;
    let answer = answer(denied, Asked::invoke(StatusRule::Header, MINUTE));
    assert_eq!(answer.verdict, Verdict::Refused);
    let fault = answer.fault.unwrap();
    assert_eq!(&*fault.code, "EgressDenied");
    assert_eq!(
        &*fault.message,
        "must not connect to 169.254.169.254: 169.254.169.254 is a link-local address"
    );
}
