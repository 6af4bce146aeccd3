//! `invoked dev`: a daemon with demo functions and doubles of destinations, and a walk through whole invocations.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use invoked_api::About;
use tempfile::TempDir;

use crate::about::{Shown, about};
use crate::cli::DevArgs;
use crate::command::serve::{keep_files_private, runtime};
use crate::config::{Config, Environment, Sources};
use crate::daemon::Daemon;
use crate::dev::doubles::Doubles;
use crate::dev::functions::{AUDIT, Call, DemoFunctions, FUNCTIONS};
use crate::dev::preset;
use crate::dev::walk::Walk;
use crate::failure::Failure;
use crate::listeners::{Inherited, Listeners};
use crate::print;
use crate::signals::Signals;
use crate::telemetry::{self, Log, Metrics};

/// Runs the playground.
///
/// # Errors
/// The configuration is wrong, the daemon did not start, a step of the walk did not happen, or the
/// daemon failed.
pub(crate) fn run(args: DevArgs, environment: Environment) -> Result<(), Failure> {
    keep_files_private();
    let home = Home::choose(args.dir)?;
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let (demo, doubles) = (DemoFunctions::start().await?, Doubles::start().await?);
        let sources = Sources {
            preset: preset::below(&demo, &doubles),
            flags: preset::above(&args.functions, &home.path),
            environment,
            files: Vec::new(),
        };
        let (config, effective) = Config::check(&sources)?;
        let log = telemetry::start_log(&config.telemetry)?;
        let metrics = Metrics::start()?;
        let listeners = if args.once {
            Listeners::bind_somewhere(&config, &sources.environment).await?
        } else {
            Listeners::bind(&config, Inherited::default()).await?
        };
        let own: Vec<_> =
            args.functions.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
        let playground = Playground { demo, doubles, own: &own, home: &home, is_once: args.once };
        let about = about(&config, &Shown::new(&effective));
        playground.run(config, about, listeners, metrics, &log).await?;
        Ok(())
    });
    runtime.shutdown_background();
    ended
}

/// The directory of the store.
struct Home {
    path: PathBuf,
    /// Removed when dropped; a directory that the developer named has none and is kept.
    temporary: Option<TempDir>,
}

impl Home {
    fn choose(given: Option<PathBuf>) -> Result<Self> {
        if let Some(path) = given {
            return Ok(Self { path, temporary: None });
        }
        let temporary = TempDir::with_prefix("invoked-dev-").context("no temporary directory")?;
        Ok(Self { path: temporary.path().join("store"), temporary: Some(temporary) })
    }

    fn fate(&self) -> &'static str {
        if self.temporary.is_some() { "removed at the end" } else { "kept" }
    }
}

struct Playground<'a> {
    demo: DemoFunctions,
    doubles: Doubles,
    own: &'a [(&'a str, &'a str)],
    home: &'a Home,
    is_once: bool,
}

impl Playground<'_> {
    async fn run(
        mut self,
        config: Config,
        about: About,
        listeners: Listeners,
        metrics: Metrics,
        log: &Log,
    ) -> Result<()> {
        let mut signals = Signals::listen().context("cannot listen for signals")?;
        let mut daemon = Daemon::start(config, about, listeners, metrics, Some(log), None).await?;
        self.greet(&daemon);
        let walk = Walk {
            api: daemon.api,
            admin: daemon.admin,
            calls: &mut self.demo.calls,
            mns: &self.doubles.mns,
        };
        let walked = tokio::select! {
            walked = walk.take() => walked,
            fatal = daemon.failed() => return Err(fatal),
            signal = signals.next() => Err(anyhow::anyhow!("ended by {signal}")),
        };
        if walked.is_ok() && !self.is_once {
            self.invite(&daemon);
            tokio::select! {
                () = self.watch() => {}
                fatal = daemon.failed() => return Err(fatal),
                _signal = signals.next() => {}
            }
        }
        let stopped = tokio::select! {
            stopped = daemon.stop() => stopped,
            signal = signals.again() => bail!("ended at once by a second signal ({signal})"),
        };
        self.doubles.close().await;
        walked?;
        stopped?;
        print::line(if self.is_once { "\nEvery step happened; stopped." } else { "\nStopped." });
        Ok(())
    }

    fn greet(&self, daemon: &Daemon) {
        print::line("invoked dev: a playground on this machine\n");
        print::line(&format!("  API        http://{}", daemon.api));
        print::line(&format!("  admin      http://{}  /metrics /healthz /readyz", daemon.admin));
        print::line(&format!("  console    http://{}/console/", daemon.admin));
        print::line(&format!("  store      {}  ({})", self.home.path.display(), self.home.fate()));
        let functions = FUNCTIONS.iter().chain(self.own);
        for (index, (name, what)) in functions.enumerate() {
            let title = if index == 0 { "functions" } else { "" };
            print::line(&format!("  {title:<10} {name:<8} {what}"));
        }
        let (mns, eventbridge) = (self.doubles.mns.url(), self.doubles.eventbridge.url());
        print::line(&format!("  mailboxes  {mns}/mailbox  MNS: queues and topics of any name"));
        print::line(&format!("             {eventbridge}/mailbox  EventBridge: buses of any name"));
    }

    fn invite(&self, daemon: &Daemon) {
        let api = daemon.api;
        print::line(&format!(
            "\nIt runs on. From another terminal:\n\n  \
             curl -i http://{api}/2023-03-30/functions/flaky/invocations \\\n       \
             -H 'x-fc-invocation-type: Async' -d '{{\"hello\":\"world\"}}'\n\n\
             What the functions see is printed here. Ctrl-C ends it.\n"
        ));
    }

    /// Prints what the demo functions see, until there are none.
    async fn watch(&mut self) {
        while let Some(call) = self.demo.calls.recv().await {
            print::line(&seen(&call));
        }
    }
}

fn seen(call: &Call) -> String {
    let payload = String::from_utf8_lossy(&call.payload);
    if call.function == AUDIT {
        return format!("{AUDIT} is told: {payload}");
    }
    let answer = String::from_utf8_lossy(&call.answer.body);
    let verdict = if call.answer.is_success { "succeeded" } else { "failed" };
    let (function, id, attempt) = (&call.function, &call.request_id, call.attempt);
    format!("{function} {id} attempt {attempt} {verdict}: {payload} -> {answer}")
}
