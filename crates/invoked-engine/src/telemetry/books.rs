//! The store in figures, and the books: that every accepted invocation has a fate.
//!
//! Two counts that are kept apart are compared: invocations accepted and ended, which the core counts,
//! and live rows, which the store's writer counts. Read at an instant at which nothing is being
//! committed, they fit exactly; while commits follow one another without a gap, the last such instant
//! stays published.

use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::handle::Handle;

const ACCEPTED: &str = "invoked_books_accepted_total";
const ENDED: &str = "invoked_books_ended_total";
const ROWS: &str = "invoked_books_live_rows";
const OWED: &str = "invoked_books_callbacks_owed";
const CLOSED_AT: &str = "invoked_books_timestamp_seconds";
/// How often a quiet instant is looked for in one scrape.
const LOOKS: usize = 5;

pub(super) fn describe() {
    describe_counter!(ACCEPTED, "Invocations accepted since the store was created");
    describe_counter!(ENDED, "Invocations that ended since the store was created");
    for (name, help) in [
        (ROWS, "Rows that are live, by the store's own count"),
        (OWED, "Live rows of invocations that ended and whose destination has yet to be told"),
        (CLOSED_AT, "When the books were last read, in seconds since 1970"),
        ("invoked_store_live_rows", "Rows that are live"),
        ("invoked_store_bytes", "Bytes of the store on disk"),
        ("invoked_store_free_bytes", "Bytes that are free on the store's disk"),
        ("invoked_store_free_bytes_min", "With less free bytes than this, new work is refused"),
    ] {
        describe_gauge!(name, help);
    }
    describe_counter!("invoked_store_batches_total", "Batches written by this process");
    describe_counter!("invoked_store_operations_total", "Operations written by this process");
}

/// Sets the figures of the store, and the books if they can be read now. Call before each scrape.
pub async fn publish_store(handle: &Handle) {
    let Ok(stats) = handle.shared.store.stats().await else { return };
    gauge!("invoked_store_live_rows").set(number(stats.live_rows));
    gauge!("invoked_store_bytes").set(number(stats.disk_bytes));
    counter!("invoked_store_batches_total").absolute(stats.batches);
    counter!("invoked_store_operations_total").absolute(stats.operations);
    if let Some(room) = stats.room {
        gauge!("invoked_store_free_bytes").set(number(room.free));
        gauge!("invoked_store_free_bytes_min").set(number(room.free_min));
    }
    for _ in 0..LOOKS {
        if close(handle).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Reads the books; `false` if something was being committed.
async fn close(handle: &Handle) -> bool {
    let is_quiet = || handle.shared.admission.is_quiet();
    if !is_quiet() {
        return false;
    }
    let Ok(before) = handle.shared.store.stats().await else { return true };
    let balance = handle.balance();
    let Ok(after) = handle.shared.store.stats().await else { return true };
    if !is_quiet() || before.batches != after.batches {
        return false;
    }
    counter!(ACCEPTED).absolute(balance.accepted);
    counter!(ENDED).absolute(balance.ended);
    gauge!(ROWS).set(number(after.live_rows));
    gauge!(OWED).set(number(balance.callbacks_owed));
    let now = u64::try_from(handle.now().millis()).unwrap_or_default();
    gauge!(CLOSED_AT).set(std::time::Duration::from_millis(now).as_secs_f64());
    true
}

/// Exact below 2^53.
fn number(count: u64) -> f64 {
    let (high, low) = (count >> 32, count & u64::from(u32::MAX));
    let of = |half: u64| f64::from(u32::try_from(half).unwrap_or(u32::MAX));
    of(high) * 4_294_967_296.0 + of(low)
}
