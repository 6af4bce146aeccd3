//! How often rows of a lane may go: a token bucket, kept as the one time at which it is full again.
//!
//! # Invariants
//!
//! Tests of the same names: `never_more_than_the_rate_and_one_burst`, `what_waits_goes_at_the_rate`.

use crate::time::Timestamp;

const SECOND_NS: i64 = 1_000_000_000;
const MILLI_NS: i64 = 1_000_000;

/// Rows that may go in a second.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many, 1 to [`Rate::MAX`].
    pub per_second: u32,
}

impl Rate {
    /// The highest rate.
    pub const MAX: u32 = 100_000;

    /// Rows that may go at once after a pause: a tenth of a second's worth, at least one.
    #[must_use]
    pub fn burst(self) -> u32 {
        (self.per_second / 10).max(1)
    }

    fn interval_ns(self) -> i64 {
        SECOND_NS / i64::from(self.per_second.clamp(1, Self::MAX))
    }

    fn tolerance_ns(self) -> i64 {
        self.interval_ns().saturating_mul(i64::from(self.burst() - 1))
    }
}

/// What is left of a rate.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Bucket {
    /// When it is full again, in nanoseconds since the Unix epoch.
    full_at_ns: i64,
}

impl Bucket {
    /// The first millisecond in which a row may go.
    pub(super) fn next_at(self, rate: Rate) -> Timestamp {
        let at_ns = self.full_at_ns.saturating_sub(rate.tolerance_ns()).max(0);
        let ms = at_ns / MILLI_NS + i64::from(at_ns % MILLI_NS > 0);
        Timestamp::from_millis(ms)
    }

    /// A row has gone.
    pub(super) fn take(&mut self, rate: Rate, now: Timestamp) {
        let now_ns = now.millis().saturating_mul(MILLI_NS);
        self.full_at_ns = self.full_at_ns.max(now_ns).saturating_add(rate.interval_ns());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use proptest::prelude::*;

    const START: i64 = 1_790_000_000_000;

    proptest! {
        #[test]
        fn never_more_than_the_rate_and_one_burst(
            per_second in 1u32..=Rate::MAX,
            pauses in proptest::collection::vec(0i64..400, 1..100),
        ) {
            let rate = Rate { per_second };
            let (mut bucket, mut now, mut gone) = (Bucket::default(), START, 0u64);
            for pause in pauses {
                now += pause;
                while bucket.next_at(rate) <= Timestamp::from_millis(now) && gone < 50_000 {
                    bucket.take(rate, Timestamp::from_millis(now));
                    gone += 1;
                }
            }
            let elapsed = u64::try_from(now - START).unwrap();
            let allowed = elapsed * u64::from(per_second) / 1_000 + u64::from(rate.burst()) + 1;
            prop_assert!(gone <= allowed, "{gone} of {allowed}");
        }
    }

    #[test]
    fn what_waits_goes_at_the_rate() {
        for per_second in [1, 3, 7, 500, 30_000] {
            let rate = Rate { per_second };
            let (mut bucket, mut now, mut gone) =
                (Bucket::default(), Timestamp::from_millis(START), 0u32);
            let end = now.plus(Duration::from_secs(10));
            while now < end {
                while bucket.next_at(rate) <= now {
                    bucket.take(rate, now);
                    gone += 1;
                }
                now = now.plus(Duration::from_millis(1)).max(bucket.next_at(rate));
            }
            let wanted = per_second * 10;
            assert!(gone >= wanted && gone <= wanted + rate.burst() + 1, "{per_second}: {gone}");
        }
    }
}
