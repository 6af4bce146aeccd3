//! The peers: which programs they are, how they are configured, and what is said of them in the report.
//!
//! `cargo xtask bench --peers` installs them; `invoked-peer` has their fronts and workers in Rust.

pub mod bullmq;
pub mod nats;
pub mod rabbitmq;
pub mod restate;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::program::Program;
use crate::server::{DaemonArgs, Kind};

/// Where the peers are installed.
#[derive(Clone, Debug, clap::Args)]
pub struct Tools {
    /// `invoked-peer`; by default the one beside this program.
    #[arg(long)]
    pub peer_program: Option<PathBuf>,
    /// What `cargo xtask bench --peers` has installed.
    #[arg(long, default_value = "target/tools/peers")]
    pub peer_tools: PathBuf,
}

/// What a server consists of.
pub struct Plan {
    pub address: SocketAddr,
    pub readiness: SocketAddr,
    /// In the order in which they start; each waits for those before it.
    pub programs: Vec<Program>,
}

/// What the report says of a server beside its figures.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Description {
    pub title: String,
    pub versions: Vec<String>,
    /// What a 202 promises.
    pub durable: String,
    /// How it is configured where that differs from its defaults.
    pub configuration: String,
}

impl Tools {
    /// The fronts, workers and functions in Rust.
    pub fn program(&self) -> Result<PathBuf> {
        let path = match &self.peer_program {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("invoked-peer"),
        };
        there(&path)
    }

    /// A program or file below the tools' directory.
    fn file(&self, path: &str) -> Result<PathBuf> {
        there(&self.peer_tools.join(path))
    }

    /// A program out of an unpacked package of Debian's, with its libraries.
    fn debian(&self, name: &'static str, path: &str) -> Result<Program> {
        let program = Program::foreign(name, self.file(&format!("debian/{path}"))?);
        Ok(program.variable("LD_LIBRARY_PATH", self.libraries()?))
    }

    fn libraries(&self) -> Result<PathBuf> {
        let directory = format!("debian/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        there(&self.peer_tools.join(directory))
    }
}

/// Absolute, but not resolved: `redis-server` is a link, and goes by its name.
fn there(path: &Path) -> Result<PathBuf> {
    ensure!(path.exists(), "no {}: `cargo xtask bench --peers` installs the peers", path.display());
    Ok(std::path::absolute(path)?)
}

/// The programs of a peer.
pub fn plan(
    kind: Kind,
    args: &DaemonArgs,
    home: &Path,
    data: &Path,
    function: SocketAddr,
) -> Result<Plan> {
    match kind {
        Kind::RabbitmqQuorum => rabbitmq::plan("quorum", args, home, data, function),
        Kind::RabbitmqClassic => rabbitmq::plan("classic", args, home, data, function),
        Kind::Bullmq => bullmq::plan(args, data, function),
        Kind::Restate => restate::plan(restate::DEFAULTS, args, home, data),
        Kind::RestateTwoPartitions => restate::plan(restate::TWO_PARTITIONS, args, home, data),
        Kind::Nats => nats::plan(args, home, data, function),
        Kind::Floor | Kind::Invoked => bail!("{} is no peer", kind.name()),
    }
}

/// What is said of a server; what cannot be found out is left out.
#[must_use]
pub fn describe(kind: Kind, args: &DaemonArgs) -> Description {
    match kind {
        Kind::Floor => Description {
            title: "floor".to_owned(),
            versions: Vec::new(),
            durable: "synced before the 202, never read back".to_owned(),
            configuration: "a hyper server on one thread, one shared fdatasync for what waits into a preallocated log; \
                            no features, the queue in memory"
                .to_owned(),
        },
        Kind::Invoked => Description {
            title: "invoked".to_owned(),
            versions: args.binary().map(|path| said(&path, &["--version"])).unwrap_or_default(),
            durable: "synced before the 202".to_owned(),
            configuration: format!(
                "defaults; authentication off, one function with `concurrency = {}`",
                args.concurrency
            ),
        },
        Kind::RabbitmqQuorum => rabbitmq::describe("quorum", args),
        Kind::RabbitmqClassic => rabbitmq::describe("classic", args),
        Kind::Bullmq => bullmq::describe(args),
        Kind::Restate => restate::describe(restate::DEFAULTS, args),
        Kind::RestateTwoPartitions => restate::describe(restate::TWO_PARTITIONS, args),
        Kind::Nats => nats::describe(args),
    }
}

/// The first line that a program prints, if it can be asked.
fn said(program: &Path, arguments: &[&str]) -> Vec<String> {
    first_line(Command::new(program).args(arguments))
}

fn first_line(command: &mut Command) -> Vec<String> {
    let Ok(output) = command.output() else { return Vec::new() };
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().take(1).map(|line| line.trim().to_owned()).collect()
}

/// The version of an installed package of Debian's.
fn debian_version(package: &str) -> Vec<String> {
    let line = first_line(Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]));
    line.into_iter().map(|version| format!("{package} {version} (Debian)")).collect()
}

/// The version of a crate in this repository's lock file.
fn locked(name: &str) -> Vec<String> {
    let lock = include_str!("../../Cargo.lock");
    let head = format!("name = \"{name}\"\nversion = \"");
    let version = lock.split_once(&head).and_then(|(_, rest)| rest.split_once('"'));
    version.into_iter().map(|(version, _)| format!("{name} {version}")).collect()
}
