//! The command lines about whole lanes: what waits for a function or a destination.

use clap::{Args, ValueEnum};

use super::access::{AdminArgs, FcArgs};
use super::client::Moment;
use super::value;
use crate::config::Secret;

/// Which rows.
#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// Those in one of these, such as Enqueued,Retrying.
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    /// Those whose last error has this code.
    #[arg(long, value_name = "CODE")]
    pub(crate) error: Option<String>,
    /// Those whose last attempt failed so.
    #[arg(long, value_enum)]
    pub(crate) error_class: Option<ErrorClass>,
    /// Those accepted before then: 2026-11-22T19:00:00Z, or 2h for two hours ago.
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub(crate) older_than: Option<Moment>,
    /// Those accepted then or later.
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub(crate) newer_than: Option<Moment>,
    /// Those whose task id starts with this.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
}

impl WhichArgs {
    /// Whether anything is said.
    pub(crate) fn is_any(&self) -> bool {
        !self.status.is_empty()
            || self.error.is_some()
            || self.error_class.is_some()
            || self.older_than.is_some()
            || self.newer_than.is_some()
            || self.prefix.is_some()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ErrorClass {
    /// The function ran and failed, or its attempt was lost.
    Function,
    /// The function did not run: throttled, unreachable, broken.
    System,
}

/// How it is done.
#[derive(Debug, Args)]
pub(crate) struct PaceArgs {
    /// Only count them.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How many in a second, at most; without it, as many as there are.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: Option<u32>,
    /// Return when it is done, not at once.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HoldArgs {
    /// The function.
    pub(crate) name: String,
    /// Why, for whoever looks later.
    #[arg(long)]
    pub(crate) note: Option<String>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DestinationHoldArgs {
    /// The destination, an ARN as it stands in a configuration.
    #[arg(value_name = "ARN")]
    pub(crate) destination: String,
    /// Why, for whoever looks later.
    #[arg(long)]
    pub(crate) note: Option<String>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "What runs is left alone, and counts as skipped. --dry-run does not tell it from what waits: \
    what runs and fits is in its `matched`."
)]
pub(crate) struct FunctionPurgeArgs {
    /// The function.
    pub(crate) name: String,
    /// The alias or version.
    #[arg(long)]
    pub(crate) qualifier: Option<String>,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DestinationPurgeArgs {
    /// The destination, an ARN as it stands in a configuration.
    #[arg(value_name = "ARN")]
    pub(crate) destination: String,
    /// Those whose last error has this code.
    #[arg(long, value_name = "CODE")]
    pub(crate) error: Option<String>,
    /// Those of invocations accepted before then: 2026-11-22T19:00:00Z, or 2h for two hours ago.
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub(crate) older_than: Option<Moment>,
    /// Those of invocations accepted then or later.
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub(crate) newer_than: Option<Moment>,
    /// Those of tasks whose id starts with this.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "One task is stopped through the Function Compute API; many through the admin \
    listener."
)]
pub(crate) struct TaskStopArgs {
    /// The function.
    pub(crate) function: String,
    /// The task; without it, those that fit.
    #[arg(conflicts_with_all = ["all", "status", "error", "error_class", "older_than", "newer_than"])]
    #[arg(conflicts_with_all = ["prefix", "dry_run", "rate", "wait"])]
    pub(crate) task_id: Option<String>,
    /// Everything that waits for the function or runs.
    #[arg(long)]
    pub(crate) all: bool,
    /// The alias or version.
    #[arg(long)]
    pub(crate) qualifier: Option<String>,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    /// Where the admin listener is [env: INVOKED_ADMIN] [default: http://127.0.0.1:7071].
    #[arg(long, value_name = "URL", help_heading = "Connection")]
    pub(crate) admin: Option<String>,
    /// Its token, where it asks for one [env: INVOKED_ADMIN_TOKEN].
    #[arg(long, value_name = "TOKEN", value_parser = Secret::parse, help_heading = "Connection")]
    pub(crate) admin_token: Option<Secret>,
    #[command(flatten)]
    pub(crate) fc: FcArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TaskRetryArgs {
    /// The function.
    pub(crate) function: String,
    /// The task that has ended; without it, those that fit.
    #[arg(conflicts_with_all = ["all", "status", "error", "error_class", "older_than", "newer_than"])]
    #[arg(conflicts_with_all = ["prefix", "dry_run", "rate", "wait"])]
    pub(crate) task_id: Option<String>,
    /// The id of the new task; without it the daemon makes one.
    #[arg(long = "task-id", value_name = "ID", requires = "task_id")]
    pub(crate) new_task_id: Option<String>,
    /// Every task that failed.
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) which: WhichArgs,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}
