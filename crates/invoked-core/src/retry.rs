//! When the next try may start: pure functions of (id, number of the try).
//!
//! Integers only and jitter from a hash, so that two nodes and a replay agree to the millisecond.
//! Jitter only ever adds, up to a tenth, so a wait is never shorter than it reads.

use core::time::Duration;

use crate::id::{InvKey, mix};

/// Waits that grow by a factor up to a maximum.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// The first wait.
    pub initial: Duration,
    /// What each further wait is multiplied with; at least 1.
    pub multiplier: u32,
    /// No wait is longer, jitter aside.
    pub max: Duration,
}

impl Backoff {
    /// After a function error: 1 s, 2 s, 4 s … (the field's documents leave the interval open).
    pub const FUNCTION_ERROR: Self =
        Self { initial: Duration::from_secs(1), multiplier: 2, max: Duration::from_secs(300) };
    /// After throttling or a system error: 0.5 s, 1 s, 2 s …, single waits at most five minutes.
    pub const SYSTEM_ERROR: Self =
        Self { initial: Duration::from_millis(500), multiplier: 2, max: Duration::from_secs(300) };
    /// Between tries of a callback.
    pub const CALLBACK: Self = Self::SYSTEM_ERROR;

    /// The wait after try number `tried` (from 1) of `key` came to nothing.
    #[must_use]
    pub fn wait_after(&self, key: InvKey, tried: u16) -> Duration {
        let steps = u32::from(tried.saturating_sub(1));
        let factor = self.multiplier.max(1).saturating_pow(steps);
        let wait = self.initial.saturating_mul(factor).min(self.max);
        wait.saturating_add(jitter(key, tried, wait))
    }
}

fn jitter(key: InvKey, tried: u16, wait: Duration) -> Duration {
    let range_ms = u64::try_from(wait.as_millis() / 10).unwrap_or(u64::MAX);
    if range_ms == 0 {
        return Duration::ZERO;
    }
    Duration::from_millis(mix(key, u64::from(tried)) % (range_ms + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ShardId;
    use crate::time::Timestamp;

    fn key(random: u64) -> InvKey {
        InvKey::generated(ShardId(0), Timestamp::from_millis(1), random)
    }

    #[test]
    fn waits_double_up_to_the_maximum() {
        let backoff = Backoff::SYSTEM_ERROR;
        for (tried, floor_ms) in
            [(1, 500), (2, 1_000), (3, 2_000), (10, 256_000), (11, 300_000), (u16::MAX, 300_000)]
        {
            let wait = u64::try_from(backoff.wait_after(key(9), tried).as_millis()).unwrap();
            assert!((floor_ms..=floor_ms + floor_ms / 10).contains(&wait), "{tried}: {wait}");
        }
    }

    #[test]
    fn the_schedule_is_a_function_of_id_and_try() {
        let backoff = Backoff::FUNCTION_ERROR;
        assert_eq!(backoff.wait_after(key(2), 3), backoff.wait_after(key(2), 3));
        assert!(
            (0..100)
                .any(|other| backoff.wait_after(key(other), 3) != backoff.wait_after(key(2), 3))
        );
    }

    #[test]
    fn an_initial_wait_of_zero_is_no_wait() {
        let backoff = Backoff { initial: Duration::ZERO, multiplier: 2, max: Duration::ZERO };
        assert_eq!(backoff.wait_after(key(1), 40), Duration::ZERO);
    }
}
