use std::time::Duration;

use bytes::Bytes;
use http::Response;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_http::Error;

use super::callback;

const MD5: &str = "C5DD56A39F5F7BB8B3337C6D11B6D8C7";

fn response(status: u16, body: impl Into<Bytes>) -> Result<Response<Bytes>, Error> {
    let response = Response::builder().status(status).header("retry-after", "9");
    Ok(response.body(body.into()).unwrap())
}

fn error(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<Error xmlns=\"http://mns.aliyuncs.com/doc/v1/\">\n  <Code>{code}</Code>\n  <Message>in &lt;words&gt;</Message>\n  <RequestId>5F29</RequestId>\n  <HostId>h</HostId>\n</Error>"
    )
}

fn message(children: &str) -> String {
    format!("<Message xmlns=\"http://mns.aliyuncs.com/doc/v1/\">{children}</Message>")
}

#[track_caller]
fn retried(verdict: CallVerdict) -> Fault {
    let CallVerdict::Retry { error, .. } = verdict else { panic!("not retried: {verdict:?}") };
    error
}

#[track_caller]
fn permanent(verdict: CallVerdict) -> Fault {
    let CallVerdict::Permanent { error } = verdict else { panic!("not permanent: {verdict:?}") };
    error
}

#[test]
fn a_message_with_its_id_and_md5_is_delivered() {
    let children = format!(
        "<MessageId>5F290C926D472878-2-14D9</MessageId><MessageBodyMD5>{MD5}</MessageBodyMD5><ReceiptHandle>x</ReceiptHandle>"
    );
    let lower = format!("<MessageBodyMD5>{}</MessageBodyMD5>", MD5.to_lowercase());
    for (status, children) in [
        (201, children.clone()),
        (200, children),
        (201, format!("<MessageId> 5F290C926D472878-2-14D9\n</MessageId>{lower}")),
    ] {
        let verdict = callback(response(status, message(&children)), MD5);
        let message_id = Some("5F290C926D472878-2-14D9".into());
        assert_eq!(verdict, CallVerdict::Delivered { message_id });
    }
}

#[test]
fn another_md5_is_retried() {
    let children = "<MessageId>i</MessageId><MessageBodyMD5>0000</MessageBodyMD5>";
    let error = retried(callback(response(201, message(children)), MD5));
    assert_eq!((&*error.code, error.status), ("MessageBodyMD5Mismatch", 201));
    assert!(error.message.contains("0000") && error.message.contains(MD5), "{error}");
}

#[test]
fn a_success_that_does_not_read_is_retried() {
    let bomb = format!(
        "<!DOCTYPE m [<!ENTITY a \"{MD5}\">]><Message><MessageId>i</MessageId><MessageBodyMD5>&a;</MessageBodyMD5></Message>"
    );
    let whole = format!("<MessageId>i</MessageId><MessageBodyMD5>{MD5}</MessageBodyMD5>");
    for body in [
        String::new(),
        "ok".to_owned(),
        message(""),
        message("<MessageId>i</MessageId>"),
        message("<MessageId></MessageId><MessageBodyMD5>x</MessageBodyMD5>"),
        format!("<Other>{whole}</Other>"),
        format!("<Message>{whole}"),
        format!("<Message>{}{whole}</Message>", "<x>".repeat(30_000) + &"</x>".repeat(30_000)),
        bomb,
    ] {
        let error = retried(callback(response(201, body.clone()), MD5));
        assert_eq!((&*error.code, error.status), ("BadResponse", 201), "{body}");
    }
    let error = retried(callback(response(204, &b"\xff\0"[..]), MD5));
    assert_eq!(error.status, 204);
}

