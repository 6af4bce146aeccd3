//! Operations over many rows.

use invoked_core::name::FunctionKey;
use invoked_core::sweep::SweepAction;
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
    /// It has ended before it was through: `last_error` says why.
    Failed,
}

/// What an operation does.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) enum OperationKind {
    /// Callbacks that were given up are sent anew.
    Redrive,
    /// What waits or runs is stopped.
    Stop,
    /// What waits is dropped.
    Purge,
    /// Finished tasks are done again.
    Retry,
}

/// An operation over many callbacks, or over a lane.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Operation {
    id: String,
    kind: OperationKind,
    /// The function whose lane or tasks it is about.
    #[schema(required = true)]
    function: Option<String>,
    /// The destination whose lane it is about.
    #[schema(required = true)]
    destination: Option<String>,
    state: OperationState,
    /// Whether it only counts.
    dry_run: bool,
    /// How many rows it moves in a second, at most; null where that is not limited.
    #[schema(required = true)]
    rate_per_second: Option<u32>,
    /// Who asked for it.
    by: String,
    #[schema(format = DateTime)]
    began_at: String,
    #[schema(required = true, format = DateTime)]
    ended_at: Option<String>,
    /// Rows that its lane had when it began; null where it is about no lane.
    #[schema(required = true)]
    expected: Option<u64>,
    /// Rows looked at so far.
    examined: u64,
    /// Those of them that are wanted.
    matched: u64,
    /// Those of them that were moved: owed again, stopped, purged or done again.
    acted: u64,
    /// The same, of an operation that redrives; 0 of others.
    redriven: u64,
    /// Those that could not be: delivered or ended meanwhile, under way, or no longer kept.
    skipped: u64,
    /// Why it does not go on now, which is tried again each second; or why it failed. Null while nothing is in its way.
    #[schema(required = true)]
    last_error: Option<String>,
}

/// The operations that are remembered.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct OperationPage {
    /// Newest first, at most 100.
    pub(in crate::admin) operations: Vec<Operation>,
}

impl From<&engine::Operation> for Operation {
    fn from(of: &engine::Operation) -> Self {
        let (kind, function, destination) = about(&of.work);
        Self {
            id: of.id.to_string(),
            kind,
            function,
            destination,
            state: match of.state {
                engine::OperationState::Running => OperationState::Running,
                engine::OperationState::Done => OperationState::Done,
                engine::OperationState::Cancelled => OperationState::Cancelled,
                engine::OperationState::Failed => OperationState::Failed,
            },
            dry_run: of.is_dry_run,
            rate_per_second: of.rate,
            expected: of.expected,
            by: of.by.clone(),
            began_at: moment(of.began_at),
            ended_at: of.ended_at.map(moment),
            examined: of.counts.examined,
            matched: of.counts.matched,
            acted: of.counts.acted,
            redriven: match kind {
                OperationKind::Redrive => of.counts.acted,
                OperationKind::Stop | OperationKind::Purge | OperationKind::Retry => 0,
            },
            skipped: of.counts.skipped,
            last_error: of.last_error.clone(),
        }
    }
}

/// What an operation does, and the function or destination that it is about.
fn about(work: &engine::Work) -> (OperationKind, Option<String>, Option<String>) {
    let name = |key: &FunctionKey| Some(key.name.as_str().to_owned());
    match work {
        engine::Work::Redrive(engine::Redriven::Ids(_)) => (OperationKind::Redrive, None, None),
        engine::Work::Redrive(engine::Redriven::Matching(filter)) => {
            let function = filter.function.as_ref().and_then(name);
            (OperationKind::Redrive, function, filter.destination.clone())
        }
        engine::Work::Retry(again) => (OperationKind::Retry, name(&again.function), None),
        engine::Work::Sweep(sweep) => {
            let kind = match sweep.action {
                SweepAction::Stop => OperationKind::Stop,
                SweepAction::Purge | SweepAction::Count => OperationKind::Purge,
            };
            match &sweep.lane {
                engine::LaneKey::Function(key) => (kind, name(key), None),
                engine::LaneKey::Destination(arn) => (kind, None, Some(arn.clone())),
            }
        }
    }
}
