//! What changes while the daemon runs: SIGHUP and `POST /v1/reload` read the configuration again.
//!
//! # Invariants
//!
//! All or nothing. Everything is read, judged and built before anything is swapped: a configuration with a
//! problem changes nothing, nor does one with a key that only a start can bring in force. Whether a daemon
//! may be open to everybody was judged by where it listens, and it listens there still. What is good takes
//! effect for requests and attempts that come after it, and ends no connection and no call.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use invoked_api::auth::Auth;
use invoked_api::{
    Api, ReloadChange, ReloadDone, ReloadKind, ReloadProblem, SharedServeConfig, SharedTokens, Tls,
};
use invoked_core::arn::SinkKind;
use invoked_engine::clock::{Clock as _, SystemClock};
use invoked_engine::{Handle, Reconfiguration, ReconfigureError};
use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::about::Shown;
use crate::config::{Config, Difference, Effective, Kind, Sources};
use crate::daemon::{admin_connections, api_connections, engine_config, reading};
use crate::telemetry::LogFilter;
use crate::{memory, wire};

const RELOADS: &str = "invoked_config_reloads_total";
const LAST_SUCCESS: &str = "invoked_config_last_reload_success_timestamp_seconds";

/// Keys that take effect without a restart, with everything below them. `docs/operations.md` has the table.
const RELOADED: [&str; 16] = [
    "accounts",
    "admin.tls",
    "admin.tokens",
    "auth",
    "callback",
    "defaults",
    "dispatch",
    "egress",
    "functions",
    "limits",
    "retention",
    "server.connections_max",
    "server.connections_per_peer_max",
    "server.tls",
    "sinks",
    "telemetry.log_level",
];
/// Keys among them that do not.
const RESTARTED: [&str; 1] = ["limits.accepts_max"];
/// Whether there is TLS at all is decided at the start; what it serves is not.
const DECIDED: [&str; 2] = ["server.tls", "admin.tls"];
/// What connections of the daemon go by, beside the sections of what they lead to.
const HTTP: [&str; 2] = ["egress", "dispatch.attempts_max"];

const KINDS: [SinkKind; 6] = [
    SinkKind::Fc,
    SinkKind::Mns,
    SinkKind::EventBridge,
    SinkKind::RocketMq,
    SinkKind::Kafka,
    SinkKind::Amqp,
];

/// The parts of a running daemon that a configuration can change. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Reloadable {
    pub(crate) engine: Handle,
    pub(crate) api: Api,
    pub(crate) auth: Auth,
    pub(crate) api_tls: Option<Tls>,
    pub(crate) admin_tls: Option<Tls>,
    pub(crate) admin_tokens: SharedTokens,
    pub(crate) api_connections: SharedServeConfig,
    pub(crate) admin_connections: SharedServeConfig,
    /// Where both listeners are bound, whatever the configuration says.
    pub(crate) own_listeners: Vec<SocketAddr>,
}

impl Reloadable {
    /// Brings everything outside of the engine to what `config` says. None of it can fail.
    fn apply(&self, config: &Config, log: &LogFilter) {
        self.auth.replace(config.auth.config.clone());
        for (running, new) in
            [(&self.api_tls, &config.server.tls), (&self.admin_tls, &config.admin.tls)]
        {
            if let (Some(running), Some(new)) =
                (running, new.as_ref().and_then(|tls| tls.certificate()))
            {
                running.replace(new.clone());
            }
        }
        self.admin_tokens.replace(config.admin.tokens.clone());
        self.api_connections.replace(api_connections(config));
        self.admin_connections.replace(admin_connections(config));
        self.api.replace(reading(config));
        log.set(&config.telemetry.log_level);
    }
}

/// The configuration in force, and where it comes from.
#[derive(Debug)]
pub(crate) struct Reload {
    sources: Arc<Sources>,
    in_force: Effective,
    /// The sections of the instances in force.
    sections: BTreeSet<String>,
    /// The sections that were there once and are no more.
    removed: BTreeSet<String>,
    shown: Shown,
    log: LogFilter,
}

