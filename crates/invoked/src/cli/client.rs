//! Arguments of the commands that ask a daemon.

use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use invoked_fc::client::OPERATIONS;
use invoked_fc::route::ApiVersion;

use super::access::{AdminArgs, FcArgs};
use super::lanes::{FunctionPurgeArgs, HoldArgs, TaskRetryArgs, TaskStopArgs};
use super::limits::{self, QualifierLimits};
use super::value;

pub(crate) use super::value::Moment;

/// The keys and values of a JSON object. (A name, so that clap does not take it for repetition.)
pub(crate) type Fields = Vec<(String, String)>;

#[derive(Debug, Args)]
#[command(after_help = "Without --apiVersion, the newest version that has the operation. \
    Prints the body of the answer, or one JSON object about it where there is none.\n\n\
    Example:\n  invoked api PutFunctionAsyncInvokeConfig --apiVersion 20160815 \\\n    \
    --path '{\"serviceName\":\"s\",\"functionName\":\"f\",\"qualifier\":\"LATEST\"}' \\\n    \
    --body '{\"maxAsyncRetryAttempts\":\"2\"}'")]
pub(crate) struct ApiArgs {
    /// The operation, such as GetFunctionAsyncInvokeConfig or ListAsyncTasks.
    #[arg(value_name = "OPERATION", hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(operation_names()))]
    pub(crate) operation: String,
    /// Taken as `s cli fc api` takes it, and not used: the endpoint decides.
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// 20160815, 20210416 (or 20210406), or 20230330.
    #[arg(long = "apiVersion", alias = "api-version", value_name = "VERSION")]
    #[arg(value_parser = value::api_version)]
    pub(crate) api_version: Option<ApiVersion>,
    /// The parts of the path, such as {"functionName":"f"}.
    #[arg(long, value_name = "JSON", value_parser = value::object, default_value = "{}")]
    pub(crate) path: Fields,
    /// The parameters, such as {"limit":10}.
    #[arg(long, value_name = "JSON", value_parser = value::object, default_value = "{}")]
    pub(crate) query: Fields,
    /// More headers, such as {"X-Fc-Invocation-Type":"Async"}.
    #[arg(long, value_name = "JSON", value_parser = value::object, default_value = "{}")]
    pub(crate) header: Fields,
    /// The body: JSON, any other text, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON|TEXT|@FILE|-", allow_hyphen_values = true)]
    pub(crate) body: Option<String>,
    #[command(flatten)]
    pub(crate) fc: FcArgs,
}

fn operation_names() -> Vec<&'static str> {
    let mut names: Vec<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[derive(Debug, Args)]
