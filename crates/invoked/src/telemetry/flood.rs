//! One limit for all lines of the log: of one event for one reason, a few in a second, and then how many there were.
//!
//! It is asked for lines of our own that have an `event`, when they are about to be written; a line that the level leaves
//! out costs nothing. What operators do is never left out: they are few, and it is what an audit reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use invoked_engine::clock::stopwatch;
use metrics::{counter, describe_counter};
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

const SUPPRESSED: &str = "invoked_log_lines_suppressed_total";
/// Lines of one event for one reason in [`SECOND`].
const LINES_MAX: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);
/// Events and reasons that are counted each for itself; more reasons are counted as [`OTHER`].
const KEYS_MAX: usize = 256;
const OTHER: &str = "_other";
/// A longer reason is none.
const REASON_BYTES_MAX: usize = 64;
/// What operators do, and what this module says itself.
const UNLIMITED: [&str; 8] = [
    "admin_changed",
    "config_changed",
    "config_seed_kept",
    "lines_suppressed",
    "log_level_changed",
    "reload_applied",
    "reload_refused",
    "startup_warning",
];

/// Counts lines, and leaves some out. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flood(Arc<Mutex<BTreeMap<Key, Lines>>>);

#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    event: String,
    reason: String,
}

#[derive(Debug)]
struct Lines {
    since: Instant,
    written: u32,
    suppressed: u64,
}

impl Lines {
    fn is_over(&self, now: Instant) -> bool {
        SECOND <= now.duration_since(self.since)
    }
}

impl Flood {
    /// Says once a second what was left out. Never returns.
    pub(crate) async fn report(self) {
        loop {
            tokio::time::sleep(SECOND).await;
            self.tell(stopwatch(), false);
        }
    }

    /// Says what was left out and has not been told yet, at the end.
    pub(crate) fn tell_all(&self) {
        self.tell(stopwatch(), true);
    }

    fn tell(&self, now: Instant, is_end: bool) {
        // A line of the log would come back here, so none is written under the lock.
        for (Key { event, reason }, suppressed) in self.take(now, is_end) {
            tracing::warn!(
                event = "lines_suppressed",
                of = event,
                reason = reason.as_str(),
                suppressed,
                "lines of the log are left out"
            );
        }
    }

    /// What was left out in seconds that are over; of what is quiet, nothing is known any more.
    fn take(&self, now: Instant, is_end: bool) -> Vec<(Key, u64)> {
        let mut all = self.all();
        let over = all.iter_mut().filter(|(_, lines)| is_end || lines.is_over(now));
        let told = over
            .filter(|(_, lines)| 0 < lines.suppressed)
            .map(|(key, lines)| (key.clone(), std::mem::take(&mut lines.suppressed)))
            .collect();
        all.retain(|_, lines| 0 < lines.suppressed || !lines.is_over(now));
        told
    }

    /// Whether one more line may be written.
    fn admits(&self, mut key: Key, now: Instant) -> bool {
        if UNLIMITED.contains(&key.event.as_str()) {
            return true;
        }
        let mut all = self.all();
        if KEYS_MAX <= all.len() && !all.contains_key(&key) {
            OTHER.clone_into(&mut key.reason);
        }
        let event = key.event.clone();
        let lines =
            all.entry(key).or_insert_with(|| Lines { since: now, written: 0, suppressed: 0 });
        if lines.is_over(now) {
            (lines.since, lines.written) = (now, 0);
        }
        if lines.written < LINES_MAX {
            lines.written += 1;
            return true;
        }
        lines.suppressed += 1;
        drop(all);
        counter!(SUPPRESSED, "event" => event).increment(1);
        false
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Key, Lines>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for Flood {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        if !event.metadata().target().starts_with("invoked") {
            return true;
        }
        let mut key = Key::default();
        event.record(&mut key);
        key.event.is_empty() || self.admits(key, stopwatch())
    }
}

impl Visit for Key {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => value.clone_into(&mut self.event),
            "reason" if value.len() <= REASON_BYTES_MAX => value.clone_into(&mut self.reason),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// What the metric means.
pub(super) fn describe() {
    // What others can provoke stands at 0 from the start: an increase from nothing is none.
    for event in ["request_refused", "callback_given_up"] {
        counter!(SUPPRESSED, "event" => event).increment(0);
    }
    describe_counter!(
        SUPPRESSED,
        "Lines that the log has left out because there were too many, by event"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(event: &str, reason: &str) -> Key {
        Key { event: event.to_owned(), reason: reason.to_owned() }
    }

    #[test]
    fn a_flood_is_a_few_lines_and_a_count_that_adds_up() {
        let (flood, began) = (Flood::default(), stopwatch());
        let (mut written, mut told) = (0, 0);
        for line in 0..10_000_u32 {
            let now = began + Duration::from_micros(u64::from(line) * 350);
            written += u64::from(flood.admits(key("request_refused", "path"), now));
            if line % 1_000 == 0 {
                told +=
                    flood.take(now, false).iter().map(|(_, suppressed)| suppressed).sum::<u64>();
            }
        }
        assert_eq!(written, 40, "ten in each of four seconds");
        told += flood.take(began, true).iter().map(|(_, suppressed)| suppressed).sum::<u64>();
        assert_eq!(written + told, 10_000);
        assert_eq!(flood.take(began, true), []);
    }

    #[test]
    fn reasons_do_not_hide_each_other_and_are_bounded() {
        let (flood, now) = (Flood::default(), stopwatch());
        for _ in 0..=LINES_MAX {
            flood.admits(key("request_refused", "path"), now);
        }
        assert!(!flood.admits(key("request_refused", "path"), now));
        assert!(flood.admits(key("request_refused", "name"), now));
        assert!(flood.admits(key("callback_given_up", "path"), now));
        for reason in 0..2 * KEYS_MAX {
            flood.admits(key("callback_given_up", &reason.to_string()), now);
        }
        assert_eq!(flood.all().len(), KEYS_MAX + 1, "the rest is counted together");
        flood.take(now + SECOND, false);
        flood.take(now + SECOND, false);
        assert_eq!(flood.all().len(), 0, "what is quiet is forgotten");
    }

    #[test]
    fn what_operators_do_is_never_left_out() {
        let (flood, now) = (Flood::default(), stopwatch());
        assert!((0..1_000).all(|_| flood.admits(key("admin_changed", ""), now)));
    }
}
