//! `invoked serve`: the daemon, from its configuration to its last log line.

use std::num::NonZero;

use anyhow::{Context as _, Result, bail};
use invoked_api::About;
use tokio::runtime::{Builder, Runtime};

use crate::about::about;
use crate::cli::ServeArgs;
use crate::config::{Config, Environment, Sources};
use crate::daemon::{Daemon, Listeners};
use crate::failure::Failure;
use crate::reload::Reload;
use crate::signals::{Hangups, Signals};
use crate::telemetry::{self, Metrics};

/// Runs the daemon until a signal or a failure ends it.
///
/// # Errors
/// The configuration is wrong, the daemon did not start, or it failed.
pub(crate) fn run(args: ServeArgs, environment: Environment) -> Result<(), Failure> {
    let sources = Sources { files: args.files.files, environment, ..Sources::default() };
    let (config, effective) = Config::check(&sources)?;
    telemetry::start_log(&config.telemetry)?;
    let metrics = Metrics::start()?;
    keep_files_private();
    let runtime = runtime()?;
    let about = about(&config, &effective);
    let reload = Reload::new(sources, effective);
    let ended = runtime.block_on(serve(config, about, reload, metrics));
    // What has not ended by now is not waited for: everything acknowledged is durable.
    runtime.shutdown_background();
    Ok(ended?)
}

async fn serve(config: Config, about: About, reload: Reload, metrics: Metrics) -> Result<()> {
    let mut hangups = Hangups::listen().context("cannot listen for signals")?;
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let listeners = Listeners::bind(&config).await?;
    let mut daemon = tokio::select! {
        started = Daemon::start(config, about, listeners, metrics) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before it was ready");
            return Ok(());
        }
    };
    loop {
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "stopping; a second signal ends at once");
                break;
            }
            () = hangups.next() => reload.again(&daemon.reloadable).await,
            fatal = daemon.failed() => return Err(fatal),
        }
    }
    tokio::select! {
        stopped = daemon.stop() => stopped,
        signal = signals.again() => bail!("ended at once by a second signal ({signal})"),
    }
}

/// The store makes files as long as it runs; nobody else is to read them.
pub(crate) fn keep_files_private() {
    let others_nothing = rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO;
    rustix::process::umask(others_nothing);
}

/// The runtime of the daemon: a worker for each core but one, which the store's own threads need. Measured
/// on two cores: with two workers an invocation takes a tenth more CPU, most of it for waking each other.
/// `TOKIO_WORKER_THREADS` asks for another number.
///
/// # Errors
/// The system has no threads left.
pub(crate) fn runtime() -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        builder.worker_threads(cores.saturating_sub(1).max(1));
    }
    builder.enable_all().build().context("cannot start the runtime")
}
