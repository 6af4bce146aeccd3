//! `invoked`: a daemon that takes asynchronous invocations, makes them durable, runs them and tells
//! their destinations how they ended.
//!
//! - [`cli`] is the command line, [`command`] what each command does;
//! - [`config`] is what an operator decides, [`telemetry`] what the daemon tells of itself;
//! - [`daemon`] brings the parts to life and to their end, [`wire`] names the adapters among them,
//!   [`reload`] changes what can be changed in between;
//! - [`dev`] is the playground: demo functions and a walk through whole invocations.
//!
//! Not here: any decision about an invocation.

mod cli;
mod command;
mod config;
mod daemon;
mod dev;
mod failure;
mod print;
mod reload;
mod signals;
mod telemetry;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::config::Environment;

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let cli = Cli::parse();
    let output = cli.output;
    let done = match cli.command {
        Command::Serve(args) => command::serve::run(args, environment),
        Command::Dev(args) => command::dev::run(args, environment),
        Command::Config(args) => command::config::run(args, environment, output),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::failure(&failure, output);
            failure.exit_code()
        }
    }
}
