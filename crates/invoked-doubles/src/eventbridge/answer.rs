//! What EventBridge answers, and every error that it is known to have.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::server::Answer;

/// Every error that a request may meet, with its status: the service's page "error codes", what its
/// open core (`EventBridgeErrorCode` of apache/rocketmq-eventbridge) gives to `putEvents`, and what
/// Alibaba's gateways say of dates, nonces and paths. The names of the two errors about sizes are
/// ours: the page has their texts alone.
pub const ERRORS: [(u16, &str); 32] = [
    (400, "EventCountExceedLimit"),
    (400, "EventSizeExceedLimit"),
    (400, "IllegalTimestamp"),
    (400, "InvalidContentType"),
    (400, "InvalidTimeStamp.Expired"),
    (400, "SignatureNonceUsed"),
    (403, "AccessDenied"),
    (403, "AccessDeniedByPreCheck"),
    (403, "AccessDeniedForInternalRegion"),
    (403, "AccountIdNotExist"),
    (403, "InvalidAccessKeyId"),
    (403, "InvalidStsAccessKeyId"),
    (403, "OptionsMethodNotEnable"),
    (403, "ParentAccountNotExist"),
    (403, "SecurityTokenInvalid"),
    (403, "ServiceAccessDenied"),
    (403, "SignatureDoesNotMatch"),
    (403, "StsAccessIdExpired"),
    (404, "InvalidAction.NotFound"),
    (405, "UnsupportedHTTPMethod"),
    (409, "EventBusNameInvalid"),
    (409, "EventBusNotExist"),
    (409, "JsonAttributeInvalid"),
    (409, "PutEventsRequestMoreThanOneEventBus"),
    (409, "PutEventsRequestSecurityCheckFailed"),
    (429, "Throttling"),
    (429, "Throttling.User"),
    (429, "TooManyRequests"),
    (500, "GenerateTokenError"),
    (500, "InternalError"),
    (503, "ServiceUnavailable"),
    (504, "GatewayTimeout"),
];

const REQUEST_ID: &str = "d5bfc188-4452-4ba7-b73a-a9005e522439";

/// An error of [`ERRORS`], for a script; 500 for a code that is not there.
#[must_use]
pub fn error(code: &str) -> Answer {
    error_with(status_of(code), code, "This error was asked for.")
}

/// An error of any status, code and message, for a script.
#[must_use]
pub fn error_with(status: u16, code: &str, message: &str) -> Answer {
    answer(status, &json!({ "code": code, "message": message, "requestId": REQUEST_ID }))
}

/// A 200 that says of its only event that it failed, for a script.
#[must_use]
pub fn failed_entry(code: &str, message: &str) -> Answer {
    let entry = json!({
        "EventId": null, "TraceId": null, "ErrorCode": code, "ErrorMessage": message,
    });
    let answered = json!({
        "RequestId": REQUEST_ID,
        "ResourceOwnerAccountId": "",
        "FailedEntryCount": 1,
        "EntryList": [entry],
    });
    answer(200, &answered)
}

/// The answer to a batch that was taken, the `number`th.
pub(super) fn taken<'a>(ids: impl Iterator<Item = &'a str>, account: &str, number: u64) -> Answer {
    let trace = format!("{number:032x}");
    let entries = ids.map(
        |id| json!({ "EventId": id, "TraceId": trace, "ErrorCode": null, "ErrorMessage": null }),
    );
    let answered = json!({
        "RequestId": REQUEST_ID,
        "ResourceOwnerAccountId": account,
        "FailedEntryCount": 0,
        "EntryList": entries.collect::<Vec<_>>(),
    });
    answer(200, &answered)
}

/// The status that an error has.
pub(super) fn status_of(code: &str) -> u16 {
    ERRORS.iter().find(|(_, known)| *known == code).map_or(500, |(status, _)| *status)
}

fn answer(status: u16, json: &Value) -> Answer {
    let mut answer = Response::new(Bytes::from(json.to_string()));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    answer.headers_mut().insert("content-type", json);
    answer
}
