//! What passes through the engine, in counts that only grow: for whoever draws the last hour. They belong to
//! this process; what has to survive it is in the totals.

use std::array::from_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use invoked_core::life::Verdict;
use invoked_core::shard::Note;

/// Ranges of a [`Spread`]: four for each doubling, up to some two minutes.
const RANGES: usize = 104;
/// Ranges for each doubling, as a power of two.
const STEPS_LOG2: u32 = 2;

/// The counts, as they are kept.
#[derive(Debug)]
pub(crate) struct Flow {
    attempts: AtomicU64,
    attempts_failed: AtomicU64,
    accept: Ranges,
    waited: Ranges,
}

/// The counts, as they were at one instant.
#[derive(Clone, Debug, Default)]
pub struct FlowView {
    /// Attempts that ended.
    pub attempts: u64,
    /// Those of them that did not succeed.
    pub attempts_failed: u64,
    /// From a request's hand-over to the engine to its being durable.
    pub accept: Spread,
    /// From the due time of a first attempt to its start.
    pub waited: Spread,
}

/// How many times took how long, in ranges that a quarter of a doubling is the width of.
#[derive(Clone, Debug)]
pub struct Spread([u64; RANGES]);

#[derive(Debug)]
struct Ranges([AtomicU64; RANGES]);

impl Default for Flow {
    fn default() -> Self {
        Self {
            attempts: AtomicU64::new(0),
            attempts_failed: AtomicU64::new(0),
            accept: Ranges::default(),
            waited: Ranges::default(),
        }
    }
}

impl Flow {
    pub(crate) fn accepted(&self, took: Duration) {
        self.accept.count(took);
    }

    pub(crate) fn note(&self, note: &Note) {
        match note {
            Note::Started { waited, .. } => self.waited.count(*waited),
            Note::Attempt { verdict, .. } => {
                self.attempts.fetch_add(1, Ordering::Relaxed);
                match verdict {
                    Verdict::Succeeded => {}
                    Verdict::FunctionError
                    | Verdict::Unavailable { .. }
                    | Verdict::Refused
                    | Verdict::Gone => {
                        self.attempts_failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            Note::Breaker { .. } | Note::GivenUp { .. } => {}
        }
    }

    pub(crate) fn view(&self) -> FlowView {
        FlowView {
            attempts: self.attempts.load(Ordering::Relaxed),
            attempts_failed: self.attempts_failed.load(Ordering::Relaxed),
            accept: self.accept.view(),
            waited: self.waited.view(),
        }
    }
}

impl Default for Ranges {
    fn default() -> Self {
        Self(from_fn(|_| AtomicU64::new(0)))
    }
}

impl Ranges {
    fn count(&self, took: Duration) {
        if let Some(range) = self.0.get(range_of(took)) {
            range.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn view(&self) -> Spread {
        let mut counts = [0; RANGES];
        for (count, range) in counts.iter_mut().zip(&self.0) {
            *count = range.load(Ordering::Relaxed);
        }
        Spread(counts)
    }
}

impl Default for Spread {
    fn default() -> Self {
        Self([0; RANGES])
    }
}

impl Spread {
    /// What has come since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut counts = self.0;
        for (count, before) in counts.iter_mut().zip(&before.0) {
            *count = count.saturating_sub(*before);
        }
        Self(counts)
    }

    /// The time that `permille` of a thousand did not exceed, to within a quarter of a doubling; nothing if
    /// there was none.
    #[must_use]
    pub fn quantile(&self, permille: u64) -> Option<Duration> {
        let all: u64 = self.0.iter().sum();
        let wanted = all.saturating_mul(permille).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (range, count) in self.0.iter().enumerate() {
            seen += count;
            if wanted <= seen && 0 < all {
                return Some(end_of(range));
            }
        }
        None
    }
}

/// The range of a time, the last one for all that is longer.
fn range_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let steps = 1 << STEPS_LOG2;
    if micros < steps {
        return usize::try_from(micros).unwrap_or(0);
    }
    let doubling = u64::from(micros.ilog2() - STEPS_LOG2);
    let step = (micros >> doubling) - steps;
    let range = (doubling + 1) * steps + step;
    usize::try_from(range).unwrap_or(RANGES).min(RANGES - 1)
}

/// Where a range ends.
fn end_of(range: usize) -> Duration {
    let range = u64::try_from(range).unwrap_or(0);
    let steps = 1 << STEPS_LOG2;
    if range < steps {
        return Duration::from_micros(range + 1);
    }
    let (doubling, step) = (range / steps - 1, range % steps);
    Duration::from_micros((steps + step + 1) << doubling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_lies_in_its_range() {
        let mut micros = 0_u64;
        while micros < 60_000_000 {
            let took = Duration::from_micros(micros);
            let range = range_of(took);
            assert!(took < end_of(range), "{took:?} in {range}");
            assert!(range == 0 || end_of(range - 1) <= took, "{took:?} in {range}");
            micros += 1 + micros / 7;
        }
        assert_eq!(range_of(Duration::MAX), RANGES - 1);
    }

    #[test]
    fn quantiles_are_of_what_came_since() {
        let ranges = Ranges::default();
        ranges.count(Duration::from_secs(1));
        let before = ranges.view();
        assert_eq!(before.since(&before).quantile(500), None);
        for _ in 0..98 {
            ranges.count(Duration::from_micros(1_000));
        }
        ranges.count(Duration::from_millis(80));
        ranges.count(Duration::from_millis(80));
        let since = ranges.view().since(&before);
        let within = |found: Option<Duration>, low: u64, high: u64| {
            let found = u64::try_from(found.unwrap().as_micros()).unwrap();
            assert!((low..=high).contains(&found), "{found}");
        };
        within(since.quantile(500), 1_000, 1_250);
        within(since.quantile(980), 1_000, 1_250);
        within(since.quantile(990), 80_000, 100_000);
        within(since.quantile(1_000), 80_000, 100_000);
    }
}
