//! "Why is it waiting?": for an invocation, a task, a function and a destination.
#![expect(unused_qualifications, reason = "the macro of utoipa writes full paths of parameters")]

use http::StatusCode;
use invoked_core::arn::Arn;
use invoked_core::id::RequestId;
use invoked_core::name::FunctionName;
use invoked_engine::Handle;
use utoipa::IntoParams;

use crate::admin::asked::Asked;
use crate::admin::dto::why::{LaneWhy, Why};
use crate::admin::functions::OfAccount;
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::Reply;

/// Which destination.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it says what there is")]
pub(super) struct DestinationAsked {
    /// Its ARN.
    #[param(min_length = 1)]
    destination: String,
}

/// Which of a function's lanes.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it says what there is")]
pub(super) struct LaneAsked {
    /// A version or alias: what its invocations wait for. That is the function's lane, unless it has limits of
    /// its own. Absent: the function's.
    #[param(nullable = false, min_length = 1)]
    qualifier: Option<String>,
}

/// Says what the invocation waits for that the daemon gave this id, and what would change it.
#[utoipa::path(
    get,
    path = "/v1/invocations/{request_id}/why",
    operation_id = "whyInvocation",
    tag = "tasks",
    params(("request_id" = String, Path, description = "The request id.")),
    responses((status = 200, description = "What it waits for.", body = Why), Common)
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
    let why = engine.why(request_id).await?.ok_or_else(missing)?;
    json(StatusCode::OK, &Why::of(engine, &why).shown_to(may_see))
}

/// Says what a task waits for, and what would change it.
#[utoipa::path(
    get,
    path = "/v1/tasks/{function}/{id}/why",
    operation_id = "whyTask",
    tag = "tasks",
    params(
        ("function" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        ("id" = String, Path, description = "The task's id."),
        OfAccount,
    ),
    responses((status = 200, description = "What it waits for.", body = Why), Common)
)]
pub(super) async fn task(
    engine: &Handle,
    function: FunctionName,
    id: &str,
    mut asked: Asked,
    may_see: bool,
) -> Result<Reply, AdminProblem> {
    let key = OfAccount::read(&mut asked, engine)?.key(function);
    asked.finish()?;
    let why = engine.why_task(&key, id).await?;
    json(StatusCode::OK, &Why::of(engine, &why).shown_to(may_see))
}

/// Says what holds the invocations of a function back, and what would change it.
#[utoipa::path(
    get,
    path = "/v1/functions/{name}/why",
    operation_id = "whyFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        LaneAsked,
    ),
    responses((status = 200, description = "What holds it back.", body = LaneWhy), Common)
)]
pub(super) async fn function(
    engine: &Handle,
    name: FunctionName,
    mut asked: Asked,
    may_see: bool,
) -> Result<Reply, AdminProblem> {
    let key = OfAccount::read(&mut asked, engine)?.key(name);
    let qualifier = asked.qualifier()?;
    asked.finish()?;
    let report = engine.why_function(&key, qualifier.as_ref()).await?;
    json(StatusCode::OK, &LaneWhy::of(engine, report.as_ref()).shown_to(may_see))
}

/// Says what holds the callbacks of a destination back, and what would change it.
#[utoipa::path(
    get,
    path = "/v1/destinations/why",
    operation_id = "whyDestination",
    tag = "destinations",
    params(DestinationAsked),
    responses((status = 200, description = "What holds it back.", body = LaneWhy), Common)
)]
pub(super) async fn destination(engine: &Handle, mut asked: Asked) -> Result<Reply, AdminProblem> {
    let text = asked.text("destination");
    asked.finish()?;
    let text = text.ok_or_else(|| AdminProblem::argument("destination", "is missing"))?;
    let arn = Arn::parse(&text)
        .map_err(|error| AdminProblem::argument("destination", error.to_string()))?;
    let report = engine.why_destination(&arn).await;
    json(StatusCode::OK, &LaneWhy::of(engine, report.as_ref()))
}
