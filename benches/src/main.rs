//! `invoked-load`: the first of its subcommands are for people and for `cargo xtask bench`; the others are the roles that
//! those start as subprocesses.

use anyhow::Result;
use clap::{Parser, Subcommand};
use invoked_benches::{
    backlog, callbacks, depth, failing, flood, floor, function, leash, lists, load, many, modes,
    neighbours, run,
};

#[derive(Parser)]
#[command(name = "invoked-load", about = "The load benchmark of invoked")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compares invoked with the floor: accept, end to end, open loop.
    Run(run::Args),
    /// Compares ways to invoke: plain, as tasks, signed.
    Modes(modes::Args),
    /// Times Get and List among few and among many tasks.
    Lists(lists::Args),
    /// Delivers results to real brokers beside it.
    Callbacks(callbacks::Args),
    /// Compares the cost of an invocation among few functions and among many.
    Many(many::Args),
    /// Compares the cost of an invocation with nothing waiting and behind a deep backlog.
    Depth(depth::Args),
    /// Times one function beside a backlog of another, and one account beside a thousand functions of another.
    Neighbours(neighbours::Args),
    /// Counts the attempts that a target refuses, with and without the adaptive limit.
    Failing(failing::Args),
    /// Holds a backlog, kills and restarts the daemon, drains.
    Backlog(backlog::Args),
    /// Invokes with a key, alone and beside strangers who send as fast as they can.
    Flood(flood::Args),
    /// Serves the benchmark's function.
    Function(function::Args),
    /// Serves the floor: a durable 202 and a dispatch, nothing else.
    Floor(floor::Args),
    /// Holds a foreign program, and ends it with whoever started this.
    Leash(leash::Args),
    /// Submits invocations and prints one JSON object.
    Load(load::Args),
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Run(args) => run::main(&args),
        Command::Modes(args) => modes::main(&args),
        Command::Lists(args) => lists::main(&args),
        Command::Callbacks(args) => callbacks::main(&args),
        Command::Many(args) => many::main(&args),
        Command::Depth(args) => depth::main(&args),
        Command::Neighbours(args) => neighbours::main(&args),
        Command::Failing(args) => failing::main(&args),
        Command::Backlog(args) => backlog::main(&args),
        Command::Flood(args) => flood::main(&args),
        Command::Function(args) => function::main(&args),
        Command::Floor(args) => floor::main(&args),
        Command::Leash(args) => leash::main(&args),
        Command::Load(args) => load::main(&args),
    }
}
