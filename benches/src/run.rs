//! `invoked-load run`: the same steps on the floor and on `invoked`, by turns, in one session.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::disk;
use crate::report::{self, Figures};
use crate::server::{DaemonArgs, Kind};
use crate::stage::{Stage, Step};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// One short repetition instead of three: says whether it works, not how fast.
    #[arg(long)]
    quick: bool,
    /// Repetitions; the figures are medians.
    #[arg(long)]
    reps: Option<usize>,
    /// Leaves one of the two out.
    #[arg(long, value_enum)]
    only: Option<Only>,
    /// Writes all figures as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Writes the tables as Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    Floor,
    Invoked,
}

/// Everything a session measured.
#[derive(Serialize)]
pub struct Session {
    pub quick: bool,
    pub file_system: String,
    pub cores: usize,
    pub concurrency: usize,
    pub payload_bytes: usize,
    pub steps: Vec<StepResult>,
    /// Resident bytes before the first and after the last invocation.
    pub memory: BTreeMap<Kind, Memory>,
}

#[derive(Serialize)]
pub struct StepResult {
    pub name: String,
    /// Every repetition.
    pub samples: BTreeMap<Kind, Vec<Figures>>,
    pub median: BTreeMap<Kind, Figures>,
}

#[derive(Clone, Copy, Default, Serialize)]
pub struct Memory {
    pub idle_bytes: u64,
    pub after_bytes: u64,
    pub peak_bytes: u64,
}

pub fn main(args: &Args) -> Result<()> {
    let kinds: &[Kind] = match args.only {
        None => &[Kind::Floor, Kind::Invoked],
        Some(Only::Floor) => &[Kind::Floor],
        Some(Only::Invoked) => &[Kind::Invoked],
    };
    if kinds.contains(&Kind::Invoked) {
        // Before minutes are spent on the floor.
        args.daemon.binary()?;
    }
    let reps = args.reps.unwrap_or(if args.quick { 1 } else { 3 }).max(1);
    let steps = steps(args.quick);
    let home = args.daemon.directory()?;

    let mut samples: BTreeMap<(usize, Kind), Vec<Figures>> = BTreeMap::new();
    let mut memory: BTreeMap<Kind, Memory> = BTreeMap::new();
    for rep in 0..reps {
        for &kind in kinds {
            let name = kind.name();
            let mut stage = Stage::set(kind, &args.daemon, &home.path().join(rep.to_string()))
                .with_context(|| format!("setting up {name}"))?;
            thread::sleep(Duration::from_secs(1));
            let idle_bytes = stage.server.usage()?.rss_bytes;
            stage.measure(Step { seconds: Some(0.5), ..Step::at(16) })?;
            for (index, (title, step)) in steps.iter().enumerate() {
                eprintln!("[{}/{reps}] {name}: {title}", rep + 1);
                let figures = stage.measure(*step).with_context(|| format!("{name}: {title}"))?;
                samples.entry((index, kind)).or_default().push(figures);
            }
            let usage = stage.server.usage()?;
            let seen = memory.entry(kind).or_default();
            seen.idle_bytes = seen.idle_bytes.max(idle_bytes);
            seen.after_bytes = seen.after_bytes.max(usage.rss_bytes);
            seen.peak_bytes = seen.peak_bytes.max(usage.peak_bytes);
            drop(stage);
            fs::remove_dir_all(home.path().join(rep.to_string()))?;
        }
    }

    let steps = steps.into_iter().enumerate().map(|(index, (name, _))| {
        let samples: BTreeMap<Kind, Vec<Figures>> = kinds
            .iter()
            .map(|&kind| (kind, samples.remove(&(index, kind)).unwrap_or_default()))
            .collect();
        let median =
            samples.iter().map(|(&kind, samples)| (kind, Figures::median(samples))).collect();
        StepResult { name, samples, median }
    });
    let session = Session {
        quick: args.quick,
        file_system: disk::file_system(home.path())?,
        cores: thread::available_parallelism()?.get(),
        concurrency: args.daemon.concurrency,
        payload_bytes: 1_024,
        steps: steps.collect(),
        memory,
    };
    let tables = report::tables(&session);
    print!("{tables}");
    if let Some(path) = &args.markdown {
        fs::write(path, &tables).with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &args.out {
        fs::write(path, serde_json::to_vec_pretty(&session)?)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    for step in &session.steps {
        for (kind, figures) in &step.median {
            ensure!(
                figures.unseen + figures.broken == 0.0,
                "{}, {}: {} accepted invocations never reached the function, {} requests broke",
                kind.name(),
                step.name,
                figures.unseen,
                figures.broken
            );
        }
    }
    Ok(())
}

fn steps(quick: bool) -> Vec<(String, Step)> {
    let (closed_seconds, open_seconds, count) =
        if quick { (1.5, 3.0, 10_000) } else { (5.0, 10.0, 50_000) };
    let mut steps = Vec::new();
    for connections in [1, 16, 64, 256] {
        let step = Step { seconds: Some(closed_seconds), ..Step::at(connections) };
        steps.push((format!("closed loop at {connections}"), step));
    }
    let step = Step { count: Some(count), ..Step::at(64) };
    steps.push((format!("end to end, {count} at 64"), step));
    for rate in [500.0, 2_000.0] {
        let step = Step { seconds: Some(open_seconds), rate: Some(rate), ..Step::at(64) };
        steps.push((format!("open loop, {rate}/s"), step));
    }
    steps
}
