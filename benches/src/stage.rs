//! A stage holds one server and its function, and measures one step after the other on them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, ensure};

use crate::clock;
use crate::control;
use crate::function::Stats;
use crate::load;
use crate::peer::restate;
use crate::proc::{Machine, Process, Usage, own_cpu_seconds};
use crate::report::Figures;
use crate::server::{DaemonArgs, FUNCTION, Kind, Server};

/// How long nothing may arrive at the function before the rest counts as unseen.
const STANDSTILL: Duration = Duration::from_secs(30);

/// One way to load the server.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The function that is invoked: [`FUNCTION`] or [`crate::server::TASK_FUNCTION`].
    pub function: &'static str,
    /// Over so many functions by turns, whose names are `function`, `-` and a number.
    pub functions: Option<u64>,
    /// Seconds that invocations wait at least.
    pub delay: u32,
    /// Whether the caller chooses the ids of tasks.
    pub task_ids: bool,
    /// Whether requests are signed.
    pub signed: bool,
    /// With the key of another account.
    pub other_account: bool,
    pub connections: usize,
    pub seconds: Option<f64>,
    pub count: Option<u64>,
    pub rate: Option<f64>,
    /// Bytes of a payload.
    pub size: usize,
}

impl Step {
    /// Plain invocations, unsigned, until a limit is set.
    #[must_use]
    pub fn at(connections: usize) -> Self {
        Self {
            function: FUNCTION,
            functions: None,
            delay: 0,
            task_ids: false,
            signed: false,
            other_account: false,
            connections,
            seconds: None,
            count: None,
            rate: None,
            size: 1_024,
        }
    }
}

pub struct Stage {
    pub server: Server,
    pub function: SocketAddr,
    function_process: Process,
    home: PathBuf,
    run: u64,
}

impl Stage {
    pub fn set(kind: Kind, args: &DaemonArgs, home: &Path) -> Result<Self> {
        fs::create_dir_all(home)?;
        let function = control::free_address()?;
        let (process, called) = if kind.is_restate() {
            let called = control::free_address()?;
            (restate_function(args, home, called, function)?, called)
        } else {
            (start_function(home, function, &[])?, function)
        };
        control::wait_until_ready(function, "/stats", Duration::from_secs(10))?;
        let server = Server::start(kind, args, home, called)?;
        Ok(Self { server, function, function_process: process, home: home.to_path_buf(), run: 0 })
    }

    #[must_use]
    pub fn run(&self) -> u64 {
        self.run
    }

    /// What comes before does not count from here on.
    pub fn next_run(&mut self) -> Result<()> {
        self.run += 1;
        control::reset(self.function, self.run)
    }

    /// Submits, waits until the function has seen everything, and says what it took.
    pub fn measure(&mut self, step: Step) -> Result<Figures> {
        self.next_run()?;
        let machine = Machine::read()?;
        let own = own_cpu_seconds()?;
        let server = self.server.usage()?;
        let function = self.function_usage()?;

        let load = self.load(step)?;
        let stats = self.wait_for(load.accepted)?;

        let server_after = self.server.usage()?;
        let server_cpu = server_after.cpu_seconds - server.cpu_seconds;
        let function_cpu = self.function_usage()?.cpu_seconds - function.cpu_seconds;
        let ours = server_cpu + function_cpu + load.cpu_seconds + own_cpu_seconds()? - own;

        let accepted = load.accepted as f64;
        let ten_thousands = accepted / 10_000.0;
        let written = server_after.written_bytes - server.written_bytes;
        Ok(Figures {
            accepted,
            accept_per_second: load.per_second,
            accept_p50_us: load.latency.p50_us as f64,
            accept_p90_us: load.latency.p90_us as f64,
            accept_p99_us: load.latency.p99_us as f64,
            accept_p999_us: load.latency.p999_us as f64,
            seen_per_second: stats.seen as f64 / clock::seconds(load.started_ns, stats.last_ns),
            function_p50_us: stats.latency.p50_us as f64,
            function_p99_us: stats.latency.p99_us as f64,
            function_p999_us: stats.latency.p999_us as f64,
            server_cpu: server_cpu / ten_thousands,
            function_cpu: function_cpu / ten_thousands,
            load_cpu: load.cpu_seconds / ten_thousands,
            written_bytes: written as f64 / accepted,
            rss_bytes: server_after.rss_bytes as f64,
            foreign_cores: machine.foreign_cores(ours)?,
            refused: load.refused.values().sum::<u64>() as f64,
            broken: (load.broken + load.unnamed) as f64,
            unseen: load.accepted.saturating_sub(stats.seen) as f64,
            duplicates: stats.duplicates as f64,
        })
    }

