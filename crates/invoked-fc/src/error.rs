//! Error codes and the error body.
//!
//! The client families read different keys of the body (`ErrorCode` in Go, Java, Python and Node
//! 2016; `Code` everywhere else), so every version is sent the union. The code is never empty:
//! Terraform compares by prefix, and an empty code matches everything it tests for.

use serde::Serialize;

/// The body of every 4xx and 5xx answer, sent as `application/json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ErrorBody {
    request_id: String,
    http_status: u16,
    code: ErrorCode,
    message: String,
    error_code: ErrorCode,
    error_message: String,
}

impl ErrorBody {
    /// The body for `code`; `request_id` is the one of the `x-fc-request-id` header.
    #[must_use]
    pub fn new(request_id: impl Into<String>, code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            request_id: request_id.into(),
            http_status: code.http_status(),
            code,
            error_message: message.clone(),
            message,
            error_code: code,
        }
    }
}

macro_rules! error_codes {
    ($($(#[$documentation:meta])* $code:ident = $status:literal,)+) => {
        /// A code that clients compare by name. The variant is spelled as it is on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum ErrorCode {
            $($(#[$documentation])* $code,)+
        }

        impl ErrorCode {
            /// Every code, in the order of their HTTP statuses.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// The code as it stands on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)+
                }
            }

            /// The HTTP status it is answered with.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self {
                    $(Self::$code => $status,)+
                }
            }
        }
    };
}

error_codes! {
    /// A value does not read or is out of range; also the stop of a finished task.
    InvalidArgument = 400,
    /// A required header is absent.
    MissingRequiredHeader = 400,
    /// The payload is larger than the limit. 400 as documented, never 413.
    EntityTooLarge = 400,
    /// A destination cannot be used.
    InvalidDestinationResources = 400,
    /// No operation has this method and path.
    PathNotSupported = 400,
    /// A quota is exhausted.
    LimitExceededError = 400,
    /// The key may not do this, or the request's clock is too far off.
    AccessDenied = 403,
    /// The signature is not the one we compute.
    SignatureNotMatch = 403,
    /// No such access key.
    InvalidAccessKeyID = 403,
    /// No such service.
    ServiceNotFound = 404,
    /// No such function.
    FunctionNotFound = 404,
    /// No such alias.
    AliasNotFound = 404,
    /// No such version.
    VersionNotFound = 404,
    /// No such trigger.
    TriggerNotFound = 404,
    /// No such custom domain.
    DomainNameNotFound = 404,
    /// No such version of a layer.
    LayerVersionNotFound = 404,
    /// No on-demand configuration.
    OnDemandConfigNotFound = 404,
    /// No async invoke configuration under this function and qualifier.
    AsyncConfigNotExists = 404,
    /// No such task; the name of the 2021 version, for lack of evidence of another.
    StatefulAsyncInvocationNotFound = 404,
    /// The task id is taken.
    StatefulAsyncInvocationAlreadyExists = 409,
    /// The function's name is taken.
    FunctionAlreadyExists = 409,
    /// The service's name is taken.
    ServiceAlreadyExists = 409,
    /// The alias' name is taken.
    AliasAlreadyExists = 409,
    /// The service has functions; the name is not documented, the status was seen.
    ServiceNotEmpty = 409,
    /// Another change of the same resource is under way.
    ConcurrentUpdateError = 409,
    /// `If-Match` names another version of the resource.
    PreconditionFailed = 412,
    /// A custom runtime could not be started.
    FunctionNotStarted = 412,
    /// A custom runtime exited.
    CAExited = 412,
    /// A custom runtime has no bootstrap file.
    CAFileNotFound = 412,
    /// Throttled: the concurrency limit is reached.
    ResourceExhausted = 429,
    /// The client went away.
    ClientClosedRequest = 499,
    /// A fault of ours; worth a retry.
    InternalServerError = 500,
    /// The function's answer is not one we can pass on.
    BadResponse = 502,
    /// Throttled: no instance is to be had.
    ResourceThrottled = 503,
    /// Not serving just now, such as while draining. Clients retry it by name.
    ServiceUnavailable = 503,
}

impl core::fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorBody, ErrorCode};

    #[test]
    fn error_body_serves_every_client_family() {
        let body = ErrorBody::new("1-6656", ErrorCode::AsyncConfigNotExists, "no config");
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"RequestId":"1-6656","HttpStatus":404,"Code":"AsyncConfigNotExists","Message":"no config","ErrorCode":"AsyncConfigNotExists","ErrorMessage":"no config"}"#
        );
    }

    #[test]
    fn codes_are_listed_by_status() {
        let statuses: Vec<_> = ErrorCode::ALL.iter().map(|code| code.http_status()).collect();
        assert!(statuses.is_sorted());
        assert!(statuses.iter().all(|status| (400..600).contains(status)));
    }
}
