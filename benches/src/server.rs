//! The server under test: the floor, `invoked` or a peer, each in a directory of its own. A peer is several programs:
//! a broker, a front that answers 202, and a worker that calls the function; what they use counts together.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::KEY;
use crate::control;
use crate::peer::{self, Plan, Tools};
use crate::proc::{Process, Usage};
use crate::program::Program;

/// The function of plain invocations.
pub const FUNCTION: &str = "bench";
/// The function whose invocations are tasks.
pub const TASK_FUNCTION: &str = "bench-task";
/// How long a server may take: RabbitMQ needs ten seconds on two quiet cores.
const START: Duration = Duration::from_secs(90);

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Floor,
    Invoked,
    RabbitmqQuorum,
    RabbitmqClassic,
    Bullmq,
    Restate,
    RestateTwoPartitions,
    Nats,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Floor,
        Self::Invoked,
        Self::RabbitmqQuorum,
        Self::RabbitmqClassic,
        Self::Bullmq,
        Self::Restate,
        Self::RestateTwoPartitions,
        Self::Nats,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Invoked => "invoked",
            Self::RabbitmqQuorum => "rabbitmq-quorum",
            Self::RabbitmqClassic => "rabbitmq-classic",
            Self::Bullmq => "bullmq",
            Self::Restate => "restate",
            Self::RestateTwoPartitions => "restate-two-partitions",
            Self::Nats => "nats",
        }
    }

    /// Whether it is somebody else's: may be missing, and is never a reason to fail.
    #[must_use]
    pub fn is_peer(self) -> bool {
        !matches!(self, Self::Floor | Self::Invoked)
    }

    /// Whether it calls the function in a protocol of its own.
    #[must_use]
    pub fn is_restate(self) -> bool {
        matches!(self, Self::Restate | Self::RestateTwoPartitions)
    }
}

/// What all subcommands let one choose about the servers.
#[derive(Clone, Debug, clap::Args)]
pub struct DaemonArgs {
    /// The binary of invoked; by default the one beside this program.
    #[arg(long)]
    pub daemon: Option<PathBuf>,
    /// Whether the daemon authenticates its callers.
    #[arg(skip)]
    pub authenticates: bool,
    /// TOML that is appended to the daemon's configuration, to try settings out.
    #[arg(long)]
    pub config_extra: Option<PathBuf>,
    /// Replaces the daemon's `[auth]` and `[functions]`, where a scenario needs others.
    #[arg(skip)]
    pub scenario: Option<String>,
    /// Invocations that are with the function at a time.
    #[arg(long, default_value_t = 64)]
    pub concurrency: usize,
    /// Where the stores lie while it runs: must be on a real disk.
    #[arg(long)]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    pub tools: Tools,
}

impl DaemonArgs {
    pub fn binary(&self) -> Result<PathBuf> {
        let binary = match &self.daemon {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("invoked"),
        };
        binary.canonicalize().with_context(|| {
            format!("no daemon at {}: build it, or name it with --daemon", binary.display())
        })
    }

    pub fn directory(&self) -> Result<tempfile::TempDir> {
        let parent = self.dir.clone().unwrap_or_else(std::env::temp_dir);
        Ok(tempfile::Builder::new().prefix("invoked-load-").tempdir_in(parent)?)
    }
}

pub struct Server {
    pub kind: Kind,
    /// Where invocations are submitted.
    pub address: SocketAddr,
    /// Where `/readyz` answers.
    pub readiness: SocketAddr,
    /// What it stores.
    pub data: PathBuf,
    home: PathBuf,
    programs: Vec<Program>,
    processes: Vec<Process>,
}

impl Server {
    /// Starts it, and returns when it is ready.
    pub fn start(kind: Kind, args: &DaemonArgs, home: &Path, function: SocketAddr) -> Result<Self> {
        let home = home.join(kind.name());
        let data = home.join("data");
        fs::create_dir_all(&data)?;
        let plan = plan(kind, args, &home, &data, function)?;
        let Plan { address, readiness, programs } = plan;
        let processes = spawn(&programs, &home)?;
        let mut server = Self { kind, address, readiness, data, home, programs, processes };
        server.wait_until_ready()?;
        if kind.is_restate() {
            peer::restate::register(readiness, function)?;
        }
        Ok(server)
    }

    pub fn kill(&mut self) -> Result<()> {
        self.processes.drain(..).try_for_each(|mut process| process.kill())
    }

