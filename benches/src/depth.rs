//! `invoked-load depth`: what an invocation costs with nothing waiting and behind a deep backlog of
//! invocations that are not due yet; and what the backlog costs in memory, disk and time to come back.
//! What [`crate::backlog`] holds is due and in the way; here the deep lane leaves the others room.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::control;
use crate::disk;
use crate::report::{Figures, grid, number};
use crate::server::{DaemonArgs, Kind};
use crate::stage::{Stage, Step};

const DEEP: &str = "bench-deep";
/// Seconds that the backlog waits at least: the most that can be asked for.
const DELAY: u32 = 3_600;
const RESTART: Duration = Duration::from_secs(120);

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
    /// Writes the table as Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

pub fn main(args: &Args) -> Result<()> {
    let home = args.daemon.directory()?;
    // A function of its own, which nobody calls within the hour.
    let extra = home.path().join("deep.toml");
    fs::write(&extra, format!("[functions.{DEEP}]\nurl = \"http://127.0.0.1:9\"\n"))?;
    let daemon = DaemonArgs { config_extra: Some(extra), ..args.daemon.clone() };
    let mut stage = Stage::set(Kind::Invoked, &daemon, home.path())?;
    thread::sleep(Duration::from_secs(1));
    let empty_disk = disk::size(&stage.server.data);
    stage.measure(Step { seconds: Some(0.5), ..Step::at(64) })?;
    let before = measure(args, &mut stage)?;

    eprintln!("submitting {}", args.count);
    let step = Step { function: DEEP, delay: DELAY, ..Step::at(256) };
    let filled = stage.load(Step { count: Some(args.count), ..step })?;
    ensure!(filled.accepted == args.count, "{} of {} accepted", filled.accepted, args.count);
    thread::sleep(Duration::from_secs(2));
    let disk_each = disk::size(&stage.server.data)
        .allocated_bytes
        .saturating_sub(empty_disk.allocated_bytes) as f64
        / args.count as f64;
    let filled_rss = stage.server.usage()?.rss_bytes;
    let behind = measure(args, &mut stage)?;
    let rss = stage.server.usage()?.peak_bytes;

    stage.server.kill()?;
    let begin = Instant::now();
    stage.server.start_again()?;
    while !control::is_ready(stage.server.readiness, "/readyz") {
        ensure!(begin.elapsed() < RESTART, "it did not come back within {RESTART:?}");
        thread::sleep(Duration::from_millis(1));
    }
    let ready = begin.elapsed().as_secs_f64();

    let text = table(args, &before, &behind)
        + &format!(
            "\nRSS with the backlog {} MB, peak {} MB; disk {} bytes each; ready {} s after SIGKILL.\n",
            number(filled_rss as f64 / 1e6, 1),
            number(rss as f64 / 1e6, 1),
            number(disk_each, 0),
            number(ready, 2),
        );
    print!("{text}");
    if let Some(path) = &args.markdown {
        fs::write(path, &text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
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

fn table(args: &Args, before: &Figures, behind: &Figures) -> String {
    let row = |waiting: u64, of: &Figures| {
        let ratio = |of: f64, by: f64| format!("x{:.2}", of / by);
        vec![
            waiting.to_string(),
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
        "### Behind a backlog: {} at 64 connections, 1 KB, medians of {}\n\n{}",
        args.measured,
        args.reps.max(1),
        grid(&titles, &[row(0, before), row(args.count, behind)])
    )
}