#[test]
fn the_table_of_errors() {
    for (status, code) in [
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (500, "InternalServerError"),
        (501, "NotImplemented"),
        (505, "Any"),
        (599, "Any"),
        (408, "TimeExpired"),
        (400, "TimeExpired"),
        (400, "QpsLimitExceeded"),
        (403, "QpsLimitExceeded"),
        (409, "TooManyRequests"),
    ] {
        let verdict = callback(response(status, error(code)), MD5);
        let CallVerdict::Retry { error, retry_after } = verdict else {
            panic!("{status} {code} is retried");
        };
        assert_eq!((&*error.code, error.status), (code, status));
        assert_eq!(retry_after, Some(Duration::from_secs(9)));
    }
    for (status, code) in [
        (404, "QueueNotExist"),
        (404, "TopicNotExist"),
        (404, "MessageNotExist"),
        (404, "SubscriptionNotExist"),
        (403, "AccessDenied"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
        (403, "InvalidSecurityToken"),
        (403, "SecurityTokenExpired"),
        (400, "InvalidArgument"),
        (400, "MalformedXML"),
        (400, "InvalidAuthorizationHeader"),
        (400, "InvalidDateHeader"),
        (400, "InvalidDegist"),
        (400, "InvalidRequestURL"),
        (400, "InvalidQueryString"),
        (400, "MissingAuthorizationHeader"),
        (400, "MissingDateHeader"),
        (400, "MissingVersionHeader"),
        (400, "InvalidQueueName"),
        (400, "QueueNameLengthError"),
        (400, "TopicNameInvalid"),
        (400, "TopicNameLengthError"),
        (409, "QueueAlreadyExist"),
        (409, "TopicAlreadyExist"),
        (409, "SubscriptionAlreadyExist"),
        (425, "Any"),
        (301, "Any"),
        (307, "Any"),
        (304, "Any"),
    ] {
        let fault = permanent(callback(response(status, error(code)), MD5));
        assert_eq!((&*fault.code, fault.status), (code, status));
        assert!(fault.message.starts_with("in <words>"), "{fault}");
        assert!(fault.message.ends_with("(MNS request 5F29)"), "{fault}");
    }
}

#[test]
fn operators_are_told_where_to_look() {
    for (status, code, hint) in [
        (408, "TimeExpired", "clock"),
        (403, "InvalidAccessKeyId", "access_key_id"),
        (403, "SignatureDoesNotMatch", "access_key_secret"),
    ] {
        let (CallVerdict::Retry { error, .. } | CallVerdict::Permanent { error }) =
            callback(response(status, error(code)), MD5)
        else {
            panic!("{code} is an error");
        };
        assert!(error.message.contains(hint), "{error}");
    }
}

#[test]
fn what_a_gateway_says_is_kept_in_part() {
    for (status, code) in
        [(408, "RequestTimeout"), (429, "TooManyRequests"), (502, "InternalServerError")]
    {
        let text = format!("  <html>Bad Gateway{}", "x".repeat(10_000));
        let fault = retried(callback(response(status, text), MD5));
        assert_eq!((&*fault.code, fault.status), (code, status));
        assert!(fault.message.contains("<html>Bad Gateway"), "{fault}");
        assert!(fault.message.len() < 600, "{fault}");
    }
    let redirect = permanent(callback(response(302, ""), MD5));
    assert_eq!(&*redirect.code, "UnexpectedAnswer");
    assert_eq!(&*redirect.message, "the endpoint answered 302");
}

#[test]
fn the_headers_request_id_counts_first() {
    let response = Response::builder().status(404).header("x-mns-request-id", "6A1F");
    let response = response.body(Bytes::from(error("QueueNotExist"))).unwrap();
    let fault = permanent(callback(Ok(response), MD5));
    assert!(fault.message.ends_with("(MNS request 6A1F)"), "{fault}");
}

#[test]
fn an_answer_that_is_too_large_is_as_good_as_its_status() {
    for (status, is_retried) in [(201, true), (503, true), (404, false)] {
        let (head, _) = Response::builder().status(status).body(()).unwrap().into_parts();
        let verdict = callback(Err(Error::TooLarge { limit: 1, head: Box::new(head) }), MD5);
        assert_eq!(matches!(verdict, CallVerdict::Retry { .. }), is_retried, "{status}");
    }
}
