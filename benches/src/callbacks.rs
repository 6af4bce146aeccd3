//! `invoked-load callbacks`: how many results a second reach a real broker, with the broker on the same machine.
//!
//! Or a function of the same daemon, which is called in its turn: then the last call is what ends a step.
//!
//! Two steps for each kind: invocations at a fixed rate, to see whether callbacks keep up with them, and as many as
//! the machine does, to see where the end is. Without a destination first, so that the price of a callback shows.
//! The brokers are those of `cargo xtask brokers up`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::broker::{Broker, Kind as BrokerKind};
use crate::clock;
use crate::control;
use crate::publish::Output;
use crate::report::{grid, number};
use crate::server::{DaemonArgs, FUNCTION, Kind};
use crate::stage::{Stage, Step};

/// The step without a destination.
const NONE: &str = "none";
/// The one whose destination is a function of the same daemon.
const FUNCTION_TOLD: &str = "function";
/// That function.
const TOLD: &str = "bench-told";

/// How long no callback may be settled before the rest counts as stuck.
const STANDSTILL: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// What `cargo xtask brokers up` has written.
    #[arg(long, default_value = "target/brokers/endpoints.json")]
    brokers: PathBuf,
    /// The Python that makes queues and topics.
    #[arg(long, default_value = "target/tools/sinks-venv/bin/python")]
    python: PathBuf,
    /// Invocations of the step at a fixed rate, for a second.
    #[arg(long, default_value_t = 5_000.0)]
    rate: f64,
    /// How long that step is, in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Invocations of the step without a rate.
    #[arg(long, default_value_t = 50_000)]
    count: u64,
    /// Only these: none, function, rabbitmq, kafka, rocketmq.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    output: Output,
}

/// What one step came to.
#[derive(Serialize)]
struct Row {
    destination: &'static str,
    step: String,
    invocations_per_second: f64,
    callbacks_per_second: f64,
    /// From the last 202 to the last callback.
    lag_seconds: f64,
    daemon_cpu: f64,
    broker_cpu: f64,
    failed: u64,
}

pub fn main(args: &Args) -> Result<()> {
    args.daemon.binary()?;
    let is_wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let mut rows = Vec::new();
    if is_wanted(NONE) {
        rows.extend(measure(args, &To::Nobody)?);
    }
    if is_wanted(FUNCTION_TOLD) {
        rows.extend(measure(args, &To::Function(control::free_address()?))?);
    }
    for kind in [BrokerKind::RabbitMq, BrokerKind::Kafka, BrokerKind::RocketMq] {
        if is_wanted(kind.name()) {
            let broker = Broker::find(kind, &endpoints(&args.brokers)?, &args.brokers)?;
            rows.extend(measure(args, &To::Broker(broker))?);
        }
    }
    let text = table(args, &rows);
    args.output.publish("callbacks", &text, &rows, &[])?;
    let failed: u64 = rows.iter().map(|row| row.failed).sum();
    ensure!(failed == 0, "{failed} callbacks failed");
    Ok(())
}

/// Who is told.
enum To {
    Nobody,
    Function(SocketAddr),
    Broker(Broker),
}

impl To {
    fn name(&self) -> &'static str {
        match self {
            Self::Nobody => NONE,
            Self::Function(_) => FUNCTION_TOLD,
            Self::Broker(broker) => broker.kind.name(),
        }
    }

    /// What the daemon's configuration says of it.
    fn configuration(&self) -> String {
        match self {
            Self::Nobody => String::new(),
            Self::Function(address) => format!(
                "[functions.{FUNCTION}.async]\non_success = \"acs:fc:::functions/{TOLD}\"\n\
                 [functions.{TOLD}]\nurl = \"http://{address}\"\nconcurrency = 64\n"
            ),
            Self::Broker(broker) => broker.configuration(FUNCTION),
        }
    }

    fn cpu_seconds(&self) -> Result<f64> {
        match self {
            Self::Nobody | Self::Function(_) => Ok(0.0),
            Self::Broker(broker) => broker.cpu_seconds(),
        }
    }
}

fn endpoints(path: &Path) -> Result<Value> {
    let endpoints = fs::read(path)
        .with_context(|| format!("{}: run `cargo xtask brokers up` first", path.display()))?;
    Ok(serde_json::from_slice(&endpoints)?)
}

fn measure(args: &Args, to: &To) -> Result<Vec<Row>> {
    let home = args.daemon.directory()?;
    let extra = home.path().join("destination.toml");
    fs::write(&extra, to.configuration())?;
    let daemon = DaemonArgs { config_extra: Some(extra), ..args.daemon.clone() };
    let mut _told = None;
    match to {
        To::Nobody => {}
        To::Function(address) => {
            _told = Some(crate::stage::start_function(home.path(), *address, &[])?);
        }
        To::Broker(broker) => broker.make_destination(&args.python)?,
    }
    let name = to.name();
    let mut stage = Stage::set(Kind::Invoked, &daemon, &home.path().join("stage"))?;
    thread::sleep(Duration::from_secs(1));
    let steps = [
        (String::from("warm-up"), Step { count: Some(2_000), ..Step::at(64) }),
        (
            format!("{}/s", args.rate),
            Step { seconds: Some(args.seconds), rate: Some(args.rate), ..Step::at(64) },
        ),
        (format!("{} at 64", args.count), Step { count: Some(args.count), ..Step::at(64) }),
    ];
    let mut rows = Vec::new();
    for (title, step) in steps {
        eprintln!("{name}: {title}");
        rows.push(one(&mut stage, to, title, step)?);
    }
    // The first one fills pools and caches.
    rows.remove(0);
    Ok(rows)
}

