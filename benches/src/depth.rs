//! `invoked-load depth`: what an invocation costs with nothing waiting and behind a deep backlog of
//! invocations that are not due yet; what the backlog costs in memory, disk and time to come back; and how long an
//! operator waits for an answer about it, and for the disk once it is purged.
//! What [`crate::backlog`] holds is due and in the way; here the deep lane leaves the others room.

use std::fs;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::control::{self, Answer};
use crate::disk::{self, Size};
use crate::publish::Output;
use crate::report::{Figures, grid, number};
use crate::server::{DaemonArgs, Kind};
use crate::stage::{Stage, Step};

const DEEP: &str = "bench-deep";
/// Seconds that the backlog waits at least: the most that can be asked for.
const DELAY: u32 = 3_600;
const RESTART: Duration = Duration::from_secs(120);
/// What an operator asks is asked so often.
const ASKED_TIMES: usize = 5;
/// How long a purge may take.
const PURGE: Duration = Duration::from_secs(1_800);

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Invocations that wait.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Invocations of a measurement.
    #[arg(long, default_value_t = 50_000)]
    measured: u64,
    /// Measurements before and behind; the figures are medians.
    #[arg(long, default_value_t = 3)]
    reps: usize,
    /// How long to watch the store shrink after the purge, in seconds.
    #[arg(long, default_value_t = 300)]
    settle: u64,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Report {
    count: u64,
    measured: u64,
    reps: usize,
    before: Figures,
    behind: Figures,
    rss_bytes: u64,
    peak_bytes: u64,
    empty_disk: Size,
    held_disk: Size,
    answers: Vec<Asked>,
    ready_seconds: f64,
    restarted_rss_bytes: u64,
    purge: Purged,
}

/// How long an answer took.
#[derive(Serialize)]
struct Asked {
    what: &'static str,
    median_ms: f64,
    most_ms: f64,
}

#[derive(Serialize)]
struct Purged {
    answer_ms: f64,
    /// From the answer until the last row was gone.
    seconds: f64,
    /// From then until the store was twice an empty one, if it came to that.
    small_after_seconds: Option<f64>,
    disk: Size,
}

pub fn main(args: &Args) -> Result<()> {
    let home = args.daemon.directory()?;
    // A function of its own, which nobody calls within the hour.
    let extra = home.path().join("deep.toml");
    fs::write(&extra, format!("[functions.{DEEP}]\nurl = \"http://127.0.0.1:9\"\n"))?;
    let daemon = DaemonArgs { config_extra: Some(extra), ..args.daemon.clone() };
    let mut stage = Stage::set(Kind::Invoked, &daemon, home.path())?;
    thread::sleep(Duration::from_secs(1));
    let report = observe(args, &mut stage)
        .with_context(|| format!("the daemon printed last:\n{}", stage.server.last_words()))?;
    let section = format!("depth-{}", args.count);
    args.output.publish(&section, &table(&report), &report, &[])
}

fn observe(args: &Args, stage: &mut Stage) -> Result<Report> {
    let empty_disk = disk::size(&stage.server.data);
    stage.measure(Step { seconds: Some(0.5), ..Step::at(64) })?;
    let before = measure(args, stage)?;

    eprintln!("submitting {}", args.count);
    let step = Step { function: DEEP, delay: DELAY, ..Step::at(256) };
    let filled = stage.load(Step { count: Some(args.count), ..step })?;
    ensure!(filled.accepted == args.count, "{} of {} accepted", filled.accepted, args.count);
    thread::sleep(Duration::from_secs(2));
    let held_disk = disk::size(&stage.server.data);
    let rss_bytes = stage.server.usage()?.rss_bytes;
    let answers = answers(stage.server.readiness)?;
    let behind = measure(args, stage)?;
    let peak_bytes = stage.server.usage()?.peak_bytes;

    eprintln!("killing and starting it");
    stage.server.kill()?;
    let begin = Instant::now();
    stage.server.start_again()?;
    while !control::is_ready(stage.server.readiness, "/readyz") {
        ensure!(begin.elapsed() < RESTART, "it did not come back within {RESTART:?}");
        thread::sleep(Duration::from_millis(1));
    }
    let ready_seconds = begin.elapsed().as_secs_f64();
    let restarted_rss_bytes = stage.server.usage()?.rss_bytes;

    eprintln!("purging");
    Ok(Report {
        count: args.count,
        measured: args.measured,
        reps: args.reps.max(1),
        before,
        behind,
        rss_bytes,
        peak_bytes,
        empty_disk,
        held_disk,
        answers,
        ready_seconds,
        restarted_rss_bytes,
        purge: purge(stage, empty_disk, Duration::from_secs(args.settle))?,
    })
}

