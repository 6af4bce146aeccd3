//! The one place that reads the clock.
//!
//! Deadlines are wall-clock times, because they survive restarts. The clock never runs backwards within a
//! process, and never stands still for long: when the wall clock is set back, time goes on at half its pace until
//! the wall clock has caught up. So rates, holds and waits take twice as long meanwhile, and not for as long as the step was.
//!
//! # Invariants
//!
//! Test of the same name: `time_never_goes_back_and_never_stands_still`.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use invoked_core::time::Timestamp;
use tokio::time::Instant;

/// Milliseconds that the wall clock may be behind what was given out before that counts as a step: threads read it
/// one after another, and time services move it a little. Time stands still for as long.
const STEP_MS: i64 = 1_000;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now; never less than before.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    pace: Pace,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: stopwatch(), pace: Pace::default() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.pace.at(wall().millis(), || self.started.elapsed()))
    }
}

/// What the wall clock says, be it that it was set back: for what others compare with theirs, as the time of a
/// signature.
#[must_use]
pub fn wall() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Time by a wall clock that may be set back and a steady one that may not. In milliseconds.
#[derive(Debug, Default)]
struct Pace {
    latest: AtomicI64,
    is_slow: AtomicBool,
    slow: Mutex<Option<Slow>>,
}

/// Where time has been going at half its pace from.
#[derive(Copy, Clone, Debug)]
struct Slow {
    from: i64,
    since: Duration,
}

impl Pace {
    fn at(&self, wall: i64, steady: impl FnOnce() -> Duration) -> i64 {
        let latest = self.latest.fetch_max(wall, Ordering::Relaxed);
        let is_step = STEP_MS <= latest.saturating_sub(wall);
        if !is_step && !self.is_slow.load(Ordering::Relaxed) {
            return latest.max(wall);
        }
        let now = self.slowly(latest, wall, steady());
        self.latest.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// Now, since the wall clock is a step behind, until it has caught up.
    fn slowly(&self, latest: i64, wall: i64, steady: Duration) -> i64 {
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let behind_ms = latest.saturating_sub(wall);
        if slow.is_none() && behind_ms < STEP_MS {
            // Another thread has just seen that it has caught up.
            return wall;
        }
        let is_new = slow.is_none();
        let Slow { from, since } = *slow.get_or_insert(Slow { from: latest, since: steady });
        let passed = steady.saturating_sub(since).as_millis() / 2;
        let now = from.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX));
        let has_caught_up = now <= wall;
        if has_caught_up {
            *slow = None;
        }
        self.is_slow.store(!has_caught_up, Ordering::Relaxed);
        drop(slow);
        if is_new {
            tracing::warn!(event = "clock_set_back", behind_ms, "the wall clock was set back");
        }
        now.max(wall)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_800_000_000_000;
    const HOUR: i64 = 3_600_000;

    fn ms(ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(ms).unwrap())
    }

    proptest! {
        #[test]
        fn time_never_goes_back_and_never_stands_still(
            steps in proptest::collection::vec((0i64..30_000, -HOUR..HOUR, 0u8..8), 1..200),
        ) {
            let pace = Pace::default();
            let (mut wall, mut steady, mut was) = (START, 0, pace.at(START, || ms(0)));
            for (passes, jump, kind) in steps {
                if kind == 0 {
                    wall += jump;
                    let now = pace.at(wall, || ms(steady));
                    prop_assert!(was <= now && now <= wall.max(was), "{was} {now} {wall}");
                    was = now;
                }
                steady += passes;
                wall += passes;
                let now = pace.at(wall, || ms(steady));
                // At half the pace at least, but for the second that is no step.
                prop_assert!(was + passes / 2 - STEP_MS - 1 <= now, "{was} {passes} {now}");
                // Ahead of the wall clock only where it was.
                prop_assert!(now <= wall.max(was + passes / 2 + 1), "{was} {passes} {now} {wall}");
                was = now;
            }
        }
    }

    #[test]
    fn a_step_back_is_over_after_twice_its_length() {
        let pace = Pace::default();
        assert_eq!(pace.at(START + HOUR, || ms(0)), START + HOUR);
        assert_eq!(pace.at(START, || ms(0)), START + HOUR);
        assert_eq!(pace.at(START + 10_000, || ms(10_000)), START + HOUR + 5_000);
        let over = 2 * HOUR;
        assert_eq!(pace.at(START + over, || ms(over)), START + over);
        assert_eq!(pace.at(START + over + 1, || ms(over + 1)), START + over + 1);
        // And another one, from where time is then.
        assert_eq!(pace.at(START, || ms(over + 1)), START + over + 1);
        assert_eq!(pace.at(START + 2_000, || ms(over + 2_001)), START + over + 1_001);
    }

    #[test]
    fn what_threads_read_one_after_another_is_no_step() {
        let pace = Pace::default();
        assert_eq!(pace.at(START + 5, || unreachable!()), START + 5);
        assert_eq!(pace.at(START, || unreachable!()), START + 5);
        assert_eq!(pace.at(START + 6, || unreachable!()), START + 6);
    }
}
