//! `invoked-load backlog`: what it costs to hold a backlog, to come back to it after `SIGKILL`,
//! and to work it off.
//!
//! The function holds every call, so that as many as the configured concurrency are in flight and
//! the rest waits; a function that was down would leave the daemon in back-offs of minutes, and
//! the drain would measure those.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::clock;
use crate::control;
use crate::disk::{self, Size};
use crate::function::Mode;
use crate::load;
use crate::payload::{Mark, Writer};
use crate::proc::{Machine, own_cpu_seconds};
use crate::publish::Output;
use crate::report::{grid, number};
use crate::server::{DaemonArgs, Kind};
use crate::stage::{Stage, Step};

const OBSERVED: Duration = Duration::from_secs(5);
const RESTART: Duration = Duration::from_secs(120);
const STANDSTILL: Duration = Duration::from_secs(90);

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Invocations to hold.
    #[arg(long, default_value_t = 200_000)]
    count: u64,
    /// Connections of the load generator.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// How often to kill and restart.
    #[arg(long, default_value_t = 2)]
    restarts: u64,
    /// How long to watch the store shrink after the drain, in seconds.
    #[arg(long, default_value_t = 300)]
    settle: u64,
    /// Measures another server; the floor keeps its backlog in memory, so it is not restarted.
    #[arg(long, value_enum, default_value_t = Kind::Invoked)]
    server: Kind,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Report {
    server: Kind,
    count: u64,
    concurrency: usize,
    file_system: String,
    idle: State,
    accept: load::Report,
    accept_cpu_per_10k: f64,
    written_bytes_each: f64,
    accept_foreign_cores: f64,
    held: State,
    /// CPU per cent of a core while nothing happens but the waiting.
    held_cpu_percent: f64,
    in_flight: u64,
    restarts: Vec<Restart>,
    drain: Drain,
    drained: State,
    settling: Vec<Settling>,
    settled: State,
}

/// The server at rest.
#[derive(Clone, Copy, Serialize)]
struct State {
    rss_bytes: u64,
    pss_bytes: u64,
    peak_bytes: u64,
    disk: Size,
}

#[derive(Serialize)]
struct Restart {
    ready_seconds: f64,
    accepted_seconds: f64,
    state: State,
}

#[derive(Serialize)]
struct Drain {
    expected: u64,
    seen: u64,
    duplicates: u64,
    seconds: f64,
    per_second: f64,
    /// Up to 99 %, which leaves out what a restart made wait for its next attempt.
    per_second_to_99: f64,
    server_cpu_per_10k: f64,
    written_bytes_each: f64,
    foreign_cores: f64,
}

#[derive(Serialize)]
struct Settling {
    seconds: f64,
    disk: Size,
}

pub fn main(args: &Args) -> Result<()> {
    let kind = args.server;
    let home = args.daemon.directory()?;
    let mut stage = Stage::set(kind, &args.daemon, home.path())?;
    thread::sleep(Duration::from_secs(1));
    let report = observe(args, &mut stage)
        .with_context(|| format!("{} printed last:\n{}", kind.name(), stage.server.last_words()))?;

    let text = table(&report);
    let section = match kind {
        Kind::Invoked => format!("backlog-{}", args.count),
        other => format!("backlog-{}-{}", other.name(), args.count),
    };
    args.output.publish(&section, &text, &report, &[])?;
    let (seen, expected) = (report.drain.seen, report.drain.expected);
    ensure!(seen >= expected, "{} accepted invocations were lost", expected - seen);
    Ok(())
}

fn observe(args: &Args, stage: &mut Stage) -> Result<Report> {
    let idle = state(stage)?;
    stage.next_run()?;
    control::set_mode(stage.function, Mode::Hold)?;

    eprintln!("submitting {}", args.count);
    let machine = Machine::read()?;
    let own = own_cpu_seconds()?;
    let before = stage.server.usage()?;
    let accept = stage.load(Step { count: Some(args.count), ..Step::at(args.connections) })?;
    let after = stage.server.usage()?;
    let server_cpu = after.cpu_seconds - before.cpu_seconds;
    let ours = server_cpu + accept.cpu_seconds + own_cpu_seconds()? - own;
    let accept_foreign_cores = machine.foreign_cores(ours)?;
    let written = after.written_bytes - before.written_bytes;

    thread::sleep(Duration::from_secs(2));
    let begin = stage.server.usage()?;
    thread::sleep(OBSERVED);
    let end = stage.server.usage()?;
    let held_cpu = (end.cpu_seconds - begin.cpu_seconds) / OBSERVED.as_secs_f64();
    let held = state(stage)?;
    let in_flight = control::stats(stage.function)?.in_flight;

    let mut restarts = Vec::new();
    let mut expected = accept.accepted;
    if stage.server.kind != Kind::Floor {
        for index in 0..args.restarts {
            eprintln!("restart {}", index + 1);
            restarts.push(restart(stage, args.count + index)?);
            expected += 1;
        }
    }

    eprintln!("draining");
    let drain = drain(stage, expected)?;
    let drained = state(stage)?;
    eprintln!("watching the store for up to {} s", args.settle);
    let settling = settle(stage, idle.disk, Duration::from_secs(args.settle));
    Ok(Report {
        server: stage.server.kind,
        count: args.count,
        concurrency: args.daemon.concurrency,
        file_system: disk::file_system(&stage.server.data)?,
        idle,
        accept_cpu_per_10k: server_cpu / accept.accepted as f64 * 1e4,
        written_bytes_each: written as f64 / accept.accepted as f64,
        accept,
        accept_foreign_cores,
        held,
        held_cpu_percent: held_cpu * 100.0,
        in_flight,
        restarts,
        drain,
        drained,
        settling,
        settled: state(stage)?,
    })
}

