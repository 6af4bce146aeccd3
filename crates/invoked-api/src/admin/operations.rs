//! Redriving callbacks that were given up, and the operations that do it.

use http::StatusCode;
use invoked_core::id::RequestId;
use invoked_engine::{
    Handle, OperationError, RATE_DEFAULT, RedriveFilter, RedriveRequest, Redriven,
};

use crate::admin::asked::{Asked, destination, function_name, span};
use crate::admin::dto::operation::{Operation, OperationPage, RedriveInput};
use crate::admin::openapi::{Common, Conflict};
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::Reply;

/// Sends callbacks anew that were given up, without running their functions again: those with these
/// ids, or all that fit. It goes on in the background; the operation says how far it has come.
#[utoipa::path(
    post,
    path = "/v1/callbacks/redrive",
    operation_id = "redriveCallbacks",
    tag = "callbacks",
    params(
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = RedriveInput,
    responses((status = 202, description = "The operation.", body = Operation), Conflict, Common)
)]
pub(super) async fn redrive(
    engine: &Handle,
    asked: Asked,
    input: RedriveInput,
    by: &str,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let is_dry_run = input.dry_run.unwrap_or_default();
    let rate = input.rate_per_second.unwrap_or(RATE_DEFAULT);
    let which = which(engine, input)?;
    let request = RedriveRequest { which, is_dry_run, rate, by: by.to_owned() };
    let operation = engine.begin_redrive(request).await?;
    json(StatusCode::ACCEPTED, &Operation::from(&operation))
}

fn which(engine: &Handle, input: RedriveInput) -> Result<Redriven, AdminProblem> {
    let since = ("since_after", input.since_after.as_deref());
    let (failed_from, failed_to) = span(since, ("since_before", input.since_before.as_deref()))?;
    let function = input.function.as_deref().map(|text| function_name("function", text));
    let account = input.account.unwrap_or_else(|| engine.identity().account.clone());
    let key = |name| invoked_core::name::FunctionKey::new(&account, name);
    let filter = RedriveFilter {
        function: function.transpose()?.map(key),
        destination: input.destination.map(destination).transpose()?,
        code: input.code,
        failed_from,
        failed_to,
    };
    let is_filtered = filter != RedriveFilter::default();
    match (input.ids, is_filtered, input.all.unwrap_or_default()) {
        (Some(ids), false, false) => {
            let parse = |id: &String| {
                RequestId::parse(id).ok_or_else(|| {
                    AdminProblem::argument("ids", "must be ids as the list shows them")
                })
            };
            Ok(Redriven::Ids(ids.iter().map(parse).collect::<Result<_, _>>()?))
        }
        (None, true, false) | (None, false, true) => Ok(Redriven::Matching(filter)),
        (None, false, false) => {
            let rule = "must be given, or what the callbacks are, or all: true";
            Err(AdminProblem::argument("ids", rule))
        }
        (Some(_), true, _) | (Some(_), false, true) => {
            Err(AdminProblem::argument("ids", "cannot be given together with a filter or all"))
        }
        (None, true, true) => {
            Err(AdminProblem::argument("all", "cannot be given together with a filter"))
        }
    }
}

/// Lists the operations that are remembered, newest first.
#[utoipa::path(
    get,
    path = "/v1/operations",
    operation_id = "listOperations",
    tag = "operations",
    responses((status = 200, description = "The operations.", body = OperationPage), Common)
)]
pub(super) fn list(engine: &Handle, asked: Asked) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let operations = engine.operations().iter().map(Operation::from).collect();
    json(StatusCode::OK, &OperationPage { operations })
}

/// Shows an operation.
#[utoipa::path(
    get,
    path = "/v1/operations/{id}",
    operation_id = "getOperation",
    tag = "operations",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 200, description = "The operation.", body = Operation), Common)
)]
pub(super) fn get(engine: &Handle, id: &str, asked: Asked) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    json(StatusCode::OK, &Operation::from(&engine.operation(parse(id)?)?))
}

/// Ends an operation. What it has redriven stays so.
#[utoipa::path(
    post,
    path = "/v1/operations/{id}/cancel",
    operation_id = "cancelOperation",
    tag = "operations",
    params(
        ("id" = String, Path, description = "Its id."),
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    responses((status = 200, description = "The operation.", body = Operation), Conflict, Common)
)]
pub(super) async fn cancel(engine: &Handle, id: &str, asked: Asked) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let operation = engine.cancel_operation(parse(id)?).await?;
    json(StatusCode::OK, &Operation::from(&operation))
}

fn parse(id: &str) -> Result<RequestId, OperationError> {
    let missing = || OperationError::NotFound { id: id.chars().take(64).collect() };
    RequestId::parse(id).ok_or_else(missing)
}
