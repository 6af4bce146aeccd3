//! The judgement: one function for each promise.

use std::collections::{BTreeMap, BTreeSet};

use invoked_core::head::Head;
use invoked_core::id::{Attempt, InvKey, RequestId};
use invoked_core::life::Outcome;

use super::{Expected, Memory, Promise};
use crate::function::Execution;
use crate::mem_store::Evidence;
use crate::sink::{Arrival, Told};

/// Everything that is known at the end.
struct Case<'a> {
    memory: &'a Memory,
    executions: &'a [Execution],
    told: &'a [Told],
    evidence: &'a Evidence,
    records: BTreeMap<RequestId, &'a Head>,
    /// Invocations that carry an outcome to a function, by the invocation whose outcome it is.
    children: BTreeMap<RequestId, BTreeSet<RequestId>>,
    executed: BTreeSet<RequestId>,
}

pub(super) fn judge(
    memory: &Memory,
    executions: &[Execution],
    told: &[Told],
    evidence: &Evidence,
) -> Vec<String> {
    let ended = evidence.kept.iter().chain(&evidence.purged);
    let records = ended.map(|head| (head.request_id, head));
    let mut children: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for execution in executions.iter().filter(|execution| execution.depth > 0) {
        if let Some(parent) = parent(&execution.payload) {
            children.entry(parent).or_default().insert(execution.request_id);
        }
    }
    let case = Case {
        memory,
        executions,
        told,
        evidence,
        records: records.collect(),
        children,
        executed: executions.iter().map(|execution| execution.request_id).collect(),
    };
    let mut broken = Vec::new();
    case.everything_has_ended(&mut broken);
    case.every_202_has_run_or_says_why_not(&mut broken);
    case.every_owed_callback_has_arrived_or_is_kept(&mut broken);
    case.every_outcome_is_one(&mut broken);
    case.attempts_never_go_backwards(&mut broken);
    case.nothing_runs_unasked(&mut broken);
    case.every_request_is_one_invocation(&mut broken);
    case.every_hand_over_is_one_invocation(&mut broken);
    broken
}

