//! What the daemon is made of: its configuration, and its store.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use invoked_engine::{Handle, TaskError};
use serde_json::Value;

use crate::admin::asked::Asked;
use crate::admin::dto::about::{Cluster, Configuration, StoreFigures};
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::admin::status::admission;
use crate::reply::Reply;

/// What only the program that serves these pages knows.
#[derive(Clone)]
pub struct About {
    /// The effective configuration as TOML and as JSON, with every secret masked. Asked anew each time, because a reload
    /// changes it.
    pub configuration: Arc<dyn Fn() -> (String, Value) + Send + Sync>,
    /// What kind of store it has, as the configuration calls it.
    pub store_kind: &'static str,
    /// Where the store is.
    pub store_path: String,
}

impl Default for About {
    /// A daemon of which nothing is known.
    fn default() -> Self {
        Self {
            configuration: Arc::new(|| (String::new(), Value::Null)),
            store_kind: "embedded",
            store_path: String::new(),
        }
    }
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("About").field("store_path", &self.store_path).finish_non_exhaustive()
    }
}

/// Shows the effective configuration; secrets are masked.
#[utoipa::path(
    get,
    path = "/v1/config",
    operation_id = "getConfiguration",
    tag = "daemon",
    responses((status = 200, description = "The configuration in force.", body = Configuration), Common)
)]
pub(super) fn configuration(about: &About, asked: Asked) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let (toml, values) = (about.configuration)();
    json(StatusCode::OK, &Configuration { toml, values })
}

/// Shows the store in figures that nobody has to count rows for.
#[utoipa::path(
    get,
    path = "/v1/store",
    operation_id = "getStore",
    tag = "daemon",
    responses((status = 200, description = "The store.", body = StoreFigures), Common)
)]
pub(super) async fn store(
    engine: &Handle,
    about: &About,
    asked: Asked,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let stats = engine.store_stats().await.map_err(TaskError::from)?;
    let figures = StoreFigures {
        kind: about.store_kind,
        path: about.store_path.clone(),
        bytes: stats.disk_bytes,
        free_bytes: stats.room.map(|room| room.free),
        full: engine.is_store_full(),
        live_rows: stats.live_rows,
        commits: stats.batches,
        operations: stats.operations,
        admission: admission(engine),
        cluster: Cluster { kind: "single" },
    };
    json(StatusCode::OK, &figures)
}
