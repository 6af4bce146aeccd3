//! Tasks: looked at, stopped, done again.
#![expect(unused_qualifications, reason = "the macro of utoipa writes full paths of parameters")]

use http::StatusCode;
use invoked_core::head::Status as HeadStatus;
use invoked_core::id::RequestId;
use invoked_core::name::{FunctionName, TaskId};
use invoked_engine::{Handle, Repeat, TaskFilter, TaskRecord};
use utoipa::{IntoParams, ToSchema};

use crate::admin::asked::Asked;
use crate::admin::dto::task::{RetriedTask, RetryInput, Status, Task, TaskPage};
use crate::admin::functions::OfAccount;
use crate::admin::openapi::{Common, Conflict, Gone};
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::{Reply, empty};

/// The order of a list.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it says what there is; the filter of the engine carries it")]
enum Order {
    Asc,
    Desc,
}

/// Which tasks.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it says what there is; the filter of the engine carries it")]
pub(super) struct TasksAsked {
    /// Of this function; of one that is deleted, while its records are kept.
    #[param(pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$")]
    function: String,
    /// The account; absent: the daemon's own.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    account: Option<String>,
    /// Only with this version or alias; `LATEST` for none.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_-]{1,128}$")]
    qualifier: Option<String>,
    /// Only with this status.
    #[param(nullable = false, inline)]
    status: Option<Status>,
    /// Only with ids that begin so.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$")]
    prefix: Option<String>,
    /// Only started at or after this time.
    #[param(nullable = false, format = DateTime)]
    started_after: Option<String>,
    /// Only started before or at this time.
    #[param(nullable = false, format = DateTime)]
    started_before: Option<String>,
    /// By acceptance: oldest first, or newest first if absent.
    #[param(nullable = false, inline)]
    order: Option<Order>,
    /// Tasks on a page, at most.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    limit: Option<usize>,
    /// What the page before gave as `next`.
    #[param(
        nullable = false,
        pattern = "^[0-9a-f]{1,15}[.][0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
    )]
    token: Option<String>,
}

/// Lists the tasks of a function, without their payloads.
#[utoipa::path(
    get,
    path = "/v1/tasks",
    operation_id = "listTasks",
    tag = "tasks",
    params(TasksAsked),
    responses((status = 200, description = "A page of tasks.", body = TaskPage), Common)
)]
pub(super) async fn list(
    engine: &Handle,
    mut asked: Asked,
    may_see: bool,
) -> Result<Reply, AdminProblem> {
    let function = asked.function()?;
    let statuses = HeadStatus::ALL.into_iter().map(|status| (status.as_str(), status));
    let (started_from, started_to) = asked.span("started_after", "started_before")?;
    let filter = TaskFilter {
        qualifier: asked.qualifier()?,
        status: asked.choice("status", statuses)?,
        prefix: asked.prefix()?.unwrap_or_default(),
        started_from,
        started_to,
        is_ascending: asked.choice("order", [("asc", true), ("desc", false)])?.unwrap_or_default(),
        limit: asked.limit()?,
        token: asked.text("token"),
        with_payload: false,
    };
    let account = OfAccount::read(&mut asked, engine)?;
    asked.finish()?;
    let function = function.ok_or_else(|| AdminProblem::argument("function", "is missing"))?;
    let key = account.key(function);
    let page = engine.kept_tasks(&key, &filter).await?;
    let shown = |task: &TaskRecord| {
        Task::of(Some(&key), task, engine.callback_deadline(&task.head)).listed_to(may_see)
    };
    let tasks = page.tasks.iter().map(shown).collect();
    json(StatusCode::OK, &TaskPage { tasks, next: page.next })
}

/// Shows a task, with its payload and result; of a deleted function too, while it is kept.
#[utoipa::path(
    get,
    path = "/v1/tasks/{function}/{id}",
    operation_id = "getTask",
    tag = "tasks",
    params(
        ("function" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        ("id" = String, Path, description = "The task's id."),
        OfAccount,
    ),
    responses((status = 200, description = "The task.", body = Task), Common)
)]
pub(super) async fn get(
    engine: &Handle,
    function: FunctionName,
    id: &str,
    mut asked: Asked,
    may_see: bool,
) -> Result<Reply, AdminProblem> {
    let key = OfAccount::read(&mut asked, engine)?.key(function);
    asked.finish()?;
    let task = engine.kept_task(&key, id).await?;
    let shown = Task::of(Some(&key), &task, engine.callback_deadline(&task.head));
    json(StatusCode::OK, &shown.shown_to(may_see))
}