fn state(stage: &Stage) -> Result<State> {
    let usage = stage.server.usage()?;
    Ok(State {
        rss_bytes: usage.rss_bytes,
        pss_bytes: usage.pss_bytes,
        peak_bytes: usage.peak_bytes,
        disk: disk::size(&stage.server.data),
    })
}

/// Kills the server and times its return, with the page cache warm. Adds one invocation.
fn restart(stage: &mut Stage, number: u64) -> Result<Restart> {
    stage.server.kill()?;
    let (address, readiness) = (stage.server.address, stage.server.readiness);
    let (run, path) = (stage.run(), stage.server.readiness_path());
    let accepts = stage.server.accept_path();

    let begin = Instant::now();
    stage.server.start_again()?;
    let submitting = thread::spawn(move || -> Result<f64> {
        until(|| submit(address, &accepts, run, number))?;
        Ok(begin.elapsed().as_secs_f64())
    });
    until(|| control::is_ready(readiness, path)).context("waiting until it is ready")?;
    let ready_seconds = begin.elapsed().as_secs_f64();
    let accepted_seconds = submitting
        .join()
        .map_err(|_| anyhow::anyhow!("the submitting thread panicked"))?
        .context("waiting for the first 202")?;
    ensure!(stage.server.lives()?, "the server ended after its restart");

    thread::sleep(Duration::from_secs(2));
    Ok(Restart { ready_seconds, accepted_seconds, state: state(stage)? })
}

