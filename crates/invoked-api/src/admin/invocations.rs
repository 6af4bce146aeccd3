//! Invocations, tasks or not: listed.
#![expect(unused_qualifications, reason = "the macro of utoipa writes full paths of parameters")]

use http::StatusCode;
use invoked_core::head::Status as HeadStatus;
use invoked_engine::{Handle, InvocationFilter, TaskRecord};
use utoipa::IntoParams;

use crate::admin::asked::Asked;
use crate::admin::dto::task::{InvocationPage, Status, Task};
use crate::admin::functions::OfAccount;
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::Reply;

/// Which invocations.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it says what there is; the filter of the engine carries it")]
pub(super) struct InvocationsAsked {
    /// Of this function.
    #[param(pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$")]
    function: String,
    /// The account; absent: the daemon's own.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    account: Option<String>,
    /// Only with this status.
    #[param(nullable = false, inline)]
    status: Option<Status>,
    /// Only accepted at or after this time.
    #[param(nullable = false, format = DateTime)]
    accepted_after: Option<String>,
    /// Only accepted before or at this time.
    #[param(nullable = false, format = DateTime)]
    accepted_before: Option<String>,
    /// Invocations on a page, at most.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    limit: Option<usize>,
    /// What the page before gave as `next`.
    #[param(
        nullable = false,
        pattern = "^(e|[el][.][0-9a-f]{1,15}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
    )]
    token: Option<String>,
}

/// Lists the invocations of a function without what they carry: those that live, by when they are due, then the tasks
/// that have ended, newest first. A page looks at 1,000 rows at most, so it may be short, even empty, and have one behind it.
#[utoipa::path(
    get,
    path = "/v1/invocations",
    operation_id = "listInvocations",
    tag = "tasks",
    params(InvocationsAsked),
    responses((status = 200, description = "A page of invocations.", body = InvocationPage), Common)
)]
pub(super) async fn list(
    engine: &Handle,
    mut asked: Asked,
    may_see: bool,
) -> Result<Reply, AdminProblem> {
    let function = asked.function()?;
    let statuses = HeadStatus::ALL.into_iter().map(|status| (status.as_str(), status));
    let (accepted_from, accepted_to) = asked.span("accepted_after", "accepted_before")?;
    let filter = InvocationFilter {
        status: asked.choice("status", statuses)?,
        accepted_from,
        accepted_to,
        limit: asked.limit()?,
        token: asked.text("token"),
    };
    let account = OfAccount::read(&mut asked, engine)?;
    asked.finish()?;
    let function = function.ok_or_else(|| AdminProblem::argument("function", "is missing"))?;
    let key = account.key(function);
    let page = engine.invocations(&key, &filter).await?;
    let shown = |task: &TaskRecord| {
        Task::of(Some(&key), task, engine.callback_deadline(&task.head)).listed_to(may_see)
    };
    let invocations = page.tasks.iter().map(shown).collect();
    json(StatusCode::OK, &InvocationPage { invocations, next: page.next })
}
