//! What operators do to whole lanes, and what must come of it.

use std::collections::{BTreeMap, BTreeSet};

use invoked_core::head::Status;
use invoked_core::lane::Position;
use invoked_core::sweep::SweepFilter;
use invoked_engine::{LaneKey, WorkKind, WorkRequest};
use invoked_testkit::mem_store::Evidence;
use invoked_testkit::rng::Rng;

use crate::plan;

/// The lanes of every world.
pub fn lanes() -> Vec<LaneKey> {
    let functions = plan::FUNCTIONS.into_iter().map(|(name, ..)| plan::key(name));
    let destinations = [plan::QUEUE, plan::AUDIT].map(|arn| LaneKey::Destination(arn.into()));
    functions.map(LaneKey::Function).chain(destinations).collect()
}

pub fn lane(rng: &mut Rng) -> LaneKey {
    let mut lanes = lanes();
    let index = usize::try_from(rng.below(u64::try_from(lanes.len()).expect("few"))).expect("few");
    lanes.swap_remove(index)
}

/// What an operator may want done with a lane, most often with a `deep` one.
pub fn work(rng: &mut Rng, deep: Option<&str>) -> WorkRequest {
    let deep = deep.filter(|_| 0 < rng.below(4));
    let lane = deep.map_or_else(|| lane(rng), |name| LaneKey::Function(plan::key(name)));
    let kind = match (&lane, rng.below(3)) {
        (LaneKey::Destination(_), _) | (LaneKey::Function(_), 0) => WorkKind::Purge,
        (LaneKey::Function(_), 1) => WorkKind::Stop,
        (LaneKey::Function(_), _) => WorkKind::Retry,
    };
    let statuses = match (kind, rng.below(3)) {
        (WorkKind::Retry, 0) => vec![Status::Failed, Status::Expired, Status::Stopped],
        (WorkKind::Retry, _) => vec![],
        (_, 0) => vec![Status::Retrying],
        (_, 1) => vec![Status::Enqueued, Status::Retrying],
        (_, _) => vec![],
    };
    let is_of_a_destination = matches!(lane, LaneKey::Destination(_));
    let limited = rng.below(2) == 0;
    WorkRequest {
        lane,
        kind,
        filter: SweepFilter {
            statuses: if is_of_a_destination { vec![] } else { statuses },
            ..SweepFilter::default()
        },
        is_dry_run: rng.below(4) == 0,
        rate: limited.then(|| 1 + u32::try_from(rng.below(40)).expect("small")),
        by: "sim".into(),
    }
}

/// Where the tasks stand in a list.
pub fn tasks(evidence: &Evidence) -> BTreeSet<Position> {
    let heads = evidence.live.iter().chain(&evidence.kept);
    let tasks = heads.filter(|head| head.task.is_some());
    tasks.map(|head| (head.accepted_at, head.key)).collect()
}

/// A task is done again once by an operation, across all restarts.
pub fn retried_once(evidence: &Evidence, operations: usize) -> Vec<String> {
    let mut retries: BTreeMap<&str, usize> = BTreeMap::new();
    for task in evidence.kept.iter().filter_map(|head| head.task.as_ref()) {
        if let Some(old) = task.history.retry_of() {
            *retries.entry(old).or_default() += 1;
        }
    }
    let many = retries.into_iter().filter(|(_, times)| *times > operations);
    many.map(|(old, times)| format!("{old} was done again {times} times")).collect()
}