/// A configuration that was read and may take effect.
struct Candidate {
    config: Config,
    effective: Effective,
    differences: Vec<Difference>,
    removed: BTreeSet<String>,
    engine: Reconfiguration,
}

impl Reload {
    /// `config`, as it is written in `in_force`, is what the daemon starts with.
    pub(crate) fn new(
        sources: Sources,
        config: &Config,
        in_force: Effective,
        shown: Shown,
        log: LogFilter,
    ) -> Self {
        note_success();
        Self {
            sources: Arc::new(sources),
            in_force,
            sections: config.outside.sections(),
            removed: BTreeSet::new(),
            shown,
            log,
        }
    }

    /// Reads the sources again. All of it takes effect, or nothing; a dry run only says what would.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) async fn again(
        &mut self,
        running: &Reloadable,
        is_dry_run: bool,
    ) -> Result<ReloadDone, Vec<ReloadProblem>> {
        let tried = self.attempt(running, is_dry_run).await;
        if is_dry_run {
            return tried;
        }
        match &tried {
            Ok(ReloadDone { changes, warnings }) => {
                for change in changes {
                    tracing::info!(
                        event = "config_changed",
                        key = change.path,
                        "the configuration: {change}"
                    );
                    if is_seed(&change.path) {
                        tracing::warn!(
                            event = "config_seed_kept",
                            key = change.path,
                            "an asynchronous configuration that the store has stays as it is there"
                        );
                    }
                }
                for warning in warnings {
                    let key = &warning.path;
                    tracing::warn!(event = "access_opened", key, "the configuration: {warning}");
                }
                note_success();
                counter!(RELOADS, "outcome" => "applied").increment(1);
                tracing::info!(
                    event = "reload_applied",
                    changes = changes.len(),
                    "the configuration is read again"
                );
            }
            Err(problems) => {
                for problem in problems {
                    let key = &problem.path;
                    tracing::error!(event = "reload_refused", key, %problem, "the configuration is not read again");
                }
                counter!(RELOADS, "outcome" => "refused").increment(1);
            }
        }
        tried
    }

    async fn attempt(
        &mut self,
        running: &Reloadable,
        is_dry_run: bool,
    ) -> Result<ReloadDone, Vec<ReloadProblem>> {
        let candidate = self.candidate(running).await?;
        let done = ReloadDone {
            changes: candidate.differences.iter().map(told).collect(),
            warnings: opened(&self.in_force, &candidate.effective),
        };
        let problems = running.engine.check_config(&candidate.engine);
        if !problems.is_empty() {
            let problem = |of: invoked_engine::ConfigProblem| problem(&of.path, of.message);
            return Err(problems.into_iter().map(problem).collect());
        }
        if is_dry_run {
            return Ok(done);
        }
        // The last step that can fail, and then nothing has changed.
        running.engine.reconfigure(candidate.engine).await.map_err(|error| match error {
            ReconfigureError::Problems(problems) => {
                problems.into_iter().map(|of| problem(&of.path, of.message)).collect()
            }
            ReconfigureError::Store(error) => vec![problem("store", error.to_string())],
        })?;
        running.apply(&candidate.config, &self.log);
        self.sections = candidate.config.outside.sections();
        self.removed = candidate.removed;
        self.shown.replace(&candidate.effective);
        self.in_force = candidate.effective;
        Ok(done)
    }

    /// Reads and judges the sources, and builds what they need.
    async fn candidate(&self, running: &Reloadable) -> Result<Candidate, Vec<ReloadProblem>> {
        let sources = Arc::clone(&self.sources);
        let read = tokio::task::spawn_blocking(move || Config::check(&sources)).await;
        let read = read.map_err(|error| vec![problem("configuration", error.to_string())])?;
        let (config, effective) = read.map_err(|problems| {
            problems.iter().map(|of| problem(of.path(), of.in_place())).collect::<Vec<_>>()
        })?;
        let differences = self.in_force.differences(&effective);
        let fixed: Vec<_> = differences
            .iter()
            .filter(|of| needs_restart(&of.path))
            .map(|of| problem(&of.path, "needs a restart".to_owned()))
            .collect();
        if !fixed.is_empty() {
            return Err(fixed);
        }
        if config.limits.memory_max.is_some() {
            memory::check()
                .map_err(|error| vec![problem("limits.memory_max", error.to_string())])?;
        }
        let sections = config.outside.sections();
        let removed: BTreeSet<_> = self
            .removed
            .union(&self.sections)
            .filter(|of| !sections.contains(*of))
            .cloned()
            .collect();
        let outside = self.outside(running, &config, &differences, removed.clone())?;
        let engine = Reconfiguration {
            config: engine_config(&config, running.own_listeners.clone(), 0),
            outside,
            functions: config.functions.clone(),
        };
        Ok(Candidate { config, effective, differences, removed, engine })
    }

    /// What is called and told, where that is another.
    fn outside(
        &self,
        running: &Reloadable,
        config: &Config,
        differences: &[Difference],
        removed: BTreeSet<String>,
    ) -> Result<Option<invoked_engine::Outside>, Vec<ReloadProblem>> {
        let is_same = |keys: &[&str]| !differences.iter().any(|of| is_of(&of.path, keys));
        let is_same_http = is_same(&HTTP);
        if is_same_http && is_same(&["sinks"]) {
            return Ok(None);
        }
        let same = KINDS.into_iter().filter(|kind| is_same(&[&format!("sinks.{}", kind.as_str())]));
        let present = running.engine.outside();
        let present =
            wire::Present { outside: &present, same: same.collect(), is_same_http, removed };
        let built = wire::outside(config, running.own_listeners.clone(), Some(&present));
        built.map(Some).map_err(|error| {
            let causes: Vec<_> = error.chain().skip(1).map(ToString::to_string).collect();
            vec![problem(&error.to_string(), causes.join(": "))]
        })
    }
}

