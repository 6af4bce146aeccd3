//! `invoked-load many`: what an invocation costs among few functions and among many, on a daemon of its
//! own each time. The load goes over the functions by turns, so that none is ever warm among many.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::control;
use crate::publish::Output;
use crate::report::{Figures, grid, number};
use crate::server::{DaemonArgs, FUNCTION, Kind};
use crate::stage::{Stage, Step};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Few functions.
    #[arg(long, default_value_t = 10)]
    few: u64,
    /// Many functions.
    #[arg(long, default_value_t = 10_000)]
    many: u64,
    /// Invocations of a repetition.
    #[arg(long, default_value_t = 50_000)]
    count: u64,
    /// Repetitions; the figures are medians.
    #[arg(long, default_value_t = 3)]
    reps: usize,
    #[command(flatten)]
    output: Output,
}

pub fn main(args: &Args) -> Result<()> {
    args.daemon.binary()?;
    let home = args.daemon.directory()?;
    let mut samples: [Vec<Figures>; 2] = [Vec::new(), Vec::new()];
    for rep in 0..args.reps.max(1) {
        for index in if rep % 2 == 0 { [0, 1] } else { [1, 0] } {
            let functions = if index == 0 { args.few } else { args.many };
            eprintln!("[{}/{}] {functions} functions", rep + 1, args.reps.max(1));
            let place = home.path().join(format!("{rep}-{index}"));
            samples[index].push(measure(args, functions, &place)?);
            fs::remove_dir_all(place)?;
        }
    }
    let medians = samples.map(|samples| Figures::median(&samples));
    args.output.publish("many", &table(args, &medians), &medians, &[])?;
    for figures in &medians {
        let lost = figures.unseen + figures.broken + figures.refused;
        ensure!(lost == 0.0, "{lost} unseen, broken or refused");
    }
    Ok(())
}

fn measure(args: &Args, functions: u64, place: &Path) -> Result<Figures> {
    fs::create_dir_all(place)?;
    // The stage chooses where its function listens, so the functions of the load are told with a port
    // that is ours to give: theirs is a second process.
    let function = control::free_address()?;
    let mut served = serve(function, place)?;
    let extra = place.join("functions.toml");
    fs::write(&extra, configuration(args, functions, function)?)?;
    let daemon = DaemonArgs { config_extra: Some(extra), ..args.daemon.clone() };
    let mut stage = Stage::set(Kind::Invoked, &daemon, place)?;
    stage.function = function;
    thread::sleep(Duration::from_secs(1));
    let step = Step { functions: Some(functions), ..Step::at(64) };
    // Each function once, so that what is done for the first invocation of one is not measured.
    stage.measure(Step { count: Some(functions.max(5_000)), ..step })?;
    let figures = stage.measure(Step { count: Some(args.count), ..step });
    drop(stage);
    served.kill()?;
    figures
}

fn serve(function: SocketAddr, place: &Path) -> Result<crate::proc::Process> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.arg("function").arg(format!("--listen={function}")).arg("--exit-with-stdin");
    let served = crate::proc::Process::start(&mut command, &place.join("functions.log"))?;
    control::wait_until_ready(function, "/stats", Duration::from_secs(10))?;
    Ok(served)
}

fn configuration(args: &Args, functions: u64, function: SocketAddr) -> Result<String> {
    let mut text = String::new();
    for at in 0..functions {
        write!(
            text,
            "[functions.{FUNCTION}-{at}]\nurl = \"http://{function}\"\ntimeout = \"3600s\"\n\
             concurrency = {}\n",
            args.daemon.concurrency
        )?;
    }
    Ok(text)
}

fn table(args: &Args, [few, many]: &[Figures; 2]) -> String {
    let row = |functions: u64, of: &Figures| {
        vec![
            functions.to_string(),
            number(of.seen_per_second, 0),
            format!("x{:.2}", of.seen_per_second / few.seen_per_second),
            number(of.accept_p50_us / 1e3, 2),
            number(of.accept_p99_us / 1e3, 2),
            number(of.server_cpu, 3),
            format!("x{:.2}", of.server_cpu / few.server_cpu),
            number(of.rss_bytes / 1e6, 1),
            number(of.foreign_cores, 2),
        ]
    };
    let titles = [
        "functions",
        "end to end/s",
        "ratio",
        "accept p50 ms",
        "p99",
        "server CPU s/10k",
        "ratio",
        "RSS MB",
        "foreign cores",
    ];
    format!(
        "{} at 64 connections, 1 KB, over all functions by turns, medians of {}.\n\n{}",
        args.count,
        args.reps.max(1),
        grid(&titles, &[row(args.few, few), row(args.many, many)])
    )
}
