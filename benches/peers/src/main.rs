//! `invoked-peer`: what the benchmark puts before and behind the peers that are no invocation services themselves.
//!
//! A front answers 202 when its broker has confirmed; a worker calls the function and acknowledges when that has
//! answered. Both are as lean as `invoked-load floor`, on purpose: what is measured is the broker.

mod front;
mod nats;
mod rabbitmq;
mod restate;
mod worker;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, LocalOptions};

#[derive(Parser)]
#[command(name = "invoked-peer", about = "Fronts, workers and functions of the benchmark's peers")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Accepts into a queue of RabbitMQ, with publisher confirms.
    RabbitmqFront(rabbitmq::FrontArgs),
    /// Takes from the queue and calls the function.
    RabbitmqWorker(rabbitmq::WorkerArgs),
    /// Accepts into a stream of NATS JetStream.
    NatsFront(nats::FrontArgs),
    /// Takes from the stream and calls the function.
    NatsWorker(nats::WorkerArgs),
    /// Serves the benchmark's function in Restate's protocol.
    RestateFunction(restate::Args),
}

fn main() -> Result<()> {
    // All of them end when standard input does: when the process that started them is gone.
    invoked_benches::proc::exit_with_stdin();
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        match Cli::parse().command {
            Command::RabbitmqFront(args) => rabbitmq::front(&args).await,
            Command::RabbitmqWorker(args) => rabbitmq::work(&args).await,
            Command::NatsFront(args) => nats::front(&args).await,
            Command::NatsWorker(args) => nats::work(&args).await,
            Command::RestateFunction(args) => restate::serve(&args).await,
        }
    })
}
