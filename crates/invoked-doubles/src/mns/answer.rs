//! What MNS answers, and every error that it is known to have.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};

use crate::server::Answer;

/// Every error of the service's documents that a message may meet, with its status.
pub const ERRORS: [(u16, &str); 32] = [
    (400, "InvalidArgument"),
    (400, "InvalidAuthorizationHeader"),
    (400, "InvalidDateHeader"),
    // Their spelling.
    (400, "InvalidDegist"),
    (400, "InvalidQueryString"),
    (400, "InvalidQueueName"),
    (400, "InvalidRequestURL"),
    (400, "MalformedXML"),
    (400, "MissingAuthorizationHeader"),
    (400, "MissingDateHeader"),
    (400, "MissingVersionHeader"),
    (400, "QueueNameLengthError"),
    (400, "TopicNameInvalid"),
    (400, "TopicNameLengthError"),
    // A legacy code, whose status nobody has written down.
    (400, "QpsLimitExceeded"),
    (403, "AccessDenied"),
    (403, "InvalidAccessKeyId"),
    (403, "InvalidSecurityToken"),
    (403, "SecurityTokenExpired"),
    (403, "SignatureDoesNotMatch"),
    (404, "MessageNotExist"),
    (404, "QueueNotExist"),
    (404, "SubscriptionNotExist"),
    (404, "TopicNotExist"),
    (408, "TimeExpired"),
    (409, "QueueAlreadyExist"),
    (409, "SubscriptionAlreadyExist"),
    (409, "TopicAlreadyExist"),
    (429, "TooManyRequests"),
    (500, "InternalError"),
    (500, "InternalServerError"),
    (503, "ServiceUnavailable"),
];

const REQUEST_ID: &str = "6A1F2C3D4E5F6071829304A5";
const NAMESPACE: &str = "http://mns.aliyuncs.com/doc/v1/";

/// An error of [`ERRORS`], for a script; 500 for a code that is not there.
#[must_use]
pub fn error(code: &str) -> Answer {
    error_with(status_of(code), code, "This error was asked for.")
}

/// An error of any status, code and message, for a script.
#[must_use]
pub fn error_with(status: u16, code: &str, message: &str) -> Answer {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error xmlns=\"{NAMESPACE}\"><Code>{}</Code><Message>{}</Message><RequestId>{REQUEST_ID}</RequestId><HostId>http://127.0.0.1</HostId></Error>",
        escaped(code),
        escaped(message)
    );
    answer(status, xml)
}

/// What the service would say of a message that arrived with another body, for a script.
#[must_use]
pub fn wrong_md5() -> Answer {
    taken("5F290C926D472878-2-14D9529A8FA-200000001", &"0".repeat(32))
}

/// The answer to a message that was taken.
pub(super) fn taken(message_id: &str, md5: &str) -> Answer {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Message xmlns=\"{NAMESPACE}\"><MessageId>{message_id}</MessageId><MessageBodyMD5>{md5}</MessageBodyMD5></Message>"
    );
    answer(201, xml)
}

/// The status that an error has.
pub(super) fn status_of(code: &str) -> u16 {
    ERRORS.iter().find(|(_, known)| *known == code).map_or(500, |(status, _)| *status)
}

fn answer(status: u16, xml: String) -> Answer {
    let mut answer = Response::new(Bytes::from(xml));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/xml;charset=utf-8"));
    headers.insert("x-mns-request-id", HeaderValue::from_static(REQUEST_ID));
    headers.insert("x-mns-version", HeaderValue::from_static("2015-06-06"));
    answer
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