#[command(
    after_help = "Synchronous unless --async, --delay, --task-id or --wait is given. A function \
    of a service is named service$function. Exits with 1 when the function failed."
)]
pub(crate) struct InvokeArgs {
    /// The function.
    pub(crate) function: String,
    /// Do not wait for the function: print the ids of the invocation that was accepted.
    #[arg(long = "async")]
    pub(crate) is_async: bool,
    /// Wait for the function's answer and print it.
    #[arg(long = "sync", conflicts_with_all = ["is_async", "delay", "task_id", "wait"])]
    pub(crate) is_sync: bool,
    /// What the function gets: a text, @FILE, or - for standard input.
    #[arg(long, value_name = "@FILE|-|TEXT", allow_hyphen_values = true, default_value = "")]
    pub(crate) payload: String,
    /// Start it so much later, whole seconds up to an hour.
    #[arg(long, value_name = "DURATION", value_parser = value::delay)]
    pub(crate) delay: Option<u64>,
    /// The id of the task, which must be new.
    #[arg(long, value_name = "ID")]
    pub(crate) task_id: Option<String>,
    /// The alias or version.
    #[arg(long)]
    pub(crate) qualifier: Option<String>,
    /// Make it a task, wait for its end and print its result.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) fc: FcArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TasksArgs {
    #[command(subcommand)]
    pub(crate) command: TasksCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TasksCommand {
    /// List the tasks of a function, the newest first.
    List(Box<TasksListArgs>),
    /// Show one task with its payload, result and history.
    Get(Box<TaskArgs>),
    /// Stop a task that has not ended, or all that fit.
    Stop(Box<TaskStopArgs>),
    /// Run a finished task again, or all that fit: new tasks with the same payloads.
    Retry(Box<TaskRetryArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct TasksListArgs {
    /// The function.
    pub(crate) function: String,
    /// Those in this status alone, such as Running or Failed.
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Those whose id starts with this.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// Those started after: 2026-11-22T19:00:00Z, or 2h for two hours ago.
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub(crate) started_after: Option<Moment>,
    /// Those started before.
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub(crate) started_before: Option<Moment>,
    /// By time.
    #[arg(long, value_enum, default_value_t = Order::Desc)]
    pub(crate) order: Order,
    /// The alias or version.
    #[arg(long)]
    pub(crate) qualifier: Option<String>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) fc: FcArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Order {
    /// The oldest first.
    Asc,
    /// The newest first.
    Desc,
}

/// Which part of a list is printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct PartArgs {
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All there are.
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
    /// Go on where a list before this ended.
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    pub(crate) next: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    /// The function.
    pub(crate) function: String,
    /// The task.
    pub(crate) task_id: String,
    /// The alias or version.
    #[arg(long)]
    pub(crate) qualifier: Option<String>,
    #[command(flatten)]
    pub(crate) fc: FcArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FunctionsArgs {
    #[command(subcommand)]
    pub(crate) command: FunctionsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FunctionsCommand {
    /// List the functions.
    List(FunctionsListArgs),
    /// Show one function.
    Get(FunctionArgs),
    /// Register a function, or replace all settings of one.
    Put(FunctionPutArgs),
    /// Delete a function; its waiting invocations end as Invalid.
    Delete(FunctionArgs),
    /// Count the invocations of a function by where they stand.
    Count(FunctionArgs),
    /// Hold a function: nothing of it starts until it is resumed.
    Pause(HoldArgs),
    /// Let a function go on that was held.
    Resume(HoldArgs),
    /// Drop what waits for a function, or what fits of it. Nobody is told.
    Purge(Box<FunctionPurgeArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct FunctionsListArgs {
    /// Those whose name starts with this.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FunctionArgs {
    /// The function.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FunctionPutArgs {
    /// The function.
    pub(crate) name: String,
    /// Where it is called, such as http://127.0.0.1:9000.
    #[arg(long)]
    pub(crate) url: String,
    /// Whether it takes events or HTTP requests.
    #[arg(long, value_enum, default_value_t = Kind::Event)]
    pub(crate) kind: Kind,
    /// How long it may run; without it, the daemon's default.
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) timeout: Option<Duration>,
    /// How many attempts may run at once; without it, the daemon adapts.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: Option<u32>,
    /// How many attempts may start in a second; without it, any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: Option<u32>,
    /// Its share of the turns that its account's functions have; without it, 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) weight: Option<u32>,
    /// Limits of a version or alias, which then waits in a lane of its own; may be given several times.
    #[arg(long = "qualifier", value_name = "QUALIFIER[,concurrency=N][,rate=N][,weight=N]", value_parser = limits::qualifier_limits)]
    pub(crate) qualifiers: Vec<QualifierLimits>,
    /// Whether an HTTP status alone can be a failure.
    #[arg(long, value_enum, default_value_t = StatusRule::Header)]
    pub(crate) status: StatusRule,
    /// Call /initialize before the first attempt.
    #[arg(long)]
    pub(crate) initialize: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Kind {
    /// Events, synchronous and asynchronous.
    Event,
    /// HTTP requests.
    Http,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum StatusRule {
    /// The x-fc-status header, and without it the HTTP status.
    Header,
    /// The x-fc-status header alone, as in the cloud.
    Ignore,
}
