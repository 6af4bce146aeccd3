//! Everything that can go wrong with a request to the admin API, and the one table of what is
//! answered.

mod reason;

use std::time::Duration;

use http::StatusCode;
use http::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use invoked_core::limits::ASYNC_PAYLOAD_MAX;
use invoked_engine::{
    BackupError, CallbackError, ConfigError, FunctionError, InvokeError, LaneError, OperationError,
    ProbeError, Refusing, RetryError, StoreError, TaskError,
};

use crate::admin::dto::Error;
use crate::admin::events::STREAMS_MAX;
use crate::admin::tokens::Role;
use crate::body::BodyError;
use crate::problem::{in_full, whole_seconds};
use crate::refused::Refused;
use crate::reply::{JSON, Reply, full};

/// What a caller is told of anything that is our own fault.
const INTERNAL: &str = "an internal error has occurred";
/// When to try again where the engine does not say.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminProblem {
    /// A parameter or a field is not in its form.
    #[error("{field} {problem}")]
    Argument { field: String, problem: String },
    /// A body is not the JSON that is wanted.
    #[error("the body does not read: {problem}")]
    Json { problem: String },
    /// A body is of another type.
    #[error("the body must be application/json")]
    MediaType,
    /// The body did not come.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Nothing is there.
    #[error("there is no such page")]
    Path,
    /// It is not done that way.
    #[error("only {allowed} is served here")]
    Method { allowed: &'static str },
    /// No bearer token came with it.
    #[error("a bearer token is needed: Authorization: Bearer TOKEN")]
    NoToken,
    /// The token is none of ours.
    #[error("the token is not known")]
    UnknownToken,
    /// Nobody can sign in where nobody has to.
    #[error("no tokens are configured: whoever is on this machine may do everything")]
    NoTokens,
    /// Too many wrong tokens were presented, or too many sign in at a time.
    #[error("too many wrong tokens were presented, or too many sign in at a time")]
    TooManySignIns { after: Duration },
    /// Too many pages are looked at.
    #[error("there are {STREAMS_MAX} streams of events already")]
    TooManyStreams,
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    NoRandomness,
    /// The token allows less.
    #[error("the role {} is needed, the token's is {}", needed.as_str(), held.as_str())]
    Role { needed: Role, held: Role },
    /// The request is for another host: without tokens only this machine's own names are served.
    #[error("without tokens the Host has to be localhost or a loopback address")]
    Host,
    /// The request comes from a page of somebody else.
    #[error("requests that another page has sent are refused")]
    Origin,
    /// A change without the header that only a deliberate client sends.
    #[error("a request that changes something needs the header x-invoked-admin: 1")]
    ChangeHeader,
    /// New invocations are not taken.
    #[error("{reason}")]
    NotReady { reason: String },
    /// The engine does not run yet.
    #[error("the daemon starts")]
    Starting,
    /// The configuration is being read, or the daemon stops.
    #[error("the configuration is being read, or the daemon stops")]
    Reloading,
    /// A function.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// A configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A task.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// A task that is to be done again.
    #[error(transparent)]
    Retry(#[from] RetryError),
    /// A callback.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// A callback that was to be sent anew, or an operation that does it.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// A lane that was to be held, let go or counted.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// A probe.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// No backup was begun.
    #[error("no backup was begun since the daemon started")]
    NoBackup,
    /// An invocation.
    #[error("invocation '{id}' does not exist")]
    NoInvocation { id: String },
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
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) field: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after: None }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidArgument", message)
    }

    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", INTERNAL)
    }

    fn unavailable(message: impl Into<String>, after: Duration) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "ServiceUnavailable", message).later(after)
    }

    fn of(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    fn later(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }
}

impl AdminProblem {
    pub(super) fn argument(field: &str, problem: impl Into<String>) -> Self {
        // A name that a client made up may be as long as a request.
        let field = field.chars().take(64).collect();
        Self::Argument { field, problem: problem.into() }
    }

