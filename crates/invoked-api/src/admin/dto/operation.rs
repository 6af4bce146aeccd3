//! Operations over many callbacks.

use invoked_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::time::moment;

/// Which callbacks are to be sent anew: `ids`, or what they are, or `all`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct RedriveInput {
    /// Those that the list calls so.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 1000)]
    pub(in crate::admin) ids: Option<Vec<String>>,
    /// Every one that is kept.
    #[serde(default)]
    pub(in crate::admin) all: Option<bool>,
    /// Those of this function.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$")]
    pub(in crate::admin) function: Option<String>,
    /// The account of that function. Absent: the daemon's own.
    #[serde(default)]
    pub(in crate::admin) account: Option<String>,
    /// Those to this ARN, as it stands in the configuration.
    #[serde(default)]
    pub(in crate::admin) destination: Option<String>,
    /// Those whose error has this code.
    #[serde(default)]
    pub(in crate::admin) code: Option<String>,
    /// Those given up at or after this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub(in crate::admin) since_after: Option<String>,
    /// Those given up before or at this time.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub(in crate::admin) since_before: Option<String>,
    /// Only count them.
    #[serde(default)]
    pub(in crate::admin) dry_run: Option<bool>,
    /// How many in a second, at most. Absent: 100.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5000)]
    pub(in crate::admin) rate_per_second: Option<u32>,
}

/// Where an operation stands.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) enum OperationState {
    /// It goes on, after a restart too.
    Running,
    /// It has gone through everything.
    Done,
    /// Somebody has ended it.
    Cancelled,
}

/// An operation over many callbacks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Operation {
    id: String,
    state: OperationState,
    /// Whether it only counts.
    dry_run: bool,
    /// How many callbacks it redrives in a second, at most.
    rate_per_second: u32,
    /// Who asked for it.
    by: String,
    #[schema(format = DateTime)]
    began_at: String,
    #[schema(required = true, format = DateTime)]
    ended_at: Option<String>,
    /// Callbacks looked at so far.
    examined: u64,
    /// Those of them that are wanted.
    matched: u64,
    /// Those of them that are owed again.
    redriven: u64,
    /// Those that could not be: delivered meanwhile, under way, or no longer kept.
    skipped: u64,
}

/// The operations that are remembered.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct OperationPage {
    /// Newest first, at most 100.
    pub(in crate::admin) operations: Vec<Operation>,
}

impl From<&engine::Operation> for Operation {
    fn from(of: &engine::Operation) -> Self {
        Self {
            id: of.id.to_string(),
            state: match of.state {
                engine::OperationState::Running => OperationState::Running,
                engine::OperationState::Done => OperationState::Done,
                engine::OperationState::Cancelled => OperationState::Cancelled,
            },
            dry_run: of.is_dry_run,
            rate_per_second: of.rate,
            by: of.by.clone(),
            began_at: moment(of.began_at),
            ended_at: of.ended_at.map(moment),
            examined: of.counts.examined,
            matched: of.counts.matched,
            redriven: of.counts.redriven,
            skipped: of.counts.skipped,
        }
    }
}
