//! The last hour.

use serde::Serialize;
use utoipa::ToSchema;

/// The daemon at one instant: rates over the time since the point before.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(in crate::admin) struct Point {
    /// Milliseconds since 1970.
    pub(in crate::admin) at: i64,
    /// Invocations accepted in a second.
    pub(in crate::admin) accepted: f64,
    /// Attempts that ended in a second.
    pub(in crate::admin) attempts: f64,
    /// Those of them that did not succeed.
    pub(in crate::admin) attempts_failed: f64,
    /// Callbacks that were delivered or given up in a second.
    pub(in crate::admin) callbacks: f64,
    /// Those of them that were given up.
    pub(in crate::admin) callbacks_failed: f64,
    /// From a request to its being durable; null if there was none.
    #[schema(required = true)]
    pub(in crate::admin) accept_p50_ms: Option<f64>,
    #[schema(required = true)]
    pub(in crate::admin) accept_p99_ms: Option<f64>,
    /// From the due time of a first attempt to its start.
    #[schema(required = true)]
    pub(in crate::admin) wait_p99_ms: Option<f64>,
    /// Invocations that have not ended.
    pub(in crate::admin) live: u64,
    /// Callbacks that destinations have yet to be told.
    pub(in crate::admin) owed: u64,
}

/// The last hour, a value for each five seconds in every list, oldest first.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::admin) struct Series {
    /// Milliseconds from one value to the next.
    pub(in crate::admin) step_ms: u32,
    at: Vec<i64>,
    accepted: Vec<f64>,
    attempts: Vec<f64>,
    attempts_failed: Vec<f64>,
    callbacks: Vec<f64>,
    callbacks_failed: Vec<f64>,
    accept_p50_ms: Vec<Option<f64>>,
    accept_p99_ms: Vec<Option<f64>>,
    wait_p99_ms: Vec<Option<f64>>,
    live: Vec<u64>,
    owed: Vec<u64>,
    pub(in crate::admin) destinations: Destinations,
    pub(in crate::admin) budget: Budget,
}

/// What destinations were told: `FunctionDestinationSucceed` and `FunctionDestinationErrors` over a span, at most 100
/// rows, those with the most errors first.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::admin) struct Destinations {
    pub(in crate::admin) minute: Vec<Told>,
    pub(in crate::admin) hour: Vec<Told>,
}

/// What a function's destinations of one kind were told.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Told {
    /// The function; `_other` for those beyond what is told apart.
    pub(in crate::admin) function: String,
    /// The kind of destination.
    pub(in crate::admin) destination: String,
    /// Callbacks delivered.
    pub(in crate::admin) succeed: u64,
    /// Callbacks given up.
    pub(in crate::admin) errors: u64,
}

/// How much of what may go wrong in an hour has: invocations that failed or expired, and callbacks that were given up.
/// What somebody stopped counts on neither side.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::admin) struct Budget {
    window_ms: u64,
    /// The part that is to end well.
    objective: f64,
    good: u64,
    bad: u64,
    /// The part of the budget that is left: 1 is all of it, 0 none, below 0 more than all was used.
    left: f64,
}

impl Budget {
    pub(in crate::admin) fn of(good: u64, bad: u64, objective_permille: u64) -> Self {
        let number = |of: u64| f64::from(u32::try_from(of).unwrap_or(u32::MAX));
        let objective = number(objective_permille) / 1e3;
        let all = number(good.saturating_add(bad));
        let left = if bad == 0 { 1.0 } else { 1.0 - number(bad) / (all * (1.0 - objective)) };
        Self { window_ms: 3_600_000, objective, good, bad, left }
    }
}

impl Series {
    pub(in crate::admin) fn of(points: Vec<Point>) -> Self {
        let mut series = Self::default();
        for point in points {
            series.at.push(point.at);
            series.accepted.push(point.accepted);
            series.attempts.push(point.attempts);
            series.attempts_failed.push(point.attempts_failed);
            series.callbacks.push(point.callbacks);
            series.callbacks_failed.push(point.callbacks_failed);
            series.accept_p50_ms.push(point.accept_p50_ms);
            series.accept_p99_ms.push(point.accept_p99_ms);
            series.wait_p99_ms.push(point.wait_p99_ms);
            series.live.push(point.live);
            series.owed.push(point.owed);
        }
        series
    }
}
