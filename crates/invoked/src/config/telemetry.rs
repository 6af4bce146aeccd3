//! `[telemetry]`: what the daemon tells of itself.

use tracing_subscriber::EnvFilter;

use super::raw::Raw;
use super::section::Section;
use super::value::{choice, text};

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
        let log_level = section.needed("log_level", filter);
        let formats =
            &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
        let log_format = section.needed("log_format", choice(formats));
        Some(Self { log_level: log_level?, log_format: log_format? })
    }
}

fn filter(raw: &Raw) -> Result<String, String> {
    let rule =
        "must be a level (error, warn, info, debug, trace) or directives of the form target=level";
    let written = text(raw).map_err(|_| rule.to_owned())?;
    match EnvFilter::builder().parse(&written) {
        Ok(_) if !written.is_empty() => Ok(written),
        Ok(_) | Err(_) => Err(rule.to_owned()),
    }
}