fn until(mut done: impl FnMut() -> bool) -> Result<()> {
    let begin = Instant::now();
    while !done() {
        ensure!(begin.elapsed() < RESTART, "it did not happen within {RESTART:?}");
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn submit(address: SocketAddr, path: &str, run: u64, number: u64) -> bool {
    let body = Writer::new(1_024).write(Mark { run, number, intended_ns: clock::now_ns() });
    let headers = "x-fc-invocation-type: Async\r\nContent-Type: application/json\r\n";
    control::post(address, path, headers, &body).is_ok_and(|answer| answer.status == 202)
}

fn drain(stage: &Stage, expected: u64) -> Result<Drain> {
    let machine = Machine::read()?;
    let own = own_cpu_seconds()?;
    let before = stage.server.usage()?;
    let function_before = stage.function_usage()?;
    let begin_ns = clock::now_ns();
    control::set_mode(stage.function, Mode::Ok)?;

    let nearly = expected - expected / 100;
    let mut nearly_at = None;
    let mut progress = (0, Instant::now());
    let stats = loop {
        let stats = control::stats(stage.function)?;
        if nearly_at.is_none() && stats.seen >= nearly {
            nearly_at = Some((stats.seen, clock::now_ns()));
        }
        if stats.seen >= expected || progress.1.elapsed() > STANDSTILL {
            break stats;
        }
        if stats.seen > progress.0 {
            progress = (stats.seen, Instant::now());
        }
        thread::sleep(Duration::from_millis(20));
    };

    let after = stage.server.usage()?;
    let server_cpu = after.cpu_seconds - before.cpu_seconds;
    let function_cpu = stage.function_usage()?.cpu_seconds - function_before.cpu_seconds;
    let foreign_cores =
        machine.foreign_cores(server_cpu + function_cpu + own_cpu_seconds()? - own)?;
    let seconds = clock::seconds(begin_ns, stats.last_ns);
    let written = after.written_bytes - before.written_bytes;
    Ok(Drain {
        expected,
        seen: stats.seen,
        duplicates: stats.duplicates,
        seconds,
        per_second: stats.seen as f64 / seconds,
        per_second_to_99: nearly_at
            .map_or(0.0, |(seen, at_ns)| seen as f64 / clock::seconds(begin_ns, at_ns)),
        server_cpu_per_10k: server_cpu / stats.seen as f64 * 1e4,
        written_bytes_each: written as f64 / stats.seen as f64,
        foreign_cores,
    })
}

/// Looks at the store until it is about as small as an empty one, or time is over.
fn settle(stage: &Stage, empty: Size, patience: Duration) -> Vec<Settling> {
    const SLACK: u64 = 1 << 20;
    let begin = Instant::now();
    let mut samples: Vec<Settling> = Vec::new();
    loop {
        let disk = disk::size(&stage.server.data);
        let elapsed = begin.elapsed();
        let small = disk.allocated_bytes <= empty.allocated_bytes + SLACK;
        let changed = samples.last().is_none_or(|last| last.disk != disk);
        let last = small || elapsed >= patience;
        if changed || last {
            samples.push(Settling { seconds: elapsed.as_secs_f64(), disk });
        }
        if last {
            return samples;
        }
        thread::sleep(Duration::from_secs(1));
    }
}

fn table(report: &Report) -> String {
    let megabytes = |bytes: u64| number(bytes as f64 / 1e6, 1);
    let disk = |size: Size| {
        format!(
            "{} allocated, {} apparent, {} files",
            megabytes(size.allocated_bytes),
            megabytes(size.apparent_bytes),
            size.files
        )
    };
    let each = |size: Size, from: Size| {
        let per = |now: u64, empty: u64| {
            number(now.saturating_sub(empty) as f64 / report.accept.accepted as f64, 0)
        };
        format!(
            "{} allocated, {} apparent",
            per(size.allocated_bytes, from.allocated_bytes),
            per(size.apparent_bytes, from.apparent_bytes)
        )
    };
    let memory = |state: State| {
        format!(
            "{} (Pss {}, peak {})",
            megabytes(state.rss_bytes),
            megabytes(state.pss_bytes),
            megabytes(state.peak_bytes)
        )
    };

    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |what: &str, value: String| rows.push(vec![what.to_owned(), value]);
    row("idle: RSS MB", memory(report.idle));
    row("idle: disk MB", disk(report.idle.disk));
    let accept = &report.accept;
    row("accept/s while nothing finishes", number(accept.per_second, 0));
    row(
        "its p50 / p99 / p99.9 ms",
        [accept.latency.p50_us, accept.latency.p99_us, accept.latency.p999_us]
            .map(|micros| number(micros as f64 / 1e3, 2))
            .join(" / "),
    );
    let refused: u64 = accept.refused.values().sum();
    row(
        "accepted / refused / broken",
        format!("{} / {refused} / {}", accept.accepted, accept.broken),
    );
    row("accept: server CPU s/10k", number(report.accept_cpu_per_10k, 3));
    row("accept: bytes written each", number(report.written_bytes_each, 0));
    row("accept: foreign cores", number(report.accept_foreign_cores, 2));
    row("held: in flight at the function", report.in_flight.to_string());
    row("held: CPU % of a core", number(report.held_cpu_percent, 1));
    row("held: RSS MB", memory(report.held));
    row("held: disk MB", disk(report.held.disk));
    row("held: disk bytes each, beyond empty", each(report.held.disk, report.idle.disk));
    for (index, restart) in report.restarts.iter().enumerate() {
        row(
            &format!("restart {}: s to ready / to first 202", index + 1),
            format!(
                "{} / {}",
                number(restart.ready_seconds, 3),
                number(restart.accepted_seconds, 3)
            ),
        );
        row(&format!("restart {}: RSS MB", index + 1), memory(restart.state));
    }
    let drain = &report.drain;
    row(
        "drain/s (to 99 %)",
        format!("{} ({})", number(drain.per_second, 0), number(drain.per_second_to_99, 0)),
    );
    row("drain: s", number(drain.seconds, 1));
    row(
        "drain: seen of expected, duplicates",
        format!("{} of {}, {}", drain.seen, drain.expected, drain.duplicates),
    );
    row("drain: server CPU s/10k", number(drain.server_cpu_per_10k, 3));
    row("drain: bytes written each", number(drain.written_bytes_each, 0));
    row("drain: foreign cores", number(drain.foreign_cores, 2));
    row("drained: RSS MB", memory(report.drained));
    row("drained: disk MB", disk(report.drained.disk));
    let (from, to) = (report.settling.first(), report.settling.last());
    if let (Some(from), Some(to)) = (from, to) {
        row(
            "settling: allocated MB, from / to / after s",
            format!(
                "{} / {} / {}",
                megabytes(from.disk.allocated_bytes),
                megabytes(to.disk.allocated_bytes),
                number(to.seconds, 0)
            ),
        );
    }
    let ratio = |of: u64, by: u64| of as f64 / by.max(4_096) as f64;
    row(
        "settled: disk against empty",
        format!(
            "x{:.2} allocated, x{:.2} apparent",
            ratio(report.settled.disk.allocated_bytes, report.idle.disk.allocated_bytes),
            ratio(report.settled.disk.apparent_bytes, report.idle.disk.apparent_bytes)
        ),
    );
    row("settled: RSS MB", memory(report.settled));

    let title = format!(
        "{}: backlog of {}, concurrency {}, store on {}",
        report.server.name(),
        report.count,
        report.concurrency,
        report.file_system
    );
    format!("### {title}\n\n{}", grid(&["figure", "value"], &rows))
}
