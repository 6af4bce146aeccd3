//! One program of a server: how it is started, and how again after a kill.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::proc::Process;

#[derive(Clone, Debug)]
pub struct Program {
    pub name: &'static str,
    path: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    /// Whether it needs a [`leash`](crate::leash), because it does not end with the harness by itself.
    leashed: bool,
}

impl Program {
    /// A program that ends with the harness, or that is asked to by its own tests.
    #[must_use]
    pub fn own(name: &'static str, path: PathBuf) -> Self {
        Self { name, path, arguments: Vec::new(), variables: Vec::new(), leashed: false }
    }

    /// Somebody else's, with whatever it starts.
    #[must_use]
    pub fn foreign(name: &'static str, path: impl Into<PathBuf>) -> Self {
        Self { leashed: true, ..Self::own(name, path.into()) }
    }

    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    #[must_use]
    pub fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// What it prints.
    #[must_use]
    pub fn log(&self, home: &Path) -> PathBuf {
        home.join(format!("{}.log", self.name))
    }

    pub fn start(&self, home: &Path) -> Result<Process> {
        let mut command = if self.leashed {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("leash").arg(&self.path);
            command
        } else {
            Command::new(&self.path)
        };
        command.args(&self.arguments).current_dir(home);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let start = if self.leashed { Process::start_group } else { Process::start };
        start(&mut command, &self.log(home))
    }

    /// As one would type it, without the directories.
    #[must_use]
    pub fn line(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let arguments = self.arguments.iter().map(|argument| argument.to_string_lossy());
        std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
    }
}
