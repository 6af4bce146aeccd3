//! Why a command did not do what it was asked, and the exit code that says so.

use std::fmt;
use std::process::ExitCode;

use invoked_fc::client::Refusal;

use crate::config::Problems;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is wrong. It will not get better by itself.
    Config(Problems),
    /// The command line or the environment asks for what cannot be. The parser of arguments could
    /// not see it.
    Usage(String),
    /// The command was refused or failed.
    Failed(anyhow::Error),
    /// The daemon answered with an error.
    Refused {
        /// What it said.
        refusal: Box<Refusal>,
        /// What to do next, where we can know it.
        advice: Option<String>,
    },
    /// There was no answer.
    Unreachable {
        /// Why.
        message: String,
        /// What to do next.
        advice: String,
    },
}

impl Failure {
    /// 1 refused or failed, 2 wrong usage or configuration (as the parser of arguments has it),
    /// 3 cannot reach the daemon.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Failed(_) | Self::Refused { .. } => 1,
            Self::Config(_) | Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
        }
    }

    /// What to do next, where we can know it.
    pub(crate) fn advice(&self) -> Option<&str> {
        match self {
            Self::Config(_) | Self::Usage(_) | Self::Failed(_) => None,
            Self::Refused { advice, .. } => advice.as_deref(),
            Self::Unreachable { advice, .. } => Some(advice),
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Config(problems)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => write!(f, "{problems}"),
            // With its causes, in one line.
            Self::Failed(error) => write!(f, "{error:#}"),
            Self::Usage(message) | Self::Unreachable { message, .. } => f.write_str(message),
            Self::Refused { refusal, .. } => write!(f, "{refusal}"),
        }
    }
}
