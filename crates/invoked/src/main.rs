//! `invoked`: a daemon that takes asynchronous invocations, makes them durable, runs them and tells
//! their destinations how they ended.
//!
//! - [`cli`] is the command line, [`command`] what each command does;
//! - [`client`] is a daemon as the commands that ask one see it;
//! - [`config`] is what an operator decides, [`telemetry`] what the daemon tells of itself;
//! - [`daemon`] brings the parts to life and to their end, [`wire`] names the adapters among them,
//!   [`reload`] changes what can be changed in between, [`memory`] watches how much there is;
//! - [`startup`] looks at the machine first, [`supervisor`] tells systemd how the daemon is;
//! - [`dev`] is the playground: demo functions and a walk through whole invocations.
//!
//! Not here: any decision about an invocation.

mod about;
mod cli;
mod client;
mod command;
mod config;
mod daemon;
mod dev;
mod failure;
mod listeners;
mod memory;
mod print;
mod reload;
mod signals;
mod startup;
mod supervisor;
mod telemetry;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;

use crate::cli::{Cli, Command};
use crate::config::Environment;

/// Takes a twentieth of the daemon's own instructions less than glibc's, and none of its calls that grow
/// and trim heaps.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let cli = Cli::parse();
    let output = cli.output;
    let done = match cli.command {
        Command::Serve(args) => command::serve::run(args, environment),
        Command::Dev(args) => command::dev::run(args, environment),
        Command::Config(args) => command::config::run(args, environment, output),
        Command::Api(args) => command::api::run(&args, &environment, output),
        Command::Invoke(args) => command::invoke::run(&args, &environment, output),
        Command::Tasks(args) => command::tasks::run(&args, &environment, output),
        Command::Functions(args) => command::functions::run(&args, &environment, output),
        Command::Callbacks(args) => command::callbacks::run(&args, &environment, output),
        Command::Destinations(args) => command::destinations::run(&args, &environment, output),
        Command::Why(args) => command::why::run(&args, &environment, output),
        Command::Reload(args) => command::reload::run(&args, &environment, output),
        Command::LogLevel(args) => command::log_level::run(&args, &environment, output),
        Command::Store(args) => command::store::run(args, environment, output),
        Command::Completions(args) => {
            command::completions::run(&args);
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::failure(&failure, output);
            failure.exit_code()
        }
    }
}
