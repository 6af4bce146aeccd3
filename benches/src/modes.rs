//! `invoked-load modes`: ways to invoke, against one another in one session.
//!
//! - plain against task mode, which keeps record, payload, result and history; also with ids that the caller
//!   chooses, which have to be looked up before they are taken;
//! - requests that are verified against the same signed requests to a daemon that does not look, so
//!   that what the load generator pays for signing is on both sides.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::disk;
use crate::publish::Output;
use crate::report::{Figures, grid, number};
use crate::server::{DaemonArgs, FUNCTION, Kind, TASK_FUNCTION};
use crate::stage::{Stage, Step};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// One short repetition instead of five.
    #[arg(long)]
    quick: bool,
    /// Repetitions; the figures are medians.
    #[arg(long)]
    reps: Option<usize>,
    /// Only this mode and the one that it is compared with.
    #[arg(long)]
    only: Option<String>,
    /// Bytes of each payload.
    #[arg(long, default_value_t = 1_024)]
    payload: usize,
    #[command(flatten)]
    output: Output,
}

/// A way to invoke.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    /// The index of the mode that it is compared with.
    against: usize,
    function: &'static str,
    task_ids: bool,
    signed: bool,
    authenticates: bool,
}

/// Plain.
const MODE: Mode = Mode {
    name: "plain",
    against: 0,
    function: FUNCTION,
    task_ids: false,
    signed: false,
    authenticates: false,
};

const MODES: [Mode; 5] = [
    MODE,
    Mode { name: "task", function: TASK_FUNCTION, ..MODE },
    Mode { name: "task, caller's id", function: TASK_FUNCTION, task_ids: true, ..MODE },
    Mode { name: "signed, not verified", against: 3, signed: true, ..MODE },
    Mode { name: "signed and verified", against: 3, signed: true, authenticates: true, ..MODE },
];

#[derive(Serialize)]
struct ModeResult {
    #[serde(skip)]
    index: usize,
    mode: &'static str,
    samples: Vec<Figures>,
    median: Figures,
}

pub fn main(args: &Args) -> Result<()> {
    args.daemon.binary()?;
    let reps = args.reps.unwrap_or(if args.quick { 1 } else { 5 }).max(1);
    let count = if args.quick { 10_000 } else { 50_000 };
    let home = args.daemon.directory()?;
    let modes = chosen(args.only.as_deref())?;
    let mut samples: Vec<Vec<Figures>> = vec![Vec::new(); MODES.len()];
    for rep in 0..reps {
        // Every mode on a daemon of its own: none finds what another left.
        for at in 0..modes.len() {
            // By turns from another end, so that a machine that slows down favours nobody.
            let index = modes[if rep % 2 == 0 { at } else { modes.len() - 1 - at }];
            let mode = MODES[index];
            eprintln!("[{}/{reps}] {}", rep + 1, mode.name);
            let place = home.path().join(format!("{rep}-{index}"));
            let daemon = DaemonArgs { authenticates: mode.authenticates, ..args.daemon.clone() };
            let mut stage = Stage::set(Kind::Invoked, &daemon, &place)
                .with_context(|| format!("setting up: {}", mode.name))?;
            thread::sleep(Duration::from_secs(1));
            let Mode { function, task_ids, signed, .. } = mode;
            let step = Step { function, task_ids, signed, size: args.payload, ..Step::at(64) };
            stage.measure(Step { seconds: Some(0.5), ..step })?;
            let figures = stage.measure(Step { count: Some(count), ..step })?;
            samples[index].push(figures);
            drop(stage);
            fs::remove_dir_all(place)?;
        }
    }
    let results: Vec<ModeResult> = modes
        .iter()
        .map(|index| {
            let samples = std::mem::take(&mut samples[*index]);
            let median = Figures::median(&samples);
            ModeResult { index: *index, mode: MODES[*index].name, samples, median }
        })
        .collect();
    let measured = format!("{count} at 64 connections, {} B", number(args.payload as f64, 0));
    let text = table(&results, &measured, reps, &disk::file_system(home.path())?);
    args.output.publish("modes", &text, &results, &[])?;
    for result in &results {
        ensure!(
            result.median.unseen + result.median.broken + result.median.refused == 0.0,
            "{}: {} unseen, {} broken, {} refused",
            result.mode,
            result.median.unseen,
            result.median.broken,
            result.median.refused
        );
    }
    Ok(())
}

/// The modes to measure, by their places in [`MODES`].
fn chosen(only: Option<&str>) -> Result<Vec<usize>> {
    let Some(name) = only else { return Ok((0..MODES.len()).collect()) };
    let found = MODES.iter().position(|mode| mode.name == name);
    let found = found.with_context(|| format!("no mode is called {name:?}"))?;
    let mut chosen = vec![MODES[found].against, found];
    chosen.dedup();
    Ok(chosen)
}

/// The table, below what was `measured` and where.
fn table(results: &[ModeResult], measured: &str, reps: usize, file_system: &str) -> String {
    let against = |result: &ModeResult| {
        let against = MODES[result.index].against;
        results.iter().find(|other| other.index == against).unwrap_or(&results[0])
    };
    let rows: Vec<Vec<String>> = results
        .iter()
        .map(|result| {
            let (of, by) = (&result.median, &against(result).median);
            let ratio = |of: f64, by: f64| format!("x{:.2}", of / by);
            vec![
                result.mode.to_owned(),
                number(of.seen_per_second, 0),
                ratio(of.seen_per_second, by.seen_per_second),
                number(of.accept_p50_us / 1e3, 2),
                number(of.accept_p99_us / 1e3, 2),
                number(of.server_cpu, 3),
                ratio(of.server_cpu, by.server_cpu),
                number(of.load_cpu, 3),
                number(of.written_bytes, 0),
                number(of.foreign_cores, 2),
            ]
        })
        .collect();
    let titles = [
        "mode",
        "end to end/s",
        "ratio",
        "accept p50 ms",
        "p99",
        "server CPU s/10k",
        "ratio",
        "load CPU s/10k",
        "bytes written each",
        "foreign cores",
    ];
    format!(
        "### Ways to invoke: {measured}, medians of {reps}, store on \
         {file_system}\n\nTask mode is compared with plain; verified with the same signed requests \
         to a daemon with authentication off.\n\n{}",
        grid(&titles, &rows)
    )
}
