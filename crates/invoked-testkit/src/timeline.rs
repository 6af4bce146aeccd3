//! The time of a test: tokio's clock, paused or not, told as wall-clock time.

use std::time::Duration;

use invoked_core::time::Timestamp;
use tokio::time::Instant;

/// Tells the time since a given start. Copies agree.
#[derive(Copy, Clone, Debug)]
pub struct Timeline {
    start: Timestamp,
    from: Instant,
}

impl Timeline {
    /// Begins now, at `start`. Call inside a runtime, and give the engine's clock the same start.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the clock of a test is tokio's, paused")]
        let from = Instant::now();
        Self { start, from }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.start.plus(self.elapsed())
    }

    /// How long ago it began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.from.elapsed()
    }
}
