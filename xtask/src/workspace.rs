//! Where things are, and how commands are run there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The environment variable that tells the tests which daemon to start.
pub const BIN_VARIABLE: &str = "INVOKED_BIN";

/// The environment variable that tells the tests where [`crate::brokers`] are described.
pub const BROKERS_VARIABLE: &str = "INVOKED_BROKERS";

/// The environment variable that tells the tests where [`crate::prepare`] put their tools.
pub const TOOLS_VARIABLE: &str = "INVOKED_TOOLS";

pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
}

impl Workspace {
    pub fn locate() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask has no parent directory")?
            .to_owned();
        // A relative CARGO_TARGET_DIR is relative to where cargo was called, as cargo itself reads it.
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(given) => std::env::current_dir()?.join(given),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// What the tests need beyond the toolchain lives here.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The brokers live here.
    pub fn brokers(&self) -> PathBuf {
        self.target.join("brokers")
    }

    pub fn release_binary(&self, name: &str) -> PathBuf {
        self.binary("release", name)
    }

    /// A program as a profile builds it.
    pub fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(name)
    }

    /// A `cargo` of the same toolchain, started in the root of the workspace.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        // What cargo told this program about itself: some build scripts run again where it differs, and all after them.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// The same, with the variables by which the tests find the daemon and their tools.
    pub fn cargo_with_daemon(&self, arguments: &[&str]) -> Command {
        let mut command = self.cargo(arguments);
        command
            .env(BIN_VARIABLE, self.release_binary("invoked"))
            .env(TOOLS_VARIABLE, self.tools())
            .env(BROKERS_VARIABLE, self.brokers().join("endpoints.json"));
        command
    }

    pub fn build_daemon(&self) -> Result<()> {
        run(&mut self.cargo(&["build", "--release", "--package", "invoked"]))
    }
}

/// Prints the command line and runs it; anything but exit code 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    eprintln!("\n$ {line}");
    let status = command.status().with_context(|| format!("cannot start: {line}"))?;
    if !status.success() {
        bail!("{status}: {line}");
    }
    Ok(())
}

fn line_of(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", text(name), text(value?))));
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(text);
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn text(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}