fn one(stage: &mut Stage, to: &To, title: String, step: Step) -> Result<Row> {
    stage.next_run()?;
    let settled_before = Settled::read(stage.server.readiness)?;
    if let To::Function(told) = to {
        control::reset(*told, stage.run())?;
    }
    let (daemon_before, broker_before) = (stage.server.usage()?.cpu_seconds, to.cpu_seconds()?);
    let load = stage.load(step)?;
    let accepted_at = clock::now_ns();
    stage.wait_for(load.accepted)?;
    let (settled, ended_at) = match to {
        To::Nobody => (Settled::default(), clock::now_ns()),
        To::Function(told) => wait_until_called(*told, load.accepted)?,
        To::Broker(_) => {
            wait_until_settled(stage.server.readiness, &settled_before, load.accepted)?
        }
    };
    let ten_thousands = load.accepted as f64 / 10_000.0;
    let seconds = clock::seconds(load.started_ns, ended_at);
    Ok(Row {
        destination: to.name(),
        step: title,
        invocations_per_second: load.per_second,
        callbacks_per_second: settled.delivered as f64 / seconds,
        lag_seconds: clock::seconds(accepted_at, ended_at),
        daemon_cpu: (stage.server.usage()?.cpu_seconds - daemon_before) / ten_thousands,
        broker_cpu: (to.cpu_seconds()? - broker_before) / ten_thousands,
        failed: settled.failed,
    })
}

/// Callbacks that were delivered and that failed, over all functions.
#[derive(Clone, Copy, Default)]
struct Settled {
    delivered: u64,
    failed: u64,
}

impl Settled {
    fn read(admin: SocketAddr) -> Result<Self> {
        let answer = control::get(admin, "/metrics")?;
        let text = String::from_utf8(answer.body)?;
        let sum = |name: &str| -> u64 {
            let samples = text.lines().filter(|line| {
                line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            });
            let values = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            values.sum::<f64>() as u64
        };
        let (delivered, failed) =
            (sum("FunctionDestinationSucceed"), sum("FunctionDestinationErrors"));
        Ok(Self { delivered, failed })
    }
}

/// Until the function that is told has been called for each. What it is sent is an envelope, so its book has it
/// among what belongs to no run.
fn wait_until_called(told: SocketAddr, count: u64) -> Result<(Settled, u64)> {
    let read = || {
        let delivered = control::stats(told)?.stale;
        Ok(Settled { delivered, failed: 0 })
    };
    wait(read, count)
}

fn wait_until_settled(admin: SocketAddr, before: &Settled, count: u64) -> Result<(Settled, u64)> {
    let read = || {
        let now = Settled::read(admin)?;
        Ok(Settled {
            delivered: now.delivered - before.delivered,
            failed: now.failed - before.failed,
        })
    };
    wait(read, count)
}

fn wait(read: impl Fn() -> Result<Settled>, count: u64) -> Result<(Settled, u64)> {
    let mut progress = (0, Instant::now());
    loop {
        let settled = read()?;
        let total = settled.delivered + settled.failed;
        if total >= count {
            return Ok((settled, clock::now_ns()));
        }
        if total > progress.0 {
            progress = (total, Instant::now());
        } else if progress.1.elapsed() > STANDSTILL {
            bail!("{total} of {count} callbacks are settled, and no more");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn table(args: &Args, rows: &[Row]) -> String {
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.destination.to_owned(),
                row.step.clone(),
                number(row.invocations_per_second, 0),
                number(row.callbacks_per_second, 0),
                number(row.lag_seconds, 2),
                number(row.daemon_cpu, 3),
                number(row.broker_cpu, 3),
                row.failed.to_string(),
            ]
        })
        .collect();
    let titles = [
        "destination",
        "step",
        "accepted/s",
        "delivered/s",
        "last 202 to last callback s",
        "daemon CPU s/10k",
        "broker CPU s/10k",
        "failed",
    ];
    let names = rows.iter().map(|row| row.destination).filter(|name| *name != NONE);
    let names: BTreeSet<_> = names.collect();
    format!(
        "### Callbacks: {} destinations, {} s at {}/s, then {} at 64 connections, 1 KB\n\n{}",
        names.len(),
        args.seconds,
        args.rate,
        args.count,
        grid(&titles, &lines)
    )
}

/// Runs a program of the harness to its end.
pub fn run(program: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("{}: run `cargo xtask prepare` first", program.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
