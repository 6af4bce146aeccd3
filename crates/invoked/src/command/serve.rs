//! `invoked serve`: the daemon, from its configuration to its last log line.

use std::num::NonZero;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use invoked_api::{About, ReloadWish};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use crate::about::{Shown, about};
use crate::cli::ServeArgs;
use crate::config::{Config, Environment, Sources};
use crate::daemon::Daemon;
use crate::failure::Failure;
use crate::listeners::{Inherited, Listeners};
use crate::reload::Reload;
use crate::signals::{Hangups, Signals};
use crate::startup;
use crate::supervisor::Supervisor;
use crate::telemetry::{self, Log, Metrics};

/// Wishes to reload that may wait.
const WISHES_MAX: usize = 4;
/// How long the daemon may take to close beside what attempts and requests take to end.
const CLOSE_WITHIN: Duration = Duration::from_secs(30);

/// Runs the daemon until a signal or a failure ends it.
///
/// # Errors
/// The configuration is wrong, the daemon did not start, or it failed.
pub(crate) fn run(args: ServeArgs, environment: Environment) -> Result<(), Failure> {
    let inherited = Inherited::take(&environment)?;
    let supervisor = Supervisor::of(&environment)?;
    let flags = inherited.as_toml()?;
    let sources = Sources { files: args.files.files, environment, flags, ..Sources::default() };
    let (config, effective) = Config::check(&sources)?;
    let log = telemetry::start_log(&config.telemetry)?;
    let metrics = Metrics::start()?;
    keep_files_private();
    let shown = Shown::new(&effective);
    let about = about(&config, &shown);
    let reload = Reload::new(sources, &config, effective, shown, log.filter.clone());
    let run = || {
        startup::check(&config)?;
        let runtime = runtime()?;
        let ended =
            runtime.block_on(serve(config, about, inherited, &supervisor, reload, (metrics, &log)));
        // What has not ended by now is not waited for: everything acknowledged is durable.
        runtime.shutdown_background();
        ended
    };
    let ended = run();
    log.flood.tell_all();
    if let Err(error) = &ended {
        supervisor.failed(error);
    }
    Ok(ended?)
}

async fn serve(
    config: Config,
    about: About,
    inherited: Inherited,
    supervisor: &Supervisor,
    mut reload: Reload,
    (metrics, log): (Metrics, &Log),
) -> Result<()> {
    let mut hangups = Hangups::listen().context("cannot listen for signals")?;
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let listeners = Listeners::bind(&config, inherited).await?;
    let (wishes, mut wished) = mpsc::channel(WISHES_MAX);
    let mut daemon = tokio::select! {
        started = Daemon::start(config, about, listeners, metrics, Some(log), Some(wishes)) => started?,
        () = supervisor.extend() => return Ok(()),
        signal = signals.next() => {
            tracing::info!(event = "stopping", signal, "stopped before it was ready");
            return Ok(());
        }
    };
    if let Some(watch) = supervisor.watch(daemon.reloadable.engine.clone()) {
        daemon.accompany(watch);
    }
    let status = format!("serving on {}, admin on {}", daemon.api, daemon.admin);
    supervisor.ready(&status);
    let signal = loop {
        let wish = tokio::select! {
            signal = signals.next() => break signal,
            () = hangups.next() => None,
            Some(wish) = wished.recv() => Some(wish),
            fatal = daemon.failed() => return Err(fatal),
        };
        // A store that does not answer keeps nobody from stopping the daemon.
        tokio::select! {
            () = read_again(&mut reload, &daemon, wish, supervisor) => supervisor.ready(&status),
            signal = signals.next() => break signal,
        }
    };
    tracing::info!(event = "stopping", signal, "stopping; a second signal ends at once");
    let drain_timeout = daemon.reloadable.api_connections.current().drain_timeout;
    supervisor.stopping("draining: what runs may end, nothing new starts");
    tokio::select! {
        stopped = daemon.stop() => stopped,
        () = ask_for_more_time(supervisor, drain_timeout) => Ok(()),
        signal = signals.again() => bail!("ended at once by a second signal ({signal})"),
    }
}

/// Asks for more time as long as a drain may take, and no longer. Never returns.
async fn ask_for_more_time(supervisor: &Supervisor, drain_timeout: Duration) {
    let _over = tokio::time::timeout(drain_timeout + CLOSE_WITHIN, supervisor.extend()).await;
    std::future::pending().await
}

/// Reads the configuration again, for a signal or for whoever wishes it.
async fn read_again(
    reload: &mut Reload,
    daemon: &Daemon,
    wish: Option<ReloadWish>,
    supervisor: &Supervisor,
) {
    let running = &daemon.reloadable;
    let Some(ReloadWish { is_dry_run, by, reply }) = wish else {
        supervisor.reloading();
        // What came of it is in the log.
        let _said = reload.again(running, false).await;
        return;
    };
    tracing::info!(event = "reload_asked", by, is_dry_run, "the configuration is to be read again");
    if !is_dry_run {
        supervisor.reloading();
    }
    let _gone = reply.send(reload.again(running, is_dry_run).await);
}

/// The store makes files as long as it runs; nobody else is to read them.
pub(crate) fn keep_files_private() {
    let others_nothing = rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO;
    rustix::process::umask(others_nothing);
}

/// The runtime of the daemon: a worker for each core but one, which the store's own threads need. Measured
/// on two cores: with two workers an invocation takes a tenth more CPU, most of it for waking each other. One
/// alone is a runtime without a scheduler for several, which saves some 3 % more.
/// `TOKIO_WORKER_THREADS` asks for another number.
///
/// # Errors
/// The system has no threads left.
pub(crate) fn runtime() -> Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let workers = match std::env::var_os("TOKIO_WORKER_THREADS") {
        Some(_) => None,
        None => Some(cores.saturating_sub(1).max(1)),
    };
    let mut builder = match workers {
        // Alone, a thread has nobody to share its work with.
        Some(1) => Builder::new_current_thread(),
        Some(_) | None => Builder::new_multi_thread(),
    };
    if let Some(workers) = workers {
        builder.worker_threads(workers);
    }
    builder.enable_all().build().context("cannot start the runtime")
}
