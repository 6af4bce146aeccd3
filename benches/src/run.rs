//! `invoked-load run`: the same steps on the floor, on `invoked` and, if asked for, on its peers, by turns, in one
//! session.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::disk;
use crate::peer;
use crate::publish::Output;
use crate::report::{self, Figures};
use crate::server::{DaemonArgs, Kind};
use crate::session::{Memory, Scenario, ScenarioKind, Session, StepResult};
use crate::stage::{Stage, Step};
use crate::summary;

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
    /// Every peer beside the floor and invoked; one that does not start is reported and left out.
    #[arg(long)]
    peers: bool,
    /// Only these servers.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
    /// Only these scenarios.
    #[arg(long, value_enum, value_delimiter = ',')]
    scenarios: Vec<ScenarioKind>,
    /// Invocations of the end-to-end step.
    #[arg(long)]
    count: Option<u64>,
    /// How long a closed loop runs; an open one runs twice as long.
    #[arg(long)]
    seconds: Option<f64>,
    #[command(flatten)]
    output: Output,
}

/// What the turns leave behind.
#[derive(Default)]
struct Measured {
    samples: BTreeMap<(usize, Kind), Vec<Figures>>,
    memory: BTreeMap<Kind, Memory>,
    failed: BTreeMap<Kind, String>,
}

pub fn main(args: &Args) -> Result<()> {
    let kinds = args.kinds();
    if kinds.contains(&Kind::Invoked) {
        // Before minutes are spent on the floor.
        args.daemon.binary()?;
    }
    let reps = args.reps.unwrap_or(if args.quick { 1 } else { 3 }).max(1);
    let steps = args.steps();
    let home = args.daemon.directory()?;
    let mut measured = Measured::default();
    for rep in 0..reps {
        // By turns from another end, so that a machine that slows down favours nobody.
        let mut turns = kinds.clone();
        if rep % 2 == 1 {
            turns.reverse();
        }
        for kind in turns {
            if measured.failed.contains_key(&kind) {
                continue;
            }
            let place = home.path().join(rep.to_string());
            let title = format!("[{}/{reps}] {}", rep + 1, kind.name());
            let turn = measured.turn(kind, &args.daemon, &place, &steps, &title);
            match turn {
                Err(error) if kind.is_peer() => {
                    eprintln!("{title} failed: {error:#}");
                    measured.failed.insert(kind, format!("{error:#}"));
                }
                turn => turn?,
            }
            fs::remove_dir_all(&place)?;
        }
    }
    let session = Session {
        quick: args.quick,
        file_system: disk::file_system(home.path())?,
        cores: thread::available_parallelism()?.get(),
        concurrency: args.daemon.concurrency,
        repetitions: reps,
        servers: kinds.iter().map(|&kind| (kind, peer::describe(kind, &args.daemon))).collect(),
        steps: results(steps, &kinds, &mut measured.samples),
        failed: measured.failed,
        memory: measured.memory,
    };
    let section = if kinds.iter().any(|kind| kind.is_peer()) { "peers" } else { "run" };
    let text = summary::text(&session) + &report::tables(&session);
    args.output.publish(section, &text, &session, &summary::charts(&session))?;
    nothing_is_lost(&session)
}

impl Args {
    fn kinds(&self) -> Vec<Kind> {
        let chosen = |kind: &Kind| match self.only.as_slice() {
            [] => self.peers || !kind.is_peer(),
            only => only.contains(kind),
        };
        Kind::ALL.into_iter().filter(chosen).collect()
    }

    fn steps(&self) -> Vec<(Scenario, Step)> {
        let quick = self.quick;
        let seconds = self.seconds.unwrap_or(if quick { 1.5 } else { 5.0 });
        let count = self.count.unwrap_or(if quick { 10_000 } else { 50_000 });
        let closed = |at| Step { seconds: Some(seconds), ..Step::at(at) };
        let mut steps = Vec::new();
        let mut add = |kind, name: String, step: Step| {
            let Step { connections, size: payload_bytes, rate, .. } = step;
            steps.push((Scenario { name, kind, connections, payload_bytes, rate }, step));
        };
        for connections in [1, 16, 64, 256] {
            let name = format!("closed loop at {connections}");
            add(ScenarioKind::Accept, name, closed(connections));
        }
        let step = Step { count: Some(count), ..Step::at(64) };
        add(ScenarioKind::EndToEnd, format!("end to end, {count} at 64"), step);
        for rate in [500.0, 2_000.0] {
            let step = Step { seconds: Some(seconds * 2.0), rate: Some(rate), ..Step::at(64) };
            add(ScenarioKind::Open, format!("open loop, {rate}/s"), step);
        }
        for (name, size) in
            [("256 B", 256), ("1 KB", 1 << 10), ("16 KB", 16 << 10), ("128 KB", 128 << 10)]
        {
            let step = Step { size, ..closed(64) };
            add(ScenarioKind::Payloads, format!("payload of {name} at 64"), step);
        }
        let wanted = |kind: ScenarioKind| match self.scenarios.as_slice() {
            [] => !(quick && kind == ScenarioKind::Payloads),
            chosen => chosen.contains(&kind),
        };
        steps.retain(|(scenario, _)| wanted(scenario.kind));
        steps
    }
}

impl Measured {
    /// All steps on a fresh server.
    fn turn(
        &mut self,
        kind: Kind,
        daemon: &DaemonArgs,
        place: &Path,
        steps: &[(Scenario, Step)],
        title: &str,
    ) -> Result<()> {
        eprintln!("{title}: setting up");
        let mut stage = Stage::set(kind, daemon, place).context("setting it up")?;
        thread::sleep(Duration::from_secs(1));
        let idle_bytes = stage.server.usage()?.rss_bytes;
        stage.measure(Step { seconds: Some(0.5), ..Step::at(16) })?;
        for (index, (scenario, step)) in steps.iter().enumerate() {
            eprintln!("{title}: {}", scenario.name);
            let figures = stage.measure(*step).with_context(|| scenario.name.clone())?;
            self.samples.entry((index, kind)).or_default().push(figures);
        }
        let usage = stage.server.usage()?;
        let seen = self.memory.entry(kind).or_default();
        seen.idle_bytes = seen.idle_bytes.max(idle_bytes);
        seen.after_bytes = seen.after_bytes.max(usage.rss_bytes);
        seen.peak_bytes = seen.peak_bytes.max(usage.peak_bytes);
        Ok(())
    }
}

fn results(
    steps: Vec<(Scenario, Step)>,
    kinds: &[Kind],
    samples: &mut BTreeMap<(usize, Kind), Vec<Figures>>,
) -> Vec<StepResult> {
    let result = |(index, (scenario, _)): (usize, (Scenario, Step))| {
        let of = kinds.iter().filter_map(|&kind| Some((kind, samples.remove(&(index, kind))?)));
        let samples: BTreeMap<Kind, Vec<Figures>> = of.collect();
        let median = samples.iter().map(|(&kind, samples)| (kind, Figures::median(samples)));
        StepResult { scenario, median: median.collect(), samples }
    };
    steps.into_iter().enumerate().map(result).collect()
}

/// Of the floor and of invoked; a peer's loss stands in the table.
fn nothing_is_lost(session: &Session) -> Result<()> {
    for step in &session.steps {
        for (kind, figures) in step.median.iter().filter(|(kind, _)| !kind.is_peer()) {
            ensure!(
                figures.unseen + figures.broken == 0.0,
                "{}, {}: {} accepted invocations never reached the function, {} requests broke",
                kind.name(),
                step.scenario.name,
                figures.unseen,
                figures.broken
            );
        }
    }
    Ok(())
}
