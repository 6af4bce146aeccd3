//! Why a request was refused, in words for the log.

use invoked_engine::Refusing;

use super::AdminProblem;
use crate::problem::reason::of_body;

impl AdminProblem {
    /// A word for what is wrong.
    pub(super) const fn reason(&self) -> &'static str {
        if self.is_for_want_of_room() {
            return Refusing::Disk.as_str();
        }
        match self {
            Self::Argument { .. } => "argument",
            Self::Json { .. } => "json",
            Self::MediaType => "media_type",
            Self::Body(error) => of_body(error),
            Self::Path => "path",
            Self::Method { .. } => "method",
            Self::NoToken => "no_token",
            Self::UnknownToken => "unknown_token",
            Self::NoTokens => "no_tokens",
            Self::TooManySignIns { .. } => "too_many_sign_ins",
            Self::TooManyStreams => "too_many_streams",
            Self::NoRandomness => "no_randomness",
            Self::Role { .. } => "role",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::ChangeHeader => "change_header",
            Self::NotReady { .. } => "not_ready",
            Self::Starting => "starting",
            Self::Reloading => "reloading",
            Self::Function(_) => "function",
            Self::Config(_) => "config",
            Self::Task(_) => "task",
            Self::Retry(_) => "retry",
            Self::Callback(_) => "callback",
            Self::Operation(_) => "operation",
            Self::Lane(_) => "lane",
            Self::Probe(_) => "probe",
            Self::Backup(_) | Self::NoBackup => "backup",
            Self::NoInvocation { .. } => "no_invocation",
            Self::Render(_) => "render",
            Self::Panicked => "panicked",
        }
    }
}