    /// Runs the load generator to its end, on numbers from 0.
    pub fn load(&mut self, step: Step) -> Result<load::Report> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("load")
            .arg(format!("--target={}", self.server.address))
            .arg(format!("--function={}", step.function))
            .arg(format!("--connections={}", step.connections))
            .arg(format!("--size={}", step.size))
            .arg(format!("--run={}", self.run))
            .arg(format!("--delay={}", step.delay))
            .arg("--exit-with-stdin");
        if self.server.kind.is_restate() {
            command.arg(format!("--path={}", restate::PATH));
        }
        let limits = [
            ("--functions", step.functions.map(|functions| functions.to_string())),
            ("--seconds", step.seconds.map(|seconds| seconds.to_string())),
            ("--count", step.count.map(|count| count.to_string())),
            ("--rate", step.rate.map(|rate| rate.to_string())),
        ];
        if step.task_ids {
            command.arg("--task-ids");
        }
        if step.signed {
            command.arg("--sign");
        }
        if step.other_account {
            command.arg("--other-account");
        }
        for (name, value) in limits {
            if let Some(value) = value {
                command.arg(name).arg(value);
            }
        }
        let errors = fs::File::create(self.home.join("load.log"))?;
        // The pipe must stay open for as long as the load generator runs, so its owner waits.
        let (ours, theirs) = std::io::pipe().map(|(theirs, ours)| (ours, theirs))?;
        let output = command.stdin(theirs).stderr(errors).output()?;
        drop(ours);
        ensure!(
            output.status.success(),
            "the load generator failed: {}{}",
            fs::read_to_string(self.home.join("load.log")).unwrap_or_default(),
            self.server.last_words()
        );
        let report: load::Report = serde_json::from_slice(&output.stdout)?;
        ensure!(
            report.accepted > 0,
            "{} accepted nothing: {:?} refused, {} broken; it printed:\n{}",
            self.server.kind.name(),
            report.refused,
            report.broken,
            self.server.last_words()
        );
        Ok(report)
    }

    /// Waits until the function has seen `count` invocations of this run.
    pub fn wait_for(&self, count: u64) -> Result<Stats> {
        wait_for_at(self.function, count)
    }

    pub fn function_usage(&self) -> Result<Usage> {
        self.function_process.usage().context("the function is gone")
    }
}

/// Waits until the function there has seen `count` invocations of its run, or sees no more.
pub fn wait_for_at(function: SocketAddr, count: u64) -> Result<Stats> {
    let mut progress = (0, Instant::now());
    loop {
        let stats = control::stats(function)?;
        if stats.seen >= count || progress.1.elapsed() > STANDSTILL {
            return Ok(stats);
        }
        if stats.seen > progress.0 {
            progress = (stats.seen, Instant::now());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Another function than the stage's own also ends with the harness.
pub fn start_function(home: &Path, listen: SocketAddr, arguments: &[&str]) -> Result<Process> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("function").arg(format!("--listen={listen}")).arg("--exit-with-stdin");
    let log = home.join(format!("function-{}.log", listen.port()));
    let process = Process::start(command.args(arguments), &log)?;
    control::wait_until_ready(listen, "/stats", Duration::from_secs(10))?;
    Ok(process)
}

fn restate_function(
    args: &DaemonArgs,
    home: &Path,
    listen: SocketAddr,
    control: SocketAddr,
) -> Result<Process> {
    let mut command = Command::new(args.tools.program()?);
    command
        .arg("restate-function")
        .arg(format!("--listen={listen}"))
        .arg(format!("--control={control}"));
    Process::start(&mut command, &home.join("function.log"))
}
