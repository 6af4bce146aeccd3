//! What is logged, and another of it for a while.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::asked::Asked;
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::Reply;

/// Whoever decides what is logged.
pub trait LogLevels: Send + Sync {
    /// What is logged now.
    fn present(&self) -> LogLevel;

    /// From here on logs what `level` says, until `lasts` is over or the configuration is read again. `by` asks for it.
    ///
    /// # Errors
    /// The field that does not read, and why.
    fn change(
        &self,
        level: &str,
        lasts: Option<&str>,
        by: &str,
    ) -> Result<LogLevel, (&'static str, String)>;
}

/// What is logged.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub struct LogLevel {
    /// A level, or directives such as `info,invoked_engine=debug`.
    pub level: String,
    /// What the configuration says (`telemetry.log_level`).
    pub configured: String,
    /// After so many seconds the configured one comes back; null if it does not.
    #[schema(required = true)]
    pub reverts_in_seconds: Option<u64>,
}

/// Another level.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogLevelWish {
    /// A level (error, warn, info, debug, trace), or directives of the form target=level; at most 1024 bytes.
    level: String,
    /// For how long, such as `10m`: between `1s` and `24h`. Without it, until the configuration is read again or the daemon ends.
    #[serde(rename = "for")]
    #[schema(nullable = false)]
    lasts: Option<String>,
}

/// Says what is logged.
#[utoipa::path(
    get,
    path = "/v1/log-level",
    operation_id = "getLogLevel",
    tag = "daemon",
    responses((status = 200, description = "What is logged.", body = LogLevel), Common)
)]
pub(super) fn get(
    levels: Option<&Arc<dyn LogLevels>>,
    asked: Asked,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    json(StatusCode::OK, &levels.ok_or(AdminProblem::Starting)?.present())
}

/// Logs more or less from here on, or for a while. A reload brings the configured level back.
#[utoipa::path(
    put,
    path = "/v1/log-level",
    operation_id = "setLogLevel",
    tag = "daemon",
    params(("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant.")),
    request_body = LogLevelWish,
    responses((status = 200, description = "It is in force.", body = LogLevel), Common)
)]
pub(super) fn put(
    levels: Option<&Arc<dyn LogLevels>>,
    asked: Asked,
    wish: &LogLevelWish,
    by: &str,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let levels = levels.ok_or(AdminProblem::Starting)?;
    let changed = levels.change(&wish.level, wish.lasts.as_deref(), by);
    let level = changed.map_err(|(field, problem)| AdminProblem::argument(field, problem))?;
    json(StatusCode::OK, &level)
}
