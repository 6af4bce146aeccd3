//! What is told of callers that were not admitted: a counter for all, a log line for some.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use invoked_core::time::Timestamp;
use metrics::{counter, describe_counter};

use super::error::AuthError;

const FAILURES: &str = "invoked_auth_failures_total";
/// A flood of refusals is one line in this time, in milliseconds.
const QUIET_MS: i64 = 1_000;

/// Says what the counter means. Call once, with the recorder in place.
pub fn describe() {
    describe_counter!(FAILURES, "Requests to the API that were refused for who made them, by why");
}

/// When the last line was written, and what has not been told since.
#[derive(Debug, Default)]
pub(super) struct Report {
    quiet_until: AtomicI64,
    untold: AtomicU64,
}

impl Report {
    pub(super) fn note(&self, error: &AuthError, now: Timestamp) {
        counter!(FAILURES, "reason" => error.reason()).increment(1);
        let quiet_until = self.quiet_until.load(Ordering::Relaxed);
        let next = now.millis().saturating_add(QUIET_MS);
        let is_quiet = now.millis() < quiet_until
            || self
                .quiet_until
                .compare_exchange(quiet_until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_err();
        if is_quiet {
            self.untold.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let untold = self.untold.swap(0, Ordering::Relaxed);
        tracing::warn!(
            reason = error.reason(),
            access_key_id = ?error.key_id(),
            code = error.code().as_str(),
            untold_before = untold,
            "a caller was refused"
        );
    }
}
