//! The daemon in figures.

use std::cmp::Reverse;
use std::time::Duration;

use http::StatusCode;
use invoked_core::head::LaneId;
use invoked_core::lane::LaneView;
use invoked_engine::{Handle, Refusing};

use crate::admin::asked::Asked;
use crate::admin::dto::status::{Admission, DaemonStatus, Lane, LaneKind, RefusedFor, Shard};
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::admin::time::moment;
use crate::reply::Reply;

/// Lanes that are shown.
const LANES_SHOWN_MAX: usize = 200;

/// Shows how the daemon is: what is under way, and what waits.
#[utoipa::path(
    get,
    path = "/v1/status",
    operation_id = "getStatus",
    tag = "daemon",
    responses((status = 200, description = "The daemon at this instant.", body = DaemonStatus), Common)
)]
pub(super) async fn get(engine: &Handle, asked: Asked) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let view = engine.view().await;
    let mut lanes: Vec<(LaneId, LaneView)> =
        view.shards.iter().flat_map(|shard| shard.lanes.iter().copied()).collect();
    lanes.sort_by_key(|(id, lane)| (Reverse(lane.busy), Reverse(lane.in_window), *id));
    lanes.truncate(LANES_SHOWN_MAX);
    let (directory, destinations) = (engine.directory(), engine.destinations());
    let lanes = lanes.into_iter().map(|(id, lane)| {
        let (kind, account, name, qualifier) = match id {
            LaneId::Function(id) => {
                let (key, qualifier) = directory.owner_key_of(id);
                let account = key.as_ref().map(|key| key.account.as_ref().to_owned());
                let qualifier = qualifier.map(|qualifier| qualifier.as_str().to_owned());
                let name = key.map(|key| key.name.as_str().to_owned());
                (LaneKind::Function, account, name, qualifier)
            }
            LaneId::Destination(id) => {
                (LaneKind::Destination, None, destinations.get(&id).cloned(), None)
            }
        };
        Lane {
            kind,
            account,
            name,
            qualifier,
            in_window: lane.in_window,
            busy: lane.busy,
            first_due_at: lane.first_due.map(moment),
            is_complete: lane.is_complete,
        }
    });
    let shard = |of: &invoked_core::shard::ShardView| Shard {
        rows: of.rows,
        attempts: of.attempts,
        callbacks: of.callbacks,
        cached_bytes: of.cached_bytes,
    };
    let status = DaemonStatus {
        version: env!("CARGO_PKG_VERSION"),
        now: moment(engine.now()),
        accepting: view.is_accepting,
        store_full: engine.is_store_full(),
        admission: admission(engine),
        live: engine.balance().live(),
        shards: view.shards.iter().map(shard).collect(),
        lanes: lanes.collect(),
    };
    json(StatusCode::OK, &status)
}

pub(super) fn admission(engine: &Handle) -> Admission {
    let view = engine.admission();
    let reason = |why: Refusing| match why {
        Refusing::CommitLag => RefusedFor::CommitLag,
        Refusing::Memory => RefusedFor::Memory,
        Refusing::Disk => RefusedFor::Disk,
        Refusing::Draining => RefusedFor::Draining,
    };
    let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Admission {
        refused_for: view.refusing.into_iter().map(reason).collect(),
        commit_lag_ms: ms(view.commit_lag),
        commit_lag_max_ms: ms(view.commit_lag_max),
        memory_bytes: view.memory,
        memory_max_bytes: view.memory_max,
    }
}
