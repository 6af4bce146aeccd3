//! The command line.

pub(crate) mod access;
pub(crate) mod callbacks;
pub(crate) mod client;
pub(crate) mod lanes;
pub(crate) mod limits;
pub(crate) mod store;
mod value;
pub(crate) mod why;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::dev::functions::FUNCTIONS;

use access::AdminArgs;
use callbacks::{CallbacksArgs, DestinationsArgs};
use client::{ApiArgs, FunctionsArgs, InvokeArgs, TasksArgs};
use store::StoreArgs;
use why::WhyArgs;

/// Durable asynchronous invocations, with the API of Alibaba Cloud Function Compute.
#[derive(Debug, Parser)]
#[command(name = "invoked", version, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration, \
                        3 cannot reach the daemon.")]
pub(crate) struct Cli {
    /// How results and errors are written.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the daemon.
    Serve(ServeArgs),
    /// Try it out: a daemon with demo functions, and a walk through whole invocations.
    Dev(DevArgs),
    /// Judge or show a configuration.
    Config(ConfigArgs),
    /// Make one call of the Function Compute API, with the arguments of `s cli fc api`.
    Api(ApiArgs),
    /// Invoke a function.
    Invoke(InvokeArgs),
    /// See, stop and retry the invocations of functions in task mode.
    Tasks(TasksArgs),
    /// See, change, hold and purge the functions that are registered.
    Functions(FunctionsArgs),
    /// See the deliveries to destinations that are pending or have failed, and send failed ones again.
    Callbacks(CallbacksArgs),
    /// See how destinations are doing, try one, hold one, purge one.
    Destinations(DestinationsArgs),
    /// Say what an invocation, a function or a destination waits for, and what would change it.
    Why(WhyArgs),
    /// Have the daemon read its configuration again: all of it takes effect, or nothing.
    Reload(ReloadArgs),
    /// Say what the daemon logs, or have it log more or less for a while.
    LogLevel(LogLevelArgs),
    /// Back the store up and restore it; verify, describe and repair one that no daemon has open.
    Store(StoreArgs),
    /// Print a script that completes this command line in a shell.
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) files: Files,
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// End after the walk: 0 if every step happened, 1 if one did not.
    #[arg(long)]
    pub(crate) once: bool,
    /// Add a function of yours (repeatable).
    #[arg(long = "function", value_name = "NAME=URL", value_parser = named_url)]
    pub(crate) functions: Vec<(String, String)>,
    /// Keep the store here. Without it, in a temporary directory that is removed at the end.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report all problems at once, each with its place.
    Check(Files),
    /// Print the effective configuration; secrets are masked.
    Show(Files),
    /// Print every setting with its default, as Markdown.
    Reference,
}

#[derive(Debug, Args)]
pub(crate) struct ReloadArgs {
    /// Only say what would change.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogLevelArgs {
    #[command(subcommand)]
    pub(crate) command: LogLevelCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogLevelCommand {
    /// Say what is logged.
    Get(LogLevelGetArgs),
    /// Log something else from here on. A reload brings the configured level back.
    Set(LogLevelSetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LogLevelGetArgs {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogLevelSetArgs {
    /// A level (error, warn, info, debug, trace), or directives such as info,invoked_engine=debug.
    pub(crate) level: String,
    /// For so long, between 1s and 24h, then what is configured; without it, until a reload or a restart.
    #[arg(long = "for", value_name = "DURATION")]
    pub(crate) lasts: Option<String>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell, for example `source <(invoked completions bash)`.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Configuration in TOML (repeatable; later files override earlier ones).
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn named_url(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, _)) if FUNCTIONS.iter().any(|(demo, _)| *demo == name) => {
            Err(format!("{name} is the name of a demo function"))
        }
        Some((name, url)) if !name.is_empty() && !url.is_empty() => {
            Ok((name.to_owned(), url.to_owned()))
        }
        Some(_) | None => Err("expected NAME=URL, such as hello=http://127.0.0.1:9000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_function_is_a_name_and_a_url() {
        let parsed = named_url("hello=http://127.0.0.1:9000/a=b").unwrap();
        assert_eq!(parsed, ("hello".to_owned(), "http://127.0.0.1:9000/a=b".to_owned()));
        for bad in ["hello", "=http://127.0.0.1", "hello=", "echo=http://127.0.0.1"] {
            assert!(named_url(bad).is_err(), "{bad}");
        }
    }
}