    /// Starts it again on what it left; returns at once.
    pub fn start_again(&mut self) -> Result<()> {
        self.processes = spawn(&self.programs, &self.home)?;
        Ok(())
    }

    /// Of all its programs together.
    pub fn usage(&self) -> Result<Usage> {
        self.processes.iter().map(Process::usage).sum()
    }

    pub fn lives(&mut self) -> Result<bool> {
        for process in &mut self.processes {
            if !process.lives()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The end of what the server printed, for an error's context.
    #[must_use]
    pub fn last_words(&self) -> String {
        let said = self.programs.iter().map(|program| {
            let output = fs::read(program.log(&self.home)).unwrap_or_default();
            let output = String::from_utf8_lossy(&output);
            let lines: Vec<_> = output.lines().collect();
            let last = lines[lines.len().saturating_sub(10)..].join("\n");
            if last.is_empty() { last } else { format!("{}: {last}\n", program.name) }
        });
        said.collect()
    }

    /// Where a `GET` says whether it is ready.
    #[must_use]
    pub fn readiness_path(&self) -> &'static str {
        if self.kind.is_restate() { "/health" } else { "/readyz" }
    }

    /// Where invocations of [`FUNCTION`] are sent.
    #[must_use]
    pub fn accept_path(&self) -> String {
        if self.kind.is_restate() {
            peer::restate::PATH.to_owned()
        } else {
            format!("/2023-03-30/functions/{FUNCTION}/invocations")
        }
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            if control::is_ready(self.readiness, self.readiness_path()) {
                return Ok(());
            }
            if !self.lives()? {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("{} did not start; it printed:\n{}", self.kind.name(), self.last_words())
    }
}

fn spawn(programs: &[Program], home: &Path) -> Result<Vec<Process>> {
    programs.iter().map(|program| program.start(home)).collect()
}

fn plan(
    kind: Kind,
    args: &DaemonArgs,
    home: &Path,
    data: &Path,
    function: SocketAddr,
) -> Result<Plan> {
    let address = control::free_address()?;
    match kind {
        Kind::Floor => {
            let program = Program::own("floor", std::env::current_exe()?)
                .argument("floor")
                .argument(format!("--listen={address}"))
                .argument(format!("--function={function}"))
                .argument(format!("--concurrency={}", args.concurrency))
                .argument(format!("--log={}", data.join("log").display()))
                .argument("--exit-with-stdin");
            Ok(Plan { address, readiness: address, programs: vec![program] })
        }
        Kind::Invoked => {
            let admin = control::free_address()?;
            let file = home.join("invoked.toml");
            fs::write(&file, configuration(args, address, admin, data, function)?)?;
            let program = Program::own("invoked", args.binary()?)
                .argument("serve")
                .argument(format!("--config={}", file.display()));
            Ok(Plan { address, readiness: admin, programs: vec![program] })
        }
        Kind::RabbitmqQuorum
        | Kind::RabbitmqClassic
        | Kind::Bullmq
        | Kind::Restate
        | Kind::RestateTwoPartitions
        | Kind::Nats => peer::plan(kind, args, home, data, function),
    }
}

/// What the daemon is started with.
pub fn configuration(
    args: &DaemonArgs,
    address: SocketAddr,
    admin: SocketAddr,
    data: &Path,
    function: SocketAddr,
) -> Result<String> {
    let extra = match &args.config_extra {
        Some(path) => fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => String::new(),
    };
    let scenario = match &args.scenario {
        Some(scenario) => scenario.clone(),
        None => plain(args, function),
    };
    Ok(format!(
        r#"[server]
listen = "{address}"

[admin]
listen = "{admin}"

[store]
kind = "embedded"
path = "{data}"

{scenario}

{extra}"#,
        data = data.display(),
    ))
}

/// Two functions, of plain invocations and of tasks.
fn plain(args: &DaemonArgs, function: SocketAddr) -> String {
    let auth = if args.authenticates {
        let (id, secret) = KEY;
        format!("[auth]\nmode = \"signed\"\n[auth.keys.{id}]\nsecret = \"{secret}\"\n")
    } else {
        "[auth]\nmode = \"off\"\n".to_owned()
    };
    format!(
        r#"{auth}
[functions.{FUNCTION}]
url = "http://{function}"
timeout = "3600s"
concurrency = {concurrency}

[functions.{TASK_FUNCTION}]
url = "http://{function}"
timeout = "3600s"
concurrency = {concurrency}
[functions.{TASK_FUNCTION}.async]
async_task = true"#,
        concurrency = args.concurrency,
    )
}
