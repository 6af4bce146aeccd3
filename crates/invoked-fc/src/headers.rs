//! Header names, lower-cased as the 2023 clients send them (the 2021 clients write `X-Fc-…`).
//!
//! Grouped by who reads them. How the values read is in [`values`].

pub mod forwarding;
pub mod values;

// The caller writes them, the daemon reads them.

/// `Sync`, `Async` or `Task`; see [`values::InvocationType`].
pub const INVOCATION_TYPE: &str = "x-fc-invocation-type";
/// `None` or `Tail`; see [`values::LogType`].
pub const LOG_TYPE: &str = "x-fc-log-type";
/// The task id, in the 2023 version; also sent back with a 202.
pub const ASYNC_TASK_ID: &str = "x-fc-async-task-id";
/// The task id, in the 2016 and 2021 versions; also sent back with a 202.
pub const STATEFUL_ASYNC_INVOCATION_ID: &str = "x-fc-stateful-async-invocation-id";
/// `true` makes this one invocation a task without a configuration (2021).
pub const STATEFUL_ASYNC_INVOCATION_ENABLE: &str = "x-fc-stateful-async-invocation-enable";
/// Seconds between acceptance and the first attempt; see [`values::parse_async_delay`].
pub const ASYNC_DELAY: &str = "x-fc-async-delay";
/// The caller's trace; passed over.
pub const TRACE_ID: &str = "x-fc-trace-id";
/// Java's date line in the FC scheme.
pub const DATE: &str = "x-fc-date";
/// The version of the resource that an update or a deletion expects.
pub const IF_MATCH: &str = "if-match";

// The daemon writes them, the caller reads them.

/// The id of the request, on every answer; of an invocation also on every attempt and callback.
pub const REQUEST_ID: &str = "x-fc-request-id";
/// Why the function failed, on a synchronous 200: `HandledInvocationError`,
/// `UnhandledInvocationError`, `InvocationError`, `InitializationError` and the like.
pub const ERROR_TYPE: &str = "x-fc-error-type";
/// Base64 of the last 4 KB of the log, when asked for with [`LOG_TYPE`].
pub const LOG_RESULT: &str = "x-fc-log-result";
/// CRC-64 of the function's code.
pub const CODE_CHECKSUM: &str = "x-fc-code-checksum";
/// Which instance ran the invocation.
pub const INSTANCE_ID: &str = "x-fc-instance-id";
/// How long the invocation ran, in milliseconds.
pub const INVOCATION_DURATION: &str = "x-fc-invocation-duration";
/// The most memory the invocation held, in MB.
pub const MAX_MEMORY_USAGE: &str = "x-fc-max-memory-usage";
/// Which version of the service ran (2016, 2021).
pub const INVOCATION_SERVICE_VERSION: &str = "x-fc-invocation-service-version";
/// Which version of the code ran (2023).
pub const INVOCATION_CODE_VERSION: &str = "x-fc-invocation-code-version";
/// The version of a resource.
pub const ETAG: &str = "etag";

// The function writes it, the daemon reads it.

/// `200` or `404`: whether a custom runtime's invocation succeeded. Outranks the HTTP status.
pub const STATUS: &str = "x-fc-status";

// The daemon writes them, the function reads them.

/// `/invoke`, `/http-invoke` or `/initialize`.
pub const CONTROL_PATH: &str = "x-fc-control-path";
/// The access key of the function's role.
pub const ACCESS_KEY_ID: &str = "x-fc-access-key-id";
/// The secret of the function's role.
pub const ACCESS_KEY_SECRET: &str = "x-fc-access-key-secret";
/// The token of the function's role; from a caller of the FC scheme, that of its own key.
pub const SECURITY_TOKEN: &str = "x-fc-security-token";
/// The account; from a caller it is ignored, and may be empty.
pub const ACCOUNT_ID: &str = "x-fc-account-id";
/// The region.
pub const REGION: &str = "x-fc-region";
/// The function's name.
pub const FUNCTION_NAME: &str = "x-fc-function-name";
/// The function's handler.
pub const FUNCTION_HANDLER: &str = "x-fc-function-handler";
/// The function's memory, in MB.
pub const FUNCTION_MEMORY: &str = "x-fc-function-memory";
/// How long the function may run, in seconds.
pub const FUNCTION_TIMEOUT: &str = "x-fc-function-timeout";
/// The function's initializer.
pub const FUNCTION_INITIALIZER: &str = "x-fc-function-initializer";
/// How long the initializer may run, in seconds.
pub const INITIALIZATION_TIMEOUT: &str = "x-fc-initialization-timeout";
/// The handler to call before an instance stops.
pub const INSTANCE_LIFECYCLE_PRE_STOP_HANDLER: &str = "x-fc-instance-lifecycle-pre-stop-handler";
/// The handler to call before an instance freezes (2016, 2021).
pub const INSTANCE_LIFECYCLE_PRE_FREEZE_HANDLER: &str =
    "x-fc-instance-lifecycle-pre-freeze-handler";
/// The alias or version that was invoked.
pub const QUALIFIER: &str = "x-fc-qualifier";
/// The version that the qualifier stands for.
pub const VERSION_ID: &str = "x-fc-version-id";
/// The service's name (2016, 2021).
pub const SERVICE_NAME: &str = "x-fc-service-name";
/// The log project.
pub const SERVICE_LOG_PROJECT: &str = "x-fc-service-logproject";
/// The log store.
pub const SERVICE_LOG_STORE: &str = "x-fc-service-logstore";

// Ours, between daemons and through functions.

/// The chain of callbacks that led to an invocation, so that loops end.
pub const LINEAGE: &str = "x-invoked-lineage";

/// What the names of Function Compute's own headers start with. Of a caller's headers, those are
/// not passed on to an HTTP function.
pub const PREFIX: &str = "x-fc-";

#[cfg(test)]
mod tests {
    use super::LINEAGE;
    use crate::captures;

    #[test]
    fn names_are_lower_case() {
        let names = include_str!("headers.rs").split('"').skip(1).step_by(2);
        for name in names.take_while(|name| *name != LINEAGE) {
            assert!(name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn captured_headers_have_a_name_here() {
        for (name, _) in captures::all().iter().flat_map(|capture| &capture.headers) {
            let name = name.to_ascii_lowercase();
            if name.starts_with(super::PREFIX) {
                assert!(include_str!("headers.rs").contains(&format!("\"{name}\"")), "{name}");
            }
        }
    }
}