/// What an operator asks of the deep lane, some times each.
fn answers(admin: SocketAddr) -> Result<Vec<Asked>> {
    let lane = format!("/v1/functions/{DEEP}");
    let ask = |what: &str, is_change: bool| {
        let path = format!("{lane}/{what}");
        if is_change { control::change(admin, &path, b"{}") } else { control::get(admin, &path) }
    };
    let asked = [("pause", true), ("count", false), ("why", false), ("resume", true)];
    let mut took: Vec<Vec<f64>> = vec![Vec::new(); asked.len()];
    for _ in 0..ASKED_TIMES {
        for (index, (what, is_change)) in asked.into_iter().enumerate() {
            let (answer, milliseconds) = timed(|| ask(what, is_change))?;
            ensure!(answer.status == 200, "{what} was answered with {}", answer.status);
            took[index].push(milliseconds);
        }
    }
    let row = |((what, _), mut took): ((&'static str, bool), Vec<f64>)| {
        took.sort_by(f64::total_cmp);
        let most_ms = took.last().copied().unwrap_or_default();
        Asked { what, median_ms: took[took.len() / 2], most_ms }
    };
    Ok(asked.into_iter().zip(took).map(row).collect())
}

fn timed(ask: impl FnOnce() -> Result<Answer>) -> Result<(Answer, f64)> {
    let begin = Instant::now();
    let answer = ask()?;
    Ok((answer, begin.elapsed().as_secs_f64() * 1e3))
}

/// Purges the deep lane and watches the disk.
fn purge(stage: &Stage, empty: Size, patience: Duration) -> Result<Purged> {
    let admin = stage.server.readiness;
    let path = format!("/v1/functions/{DEEP}/purge");
    let (answer, answer_ms) = timed(|| control::change(admin, &path, b"{}"))?;
    ensure!(answer.status == 202, "the purge was answered with {}", answer.status);
    let begun: Value = serde_json::from_slice(&answer.body)?;
    let id = begun["id"].as_str().context("the operation has no id")?;
    let begin = Instant::now();
    loop {
        let answer = control::get(admin, &format!("/v1/operations/{id}"))?;
        let operation: Value = serde_json::from_slice(&answer.body)?;
        if operation["state"] == "Done" {
            break;
        }
        ensure!(operation["state"] == "Running", "the purge ended as {operation}");
        ensure!(begin.elapsed() < PURGE, "the purge takes too long: {operation}");
        thread::sleep(Duration::from_millis(100));
    }
    let seconds = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    loop {
        let disk = disk::size(&stage.server.data);
        // An empty store is a few blocks in a file whose length fjall gives it beforehand.
        let is_small = disk.allocated_bytes <= empty.apparent_bytes.max(empty.allocated_bytes) * 2;
        if is_small || begin.elapsed() >= patience {
            let small_after_seconds = is_small.then(|| begin.elapsed().as_secs_f64());
            return Ok(Purged { answer_ms, seconds, small_after_seconds, disk });
        }
        thread::sleep(Duration::from_secs(1));
    }
}

fn measure(args: &Args, stage: &mut Stage) -> Result<Figures> {
    let mut samples = Vec::new();
    for _ in 0..args.reps.max(1) {
        samples.push(stage.measure(Step { count: Some(args.measured), ..Step::at(64) })?);
    }
    let median = Figures::median(&samples);
    ensure!(median.unseen + median.broken + median.refused == 0.0, "not all were taken and seen");
    Ok(median)
}

fn table(report: &Report) -> String {
    let (before, behind) = (&report.before, &report.behind);
    let ratio = |of: f64, by: f64| format!("x{:.2}", of / by);
    let row = |waiting: u64, of: &Figures| {
        vec![
            number(waiting as f64, 0),
            number(of.accept_per_second, 0),
            ratio(of.accept_per_second, before.accept_per_second),
            number(of.seen_per_second, 0),
            ratio(of.seen_per_second, before.seen_per_second),
            number(of.server_cpu, 3),
            ratio(of.server_cpu, before.server_cpu),
            number(of.accept_p99_us / 1e3, 2),
            number(of.written_bytes, 0),
            number(of.foreign_cores, 2),
        ]
    };
    let titles = [
        "waiting",
        "accept/s",
        "ratio",
        "end to end/s",
        "ratio",
        "server CPU s/10k",
        "ratio",
        "accept p99 ms",
        "bytes written each",
        "foreign cores",
    ];
    format!(
        "{} at 64 connections, 1 KB, with nothing waiting and behind a backlog that is not due, medians of {}.\n\n{}\n{}",
        number(report.measured as f64, 0),
        report.reps,
        grid(&titles, &[row(0, before), row(report.count, behind)]),
        grid(&["figure", "value", "asked for, of 10,000,000"], &lines(report))
    )
}

fn lines(report: &Report) -> Vec<Vec<String>> {
    let mebibytes = |bytes: u64| number(bytes as f64 / f64::from(1 << 20), 0);
    let line = |what: String, value: String, asked: &str| vec![what, value, asked.to_owned()];
    let held = report.held_disk.allocated_bytes.saturating_sub(report.empty_disk.allocated_bytes);
    let mut lines = vec![
        line(
            "RSS while they wait, peak MiB".to_owned(),
            format!("{}, {}", mebibytes(report.rss_bytes), mebibytes(report.peak_bytes)),
            "below 512",
        ),
        line(
            "disk bytes each".to_owned(),
            number(held as f64 / report.count as f64, 0),
            "at most 1,600",
        ),
    ];
    for asked in &report.answers {
        let value = format!("{}, {}", number(asked.median_ms, 1), number(asked.most_ms, 1));
        lines.push(line(format!("{} answered in ms, median and most", asked.what), value, "50"));
    }
    let purge = &report.purge;
    let small = purge
        .small_after_seconds
        .map_or("not within the time".to_owned(), |seconds| format!("{} s", number(seconds, 0)));
    lines.extend([
        line("ready after SIGKILL, s".to_owned(), number(report.ready_seconds, 2), "5"),
        line("RSS then, MiB".to_owned(), mebibytes(report.restarted_rss_bytes), ""),
        line("purge answered in ms".to_owned(), number(purge.answer_ms, 1), "50"),
        line("purged after s".to_owned(), number(purge.seconds, 1), "in the background"),
        line("the store at most twice an empty one after".to_owned(), small, "300 s"),
        line(
            "disk MiB: empty (allocated, apparent), held, then".to_owned(),
            format!(
                "{} ({}), {}, {}",
                mebibytes(report.empty_disk.allocated_bytes),
                mebibytes(report.empty_disk.apparent_bytes),
                mebibytes(report.held_disk.allocated_bytes),
                mebibytes(purge.disk.allocated_bytes)
            ),
            "",
        ),
    ]);
    lines
}
