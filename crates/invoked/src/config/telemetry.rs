//! `[telemetry]`: what the daemon tells of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::HeaderName;
use invoked_http::Endpoint;
use tracing_subscriber::EnvFilter;

use super::outside::endpoint;
use super::raw::Raw;
use super::secret::Secret;
use super::section::Section;
use super::value::{choice, count, duration, share, text};

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
    /// Who is told of spans. `None`: nobody.
    pub(crate) traces: Option<Traces>,
}

/// `[telemetry.traces]`.
#[derive(Clone, Debug)]
pub(crate) struct Traces {
    /// The collector.
    pub(crate) endpoint: Endpoint,
    /// Headers of each request to it.
    pub(crate) headers: BTreeMap<String, Secret>,
    /// Traces that begin here and are recorded, of all.
    pub(crate) sample_ratio: f64,
    /// How long one batch may take.
    pub(crate) timeout: Duration,
    /// Spans that may wait.
    pub(crate) queue_max: usize,
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
        let traces = section.section("traces", Traces::read);
        Some(Self { log_level: log_level?, log_format: log_format?, traces })
    }
}

impl Traces {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let is_wanted = section.has("endpoint");
        let endpoint = section.optional("endpoint", endpoint);
        let headers = section.section("headers", |section| {
            let path = section.path().to_owned();
            let read = section.named_secrets();
            for (name, _) in &read {
                if name.parse::<HeaderName>().is_err() {
                    section
                        .reading()
                        .note(&format!("{path}.{name}"), "is not the name of a header");
                }
            }
            let owned = read.into_iter().map(|(name, secret)| (name.to_owned(), secret));
            owned.collect::<BTreeMap<_, _>>()
        });
        let sample_ratio = section.needed("sample_ratio", share);
        let timeout = section.needed("timeout", duration("100ms", "1m"));
        let queue_max = section.needed("queue_max", count(1..=1_000_000));
        if !is_wanted && !headers.is_empty() {
            section
                .reading()
                .note(&section.path_of("endpoint"), "is missing: nobody gets the headers");
        }
        Some(Self {
            endpoint: endpoint?,
            headers,
            sample_ratio: sample_ratio?,
            timeout: timeout?,
            queue_max: queue_max?,
        })
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
