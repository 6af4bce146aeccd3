//! Waiting for a condition instead of sleeping.

use std::thread;
use std::time::{Duration, Instant};

/// How long a condition may take that is expected to hold soon, on a slow machine with two busy cores.
pub const SOON: Duration = Duration::from_secs(20);

const STEP: Duration = Duration::from_millis(10);

/// Looks until `found` has something, and panics naming `what` if it has nothing within `within`.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let mut result = None;
    came_true(within, || {
        result = found();
        result.is_some()
    });
    result.unwrap_or_else(|| panic!("not within {within:?}: {what}"))
}

/// [`until`] with [`SOON`] and a plain condition.
#[track_caller]
pub fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    until(what, SOON, || holds().then_some(()));
}

/// Whether `holds` became true within `within`, for a caller that has more to say than a panic.
pub fn came_true(within: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !holds() {
        if started.elapsed() > within {
            return false;
        }
        thread::sleep(STEP);
    }
    true
}

/// Gives way for a moment, in a loop that waits for something it cannot wait on.
pub fn pause() {
    thread::sleep(STEP);
}
