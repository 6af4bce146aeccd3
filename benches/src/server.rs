//! The server under test: the floor or `invoked`, each in a directory of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::client::KEY;
use crate::control;
use crate::proc::{Process, Usage};

/// The function of plain invocations.
pub const FUNCTION: &str = "bench";
/// The function whose invocations are tasks.
pub const TASK_FUNCTION: &str = "bench-task";
const START: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Floor,
    Invoked,
}

impl Kind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Invoked => "invoked",
        }
    }
}

/// What both subcommands let one choose about the daemon.
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
    /// Invocations that are with the function at a time.
    #[arg(long, default_value_t = 64)]
    pub concurrency: usize,
    /// Where the stores lie while it runs: must be on a real disk.
    #[arg(long)]
    pub dir: Option<PathBuf>,
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
    program: PathBuf,
    arguments: Vec<String>,
    process: Process,
}

impl Server {
    /// Starts it, and returns when it is ready.
    pub fn start(kind: Kind, args: &DaemonArgs, home: &Path, function: SocketAddr) -> Result<Self> {
        let home = home.join(kind.name());
        let data = home.join("data");
        fs::create_dir_all(&data)?;
        let address = control::free_address()?;
        let (readiness, program, arguments) = match kind {
            Kind::Floor => {
                let arguments = [
                    "floor".to_owned(),
                    format!("--listen={address}"),
                    format!("--function={function}"),
                    format!("--concurrency={}", args.concurrency),
                    format!("--log={}", data.join("log").display()),
                    "--exit-with-stdin".to_owned(),
                ];
                (address, std::env::current_exe()?, arguments.to_vec())
            }
            Kind::Invoked => {
                let admin = control::free_address()?;
                let file = home.join("invoked.toml");
                fs::write(&file, configuration(args, address, admin, &data, function)?)?;
                let arguments =
                    ["serve".to_owned(), "--config".to_owned(), file.display().to_string()];
                (admin, args.binary()?, arguments.to_vec())
            }
        };
        let process = spawn(&program, &arguments, &home)?;
        let mut server = Self { kind, address, readiness, data, home, program, arguments, process };
        server.wait_until_ready()?;
        Ok(server)
    }

    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again on what it left; returns at once.
    pub fn start_again(&mut self) -> Result<()> {
        self.process = spawn(&self.program, &self.arguments, &self.home)?;
        Ok(())
    }

    pub fn usage(&self) -> Result<Usage> {
        Usage::read(self.process.pid())
    }

    pub fn lives(&mut self) -> Result<bool> {
        self.process.lives()
    }

    /// The end of what the server printed, for an error's context.
    #[must_use]
    pub fn last_words(&self) -> String {
        let output = fs::read_to_string(output(&self.home)).unwrap_or_default();
        let lines: Vec<_> = output.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < START {
            if control::is_ready(self.readiness, "/readyz") {
                return Ok(());
            }
            if !self.process.lives()? {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        bail!("{} did not start; it printed:\n{}", self.kind.name(), self.last_words())
    }
}

fn spawn(program: &Path, arguments: &[String], home: &Path) -> Result<Process> {
    Process::start(Command::new(program).args(arguments).current_dir(home), &output(home))
}

fn output(home: &Path) -> PathBuf {
    home.join("output.log")
}

fn configuration(
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
    let auth = if args.authenticates {
        let (id, secret) = KEY;
        format!("[auth]\nmode = \"signed\"\n[auth.keys.{id}]\nsecret = \"{secret}\"\n")
    } else {
        "[auth]\nmode = \"off\"\n".to_owned()
    };
    Ok(format!(
        r#"[server]
listen = "{address}"

[admin]
listen = "{admin}"

{auth}

[store]
kind = "embedded"
path = "{data}"

[functions.{FUNCTION}]
url = "http://{function}"
timeout = "3600s"
concurrency = {concurrency}

[functions.{TASK_FUNCTION}]
url = "http://{function}"
timeout = "3600s"
concurrency = {concurrency}
[functions.{TASK_FUNCTION}.async]
async_task = true

{extra}"#,
        data = data.display(),
        concurrency = args.concurrency,
    ))
}
