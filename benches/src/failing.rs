//! `invoked-load failing`: what is spent on a target that refuses calls with 503 and `Retry-After`: half of them,
//! whichever, so that no limit can help; or those beyond as many at a time as it takes, so that one can.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::clock;
use crate::control;
use crate::function::{CROWD, Mode, Stats};
use crate::publish::Output;
use crate::report::{grid, number};
use crate::server::{DaemonArgs, Kind};
use crate::stage::{Stage, Step};

/// The function whose limit is found out.
const ADAPTIVE: &str = "adaptive";
/// The one with a fixed limit.
const FIXED: &str = "fixed";

/// What is asked of the adaptive limit: wasted attempts for each success.
const ASKED: f64 = 1.3;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Invocations of each of the two.
    #[arg(long, default_value_t = 500)]
    count: u64,
    /// How long to wait for them at most, in seconds: every refusal asks for a second of patience.
    #[arg(long, default_value_t = 120)]
    patience: u64,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Row {
    target: String,
    limit: String,
    accepted: u64,
    succeeded: u64,
    attempts: u64,
    wasted_per_success: f64,
    seconds: f64,
}

pub fn main(args: &Args) -> Result<()> {
    args.daemon.binary()?;
    let fixed = format!("fixed, {}", args.daemon.concurrency);
    let mut rows = Vec::new();
    for target in [Mode::Crowded, Mode::Busy] {
        rows.push(measure(args, target, ADAPTIVE, "adaptive").context("adaptive")?);
        rows.push(measure(args, target, FIXED, &fixed).context("fixed")?);
    }
    args.output.publish("failing", &table(args, &rows), &rows, &[])
}

fn measure(args: &Args, mode: Mode, function: &'static str, limit: &str) -> Result<Row> {
    eprintln!("{}, limit: {limit}", name(mode));
    let home = args.daemon.directory()?;
    let url = control::free_address()?;
    let extra = home.path().join("failing.toml");
    let concurrency = args.daemon.concurrency;
    let text = format!(
        "[functions.{ADAPTIVE}]\nurl = \"http://{url}\"\n[functions.{FIXED}]\nurl = \"http://{url}\"\n\
         concurrency = {concurrency}\n"
    );
    fs::write(&extra, text)?;
    let target = crate::stage::start_function(home.path(), url, &[])?;
    let daemon = DaemonArgs { config_extra: Some(extra), ..args.daemon.clone() };
    let mut stage = Stage::set(Kind::Invoked, &daemon, &home.path().join("stage"))?;
    stage.next_run()?;
    control::reset(url, stage.run())?;
    control::set_mode(url, mode)?;

    let load = stage.load(Step { function, count: Some(args.count), ..Step::at(64) })?;
    let stats = wait(url, load.accepted, Duration::from_secs(args.patience))?;
    drop(target);
    let wasted = stats.requests.saturating_sub(stats.seen) as f64;
    Ok(Row {
        target: name(mode),
        limit: limit.to_owned(),
        accepted: load.accepted,
        succeeded: stats.seen,
        attempts: stats.requests,
        wasted_per_success: wasted / (stats.seen.max(1)) as f64,
        seconds: clock::seconds(load.started_ns, stats.last_ns),
    })
}

/// What the target refuses.
fn name(mode: Mode) -> String {
    match mode {
        Mode::Crowded => format!("calls beyond {CROWD} at a time"),
        Mode::Busy => "half of the calls, whichever".to_owned(),
        other => format!("{other:?}"),
    }
}

/// Until all have succeeded, or `patience` is over: what waits then waits for its turn.
fn wait(function: std::net::SocketAddr, count: u64, patience: Duration) -> Result<Stats> {
    let begin = Instant::now();
    loop {
        let stats = control::stats(function)?;
        if stats.seen >= count || begin.elapsed() > patience {
            return Ok(stats);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn table(args: &Args, rows: &[Row]) -> String {
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.target.clone(),
                row.limit.clone(),
                number(row.wasted_per_success, 2),
                row.attempts.to_string(),
                format!("{} of {}", row.succeeded, row.accepted),
                number(row.seconds, 1),
            ]
        })
        .collect();
    let titles = [
        "refused",
        "limit",
        "wasted attempts for a success",
        "attempts",
        "succeeded",
        "s to the last",
    ];
    format!(
        "The target refuses with 503 and `Retry-After: 1`; {} invocations, watched for at most {} s; a call takes 100 ms where a limit \
         counts. Asked for with the adaptive limit: below {ASKED}.\n\n{}",
        args.count,
        args.patience,
        grid(&titles, &lines)
    )
}
