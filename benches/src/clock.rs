//! One clock for all processes of a session: nanoseconds since the epoch, because an instant of
//! the monotonic clock means nothing in another process.

use std::time::{SystemTime, UNIX_EPOCH};

#[must_use]
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[must_use]
pub fn seconds(from_ns: u64, to_ns: u64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / 1e9
}
