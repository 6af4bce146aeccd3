//! The store in figures, and what proves that nothing is lost: what was accepted has ended or lives, and what lives is
//! counted twice, by the commits that changed it and by the store that has the rows.

use std::collections::BTreeMap;

use invoked_core::totals::{Gauge, Metric, TotalKey};
use invoked_store::StoreStats;
use metrics::{describe_gauge, gauge};

const LIVE: &str = "invoked_live_invocations";
const OWED: &str = "invoked_callbacks_owed";
const ROWS: &str = "invoked_store_live_rows";
const BYTES: &str = "invoked_store_bytes";
const LOST: &str = "invoked_unaccounted_invocations";

pub(super) fn describe() {
    for (name, help) in [
        (LIVE, "Invocations that have not ended: accepted less ended"),
        (OWED, "Callbacks that destinations have yet to be told"),
        (
            ROWS,
            "Rows that live, as the store counts them: invocations that have not ended, and callbacks owed",
        ),
        (BYTES, "Bytes that the store takes on the disk"),
        (
            LOST,
            "Invocations that live by the counts of commits and have no row, or the other way round: 0 at rest",
        ),
    ] {
        describe_gauge!(name, help);
    }
}

pub(super) fn publish(totals: &BTreeMap<TotalKey, u64>, stats: Option<&StoreStats>) {
    let (mut accepted, mut ended, mut owed) = (0_u64, 0_u64, 0_u64);
    for (key, value) in totals {
        match key.metric {
            Metric::Accepted => accepted += value,
            Metric::Ended(_) => ended += value,
            Metric::Now(Gauge::CallbacksOwed) => owed += value,
            Metric::Now(Gauge::Running | Gauge::Retrying | Gauge::Stopping)
            | Metric::CallbackDelivered(_)
            | Metric::CallbackFailed(_)
            | Metric::Redriven(_)
            | Metric::RedriveDelivered(_)
            | Metric::RedriveFailed(_) => {}
        }
    }
    let live = accepted.saturating_sub(ended);
    gauge!(LIVE).set(float(live));
    gauge!(OWED).set(float(owed));
    if let Some(stats) = stats {
        gauge!(ROWS).set(float(stats.live_rows));
        gauge!(BYTES).set(float(stats.disk_bytes));
        gauge!(LOST).set(float(live + owed) - float(stats.live_rows));
    }
}

/// Exact up to 2^53.
fn float(count: u64) -> f64 {
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    f64::from(high).mul_add(4_294_967_296.0, f64::from(low))
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn counts_are_exact() {
        for count in [0, 1, u64::from(u32::MAX), 1 << 32, (1 << 53) - 1] {
            assert_eq!(format!("{:.0}", float(count)), count.to_string());
        }
    }
}
