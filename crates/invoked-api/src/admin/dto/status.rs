//! The daemon in figures.

use serde::Serialize;
use utoipa::ToSchema;

/// The daemon at one instant.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct DaemonStatus {
    /// Of the program.
    pub(in crate::admin) version: &'static str,
    /// By the daemon's clock.
    #[schema(format = DateTime)]
    pub(in crate::admin) now: String,
    /// Whether new invocations are taken.
    pub(in crate::admin) accepting: bool,
    /// Whether the store has no room for new invocations.
    pub(in crate::admin) store_full: bool,
    pub(in crate::admin) admission: Admission,
    /// Invocations whose outcome is not decided.
    pub(in crate::admin) live: u64,
    pub(in crate::admin) shards: Vec<Shard>,
    /// At most 200, those with most under way and waiting first.
    pub(in crate::admin) lanes: Vec<Lane>,
}

/// Whether new asynchronous invocations are taken. What is accepted goes on in any case.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Admission {
    /// Why they are refused; empty while they are taken.
    pub(in crate::admin) refused_for: Vec<RefusedFor>,
    /// How long the oldest of what is not durable yet has waited, in milliseconds.
    pub(in crate::admin) commit_lag_ms: u64,
    /// Above it they are refused; below half of it they are taken again.
    pub(in crate::admin) commit_lag_max_ms: u64,
    /// Resident bytes of the process; null where they are not limited.
    #[schema(required = true)]
    pub(in crate::admin) memory_bytes: Option<u64>,
    /// Above it they are refused; below nine tenths of it they are taken again. Null where there is none.
    #[schema(required = true)]
    pub(in crate::admin) memory_max_bytes: Option<u64>,
}

/// Why new asynchronous invocations are refused.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::admin) enum RefusedFor {
    /// The store is behind with its commits.
    CommitLag,
    /// The process has more memory than it may have.
    Memory,
    /// The store's disk has no room left.
    Disk,
    /// The daemon stops.
    Draining,
}

/// A shard.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Shard {
    /// Rows in memory.
    pub(in crate::admin) rows: usize,
    /// Attempts under way.
    pub(in crate::admin) attempts: usize,
    /// Callbacks under way.
    pub(in crate::admin) callbacks: usize,
    /// Payload bytes in memory for waiting rows.
    pub(in crate::admin) cached_bytes: usize,
}

/// What waits in a lane.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum LaneKind {
    /// Attempts of a function.
    Function,
    /// Callbacks to a destination.
    Destination,
}

/// A line of due work.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Lane {
    pub(in crate::admin) kind: LaneKind,
    /// Account of the function; null for a destination.
    #[schema(required = true)]
    pub(in crate::admin) account: Option<String>,
    /// The function, or the destination's ARN; null if nobody knows it any more.
    #[schema(required = true)]
    pub(in crate::admin) name: Option<String>,
    /// The version or alias whose lane it is; null for the function's own.
    #[schema(required = true)]
    pub(in crate::admin) qualifier: Option<String>,
    /// Rows that wait in memory.
    pub(in crate::admin) in_window: usize,
    /// Rows under way.
    pub(in crate::admin) busy: u32,
    /// When the first of those that wait is due.
    #[schema(required = true, format = DateTime)]
    pub(in crate::admin) first_due_at: Option<String>,
    /// Whether no more wait in the store.
    pub(in crate::admin) is_complete: bool,
}
