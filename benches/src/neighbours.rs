//! `invoked-load neighbours`: what one function notices of another's backlog, one destination of another's, and one
//! account of another's thousand functions.
//!
//! The neighbour's calls take a second and half of them fail; the quiet one is invoked a few times a second. What
//! counts is the time from when an invocation should have been sent to its arrival at the function: accept and start.
//! Between two destinations it is that to the arrival of its result at the destination: accept, call and callback.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::client::{KEY, OTHER_ACCOUNT, OTHER_KEY};
use crate::control;
use crate::function::{Mode, SLOW_NAME, Stats};
use crate::proc::{Machine, own_cpu_seconds};
use crate::publish::Output;
use crate::report::{grid, number};
use crate::server::{DaemonArgs, FUNCTION, Kind};
use crate::stage::{Stage, Step, start_function, wait_for_at};

/// The function with the backlog, or the name that a thousand of them begin with.
const NOISY: &str = "noisy";

/// What is asked of the quiet function's p99, in milliseconds.
const ASKED_MS: f64 = 20.0;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Invocations that the neighbour has waiting.
    #[arg(long, default_value_t = 50_000)]
    backlog: u64,
    /// How long one of its calls takes, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    call_ms: u64,
    /// Its functions, in the scenario of two accounts.
    #[arg(long, default_value_t = 1_000)]
    functions: u64,
    /// Invocations of the quiet one, for a second.
    #[arg(long, default_value_t = 5.0)]
    rate: f64,
    /// How long it is watched, in seconds.
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Row {
    scenario: String,
    /// Invocations of the quiet function.
    samples: u64,
    unseen: u64,
    p50_ms: f64,
    p99_ms: f64,
    most_ms: f64,
    /// Calls that the neighbour had at the same time, and how many of its invocations succeeded meanwhile.
    in_flight: u64,
    done: u64,
    foreign_cores: f64,
}

pub fn main(args: &Args) -> Result<()> {
    args.daemon.binary()?;
    let mut rows = Vec::new();
    rows.push(functions(args, 0, "nobody else").context("alone")?);
    let title = format!("a function with {} waiting", number(args.backlog as f64, 0));
    rows.push(functions(args, args.backlog, &title).context("two functions")?);
    rows.push(destinations(args).context("two destinations")?);
    rows.push(accounts(args).context("two accounts")?);

    let text = table(args, &rows);
    args.output.publish("neighbours", &text, &rows, &[])?;
    for row in &rows {
        ensure!(row.unseen == 0, "{}: {} never reached the function", row.scenario, row.unseen);
    }
    Ok(())
}

fn functions(args: &Args, backlog: u64, title: &str) -> Result<Row> {
    let home = args.daemon.directory()?;
    let noisy = control::free_address()?;
    let extra = home.path().join("noisy.toml");
    fs::write(&extra, format!("[functions.{NOISY}]\nurl = \"http://{noisy}\"\n"))?;
    let daemon = DaemonArgs { config_extra: Some(extra), ..args.daemon.clone() };
    let noisy = Noisy::start(args, home.path(), noisy)?;
    let mut stage = Stage::set(Kind::Invoked, &daemon, &home.path().join("stage"))?;
    if backlog > 0 {
        fill(&mut stage, Step { function: NOISY, count: Some(backlog), ..Step::at(64) })?;
    }
    let step = Step { rate: Some(args.rate), seconds: Some(args.seconds), ..Step::at(8) };
    watch(&mut stage, &noisy, step, title)
}

fn destinations(args: &Args) -> Result<Row> {
    let home = args.daemon.directory()?;
    let (far, quick) = (control::free_address()?, control::free_address()?);
    let extra = home.path().join("far.toml");
    let arn = |name: &str| format!("acs:fc:::functions/{name}");
    fs::write(
        &extra,
        format!(
            "[sinks.fc.default]\nendpoint = \"http://{far}\"\naccess_key_id = \"id\"\naccess_key_secret = \"s\"\n\
             [functions.{FUNCTION}.async]\non_success = \"{}\"\n[functions.{NOISY}]\nurl = \"http://{quick}\"\n\
             [functions.{NOISY}.async]\non_success = \"{}\"\n",
            arn("quiet-far"),
            arn(&format!("{SLOW_NAME}-far")),
        ),
    )?;
    let daemon = DaemonArgs { config_extra: Some(extra), ..args.daemon.clone() };
    let _quick = start_function(home.path(), quick, &[])?;
    let slow = format!("--slow-ms={}", args.call_ms);
    let process = start_function(home.path(), far, &["--mode=told", &slow])?;
    let far = Noisy { address: far, process };
    let mut stage = Stage::set(Kind::Invoked, &daemon, &home.path().join("stage"))?;
    fill(&mut stage, Step { function: NOISY, count: Some(args.backlog), ..Step::at(64) })?;
    let step = Step { rate: Some(args.rate), seconds: Some(args.seconds), ..Step::at(8) };
    let waiting = number(args.backlog as f64, 0);
    let title = format!("a destination with {waiting} callbacks waiting: to the result at another");
    watch_at(&mut stage, &far, Some(far.address), step, &title)
}

