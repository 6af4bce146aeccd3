//! The lanes of functions: what each may take, whether it is let alone, and how long its first waits. A
//! qualifier that has a lane of its own has series of its own, with its name as a label.

use std::collections::BTreeMap;

use invoked_core::breaker::Breaker;
use invoked_core::directory::Directory;
use invoked_core::head::LaneId;
use invoked_core::id::FnId;
use invoked_core::lane::Hold;
use invoked_core::name::Qualifier;
use invoked_core::time::Timestamp;
use metrics::{Label, describe_gauge, gauge};

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

/// How a lane is shown for which something has waited since the daemon started; those without a name of
/// their own share one, at its worst.
#[derive(Copy, Clone, Debug, Default)]
struct Shown {
    limit: u32,
    overdue_seconds: f64,
    breaker: f64,
    paused: f64,
}

/// A function, and its qualifier, if that has a lane of its own.
type Name<'a> = (&'a str, Option<&'a str>);

pub(super) fn publish(
    view: &EngineView,
    directory: &Directory,
    names: &BTreeMap<FnId, String>,
    now: Timestamp,
) {
    let mut all: BTreeMap<Name<'_>, Shown> = BTreeMap::new();
    let name_of = |lane: FnId| -> Name<'_> {
        let (function, qualifier) = directory.owner_of(lane);
        let Some(name) = names.get(&function) else { return (super::OTHER, None) };
        // Also one whose limits were taken back: its series would stay at what it last was.
        (name, qualifier.map(Qualifier::as_str))
    };
    let lanes = view.shards.iter().flat_map(|shard| &shard.lanes);
    for (lane, of) in lanes {
        let LaneId::Function(id) = lane else { continue };
        let shown = all.entry(name_of(*id)).or_default();
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
        let shown = all.entry(name_of(*id)).or_default();
        shown.breaker = shown.breaker.max(state(&inlet.breaker));
    }
    for (name, shown) in all {
        let (function, qualifier) = name;
        let mut labels = vec![Label::new("function", function.to_owned())];
        labels.extend(qualifier.map(|qualifier| Label::new("qualifier", qualifier.to_owned())));
        gauge!(LIMIT, labels.clone()).set(f64::from(shown.limit));
        gauge!(OVERDUE, labels.clone()).set(shown.overdue_seconds);
        gauge!(BREAKER, labels.clone()).set(shown.breaker);
        gauge!(PAUSED, labels).set(shown.paused);
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
