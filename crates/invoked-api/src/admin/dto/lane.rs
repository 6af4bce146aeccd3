//! Lanes: held, counted, stopped, purged, done again.

use invoked_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::task::Status;
use crate::admin::time::moment;

/// What is said with a pause or its end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct HoldInput {
    /// Why, for whoever looks later.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub(in crate::admin) note: Option<String>,
}

/// The destination that is held or let go, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct DestinationHoldInput {
    /// Its ARN, as it stands in a configuration.
    pub(in crate::admin) destination: String,
    /// Why, for whoever looks later.
    #[serde(default)]
    #[schema(max_length = 1024)]
    pub(in crate::admin) note: Option<String>,
}

/// Whether a lane is held.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct LaneHold {
    /// Whether nothing of it starts.
    paused: bool,
    /// Since when.
    #[schema(required = true, format = DateTime)]
    paused_since: Option<String>,
    /// Who paused or resumed it last; empty if nobody ever did.
    by: String,
    /// What they said.
    note: String,
}

impl From<&engine::LaneHold> for LaneHold {
    fn from(of: &engine::LaneHold) -> Self {
        Self {
            paused: of.pauses.is_paused(),
            paused_since: of.pauses.since().map(moment),
            by: of.by.clone(),
            note: of.note.clone(),
        }
    }
}

/// How the last attempt failed.
#[derive(Copy, Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum ErrorClass {
    /// The function ran and failed, or its attempt was lost.
    Function,
    /// The function did not run: throttled, unreachable, broken.
    System,
}

/// Which rows of a lane, or which tasks; without anything, all of them.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct WorkInput {
    /// Those in one of these. Of a retry: Failed, Expired, Stopped or Invalid, and Failed if absent.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub(in crate::admin) status: Vec<Status>,
    /// Those whose last error has this code.
    #[serde(default)]
    pub(in crate::admin) code: Option<String>,
    /// Those whose last attempt failed so.
    #[serde(default)]
    pub(in crate::admin) error_class: Option<ErrorClass>,
    /// Those accepted at or after this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub(in crate::admin) accepted_after: Option<String>,
    /// Those accepted before or at this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub(in crate::admin) accepted_before: Option<String>,
    /// Those whose task id begins so; of an invocation that is no task its request id.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$")]
    pub(in crate::admin) prefix: Option<String>,
    /// Those of this version or alias; `LATEST` for none.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9_-]{1,128}$")]
    pub(in crate::admin) qualifier: Option<String>,
    /// Only count them.
    #[serde(default)]
    pub(in crate::admin) dry_run: Option<bool>,
    /// How many in a second, at most. Absent: as many as there are.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100_000)]
    pub(in crate::admin) rate_per_second: Option<u32>,
}

/// Which callbacks of a destination; without anything but that, all that wait.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct DestinationPurgeInput {
    /// Its ARN, as it stands in a configuration.
    pub(in crate::admin) destination: String,
    /// Those whose last error has this code.
    #[serde(default)]
    pub(in crate::admin) code: Option<String>,
    /// Those of invocations accepted at or after this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub(in crate::admin) accepted_after: Option<String>,
    /// Those of invocations accepted before or at this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub(in crate::admin) accepted_before: Option<String>,
    /// Those of tasks whose id begins so; of an invocation that is no task its request id.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$")]
    pub(in crate::admin) prefix: Option<String>,
    /// Only count them.
    #[serde(default)]
    pub(in crate::admin) dry_run: Option<bool>,
    /// How many in a second, at most. Absent: as many as there are.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100_000)]
    pub(in crate::admin) rate_per_second: Option<u32>,
}

impl From<DestinationPurgeInput> for WorkInput {
    fn from(of: DestinationPurgeInput) -> Self {
        Self {
            code: of.code,
            accepted_after: of.accepted_after,
            accepted_before: of.accepted_before,
            prefix: of.prefix,
            dry_run: of.dry_run,
            rate_per_second: of.rate_per_second,
            ..Self::default()
        }
    }
}

/// The invocations of a function, by where they stand. The counts are kept with every change; none is
/// made by looking at rows.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct FunctionCounts {
    function: String,
    /// Whether nothing of it starts.
    paused: bool,
    /// Accepted since it was created.
    accepted: u64,
    /// Not ended.
    live: u64,
    /// Of these, waiting for the first attempt, or in one that began a moment ago.
    enqueued: u64,
    /// Of these, with the function for a while.
    running: u64,
    /// Of these, waiting for another attempt.
    retrying: u64,
    /// Of these, about to be stopped.
    stopping: u64,
    succeeded: u64,
    failed: u64,
    expired: u64,
    /// Stopped by their owner or purged by an operator.
    stopped: u64,
    invalid: u64,
}

impl FunctionCounts {
    pub(in crate::admin) fn of(
        function: &str,
        is_paused: bool,
        counts: engine::FunctionCounts,
    ) -> Self {
        Self {
            function: function.to_owned(),
            paused: is_paused,
            accepted: counts.accepted,
            live: counts.live,
            enqueued: counts.enqueued,
            running: counts.running,
            retrying: counts.retrying,
            stopping: counts.stopping,
            succeeded: counts.succeeded,
            failed: counts.failed,
            expired: counts.expired,
            stopped: counts.stopped,
            invalid: counts.invalid,
        }
    }
}
