//! The configuration and the store.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::status::Admission;

/// The configuration in force.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Configuration {
    /// As it could stand in a file; secrets are masked.
    pub(in crate::admin) toml: String,
    /// The same, as JSON.
    #[schema(value_type = Object)]
    pub(in crate::admin) values: Value,
}

/// The store in figures.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct StoreFigures {
    /// `embedded`.
    pub(in crate::admin) kind: &'static str,
    /// Its directory.
    pub(in crate::admin) path: String,
    /// Bytes that it takes on the disk.
    pub(in crate::admin) bytes: u64,
    /// Bytes that are free there; null if nobody can tell.
    #[schema(required = true)]
    pub(in crate::admin) free_bytes: Option<u64>,
    /// Whether it has no room for new invocations.
    pub(in crate::admin) full: bool,
    /// Rows that live: invocations that have not ended, and callbacks that are owed.
    pub(in crate::admin) live_rows: u64,
    /// Commits since the daemon started, each one sync.
    pub(in crate::admin) commits: u64,
    /// Operations in them.
    pub(in crate::admin) operations: u64,
    pub(in crate::admin) admission: Admission,
    pub(in crate::admin) cluster: Cluster,
}

/// The cluster that the daemon is one of.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Cluster {
    /// `single`: there is none.
    pub(in crate::admin) kind: &'static str,
}
