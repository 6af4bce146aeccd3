//! The counts of a world at its end, against one another and against what is kept.

use invoked_core::arn::SinkKind;
use invoked_core::directory::Directory;
use invoked_core::life::Outcome;
use invoked_core::totals::{Metric, Totals};
use invoked_engine::{Handle, Operation, OperationState, Work};
use invoked_testkit::mem_store::Evidence;

use crate::plan;

/// Operations come to an end by themselves, across all restarts, and their counts add up.
pub fn operations_have_ended(handle: &Handle) -> Vec<String> {
    let is_right = |operation: &Operation| {
        let counts = operation.counts;
        let is_counted = operation.is_dry_run && counts.acted == 0
            || counts.acted + counts.skipped <= counts.examined;
        operation.state != OperationState::Running && is_counted
    };
    let wrong = handle.operations().into_iter().filter(|operation| !is_right(operation));
    wrong.map(|operation| format!("an operation is not as it has to be: {operation:?}")).collect()
}

/// What operations have done to whole lanes: rows that were stopped or purged, and tasks that were done again.
#[derive(Clone, Copy, Default)]
pub struct Worked {
    pub ended: u64,
    pub again: u64,
}

impl Worked {
    pub fn of(handle: &Handle) -> Self {
        let mut worked = Self::default();
        for operation in handle.operations() {
            match operation.work {
                Work::Sweep(_) => worked.ended += operation.counts.acted,
                Work::Retry(_) => worked.again += operation.counts.acted,
                Work::Redrive(_) => {}
            }
        }
        worked
    }
}

/// A count over all kinds of destinations.
pub fn redrives(totals: &Totals, metric: fn(SinkKind) -> Metric) -> u64 {
    let is_one = |counted: Metric| SinkKind::ALL.into_iter().any(|kind| metric(kind) == counted);
    totals.iter().filter(|(key, _)| is_one(key.metric)).map(|(_, value)| value).sum()
}

/// Every redrive is counted once as such, and once as what it came to.
pub fn redrives_counted_once(totals: &Totals, evidence: &Evidence) -> Vec<String> {
    let of = |metric| redrives(totals, metric);
    let (begun, delivered, failed) =
        (of(Metric::Redriven), of(Metric::RedriveDelivered), of(Metric::RedriveFailed));
    let mut problems = Vec::new();
    if begun != delivered + failed {
        problems.push(format!("{begun} redrives, {delivered} delivered, {failed} failed"));
    }
    let kept = evidence.failed_callbacks.iter().filter_map(|kept| kept.redrives.as_deref());
    for redrives in kept {
        if redrives.recent().iter().any(|redrive| redrive.end.is_none()) {
            problems.push(format!("a redrive that ended does not say how: {redrives:?}"));
        }
    }
    problems
}

/// Every callback that was owed is counted once, as delivered or as failed, across all restarts.
pub fn callbacks_counted_once(
    directory: &Directory,
    totals: &Totals,
    evidence: &Evidence,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, on_success, on_failure, _) in plan::FUNCTIONS {
        let Some(function) = directory.find(&plan::key(name)) else { continue };
        let ended = |outcome| totals.sum(function.id, Metric::Ended(outcome));
        let mut owed = 0;
        if on_success.is_some() {
            owed += ended(Outcome::Succeeded);
        }
        if on_failure.is_some() {
            owed += ended(Outcome::Failed) + ended(Outcome::Expired) + ended(Outcome::Stopped);
            // Nobody is told of what an operator dropped.
            let ended = evidence.kept.iter().chain(&evidence.purged);
            let purged = ended.filter(|head| head.fn_id == function.id && head.is_purged());
            owed = owed.saturating_sub(u64::try_from(purged.count()).expect("small"));
        }
        let settled: u64 = SinkKind::ALL
            .into_iter()
            .flat_map(|kind| [Metric::CallbackDelivered(kind), Metric::CallbackFailed(kind)])
            .map(|metric| totals.sum(function.id, metric))
            .sum();
        if owed != settled {
            problems.push(format!("{name}: {owed} callbacks owed, {settled} counted as settled"));
        }
    }
    problems
}