impl Case<'_> {
    fn everything_has_ended(&self, broken: &mut Vec<String>) {
        let live = self.evidence.live.iter();
        broken.extend(live.map(|head| format!("still owes something: {head:?}")));
    }

    fn every_202_has_run_or_says_why_not(&self, broken: &mut Vec<String>) {
        for promise in self.memory.accepted.values() {
            let id = promise.request_id;
            let outcome = self.records.get(&id).and_then(|head| head.life.outcome());
            if promise.is_task == Expected::Yes && outcome.is_none() {
                broken.push(format!("task {id} of {} left no record", promise.function));
            }
            if !self.executed.contains(&id) && !ends_without_a_run(outcome) {
                broken.push(format!(
                    "{id} of {} never ran, its record says {outcome:?}",
                    promise.function
                ));
            }
        }
    }

    fn every_owed_callback_has_arrived_or_is_kept(&self, broken: &mut Vec<String>) {
        let arrived = self.told.iter().filter(|told| told.arrival == Arrival::Arrived);
        let arrived: BTreeSet<_> = arrived.map(|told| told.request_id).collect();
        let kept: BTreeSet<_> =
            self.evidence.failed_callbacks.iter().map(|kept| kept.request_id).collect();
        for promise in self.memory.accepted.values().filter(|promise| self.is_owed(promise)) {
            let id = promise.request_id;
            let is_told = arrived.contains(&id)
                || kept.contains(&id)
                || self.children.contains_key(&id)
                || self.child_ended_without_a_run(id);
            if !is_told {
                broken.push(format!("nobody was told about {id} of {}", promise.function));
            }
        }
    }

    /// The record says whether its outcome has a destination; only a plain success leaves none.
    fn is_owed(&self, promise: &Promise) -> bool {
        match self.records.get(&promise.request_id) {
            Some(head) => head.destination().is_some(),
            None => promise.on_success == Expected::Yes,
        }
    }

    /// The invocation that carries the outcome over was accepted, and expired or the like.
    fn child_ended_without_a_run(&self, parent: RequestId) -> bool {
        let record = self.records.get(&parent);
        let key = record.map_or(InvKey(parent.0), |head| head.key);
        self.records
            .values()
            .filter(|child| child.key.is_child_of(key))
            .any(|child| ends_without_a_run(child.life.outcome()))
    }

    fn every_outcome_is_one(&self, broken: &mut Vec<String>) {
        let recorded = self.records.iter();
        let mut outcomes: BTreeMap<RequestId, Outcome> =
            recorded.filter_map(|(id, head)| Some((*id, head.life.outcome()?))).collect();
        for told in self.told {
            let first = *outcomes.entry(told.request_id).or_insert(told.outcome);
            if first != told.outcome {
                broken.push(format!(
                    "{} ended {first:?}, but {} was told {:?}",
                    told.request_id,
                    told.destination.as_str(),
                    told.outcome
                ));
            }
        }
    }

    fn attempts_never_go_backwards(&self, broken: &mut Vec<String>) {
        let mut last: BTreeMap<RequestId, Attempt> = BTreeMap::new();
        for execution in self.executions {
            let (id, attempt) = (execution.request_id, execution.attempt);
            let before = last.insert(id, attempt).unwrap_or(Attempt(1));
            if attempt < before {
                broken.push(format!("attempt {attempt} of {id} came after {before}"));
            }
        }
    }

    /// What runs was accepted, or its answer is outstanding, or it carries such a one's outcome.
    fn nothing_runs_unasked(&self, broken: &mut Vec<String>) {
        let is_known = |id: &RequestId| {
            self.memory.accepted.contains_key(id)
                || self.executed.contains(id)
                || self.records.contains_key(id)
        };
        let is_retry = |id: &RequestId| self.retry_of(*id).is_some();
        for execution in self.executions {
            let id = execution.request_id;
            let is_asked = if is_retry(&id) {
                true
            } else if execution.depth > 0 {
                parent(&execution.payload).is_some_and(|parent| is_known(&parent))
            } else {
                let requests = self.memory.requests.get(&execution.payload);
                self.memory.accepted.contains_key(&id)
                    || requests.is_some_and(|requests| requests.answered < requests.sent)
            };
            if !is_asked {
                broken.push(format!("{id} of {} ran unasked", execution.function));
            }
        }
        for told in self.told.iter().filter(|told| !is_known(&told.request_id)) {
            broken.push(format!(
                "{} was told about unasked {}",
                told.destination.as_str(),
                told.request_id
            ));
        }
    }

    /// An event runs under as many request ids as requests were accepted or are unanswered.
    fn every_request_is_one_invocation(&self, broken: &mut Vec<String>) {
        let mut ids: BTreeMap<&[u8], BTreeSet<RequestId>> = BTreeMap::new();
        let firsts = self.executions.iter().filter(|execution| execution.depth == 0);
        for execution in firsts.filter(|execution| self.retry_of(execution.request_id).is_none()) {
            ids.entry(&execution.payload).or_default().insert(execution.request_id);
        }
        for (payload, ids) in ids {
            let requests = self.memory.requests.get(payload).cloned().unwrap_or_default();
            let unanswered = requests.sent.saturating_sub(requests.answered);
            if ids.len() > requests.accepted + unanswered {
                let text = String::from_utf8_lossy(payload);
                broken.push(format!("request {text:?} became several invocations: {ids:?}"));
            }
        }
    }

    /// The task that an invocation does again; its record says so.
    fn retry_of(&self, id: RequestId) -> Option<&str> {
        self.records.get(&id)?.task.as_ref()?.history.retry_of()
    }

    /// A hand-over within the daemon is one commit: it happens once, however often it is tried.
    fn every_hand_over_is_one_invocation(&self, broken: &mut Vec<String>) {
        for (parent, children) in self.children.iter().filter(|(_, children)| children.len() > 1) {
            broken.push(format!("the outcome of {parent} was handed over as {children:?}"));
        }
    }
}

fn ends_without_a_run(outcome: Option<Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Expired | Outcome::Stopped | Outcome::Invalid))
}

/// The invocation whose outcome an envelope tells.
fn parent(envelope: &[u8]) -> Option<RequestId> {
    let text = str::from_utf8(envelope).ok()?;
    let (_, behind) = text.split_once("\"requestContext\":{\"requestId\":\"")?;
    RequestId::parse(behind.split_once('"')?.0)
}
