//! Everything that can go wrong with a request, and the one table of what is answered.
//!
//! Each part of a request fails in its own type; here they meet. [`Problem::refusal`] places every
//! variant by hand, so that a new one has to be thought about. What the daemon or its store did
//! wrong is logged and never told.

pub(crate) mod reason;

use std::error::Error;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONNECTION, HeaderValue, RETRY_AFTER};
use invoked_core::arn::ArnError;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Verdict;
use invoked_core::name::NameError;
use invoked_engine::{
    ConfigError, FunctionError, InvokeError, Refusing, ResourceError, StoreError, TaskError,
};
use invoked_fc::argument::InvalidArgument;
use invoked_fc::error::{ErrorBody, ErrorCode};
use invoked_fc::route::PathNotSupported;

use crate::auth::AuthError;
use crate::body::BodyError;
use crate::proxy::ProxyError;
use crate::refused::Refused;
use crate::reply::{JSON, REQUEST_ID, Reply, full, id_value};

/// What a caller is told of anything that is our own fault.
const INTERNAL: &str = "an internal error has occurred. Please retry.";
/// When to try again where the engine does not say.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// Nothing is served there.
    #[error(transparent)]
    Path(#[from] PathNotSupported),
    /// A header, a parameter or a field does not read.
    #[error(transparent)]
    Argument(#[from] InvalidArgument),
    /// A name is not in its form.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Whoever makes the request may not.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The body does not read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// `If-Match` names another version.
    #[error("If-Match does not name the present version {actual}")]
    EtagDiffers { actual: String },
    /// An invocation was not taken.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    /// New work is not taken now. Who asks is not known yet, so they learn no more.
    #[error("new asynchronous invocations are refused for now; try again later")]
    Refused(Refusing),
    /// A synchronous invocation did not run.
    #[error("the function did not run: {fault}")]
    NotRun { verdict: Verdict, fault: Fault },
    /// A request to an HTTP function, or its answer, was not passed on.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A function was not created, changed or found.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// A configuration was not put or found.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A destination is not one; with its text.
    #[error("{field} '{given}': {problem}")]
    Destination { field: &'static str, given: String, problem: ArnError },
    /// A task was not found or stopped.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A service, an alias or a version was not made, changed or found.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// There is none, and there cannot be one; with the code for it.
    #[error("{what} does not exist")]
    Absent { code: ErrorCode, what: String },
    /// A value is not allowed.
    #[error("{field}: {problem}")]
    Value { field: &'static str, problem: String },
    /// An answer could not be written down.
    #[error("an answer could not be written down")]
    Render(#[source] serde_json::Error),
    /// A bug of ours.
    #[error("a request panicked")]
    Panicked,
}

/// What is answered.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    fn later(code: ErrorCode, message: impl Into<String>, after: Duration) -> Self {
        Self { retry_after: Some(after), ..Self::new(code, message) }
    }
}

impl Problem {
    /// The table.
    pub(crate) fn refusal(&self) -> Refusal {
        use ErrorCode as C;

        let text = || self.to_string();
        match self {
            Self::Path(error) => Refusal::new(error.code(), text()),
            Self::Argument(error) => Refusal::new(error.code(), text()),
            Self::Name(_) => Refusal::new(C::InvalidArgument, text()),
            Self::EtagDiffers { .. } => Refusal::new(C::PreconditionFailed, text()),
            Self::Auth(error @ AuthError::NoncesFull { .. }) => {
                Refusal::later(error.code(), text(), RETRY_AFTER_DEFAULT)
            }
            Self::Auth(error @ AuthError::Foreign { .. }) => bad_destination(&error.to_string()),
            Self::Auth(error) => Refusal::new(error.code(), text()),
            Self::Body(error) => match error {
                BodyError::TooLarge { .. } => Refusal::new(C::EntityTooLarge, text()),
                BodyError::TooSlow { .. } | BodyError::Broken(_) => {
                    Refusal::new(C::InvalidArgument, text())
                }
                BodyError::NoRoom => {
                    Refusal::later(C::ResourceExhausted, text(), RETRY_AFTER_DEFAULT)
                }
            },
            Self::Invoke(error) => match error {
                InvokeError::NoFunction { .. } => Refusal::new(C::FunctionNotFound, text()),
                InvokeError::NoTarget { .. } => Refusal::new(C::InvalidArgument, text()),
                InvokeError::Disabled { .. } => Refusal::new(C::AccessDenied, text()),
                InvokeError::Duplicate { .. } => {
                    Refusal::new(C::StatefulAsyncInvocationAlreadyExists, text())
                }
                InvokeError::TooLarge { .. } => Refusal::new(C::EntityTooLarge, text()),
                InvokeError::Overloaded { retry_after } => {
                    Refusal::later(C::ResourceExhausted, text(), *retry_after)
                }
                InvokeError::Unavailable { retry_after } => {
                    Refusal::later(C::ServiceUnavailable, text(), *retry_after)
                }
                InvokeError::Refused { why } => refused(*why, text()),
            },
            Self::Refused(why) => refused(*why, text()),
            Self::NotRun { verdict, fault } => not_run(*verdict, fault),
            Self::Proxy(error) => match error {
                ProxyError::TooLarge { .. }
                | ProxyError::Climbs
                | ProxyError::Uri
                | ProxyError::NoText { .. }
                | ProxyError::NotHttp { .. }
                | ProxyError::NotEvent { .. } => Refusal::new(C::InvalidArgument, text()),
                ProxyError::Failed { .. }
                | ProxyError::AnswerStatus { .. }
                | ProxyError::AnswerHeaders => Refusal::new(C::BadResponse, text()),
            },
            Self::Function(error) => match error {
                FunctionError::NotFound { .. } => Refusal::new(C::FunctionNotFound, text()),
                FunctionError::Exists { .. } => Refusal::new(C::FunctionAlreadyExists, text()),
                FunctionError::OwnedByFile { .. } => Refusal::new(C::AccessDenied, text()),
                FunctionError::Invalid { .. } => Refusal::new(C::InvalidArgument, text()),
                FunctionError::TooMany { .. } => Refusal::new(C::LimitExceededError, text()),
                FunctionError::Store(error) => of_store(error),
            },
            Self::Config(error) => match error {
                ConfigError::NoFunction { .. } => Refusal::new(C::FunctionNotFound, text()),
                ConfigError::NotFound { .. } => Refusal::new(C::AsyncConfigNotExists, text()),
                ConfigError::OutOfRange { .. } => Refusal::new(C::InvalidArgument, text()),
                ConfigError::TooMany { .. } => Refusal::new(C::LimitExceededError, text()),
                ConfigError::Destination { .. }
                | ConfigError::HttpFunction { .. }
                | ConfigError::Loop { .. } => bad_destination(&text()),
                ConfigError::Store(error) => of_store(error),
            },
            Self::Destination { .. } => bad_destination(&text()),
            Self::Task(error) => match error {
                TaskError::NoFunction { .. } => Refusal::new(C::FunctionNotFound, text()),
                TaskError::NotFound { .. } => {
                    Refusal::new(C::StatefulAsyncInvocationNotFound, text())
                }
                TaskError::Ended { .. } | TaskError::BadToken => {
                    Refusal::new(C::InvalidArgument, text())
                }
                TaskError::Unavailable => {
                    Refusal::later(C::ServiceUnavailable, text(), RETRY_AFTER_DEFAULT)
                }
                TaskError::Store(error) => of_store(error),
            },
            Self::Resource(error) => of_resource(error, text()),
            Self::Absent { code, .. } => Refusal::new(*code, text()),
            Self::Value { .. } => Refusal::new(C::InvalidArgument, text()),
            Self::Render(_) | Self::Panicked => Refusal::new(C::InternalServerError, INTERNAL),
        }
    }

    /// The code that the answer carries.
    pub(crate) fn code(&self) -> ErrorCode {
        self.refusal().code
    }

    /// The answer, under the id of the request.
    pub(crate) fn reply(&self, id: RequestId) -> Reply {
        let Refusal { code, message, retry_after } = self.refusal();
        if code == ErrorCode::InternalServerError {
            let error = in_full(self);
            tracing::error!(event = "request_failed", api = "fc", request_id = %id, error, "a request failed");
        }
        let status = StatusCode::from_u16(code.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ErrorBody::new(id.to_string(), code, message);
        let mut reply = full(status, JSON, serde_json::to_vec(&body).unwrap_or_default());
        if code != ErrorCode::InternalServerError {
            let key_id = if let Self::Auth(error) = self { error.key_id() } else { "" };
            reply.extensions_mut().insert(Refused::new(code.as_str(), self.reason(), key_id));
        }
        let headers = reply.headers_mut();
        headers.insert(REQUEST_ID, id_value(id));
        if let Some(after) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        if matches!(self, Self::Body(_) | Self::Proxy(ProxyError::TooLarge { .. })) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

/// A store that is being closed, or that has no room: whoever comes again finds another state of it.
fn of_store(error: &StoreError) -> Refusal {
    match error {
        StoreError::Closed => Refusal::later(
            ErrorCode::ServiceUnavailable,
            TaskError::Unavailable.to_string(),
            RETRY_AFTER_DEFAULT,
        ),
        StoreError::Full => {
            let message = Refusing::Disk.to_string();
            Refusal::later(ErrorCode::ServiceUnavailable, message, Refusing::Disk.retry_after())
        }
        StoreError::Poisoned
        | StoreError::NoRoom { .. }
        | StoreError::Corrupt { .. }
        | StoreError::InUse { .. }
        | StoreError::Newer { .. }
        | StoreError::Cut { .. }
        | StoreError::Damaged { .. }
        | StoreError::Engine { .. } => Refusal::new(ErrorCode::InternalServerError, INTERNAL),
    }
}

/// An error with its sources, for the log.
pub(crate) fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The rows of services, aliases and versions.
fn of_resource(error: &ResourceError, text: String) -> Refusal {
    use ErrorCode as C;

    match error {
        ResourceError::NoService { .. } => Refusal::new(C::ServiceNotFound, text),
        ResourceError::NoFunction { .. } => Refusal::new(C::FunctionNotFound, text),
        ResourceError::NoAlias { .. } => Refusal::new(C::AliasNotFound, text),
        ResourceError::NoVersion { .. } => Refusal::new(C::VersionNotFound, text),
        ResourceError::ServiceExists { .. } => Refusal::new(C::ServiceAlreadyExists, text),
        ResourceError::AliasExists { .. } => Refusal::new(C::AliasAlreadyExists, text),
        ResourceError::HasFunctions { .. } => Refusal::new(C::ServiceNotEmpty, text),
        ResourceError::Loop { .. } => bad_destination(&text),
        ResourceError::Aliased { .. } | ResourceError::Invalid { .. } => {
            Refusal::new(C::InvalidArgument, text)
        }
        ResourceError::TooMany { .. } => Refusal::new(C::LimitExceededError, text),
        ResourceError::Store(error) => of_store(error),
    }
}

/// What comes in faster than it can be made durable is throttled; what there is no room for is not to
/// be had here at all.
fn refused(why: Refusing, text: String) -> Refusal {
    let code = match why {
        Refusing::CommitLag => ErrorCode::ResourceExhausted,
        Refusing::Memory | Refusing::Disk | Refusing::Draining => ErrorCode::ServiceUnavailable,
    };
    Refusal::later(code, text, why.retry_after())
}

fn bad_destination(text: &str) -> Refusal {
    let message = format!("The destination resource is invalid: {text}");
    Refusal::new(ErrorCode::InvalidDestinationResources, message)
}

/// A synchronous invocation that came to nothing. Where the function is, and what its host said, is
/// its owner's business: the caller learns what to do.
fn not_run(verdict: Verdict, fault: &Fault) -> Refusal {
    use ErrorCode as C;

    let after = |retry_after: Option<Duration>| retry_after.unwrap_or(RETRY_AFTER_DEFAULT);
    match (verdict, fault.status) {
        (Verdict::Unavailable { retry_after }, 429) => {
            Refusal::later(C::ResourceExhausted, "the function is throttled", after(retry_after))
        }
        (Verdict::Unavailable { retry_after }, 503) => {
            Refusal::later(C::ResourceThrottled, "the function is throttled", after(retry_after))
        }
        (Verdict::Unavailable { retry_after }, 0) => Refusal::later(
            C::ServiceUnavailable,
            format!("the function cannot be reached ({})", fault.code),
            after(retry_after),
        ),
        (Verdict::Unavailable { .. }, _) => {
            Refusal::new(C::BadResponse, "the function's host answered with a system error")
        }
        (Verdict::Gone, _) => Refusal::new(C::FunctionNotFound, &*fault.message),
        (Verdict::Refused, 0) => {
            let message =
                format!("the function may not be called as it is set up ({})", fault.code);
            Refusal::new(C::AccessDenied, message)
        }
        (Verdict::Refused, _) => Refusal::new(
            C::BadResponse,
            format!("the function's host refused the request ({})", fault.code),
        ),
        // Answers, not refusals.
        (Verdict::Succeeded | Verdict::FunctionError, _) => {
            Refusal::new(C::InternalServerError, INTERNAL)
        }
    }
}

/// Never 0, which would mean at once.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests;
