//! The command lines about callbacks and destinations.

use clap::{Args, Subcommand, ValueEnum};

use super::access::AdminArgs;
use super::client::{Moment, PartArgs};
use super::lanes::{DestinationHoldArgs, DestinationPurgeArgs};
use super::value;

#[derive(Debug, Args)]
pub(crate) struct CallbacksArgs {
    #[command(subcommand)]
    pub(crate) command: CallbacksCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CallbacksCommand {
    /// List the callbacks, failed ones first.
    List(Box<CallbacksListArgs>),
    /// Show one callback with its envelope.
    Get(CallbackArgs),
    /// Send failed callbacks again, without running their functions again.
    Redrive(Box<RedriveArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct CallbacksListArgs {
    /// Those of this function alone.
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// Those to this destination, an ARN.
    #[arg(long, value_name = "ARN")]
    pub(crate) destination: Option<String>,
    /// Those that have failed, or that are still tried.
    #[arg(long, value_enum)]
    pub(crate) status: Option<CallbackStatus>,
    /// Those whose last error has this code.
    #[arg(long)]
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) age: AgeArgs,
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum CallbackStatus {
    /// Given up, and kept.
    Failed,
    /// Tried again later.
    Pending,
}

#[derive(Debug, Args)]
pub(crate) struct CallbackArgs {
    /// The callback's id, as the list shows it.
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AgeArgs {
    /// Those that stand so since before then: 2026-11-22T19:00:00Z, or 2h for two hours ago.
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub(crate) older_than: Option<Moment>,
    /// Those that stand so since then or later.
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub(crate) newer_than: Option<Moment>,
}

#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// These callbacks, as the list shows their ids.
    #[arg(value_name = "ID", num_args = 0..=1000)]
    pub(crate) ids: Vec<String>,
    /// Every failed callback that is kept.
    #[arg(long, conflicts_with_all = ["ids", "function", "destination", "code", "older_than", "newer_than"])]
    pub(crate) all: bool,
    /// Those of this function.
    #[arg(long, conflicts_with = "ids")]
    pub(crate) function: Option<String>,
    /// Those to this destination, an ARN.
    #[arg(long, value_name = "ARN", conflicts_with = "ids")]
    pub(crate) destination: Option<String>,
    /// Those whose last error has this code.
    #[arg(long, conflicts_with = "ids")]
    pub(crate) code: Option<String>,
    #[command(flatten)]
    pub(crate) age: AgeArgs,
    /// Only count them.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How many in a second, at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) rate: Option<u32>,
    /// Return when the last of them is under way, not at once.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DestinationsArgs {
    #[command(subcommand)]
    pub(crate) command: DestinationsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DestinationsCommand {
    /// List the destinations, and how each is doing.
    List(DestinationsListArgs),
    /// Send one message that says it is a probe, and say what comes of it.
    Probe(ProbeArgs),
    /// Hold a destination: it is told nothing until it is resumed.
    Pause(DestinationHoldArgs),
    /// Let a destination be told again that was held.
    Resume(DestinationHoldArgs),
    /// Give up the callbacks that wait for a destination, or those that fit. They can be redriven.
    Purge(Box<DestinationPurgeArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct DestinationsListArgs {
    #[command(flatten)]
    pub(crate) part: PartArgs,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The destination, an ARN.
    #[arg(value_name = "ARN")]
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}
