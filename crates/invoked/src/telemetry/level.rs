//! What is logged: what the configuration says, or something else for a while.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use invoked_api::{LogLevel, LogLevels};
use invoked_engine::clock::stopwatch;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing_subscriber::{EnvFilter, reload};

use crate::config::{log_filter, parse_duration};

/// For how long a level may be asked for.
const LASTS: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(24 * 3_600);
const LEVEL_BYTES_MAX: usize = 1_024;

pub(super) type SetFilter = dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync;

/// What is logged, and can be changed. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct LogFilter(Arc<Shared>);

struct Shared {
    set: Box<SetFilter>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Clone)]
struct State {
    level: String,
    configured: String,
    /// When the configured level comes back.
    until: Option<Instant>,
}

impl LogFilter {
    pub(super) fn new(configured: &str, set: Box<SetFilter>) -> Self {
        let state =
            State { level: configured.to_owned(), configured: configured.to_owned(), until: None };
        Self(Arc::new(Shared { set, state: Mutex::new(state), changed: Notify::new() }))
    }

    /// The configuration says so from here on: it is logged, whatever was asked for before.
    pub(crate) fn set(&self, configured: &str) {
        configured.clone_into(&mut self.state().configured);
        self.restore();
    }

    /// Brings the configured level back when its time has come. Never returns.
    pub(crate) async fn keep(self) {
        loop {
            let until = self.state().until;
            let Some(until) = until else {
                self.0.changed.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(until) => {
                    // Another may have been asked for at the last moment.
                    if self.state().until == Some(until) {
                        self.restore();
                        tracing::info!(event = "log_level_restored", "the configured log level is back");
                    }
                }
                () = self.0.changed.notified() => {}
            }
        }
    }

    fn restore(&self) {
        let level = {
            let mut state = self.state();
            state.level = state.configured.clone();
            state.until = None;
            state.level.clone()
        };
        self.apply(&level);
    }

    fn apply(&self, level: &str) {
        let set = filter(level).and_then(|filter| (self.0.set)(filter).context("the log is gone"));
        if let Err(error) = set {
            let error = format!("{error:#}");
            tracing::error!(event = "log_level_kept", error, "the log level stays what it was");
        }
        self.0.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogLevels for LogFilter {
    fn present(&self) -> LogLevel {
        let State { level, configured, until } = self.state().clone();
        let left = until.map(|until| until.saturating_duration_since(stopwatch()));
        // What is left of a second is one.
        let left = left.map(|left| left.as_millis().div_ceil(1_000));
        let reverts_in_seconds = left.and_then(|left| u64::try_from(left).ok());
        LogLevel { level, configured, reverts_in_seconds }
    }

    fn change(
        &self,
        level: &str,
        lasts: Option<&str>,
        by: &str,
    ) -> Result<LogLevel, (&'static str, String)> {
        if LEVEL_BYTES_MAX < level.len() {
            return Err(("level", format!("must be at most {LEVEL_BYTES_MAX} bytes")));
        }
        log_filter(level).map_err(|problem| ("level", problem))?;
        let lasts = lasts.map(|lasts| {
            let found = parse_duration(lasts).filter(|lasts| LASTS.contains(lasts));
            found.ok_or_else(|| ("for", "must be between 1s and 24h, such as 10m".to_owned()))
        });
        let lasts = lasts.transpose()?;
        // Before, because afterwards such a line may be none that is logged.
        tracing::warn!(
            event = "log_level_changed",
            log_level = level,
            for_seconds = lasts.map(|lasts| lasts.as_secs()),
            by,
            "another log level"
        );
        {
            let mut state = self.state();
            level.clone_into(&mut state.level);
            state.until = lasts.map(|lasts| stopwatch() + lasts);
        }
        self.apply(level);
        Ok(self.present())
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFilter").finish_non_exhaustive()
    }
}

pub(super) fn filter(level: &str) -> Result<EnvFilter> {
    EnvFilter::builder().parse(level).context("telemetry.log_level")
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    fn logged() -> (LogFilter, Arc<Mutex<Vec<String>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let set = move |filter: EnvFilter| {
            told.lock().unwrap().push(filter.to_string());
            Ok(())
        };
        (LogFilter::new("info", Box::new(set)), seen)
    }

    #[tokio::test(start_paused = true)]
    async fn another_level_lasts_as_long_as_was_asked_for() {
        let (log, seen) = logged();
        let mut kept = JoinSet::new();
        kept.spawn(log.clone().keep());
        assert_eq!(
            log.change("debug", Some("10m"), "night").unwrap().reverts_in_seconds,
            Some(600)
        );
        tokio::time::sleep(Duration::from_secs(599)).await;
        assert_eq!(log.present().level, "debug");
        assert_eq!(
            log.change("trace", Some("1h"), "night").unwrap().reverts_in_seconds,
            Some(3_600)
        );
        tokio::time::sleep(Duration::from_secs(3_599)).await;
        assert_eq!(log.present().level, "trace");
        tokio::time::sleep(Duration::from_secs(2)).await;
        let back = LogLevel {
            level: "info".to_owned(),
            configured: "info".to_owned(),
            reverts_in_seconds: None,
        };
        assert_eq!(log.present(), back);
        assert_eq!(*seen.lock().unwrap(), ["debug", "trace", "info"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reload_sets_the_configured_level() {
        let (log, _) = logged();
        log.change("debug", None, "night").unwrap();
        assert_eq!(log.present().reverts_in_seconds, None);
        log.set("warn");
        assert_eq!((log.present().level, log.present().configured), ("warn".into(), "warn".into()));
    }

    #[test]
    fn what_does_not_read_changes_nothing() {
        let (log, seen) = logged();
        for (level, lasts, field) in [
            ("loud", None, "level"),
            ("", None, "level"),
            (&"x".repeat(LEVEL_BYTES_MAX + 1), None, "level"),
            ("debug", Some("soon"), "for"),
            ("debug", Some("25h"), "for"),
            ("debug", Some("999ms"), "for"),
        ] {
            assert_eq!(log.change(level, lasts, "night").unwrap_err().0, field, "{lasts:?}");
        }
        assert_eq!(log.present().level, "info");
        assert!(seen.lock().unwrap().is_empty());
    }
}
