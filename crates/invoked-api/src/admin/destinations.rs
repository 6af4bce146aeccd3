//! Destinations: how each is doing, and one message to see whether it answers.
#![expect(unused_qualifications, reason = "the macro of utoipa writes full paths of parameters")]

use http::StatusCode;
use invoked_engine::Handle;
use utoipa::IntoParams;

use crate::admin::asked::Asked;
use crate::admin::dto::destination::{Destination, DestinationPage, ProbeInput, Probed};
use crate::admin::openapi::{Common, Conflict};
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::Reply;

/// Which destinations.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it says what there is")]
pub(super) struct DestinationsAsked {
    /// Destinations on a page, at most.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    limit: Option<usize>,
    /// Those behind this ARN: what the page before gave as `next`.
    #[param(nullable = false, min_length = 1)]
    token: Option<String>,
}

/// Lists the destinations that configurations name or named, by ARN, and how each is doing.
#[utoipa::path(
    get,
    path = "/v1/destinations",
    operation_id = "listDestinations",
    tag = "destinations",
    params(DestinationsAsked),
    responses((status = 200, description = "A page of destinations.", body = DestinationPage), Common)
)]
pub(super) async fn list(engine: &Handle, mut asked: Asked) -> Result<Reply, AdminProblem> {
    let limit = asked.limit()?;
    let after = asked.text("token");
    asked.finish()?;
    let mut views = engine.destination_views(after.as_deref(), limit + 1).await;
    let has_more = views.len() > limit;
    views.truncate(limit);
    let next = views.last().filter(|_| has_more).map(|view| view.destination.clone());
    let destinations = views.iter().map(Destination::from).collect();
    json(StatusCode::OK, &DestinationPage { destinations, next })
}

/// Sends one message to a destination and says what it answers. The message's event says that it is
/// a probe. A function of this daemon is not invoked: what would happen is said.
#[utoipa::path(
    post,
    path = "/v1/destinations/probe",
    operation_id = "probeDestination",
    tag = "destinations",
    params(
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = ProbeInput,
    responses((status = 200, description = "What came of it.", body = Probed), Conflict, Common)
)]
pub(super) async fn probe(
    engine: &Handle,
    asked: Asked,
    input: ProbeInput,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    json(StatusCode::OK, &Probed::from(&engine.probe(&input.destination).await?))
}