    /// Whether the store had no room for it. Nothing was changed, and there may be room later.
    const fn is_for_want_of_room(&self) -> bool {
        use StoreError::Full;

        matches!(
            self,
            Self::Function(FunctionError::Store(Full))
                | Self::Config(ConfigError::Store(Full))
                | Self::Task(TaskError::Store(Full))
                | Self::Retry(RetryError::Task(TaskError::Store(Full)))
                | Self::Callback(CallbackError::Store(Full))
                | Self::Operation(
                    OperationError::Store(Full) | OperationError::Lane(LaneError::Store(Full))
                )
                | Self::Lane(LaneError::Store(Full))
                | Self::Backup(BackupError::Store(Full))
        )
    }

    /// What is answered.
    pub(crate) fn refusal(&self) -> Refusal {
        if self.is_for_want_of_room() {
            let message = format!("nothing was changed: {}", Refusing::Disk);
            return Refusal::unavailable(message, Refusing::Disk.retry_after());
        }
        self.of_table()
    }

    /// The table.
    fn of_table(&self) -> Refusal {
        let text = || self.to_string();
        match self {
            Self::Argument { field, .. } => Refusal::invalid(text()).of(field),
            Self::Json { .. } => Refusal::invalid(text()),
            Self::MediaType => {
                Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", text())
            }
            Self::Body(error) => match error {
                BodyError::TooLarge { .. } => {
                    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "EntityTooLarge", text())
                }
                BodyError::TooSlow { .. } | BodyError::Broken(_) => Refusal::invalid(text()),
                BodyError::NoRoom => Refusal::unavailable(text(), RETRY_AFTER_DEFAULT),
            },
            Self::Path => Refusal::new(StatusCode::NOT_FOUND, "NotFound", text()),
            Self::Method { .. } => {
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", text())
            }
            Self::NoToken | Self::UnknownToken => {
                Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized", text())
            }
            Self::NoTokens => conflict("NoTokens", text()),
            Self::TooManySignIns { after } => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                Refusal::new(status, "TooManySignIns", text()).later(*after)
            }
            Self::TooManyStreams => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                Refusal::new(status, "TooManyStreams", text()).later(RETRY_AFTER_DEFAULT)
            }
            Self::Role { .. } => Refusal::new(StatusCode::FORBIDDEN, "Forbidden", text()),
            Self::Host => Refusal::new(StatusCode::FORBIDDEN, "ForbiddenHost", text()),
            Self::Origin => Refusal::new(StatusCode::FORBIDDEN, "ForbiddenOrigin", text()),
            Self::ChangeHeader => Refusal::new(StatusCode::FORBIDDEN, "MissingHeader", text()),
            Self::NotReady { reason } => Refusal::unavailable(reason, RETRY_AFTER_DEFAULT),
            Self::Reloading => Refusal::unavailable(text(), RETRY_AFTER_DEFAULT),
            Self::Starting => Refusal::unavailable("starting", RETRY_AFTER_DEFAULT),
            Self::Function(error) => function(error),
            Self::Config(error) => match error {
                ConfigError::NoFunction { .. } => not_found("FunctionNotFound", text()),
                ConfigError::NotFound { .. } => not_found("ConfigNotFound", text()),
                ConfigError::OutOfRange { .. }
                | ConfigError::Destination { .. }
                | ConfigError::HttpFunction { .. }
                | ConfigError::Loop { .. } => Refusal::invalid(text()),
                ConfigError::TooMany { .. } => conflict("LimitExceeded", text()),
                ConfigError::Store(_) => Refusal::internal(),
            },
            Self::Task(error) => task(error),
            Self::Retry(error) => retry(error),
            Self::Callback(error) => match error {
                CallbackError::NoFunction { .. } => not_found("FunctionNotFound", text()),
                CallbackError::NotFound { .. } => not_found("CallbackNotFound", text()),
                CallbackError::BadToken => Refusal::invalid(text()).of("token"),
                CallbackError::Store(_) => Refusal::internal(),
            },
            Self::Operation(error) => operation(error),
            Self::Lane(error) => lane(error),
            Self::Probe(error) => match error {
                ProbeError::BadArn { .. } => Refusal::invalid(text()).of("destination"),
                ProbeError::NoSink { .. } => conflict("NoSuchSink", text()),
                ProbeError::Busy => {
                    let status = StatusCode::TOO_MANY_REQUESTS;
                    Refusal::new(status, "TooManyProbes", text()).later(RETRY_AFTER_DEFAULT)
                }
            },
            Self::Backup(error) => match error {
                BackupError::Name => Refusal::invalid(text()).of("name"),
                BackupError::NoPlace => conflict("NoBackupPath", text()),
                BackupError::Exists { .. } => conflict("BackupExists", text()),
                BackupError::InStore { .. } => conflict("BackupInStore", text()),
                BackupError::Running => conflict("BackupRunning", text()),
                BackupError::Unsupported => conflict("NotSupported", text()),
                BackupError::File { .. } | BackupError::Store(_) => Refusal::internal(),
            },
            Self::NoBackup => not_found("BackupNotFound", text()),
            Self::NoInvocation { .. } => not_found("InvocationNotFound", text()),
            Self::Render(_) | Self::NoRandomness | Self::Panicked => Refusal::internal(),
        }
    }

    /// The answer.
    pub(super) fn reply(&self) -> Reply {
        let Refusal { status, code, message, field, retry_after } = self.refusal();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            let error = in_full(self);
            tracing::error!(event = "request_failed", api = "admin", error, "a request failed");
        }
        let body = Error { code: code.to_owned(), message, field };
        let mut reply = full(status, JSON, serde_json::to_vec(&body).unwrap_or_default());
        if status != StatusCode::INTERNAL_SERVER_ERROR {
            reply.extensions_mut().insert(Refused::new(code, self.reason(), ""));
        }
        let headers = reply.headers_mut();
        if let Some(after) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Self::Method { allowed } = self {
            headers.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        if matches!(self, Self::Body(_)) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

fn not_found(code: &'static str, message: String) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, code, message)
}

fn conflict(code: &'static str, message: String) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, code, message)
}

fn function(error: &FunctionError) -> Refusal {
    let text = error.to_string();
    match error {
        FunctionError::NotFound { .. } => not_found("FunctionNotFound", text),
        FunctionError::Exists { .. } => conflict("FunctionAlreadyExists", text),
        FunctionError::OwnedByFile { .. } => conflict("OwnedByFile", text),
        FunctionError::Invalid { field, .. } => Refusal::invalid(text).of(field),
        FunctionError::TooMany { .. } => conflict("LimitExceeded", text),
        FunctionError::Store(_) => Refusal::internal(),
    }
}

fn task(error: &TaskError) -> Refusal {
    let text = error.to_string();
    match error {
        TaskError::NoFunction { .. } => not_found("FunctionNotFound", text),
        TaskError::NotFound { .. } => not_found("TaskNotFound", text),
        TaskError::Ended { .. } => conflict("TaskEnded", text),
        TaskError::BadToken => Refusal::invalid("token is not valid").of("token"),
        TaskError::Unavailable => Refusal::unavailable(text, RETRY_AFTER_DEFAULT),
        TaskError::Store(StoreError::Closed) => {
            Refusal::unavailable(TaskError::Unavailable.to_string(), RETRY_AFTER_DEFAULT)
        }
        TaskError::Store(_) => Refusal::internal(),
    }
}

fn operation(error: &OperationError) -> Refusal {
    let text = error.to_string();
    match error {
        OperationError::NoFunction { .. } => not_found("FunctionNotFound", text),
        OperationError::NotFound { .. } => not_found("OperationNotFound", text),
        OperationError::Ended { .. } => conflict("OperationEnded", text),
        OperationError::Lane(error) => lane(error),
        OperationError::Invoke(error) => again(error),
        OperationError::Filter { field, .. } => Refusal::invalid(text).of(field),
        OperationError::Rate { .. } => Refusal::invalid(text).of("rate_per_second"),
        OperationError::Ids { .. } => Refusal::invalid(text).of("ids"),
        OperationError::TooMany { .. } => conflict("LimitExceeded", text),
        OperationError::Unavailable => Refusal::unavailable(text, RETRY_AFTER_DEFAULT),
        OperationError::Store(_) => Refusal::internal(),
    }
}

fn lane(error: &LaneError) -> Refusal {
    let text = error.to_string();
    match error {
        LaneError::NoFunction { .. } => not_found("FunctionNotFound", text),
        LaneError::BadArn { .. } => Refusal::invalid(text).of("destination"),
        LaneError::NoDestination { .. } => not_found("DestinationNotFound", text),
        LaneError::Note { .. } => Refusal::invalid(text).of("note"),
        LaneError::Store(_) => Refusal::internal(),
    }
}

fn retry(error: &RetryError) -> Refusal {
    let text = error.to_string();
    match error {
        RetryError::Task(error) => task(error),
        RetryError::NoInvocation { .. } => not_found("InvocationNotFound", text),
        RetryError::NotEnded { .. } => conflict("TaskNotEnded", text),
        RetryError::NoPayload { .. } => Refusal::new(StatusCode::GONE, "PayloadGone", text),
        RetryError::Invoke(error) => again(error),
    }
}

/// A task was not invoked again, or none of a function can be.
fn again(error: &InvokeError) -> Refusal {
    let text = error.to_string();
    match error {
        InvokeError::NoFunction { .. } => not_found("FunctionNotFound", text),
        InvokeError::NoTarget { .. } => conflict("NoTarget", text),
        InvokeError::Disabled { .. } => conflict("FunctionDisabled", text),
        InvokeError::Duplicate { .. } => conflict("TaskExists", text).of("task_id"),
        // What was accepted once is not too large now.
        InvokeError::TooLarge { .. } => {
            debug_assert!(false, "a kept payload is over {ASYNC_PAYLOAD_MAX} bytes");
            Refusal::internal()
        }
        InvokeError::Overloaded { retry_after } => {
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "ResourceExhausted", text)
                .later(*retry_after)
        }
        InvokeError::Unavailable { retry_after } => Refusal::unavailable(text, *retry_after),
        InvokeError::Refused { why: why @ Refusing::CommitLag } => {
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "ResourceExhausted", text)
                .later(why.retry_after())
        }
        InvokeError::Refused { why } => Refusal::unavailable(text, why.retry_after()),
    }
}