/// Stops a task: at once if it waits; if it runs, its call is cancelled.
#[utoipa::path(
    post,
    path = "/v1/tasks/{function}/{id}/stop",
    operation_id = "stopTask",
    tag = "tasks",
    params(
        ("function" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        ("id" = String, Path, description = "The task's id."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    responses((status = 204, description = "It is stopped, or about to be."), Conflict, Common)
)]
pub(super) async fn stop(
    engine: &Handle,
    function: FunctionName,
    id: &str,
    mut asked: Asked,
) -> Result<Reply, AdminProblem> {
    let key = OfAccount::read(&mut asked, engine)?.key(function);
    asked.finish()?;
    engine.stop_task(&key, id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Does a finished task again: a new one with its payload, under the terms that hold now.
#[utoipa::path(
    post,
    path = "/v1/tasks/{function}/{id}/retry",
    operation_id = "retryTask",
    tag = "tasks",
    params(
        ("function" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        ("id" = String, Path, description = "The task's id."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = Option<RetryInput>,
    responses((status = 202, description = "The new task.", body = RetriedTask), Conflict, Gone, Common)
)]
pub(super) async fn retry(
    engine: &Handle,
    function: FunctionName,
    id: &str,
    mut asked: Asked,
    input: RetryInput,
) -> Result<Reply, AdminProblem> {
    let function = OfAccount::read(&mut asked, engine)?.key(function);
    asked.finish()?;
    repeat(engine, Repeat::Task { function, id: id.to_owned() }, input).await
}

/// Shows the invocation that the daemon gave this id: live or kept, a task or not.
#[utoipa::path(
    get,
    path = "/v1/invocations/{request_id}",
    operation_id = "getInvocation",
    tag = "tasks",
    params(("request_id" = String, Path, description = "The request id.")),
    responses((status = 200, description = "The invocation.", body = Task), Common)
)]
pub(super) async fn invocation(
    engine: &Handle,
    id: &str,
    asked: Asked,
    may_see: bool,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let missing = || AdminProblem::NoInvocation { id: id.chars().take(64).collect() };
    let request_id = RequestId::parse(id).ok_or_else(missing)?;
    let found = engine.invocation(request_id).await.map_err(invoked_engine::TaskError::from)?;
    let found = found.ok_or_else(missing)?;
    let key = engine.directory().key_of(found.head.fn_id);
    let shown = Task::of(key.as_ref(), &found, engine.callback_deadline(&found.head));
    json(StatusCode::OK, &shown.shown_to(may_see))
}

/// Does a finished task again that the daemon gave this id.
#[utoipa::path(
    post,
    path = "/v1/invocations/{request_id}/retry",
    operation_id = "retryInvocation",
    tag = "tasks",
    params(
        ("request_id" = String, Path, description = "The request id."),
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = Option<RetryInput>,
    responses((status = 202, description = "The new task.", body = RetriedTask), Conflict, Gone, Common)
)]
pub(super) async fn retry_invocation(
    engine: &Handle,
    id: &str,
    asked: Asked,
    input: RetryInput,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let id = RequestId::parse(id)
        .ok_or_else(|| AdminProblem::NoInvocation { id: id.chars().take(64).collect() })?;
    repeat(engine, Repeat::Invocation { id }, input).await
}

async fn repeat(engine: &Handle, what: Repeat, input: RetryInput) -> Result<Reply, AdminProblem> {
    let parse = |text: String| {
        TaskId::parse(&text)
            .map_err(|error| AdminProblem::argument("task_id", format!("must be {}", error.rule)))
    };
    let task_id = input.task_id.map(parse).transpose()?;
    let retried = engine.retry(what, task_id).await?;
    json(StatusCode::ACCEPTED, &RetriedTask::from(&retried))
}
