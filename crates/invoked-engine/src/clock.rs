//! The one place that reads the clock.
//!
//! Deadlines are wall-clock times, because they survive restarts. The clock never runs backwards
//! within a process: when the wall clock is set back, time stands still until it has caught up.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use invoked_core::time::Timestamp;
use tokio::time::Instant;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now; never less than before.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: AtomicI64,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let read = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        let latest = self.latest.fetch_max(read, Ordering::Relaxed);
        Timestamp::from_millis(read.max(latest))
    }
}

/// A clock that follows tokio's time from a given start, for tests that pause and advance it.
#[derive(Debug)]
pub struct TokioClock {
    start: Timestamp,
    from: Instant,
}

impl TokioClock {
    /// Starts now, at `start`. Call inside a runtime.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, from: stopwatch() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.start.plus(self.from.elapsed())
    }
}

/// A point of the monotonic clock, to measure spans with.
#[must_use]
pub fn stopwatch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    Instant::now()
}
