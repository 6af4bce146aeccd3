//! Counts of callers that were not admitted. The line of the log is that of any request that is refused.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use invoked_core::time::Timestamp;
use metrics::{counter, describe_counter};

use super::error::AuthError;

const FAILURES: &str = "invoked_auth_failures_total";

/// Says what the counter means. Call once, with the recorder in place.
pub fn describe() {
    describe_counter!(FAILURES, "Requests to the API that were refused for who made them, by why");
    // From zero, or the first burst of a kind would be no increase to whoever reads rates.
    for reason in AuthError::REASONS {
        counter!(FAILURES, "reason" => reason).increment(0);
    }
}

/// Refusals of strangers in one second from which on they are a flood.
const FLOOD: u64 = 100;
/// A second, in milliseconds.
const SECOND_MS: i64 = 1_000;

/// How many strangers there were.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The second that `strangers` counts.
    second: AtomicI64,
    strangers: AtomicU64,
}

impl Report {
    fn count_stranger(&self, now: Timestamp) {
        let second = now.millis().div_euclid(SECOND_MS);
        if self.second.swap(second, Ordering::Relaxed) == second {
            self.strangers.fetch_add(1, Ordering::Relaxed);
        } else {
            self.strangers.store(1, Ordering::Relaxed);
        }
    }

    /// Whether more strangers have come in this second than come by mistake.
    pub(super) fn is_flooded(&self, now: Timestamp) -> bool {
        self.second.load(Ordering::Relaxed) == now.millis().div_euclid(SECOND_MS)
            && self.strangers.load(Ordering::Relaxed) > FLOOD
    }

    pub(super) fn note(&self, error: &AuthError, now: Timestamp) {
        debug_assert!(AuthError::REASONS.contains(&error.reason()), "it begins at zero");
        counter!(FAILURES, "reason" => error.reason()).increment(1);
        if error.is_of_a_stranger() {
            self.count_stranger(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_more_strangers_in_a_second_than_come_by_mistake() {
        let report = Report::default();
        let at = Timestamp::from_millis;
        let stranger = AuthError::UnknownKey { id: "x".to_owned() };
        let known = AuthError::NotAllowed {
            id: "ak".to_owned(),
            action: "fc:InvokeFunction",
            resource: "f".to_owned(),
        };
        for _ in 0..FLOOD {
            report.note(&stranger, at(5_000));
            report.note(&known, at(5_000));
        }
        assert!(!report.is_flooded(at(5_000)), "who has a key is no stranger");
        report.note(&stranger, at(5_999));
        assert!(report.is_flooded(at(5_999)));
        assert!(!report.is_flooded(at(6_000)), "each second is counted anew");
        report.note(&stranger, at(6_000));
        assert!(!report.is_flooded(at(6_000)));
    }
}
