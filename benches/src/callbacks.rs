//! `invoked-load callbacks`: how many results a second reach a real broker, with the broker on the same machine.
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
    /// Only these: none, rabbitmq, kafka, rocketmq.
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
    let endpoints = fs::read(&args.brokers).with_context(|| {
        format!("{}: run `cargo xtask brokers up` first", args.brokers.display())
    })?;
    let endpoints: Value = serde_json::from_slice(&endpoints)?;
    let mut rows = Vec::new();
    let kinds = [BrokerKind::RabbitMq, BrokerKind::Kafka, BrokerKind::RocketMq].map(Some);
    for kind in [None].into_iter().chain(kinds) {
        let name = kind.map_or(NONE, BrokerKind::name);
        if !args.only.is_empty() && !args.only.iter().any(|wanted| wanted == name) {
            continue;
        }
        let broker = kind.map(|kind| Broker::find(kind, &endpoints, &args.brokers)).transpose()?;
        rows.extend(measure(args, broker.as_ref())?);
    }
    let text = table(args, &rows);
    args.output.publish("callbacks", &text, &rows, &[])?;
    let failed: u64 = rows.iter().map(|row| row.failed).sum();
    ensure!(failed == 0, "{failed} callbacks failed");
    Ok(())
}

fn measure(args: &Args, broker: Option<&Broker>) -> Result<Vec<Row>> {
    let home = args.daemon.directory()?;
    let mut daemon = args.daemon.clone();
    if let Some(broker) = broker {
        broker.make_destination(&args.python)?;
        let extra = home.path().join("sinks.toml");
        fs::write(&extra, broker.configuration(FUNCTION))?;
        daemon.config_extra = Some(extra);
    }
    let name = broker.map_or(NONE, |broker| broker.kind.name());
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
        rows.push(one(&mut stage, broker, name, title, step)?);
    }
    // The first one fills pools and caches.
    rows.remove(0);
    Ok(rows)
}

fn one(
    stage: &mut Stage,
    broker: Option<&Broker>,
    destination: &'static str,
    title: String,
    step: Step,
) -> Result<Row> {
    stage.next_run()?;
    let settled_before = Settled::read(stage.server.readiness)?;
    let broker_cpu = || broker.map_or(Ok(0.0), Broker::cpu_seconds);
    let (daemon_before, broker_before) = (stage.server.usage()?.cpu_seconds, broker_cpu()?);
    let load = stage.load(step)?;
    let accepted_at = clock::now_ns();
    stage.wait_for(load.accepted)?;
    let (settled, ended_at) = match broker {
        None => (Settled::default(), clock::now_ns()),
        Some(_) => wait_until_settled(stage.server.readiness, &settled_before, load.accepted)?,
    };
    let ten_thousands = load.accepted as f64 / 10_000.0;
    let seconds = clock::seconds(load.started_ns, ended_at);
    Ok(Row {
        destination,
        step: title,
        invocations_per_second: load.per_second,
        callbacks_per_second: settled.delivered as f64 / seconds,
        lag_seconds: clock::seconds(accepted_at, ended_at),
        daemon_cpu: (stage.server.usage()?.cpu_seconds - daemon_before) / ten_thousands,
        broker_cpu: (broker_cpu()? - broker_before) / ten_thousands,
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

fn wait_until_settled(admin: SocketAddr, before: &Settled, count: u64) -> Result<(Settled, u64)> {
    let mut progress = (0, Instant::now());
    loop {
        let now = Settled::read(admin)?;
        let settled = Settled {
            delivered: now.delivered - before.delivered,
            failed: now.failed - before.failed,
        };
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