#[cfg(test)]
mod tests {
    use invoked_core::name::FunctionName;

    use super::*;

    #[test]
    fn what_is_our_fault_is_not_told() {
        for problem in [
            AdminProblem::Task(TaskError::Store(StoreError::Poisoned)),
            AdminProblem::Function(FunctionError::Store(StoreError::Poisoned)),
            AdminProblem::Panicked,
        ] {
            let refusal = problem.refusal();
            assert_eq!((refusal.status.as_u16(), refusal.message.as_str()), (500, INTERNAL));
        }
    }

    #[test]
    fn answers_carry_the_headers_that_clients_act_on() {
        let header = |problem: AdminProblem, name: &str| {
            let reply = problem.reply();
            reply.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        assert_eq!(header(AdminProblem::NoToken, "www-authenticate").as_deref(), Some("Bearer"));
        assert_eq!(
            header(AdminProblem::Method { allowed: "GET" }, "allow").as_deref(),
            Some("GET")
        );
        assert_eq!(header(AdminProblem::Starting, "retry-after").as_deref(), Some("1"));
        assert_eq!(header(AdminProblem::Path, "retry-after"), None);
    }

    #[test]
    fn a_field_is_named_apart_from_the_message() {
        let function = FunctionName::parse("f").unwrap();
        let invalid = FunctionError::Invalid { field: "timeout", problem: "is odd".to_owned() };
        assert_eq!(AdminProblem::Function(invalid).refusal().field.as_deref(), Some("timeout"));
        let gone = AdminProblem::Task(TaskError::NoFunction { function });
        assert_eq!((gone.refusal().status.as_u16(), gone.refusal().field), (404, None));
        let long = AdminProblem::argument(&"x".repeat(10_000), "is not known");
        assert_eq!(long.refusal().field.unwrap().len(), 64);
    }
}
