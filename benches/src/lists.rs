//! `invoked-load lists`: what Get and List cost among few tasks and among many, and beside new ones. CPU beside new ones
//! is that of both.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::control;
use crate::proc::Process;
use crate::publish::Output;
use crate::report::{grid, number};
use crate::server::{DaemonArgs, Kind, TASK_FUNCTION};
use crate::stage::{Stage, Step};

/// New tasks a second beside some of the requests.
const BESIDE_RATE: u32 = 2_000;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Few tasks.
    #[arg(long, default_value_t = 1_000)]
    few: u64,
    /// Many tasks.
    #[arg(long, default_value_t = 1_000_000)]
    many: u64,
    /// Requests of each kind.
    #[arg(long, default_value_t = 300)]
    requests: usize,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, Serialize)]
struct Cost {
    p50_us: f64,
    p99_us: f64,
    server_cpu_us: f64,
}

pub fn main(args: &Args) -> Result<()> {
    let home = args.daemon.directory()?;
    let mut stage = Stage::set(Kind::Invoked, &args.daemon, home.path())?;
    let mut held = 0;
    let mut columns: Vec<Vec<(String, Cost)>> = Vec::new();
    for total in [args.few, args.many] {
        eprintln!("{total} tasks");
        stage.next_run()?;
        let step = Step { function: TASK_FUNCTION, count: Some(total - held), ..Step::at(64) };
        let accepted = stage.load(step)?.accepted;
        let seen = stage.wait_for(accepted)?.seen;
        ensure!(seen >= accepted, "{} of {accepted} never reached the function", accepted - seen);
        held = total;
        // Commits of the last outcomes, and what the store does behind them.
        thread::sleep(Duration::from_secs(5));
        columns.push(measure(&stage, args.requests, &home.path().join("beside.log"))?);
    }
    let [few, many] = columns.as_slice() else { return Ok(()) };
    let rows: Vec<Vec<String>> = few
        .iter()
        .zip(many)
        .map(|((what, few), (_, many))| {
            vec![
                what.clone(),
                number(few.p50_us, 0),
                number(many.p50_us, 0),
                format!("x{:.2}", many.p50_us / few.p50_us),
                number(few.p99_us, 0),
                number(many.p99_us, 0),
                number(few.server_cpu_us, 0),
                number(many.server_cpu_us, 0),
                format!("x{:.2}", many.server_cpu_us / few.server_cpu_us),
            ]
        })
        .collect();
    let titles = [
        "request",
        "p50 us, few",
        "p50 us, many",
        "ratio",
        "p99 us, few",
        "p99 us, many",
        "server CPU us, few",
        "many",
        "ratio",
    ];
    let text = format!(
        "### Tasks: {} against {}, {} requests each\n\n{}",
        number(args.few as f64, 0),
        number(args.many as f64, 0),
        args.requests,
        grid(&titles, &rows)
    );
    args.output.publish("lists", &text, &columns, &[])?;
    Ok(())
}

fn measure(stage: &Stage, requests: usize, log: &Path) -> Result<Vec<(String, Cost)>> {
    let base = format!("/2023-03-30/functions/{TASK_FUNCTION}/async-tasks");
    let page = control::get(stage.server.address, &format!("{base}?limit=20"))?;
    let page: serde_json::Value = serde_json::from_slice(&page.body)?;
    let ids: Vec<&str> = page["tasks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|task| task["taskId"].as_str())
        .collect();
    ensure!(ids.len() == 20, "a page of {} tasks", ids.len());
    let token = page["nextToken"].as_str().unwrap_or_default();
    let listed = |query: &str| format!("{base}?limit=20&{query}");
    let kinds = [
        ("get", (0..requests).map(|at| format!("{base}/{}", ids[at % 20])).collect::<Vec<_>>()),
        ("list 20, newest first", vec![listed("sortOrderByTime=desc"); requests]),
        ("list 20, oldest first", vec![listed("sortOrderByTime=asc"); requests]),
        ("list 20 with status Succeeded", vec![listed("status=Succeeded"); requests]),
        ("list 20 with status Failed (none)", vec![listed("status=Failed"); requests]),
        ("list 20, the second page", vec![listed(&format!("nextToken={token}")); requests]),
    ];
    let mut costs = Vec::new();
    for (what, paths) in &kinds {
        let cost = timed(stage, stage.server.address, paths).context(*what)?;
        costs.push(((*what).to_owned(), cost));
    }
    let beside = new_tasks(stage.server.address, log)?;
    for (what, paths) in kinds.iter().take(2) {
        let cost = timed(stage, stage.server.address, paths).context(*what)?;
        costs.push((format!("{what}, beside {BESIDE_RATE} new tasks/s"), cost));
    }
    drop(beside);
    Ok(costs)
}

/// New tasks beside the requests, as long as the process is there.
fn new_tasks(address: SocketAddr, log: &Path) -> Result<Process> {
    let mut load = Command::new(std::env::current_exe()?);
    load.arg("load").arg(format!("--target={address}")).arg(format!("--rate={BESIDE_RATE}"));
    load.arg(format!("--function={TASK_FUNCTION}")).args(["--seconds=3600", "--exit-with-stdin"]);
    let process = Process::start(&mut load, log)?;
    thread::sleep(Duration::from_secs(1));
    Ok(process)
}

fn timed(stage: &Stage, address: SocketAddr, paths: &[String]) -> Result<Cost> {
    let before = stage.server.usage()?.cpu_seconds;
    let mut took = Vec::with_capacity(paths.len());
    for path in paths {
        let begin = Instant::now();
        let answer = control::get(address, path)?;
        took.push(begin.elapsed().as_secs_f64() * 1e6);
        ensure!(answer.status == 200, "{path}: {}", answer.status);
    }
    let cpu = stage.server.usage()?.cpu_seconds - before;
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    Ok(Cost { p50_us: at(0.5), p99_us: at(0.99), server_cpu_us: cpu * 1e6 / paths.len() as f64 })
}