/// What the metrics mean.
pub(crate) fn describe() {
    describe_counter!(RELOADS, "Times the configuration was read again, by what came of it");
    describe_gauge!(LAST_SUCCESS, "When the configuration in force was read");
    for outcome in ["applied", "refused"] {
        counter!(RELOADS, "outcome" => outcome).increment(0);
    }
}

fn note_success() {
    let millis = u64::try_from(SystemClock::default().now().millis()).unwrap_or_default();
    gauge!(LAST_SUCCESS).set(Duration::from_millis(millis).as_secs_f64());
}

fn problem(path: &str, message: String) -> ReloadProblem {
    ReloadProblem { path: path.to_owned(), message }
}

fn told(difference: &Difference) -> ReloadChange {
    let kind = match difference.kind {
        Kind::Added => ReloadKind::Added,
        Kind::Removed => ReloadKind::Removed,
        Kind::Changed => ReloadKind::Changed,
    };
    ReloadChange { path: difference.path.clone(), kind, is_masked: difference.is_masked }
}

/// What nobody is kept from any more. It may be meant; a file that was cut short is read likewise.
fn opened(before: &Effective, after: &Effective) -> Vec<ReloadProblem> {
    let mut found = Vec::new();
    if before.has_tokens() && !after.has_tokens() {
        let message = "no token is left: whoever reaches the admin listener may do everything";
        found.push(problem("admin.tokens", message.to_owned()));
    }
    if before.is_signed() && !after.is_signed() {
        let message =
            "requests are no longer authenticated: whoever reaches the API may do everything";
        found.push(problem("auth.mode", message.to_owned()));
    }
    found
}

/// Whether a key only seeds what the store has none of: `functions.<name>.async`.
fn is_seed(path: &str) -> bool {
    let mut keys = path.split('.');
    keys.next() == Some("functions") && keys.nth(1) == Some("async")
}

/// Whether a difference does not take effect by itself.
fn needs_restart(path: &str) -> bool {
    !is_of(path, &RELOADED) || is_of(path, &RESTARTED) || DECIDED.contains(&path)
}

/// Whether a path is one of these keys or below one.
fn is_of(path: &str, keys: &[&str]) -> bool {
    let is_below = |key: &&str| {
        path.strip_prefix(*key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    keys.iter().any(is_below)
}

#[cfg(test)]
mod tests;
