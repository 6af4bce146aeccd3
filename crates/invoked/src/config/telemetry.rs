//! `[telemetry]`: what the daemon tells of itself.

use tracing_subscriber::EnvFilter;

use super::raw::Raw;
use super::section::Section;
use super::value::{choice, text};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
const RULE: &str =
    "must be a level (error, warn, info, debug, trace) or directives of the form target=level";

/// `[telemetry]`.
#[derive(Clone, Debug)]
pub(crate) struct Telemetry {
    /// A level, or directives such as `info,invoked_engine=debug`. Known to be well-formed.
    pub(crate) log_level: String,
    /// How a line of the log looks.
    pub(crate) log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Telemetry {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let log_level = section.needed("log_level", level);
        let formats =
            &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
        let log_format = section.needed("log_format", choice(formats));
        Some(Self { log_level: log_level?, log_format: log_format? })
    }
}

fn level(raw: &Raw) -> Result<String, String> {
    let written = text(raw).map_err(|_| RULE.to_owned())?;
    log_filter(&written).map(|()| written)
}

/// Whether a level, or directives, read.
///
/// # Errors
/// What they have to be.
pub(crate) fn log_filter(written: &str) -> Result<(), String> {
    let read = EnvFilter::builder().parse(written);
    // The filter would take a misspelt level for a target.
    let is_one = |directive: &str| {
        let directive = directive.trim();
        directive.contains(['=', '[', ']', '{', '}'])
            || LEVELS.iter().any(|level| level.eq_ignore_ascii_case(directive))
    };
    if read.is_ok() && written.split(',').all(is_one) { Ok(()) } else { Err(RULE.to_owned()) }
}
