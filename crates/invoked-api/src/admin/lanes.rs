//! Lanes: held and let go, counted, and worked on a row at a time in the background.

use http::StatusCode;
use invoked_core::name::{FunctionName, Qualifier};
use invoked_core::sweep::{self, SweepFilter};
use invoked_engine::{Handle, LaneKey, WorkKind, WorkRequest};

use crate::admin::asked::{Asked, prefix, span};
use crate::admin::dto::lane::{
    DestinationHoldInput, DestinationPurgeInput, ErrorClass, FunctionCounts, HoldInput, LaneHold,
    WorkInput,
};
use crate::admin::dto::operation::Operation;
use crate::admin::functions::OfAccount;
use crate::admin::openapi::{Common, Conflict};
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::Reply;

/// A task id or request id begins with at most so many bytes.
const PREFIX_BYTES_MAX: usize = 128;
/// A code, in bytes.
const CODE_BYTES_MAX: usize = 128;

/// Holds a function: none of its invocations starts until it is resumed. What runs goes on to its end,
/// what waits still expires by its time-to-live and can be stopped.
#[utoipa::path(
    post,
    path = "/v1/functions/{name}/pause",
    operation_id = "pauseFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = HoldInput,
    responses((status = 200, description = "Whether it is held.", body = LaneHold), Conflict, Common)
)]
pub(super) async fn pause_function(
    engine: &Handle,
    name: FunctionName,
    asked: Asked,
    input: HoldInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    let lane = function(engine, name, asked)?;
    let hold = engine.pause(lane, by, input.note.as_deref().unwrap_or_default()).await?;
    json(StatusCode::OK, &LaneHold::from(&hold))
}

/// Lets a function go on that was held.
#[utoipa::path(
    post,
    path = "/v1/functions/{name}/resume",
    operation_id = "resumeFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = HoldInput,
    responses((status = 200, description = "Whether it is held.", body = LaneHold), Conflict, Common)
)]
pub(super) async fn resume_function(
    engine: &Handle,
    name: FunctionName,
    asked: Asked,
    input: HoldInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    let lane = function(engine, name, asked)?;
    let hold = engine.resume(lane, by, input.note.as_deref().unwrap_or_default()).await?;
    json(StatusCode::OK, &LaneHold::from(&hold))
}

/// Holds a destination: it is told nothing until it is resumed. A try under way goes on to its end, and
/// the time for tries stands still.
#[utoipa::path(
    post,
    path = "/v1/destinations/pause",
    operation_id = "pauseDestination",
    tag = "destinations",
    params(
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = DestinationHoldInput,
    responses((status = 200, description = "Whether it is held.", body = LaneHold), Conflict, Common)
)]
pub(super) async fn pause_destination(
    engine: &Handle,
    asked: Asked,
    input: DestinationHoldInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let lane = LaneKey::Destination(input.destination);
    let hold = engine.pause(lane, by, input.note.as_deref().unwrap_or_default()).await?;
    json(StatusCode::OK, &LaneHold::from(&hold))
}

/// Lets a destination be told again that was held.
#[utoipa::path(
    post,
    path = "/v1/destinations/resume",
    operation_id = "resumeDestination",
    tag = "destinations",
    params(
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = DestinationHoldInput,
    responses((status = 200, description = "Whether it is held.", body = LaneHold), Conflict, Common)
)]
pub(super) async fn resume_destination(
    engine: &Handle,
    asked: Asked,
    input: DestinationHoldInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let lane = LaneKey::Destination(input.destination);
    let hold = engine.resume(lane, by, input.note.as_deref().unwrap_or_default()).await?;
    json(StatusCode::OK, &LaneHold::from(&hold))
}

/// Drops what waits for a function, or what fits of it: it ends as stopped, nobody is told, and only a
/// task leaves a record. It goes on in the background; the operation says how far it has come.
#[utoipa::path(
    post,
    path = "/v1/functions/{name}/purge",
    operation_id = "purgeFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = WorkInput,
    responses((status = 202, description = "The operation.", body = Operation), Conflict, Common)
)]
pub(super) async fn purge(
    engine: &Handle,
    name: FunctionName,
    asked: Asked,
    input: WorkInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    begin(engine, function(engine, name, asked)?, WorkKind::Purge, input, by).await
}

/// Stops what waits for a function and what runs, or what fits of it, as its owner would. It goes on in
/// the background; the operation says how far it has come.
#[utoipa::path(
    post,
    path = "/v1/functions/{name}/stop",
    operation_id = "stopFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = WorkInput,
    responses((status = 202, description = "The operation.", body = Operation), Conflict, Common)
)]
pub(super) async fn stop(
    engine: &Handle,
    name: FunctionName,
    asked: Asked,
    input: WorkInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    begin(engine, function(engine, name, asked)?, WorkKind::Stop, input, by).await
}