fn accounts(args: &Args) -> Result<Row> {
    let home = args.daemon.directory()?;
    let noisy = control::free_address()?;
    let ((id, secret), (other_id, other_secret)) = (KEY, OTHER_KEY);
    let mut scenario = format!(
        "[auth]\nmode = \"signed\"\n[auth.keys.{id}]\nsecret = \"{secret}\"\n[auth.keys.{other_id}]\nsecret = \
         \"{other_secret}\"\naccount = \"{OTHER_ACCOUNT}\"\n"
    );
    for at in 0..args.functions {
        scenario += &format!("[functions.{NOISY}-{at}]\nurl = \"http://{noisy}\"\n");
    }
    let daemon = DaemonArgs { scenario: Some(scenario), ..args.daemon.clone() };
    let noisy = Noisy::start(args, home.path(), noisy)?;
    let mut stage = Stage::set(Kind::Invoked, &daemon, &home.path().join("stage"))?;
    let body = format!("{{\"url\":\"http://{}\"}}", stage.function);
    let path = format!("/v1/functions/{FUNCTION}?account={OTHER_ACCOUNT}");
    let answer = control::put(stage.server.readiness, &path, body.as_bytes())?;
    let said = String::from_utf8_lossy(&answer.body);
    ensure!(
        matches!(answer.status, 200 | 201),
        "the function was not taken: {} {said}",
        answer.status
    );

    let step =
        Step { function: NOISY, functions: Some(args.functions), signed: true, ..Step::at(64) };
    fill(&mut stage, Step { count: Some(args.backlog), ..step })?;
    let quiet = Step {
        signed: true,
        other_account: true,
        rate: Some(args.rate),
        seconds: Some(args.seconds),
        ..Step::at(8)
    };
    let functions = number(args.functions as f64, 0);
    let title = format!(
        "an account with {functions} functions and {} waiting",
        number(args.backlog as f64, 0)
    );
    watch(&mut stage, &noisy, quiet, &title)
}

fn fill(stage: &mut Stage, step: Step) -> Result<()> {
    stage.next_run()?;
    let report = stage.load(step)?;
    ensure!(Some(report.accepted) == step.count, "only {} were accepted", report.accepted);
    // So that the daemon has found out what the neighbour takes.
    thread::sleep(Duration::from_secs(5));
    Ok(())
}

fn watch(stage: &mut Stage, noisy: &Noisy, step: Step, title: &str) -> Result<Row> {
    watch_at(stage, noisy, None, step, title)
}

/// Watches what arrives at the stage's function, or at another one.
fn watch_at(
    stage: &mut Stage,
    noisy: &Noisy,
    at: Option<SocketAddr>,
    step: Step,
    title: &str,
) -> Result<Row> {
    eprintln!("beside {title}");
    stage.next_run()?;
    if let Some(address) = at {
        control::reset(address, stage.run())?;
    }
    let (machine, own) = (Machine::read()?, own_cpu_seconds()?);
    let used = |stage: &Stage| -> Result<f64> {
        let servers = stage.server.usage()?.cpu_seconds + stage.function_usage()?.cpu_seconds;
        Ok(servers + noisy.process.usage()?.cpu_seconds)
    };
    let (before, done) = (used(stage)?, noisy.done()?);
    let load = stage.load(step)?;
    let beside = noisy.stats()?;
    let beside_done = noisy.done()?;
    let mut stats = stage.wait_for(load.accepted)?;
    if let Some(address) = at {
        stats = wait_for_at(address, load.accepted)?;
    }
    let ours = used(stage)? - before + load.cpu_seconds + own_cpu_seconds()? - own;
    let milliseconds = |micros: u64| micros as f64 / 1e3;
    Ok(Row {
        scenario: title.to_owned(),
        samples: stats.latency.count,
        unseen: load.accepted.saturating_sub(stats.seen),
        p50_ms: milliseconds(stats.latency.p50_us),
        p99_ms: milliseconds(stats.latency.p99_us),
        most_ms: milliseconds(stats.latency.max_us),
        in_flight: beside.in_flight,
        done: beside_done - done,
        foreign_cores: machine.foreign_cores(ours)?,
    })
}

/// The neighbour's function: slow, and failing half of the time.
struct Noisy {
    address: SocketAddr,
    process: crate::proc::Process,
}

impl Noisy {
    fn start(args: &Args, home: &Path, address: SocketAddr) -> Result<Self> {
        let slow = format!("--slow-ms={}", args.call_ms);
        let process = start_function(home, address, &["--mode=half", &slow])?;
        // The run that the neighbour's invocations will name.
        control::reset(address, 1)?;
        Ok(Self { address, process })
    }

    fn stats(&self) -> Result<Stats> {
        control::stats(self.address)
    }

    /// Calls so far: those that ended well of a function, all of a destination.
    fn done(&self) -> Result<u64> {
        let stats = self.stats()?;
        Ok(if stats.mode == Mode::Told { stats.stale } else { stats.seen })
    }
}

fn table(args: &Args, rows: &[Row]) -> String {
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.scenario.clone(),
                number(row.p50_ms, 2),
                number(row.p99_ms, 2),
                number(row.most_ms, 2),
                row.samples.to_string(),
                row.in_flight.to_string(),
                number(row.done as f64, 0),
                number(row.foreign_cores, 2),
            ]
        })
        .collect();
    let titles = [
        "beside",
        "accept to start p50 ms",
        "p99",
        "most",
        "samples",
        "neighbour's calls at a time",
        "done meanwhile",
        "foreign cores",
    ];
    format!(
        "A function that is invoked {} times a second for {} s; the neighbour's calls take {} ms and half of them fail. \
         Asked for: a p99 below {ASKED_MS} ms.\n\n{}",
        args.rate,
        args.seconds,
        args.call_ms,
        grid(&titles, &lines)
    )
}
