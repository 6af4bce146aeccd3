//! The lanes of functions: what each may take, whether it is let alone, and how long its first waits.

use std::collections::BTreeMap;

use invoked_core::breaker::Breaker;
use invoked_core::head::LaneId;
use invoked_core::id::FnId;
use invoked_core::lane::Hold;
use invoked_core::time::Timestamp;
use metrics::{describe_gauge, gauge};

use crate::handle::EngineView;

const LIMIT: &str = "invoked_function_limit";
const OVERDUE: &str = "invoked_function_overdue_seconds";
const BREAKER: &str = "invoked_function_breaker_state";
const PAUSED: &str = "invoked_function_paused";

pub(super) fn describe() {
    for (name, help) in [
        (LIMIT, "Attempts that may be under way at a time, the adaptive limit included"),
        (OVERDUE, "How long the first that waits has been due"),
        (BREAKER, "Whether a function is let alone: 0 no, 1 one invocation tries it, 2 yes"),
        (PAUSED, "Whether an operator has paused the function and something waits for it"),
    ] {
        describe_gauge!(name, help);
    }
}

/// How a function is shown for which something has waited since the daemon started; functions without a name of their own share one, at its worst.
#[derive(Copy, Clone, Debug, Default)]
struct Shown {
    limit: u32,
    overdue_seconds: f64,
    breaker: f64,
    paused: f64,
}

pub(super) fn publish(view: &EngineView, names: &BTreeMap<FnId, String>, now: Timestamp) {
    let mut all: BTreeMap<&str, Shown> = BTreeMap::new();
    let lanes = view.shards.iter().flat_map(|shard| &shard.lanes);
    for (lane, of) in lanes {
        let LaneId::Function(id) = lane else { continue };
        let name = names.get(id).map_or(super::OTHER, String::as_str);
        let shown = all.entry(name).or_default();
        shown.limit = shown.limit.max(of.limit);
        let overdue = of.first_due.map(|due| now.since(due).as_secs_f64()).unwrap_or_default();
        shown.overdue_seconds = shown.overdue_seconds.max(overdue);
        if of.hold == Hold::Paused {
            shown.paused = 1.0;
        }
    }
    let inlets = view.shards.iter().flat_map(|shard| &shard.inlets);
    for (lane, inlet) in inlets {
        let LaneId::Function(id) = lane else { continue };
        let name = names.get(id).map_or(super::OTHER, String::as_str);
        let shown = all.entry(name).or_default();
        shown.breaker = shown.breaker.max(state(&inlet.breaker));
    }
    for (name, shown) in all {
        let name = name.to_owned();
        gauge!(LIMIT, "function" => name.clone()).set(f64::from(shown.limit));
        gauge!(OVERDUE, "function" => name.clone()).set(shown.overdue_seconds);
        gauge!(BREAKER, "function" => name.clone()).set(shown.breaker);
        gauge!(PAUSED, "function" => name).set(shown.paused);
    }
}

/// 0 closed, 1 half-open, 2 open.
pub(super) fn state(breaker: &Breaker) -> f64 {
    match breaker {
        Breaker::Closed { .. } => 0.0,
        Breaker::HalfOpen { .. } => 1.0,
        Breaker::Open { .. } => 2.0,
    }
}