/// Does finished tasks of a function again: those that failed, or those that fit. Each becomes a new
/// task that names the old one. Only tasks keep what they were invoked with. It goes on in the
/// background; the operation says how far it has come.
#[utoipa::path(
    post,
    path = "/v1/functions/{name}/retry",
    operation_id = "retryFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = WorkInput,
    responses((status = 202, description = "The operation.", body = Operation), Conflict, Common)
)]
pub(super) async fn retry(
    engine: &Handle,
    name: FunctionName,
    asked: Asked,
    input: WorkInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    begin(engine, function(engine, name, asked)?, WorkKind::Retry, input, by).await
}

/// Gives up the callbacks that wait for a destination, or those of them that fit. They are kept with their
/// messages and can be redriven. It goes on in the background; the operation says how far it has come.
#[utoipa::path(
    post,
    path = "/v1/destinations/purge",
    operation_id = "purgeDestination",
    tag = "destinations",
    params(
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = DestinationPurgeInput,
    responses((status = 202, description = "The operation.", body = Operation), Conflict, Common)
)]
pub(super) async fn purge_destination(
    engine: &Handle,
    asked: Asked,
    input: DestinationPurgeInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let lane = LaneKey::Destination(input.destination.clone());
    begin(engine, lane, WorkKind::Purge, input.into(), by).await
}

/// Counts the invocations of a function by where they stand.
#[utoipa::path(
    get,
    path = "/v1/functions/{name}/count",
    operation_id = "countFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
    ),
    responses((status = 200, description = "The counts.", body = FunctionCounts), Common)
)]
pub(super) fn count(
    engine: &Handle,
    name: FunctionName,
    asked: Asked,
) -> Result<Reply, AdminProblem> {
    let lane = function(engine, name.clone(), asked)?;
    let counts = engine.function_counts(&lane)?;
    let is_paused = engine.lane_hold(&lane).is_some_and(|hold| hold.pauses.is_paused());
    json(StatusCode::OK, &FunctionCounts::of(name.as_str(), is_paused, counts))
}

/// The lane of a function, which is all that a request's query may say.
fn function(
    engine: &Handle,
    name: FunctionName,
    mut asked: Asked,
) -> Result<LaneKey, AdminProblem> {
    let lane = LaneKey::Function(OfAccount::read(&mut asked, engine)?.key(name));
    asked.finish()?;
    Ok(lane)
}

async fn begin(
    engine: &Handle,
    lane: LaneKey,
    kind: WorkKind,
    input: WorkInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    let is_dry_run = input.dry_run.unwrap_or_default();
    let rate = input.rate_per_second;
    let filter = filter(input)?;
    let request = WorkRequest { lane, kind, filter, is_dry_run, rate, by: by.to_owned() };
    let operation = engine.begin_work(request).await?;
    json(StatusCode::ACCEPTED, &Operation::from(&operation))
}

fn filter(input: WorkInput) -> Result<SweepFilter, AdminProblem> {
    let since = ("accepted_after", input.accepted_after.as_deref());
    let upto = ("accepted_before", input.accepted_before.as_deref());
    let (accepted_from, accepted_to) = span(since, upto)?;
    let bounded = |field: &str, text: Option<String>, max: usize| match text {
        Some(text) if text.is_empty() => Err(AdminProblem::argument(field, "is empty")),
        Some(text) if max < text.len() => {
            Err(AdminProblem::argument(field, format!("is over {max} bytes")))
        }
        text => Ok(text),
    };
    let qualifier = input.qualifier.map(|text| {
        Qualifier::parse(&text)
            .map_err(|error| AdminProblem::argument("qualifier", format!("must be {}", error.rule)))
    });
    let starts = bounded("prefix", input.prefix, PREFIX_BYTES_MAX)?;
    Ok(SweepFilter {
        statuses: input.status.into_iter().map(Into::into).collect(),
        code: bounded("code", input.code, CODE_BYTES_MAX)?.map(Into::into),
        class: input.error_class.map(|class| match class {
            ErrorClass::Function => sweep::ErrorClass::Function,
            ErrorClass::System => sweep::ErrorClass::System,
        }),
        accepted_from,
        accepted_to,
        prefix: starts.map(prefix).transpose()?.unwrap_or_default().into(),
        qualifier: qualifier.transpose()?,
    })
}
