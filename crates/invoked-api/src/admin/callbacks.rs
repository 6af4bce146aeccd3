//! Callbacks that are not delivered: looked at.
#![expect(unused_qualifications, reason = "the macro of utoipa writes full paths of parameters")]

use http::StatusCode;
use invoked_core::id::RequestId;
use invoked_engine::{CallbackError, CallbackFilter, CallbackStatus, Handle};
use utoipa::IntoParams;

use crate::admin::asked::Asked;
use crate::admin::dto::callback::{Callback, CallbackPage, CallbackStatus as ShownStatus};
use crate::admin::functions::OfAccount;
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::Reply;

/// Which callbacks.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it says what there is; the filter of the engine carries it")]
pub(super) struct CallbacksAsked {
    /// Only of this function; of one that is deleted, while its records are kept.
    #[param(
        nullable = false,
        pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$"
    )]
    function: Option<String>,
    /// The account of that function; absent: the daemon's own.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    account: Option<String>,
    /// Only to this ARN, as it stands in the configuration.
    #[param(nullable = false, min_length = 1)]
    destination: Option<String>,
    /// Only those that stand so; absent: those given up, then those owed.
    #[param(nullable = false, inline)]
    status: Option<ShownStatus>,
    /// Only those whose last error has this code.
    #[param(nullable = false, min_length = 1)]
    code: Option<String>,
    /// Only those given up, or owed, since this time or later.
    #[param(nullable = false, format = DateTime)]
    since_after: Option<String>,
    /// Only those given up, or owed, since this time or earlier.
    #[param(nullable = false, format = DateTime)]
    since_before: Option<String>,
    /// Callbacks on a page, at most.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    limit: Option<usize>,
    /// What the page before gave as `next`.
    #[param(
        nullable = false,
        pattern = "^(f|f[.]([0-9a-f]{1,15})[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|p[.][0-9a-f]{1,4}[.][0-9a-f]{1,7}[.][0-9a-f]{1,15}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
    )]
    token: Option<String>,
}

/// Lists the callbacks that are not delivered, without their envelopes.
#[utoipa::path(
    get,
    path = "/v1/callbacks",
    operation_id = "listCallbacks",
    tag = "callbacks",
    params(CallbacksAsked),
    responses((status = 200, description = "A page of callbacks.", body = CallbackPage), Common)
)]
pub(super) async fn list(engine: &Handle, mut asked: Asked) -> Result<Reply, AdminProblem> {
    let function = asked.function()?;
    let account = OfAccount::read(&mut asked, engine)?;
    let statuses = [("Failed", CallbackStatus::Failed), ("Pending", CallbackStatus::Pending)];
    let (since_from, since_to) = asked.span("since_after", "since_before")?;
    let filter = CallbackFilter {
        function: function.map(|name| account.key(name)),
        destination: asked.destination()?,
        status: asked.choice("status", statuses)?,
        code: asked.text("code"),
        since_from,
        since_to,
        limit: asked.limit()?,
        token: asked.text("token"),
    };
    asked.finish()?;
    let page = engine.callbacks(&filter).await?;
    let callbacks = page.callbacks.iter().map(Callback::from).collect();
    json(StatusCode::OK, &CallbackPage { callbacks, next: page.next })
}

/// Shows a callback that is not delivered, with what is said.
#[utoipa::path(
    get,
    path = "/v1/callbacks/{id}",
    operation_id = "getCallback",
    tag = "callbacks",
    params(("id" = String, Path, description = "What the list calls `id`.")),
    responses((status = 200, description = "The callback.", body = Callback), Common)
)]
pub(super) async fn get(
    engine: &Handle,
    id: &str,
    asked: Asked,
    may_see: bool,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let Some(parsed) = RequestId::parse(id) else {
        return Err(CallbackError::NotFound { id: id.chars().take(64).collect() }.into());
    };
    json(StatusCode::OK, &Callback::from(&engine.callback(parsed).await?).shown_to(may_see))
}
