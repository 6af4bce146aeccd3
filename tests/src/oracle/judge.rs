//! The judgement over a ledger: which promises of the daemon were broken.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle::ledger::{Answer, Run, Sent, Told};

/// Everything that is known when the backlog has drained.
#[derive(Debug, Default)]
pub struct Evidence {
    pub sent: Vec<Sent>,
    pub runs: Vec<Run>,
    pub told: Vec<Told>,
    /// Functions that have a destination for success and for failure.
    pub owing: BTreeSet<&'static str>,
    /// `FunctionDestinationErrors` + `FunctionDestinationSucceed`.
    pub settled: u64,
    /// The daemon's own record of tasks that were never run: key to status.
    pub records: BTreeMap<u64, String>,
}

/// One line for every broken promise.
#[must_use]
pub fn judge(evidence: &Evidence) -> Vec<String> {
    let mut broken = Vec::new();
    every_202_is_executed(evidence, &mut broken);
    every_owed_callback_is_delivered(evidence, &mut broken);
    every_callback_is_one_invocation(evidence, &mut broken);
    every_settled_callback_is_counted_once(evidence, &mut broken);
    attempts_never_go_backwards(evidence, &mut broken);
    every_request_is_one_invocation(evidence, &mut broken);
    broken
}

fn accepted(evidence: &Evidence) -> impl Iterator<Item = (&Sent, &str)> {
    evidence.sent.iter().filter_map(|sent| match &sent.answer {
        Answer::Accepted { request_id } => Some((sent, request_id.as_str())),
        Answer::Duplicate | Answer::InDoubt => None,
    })
}

/// … or its own record says that it was stopped or expired first.
fn every_202_is_executed(evidence: &Evidence, broken: &mut Vec<String>) {
    let ran: BTreeSet<_> = evidence.runs.iter().map(|run| run.request_id.as_str()).collect();
    for (sent, request_id) in accepted(evidence).filter(|(_, request_id)| !ran.contains(request_id))
    {
        let record = evidence.records.get(&sent.key).map(String::as_str);
        if !matches!(record, Some("Expired" | "Stopped")) {
            broken.push(format!(
                "never executed: {request_id} of {}, its record: {record:?}",
                sent.function
            ));
        }
    }
}

fn every_owed_callback_is_delivered(evidence: &Evidence, broken: &mut Vec<String>) {
    let parents: BTreeSet<_> = evidence.told.iter().map(|told| told.parent.as_str()).collect();
    let owed = accepted(evidence).filter(|(sent, _)| evidence.owing.contains(sent.function));
    for (sent, request_id) in owed.filter(|(_, request_id)| !parents.contains(request_id)) {
        broken.push(format!("callback never delivered: {request_id} of {}", sent.function));
    }
    // A task whose first answer was lost and whose second was 409 was accepted as well.
    let keys: BTreeSet<_> = evidence.told.iter().map(|told| told.key).collect();
    let duplicates = evidence.sent.iter().filter(|sent| sent.answer == Answer::Duplicate);
    for sent in duplicates
        .filter(|sent| evidence.owing.contains(sent.function) && !keys.contains(&sent.key))
    {
        broken.push(format!("callback never delivered: task {:?} of {}", sent.task, sent.function));
    }
}

/// The hand-over within one daemon is a single commit: it happens once, however often the child is then attempted.
fn every_callback_is_one_invocation(evidence: &Evidence, broken: &mut Vec<String>) {
    let mut children: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for told in &evidence.told {
        children.entry(&told.parent).or_default().insert(&told.child);
    }
    for (parent, children) in children.into_iter().filter(|(_, children)| children.len() > 1) {
        broken.push(format!("callback of {parent} handed over more than once: {children:?}"));
    }
}

fn every_settled_callback_is_counted_once(evidence: &Evidence, broken: &mut Vec<String>) {
    let owed = accepted(evidence)
        .filter(|(sent, _)| evidence.owing.contains(sent.function))
        .map(|(_, id)| id);
    // Requests in doubt that had been accepted show themselves by their callback.
    let told = evidence.told.iter().map(|told| told.parent.as_str());
    let settled = owed.chain(told).collect::<BTreeSet<_>>().len() as u64;
    if settled != evidence.settled {
        broken.push(format!(
            "callbacks settled: {settled}, counted by the daemon: {}",
            evidence.settled
        ));
    }
}

fn attempts_never_go_backwards(evidence: &Evidence, broken: &mut Vec<String>) {
    let runs = evidence.runs.iter().map(|run| (run.request_id.as_str(), run.attempt));
    let told = evidence.told.iter().map(|told| (told.child.as_str(), told.attempt));
    let mut last: BTreeMap<&str, u32> = BTreeMap::new();
    for (request_id, attempt) in runs.chain(told) {
        let before = last.insert(request_id, attempt).unwrap_or(1);
        if attempt < before {
            broken.push(format!("attempt {attempt} of {request_id} came after {before}"));
        }
    }
}

fn every_request_is_one_invocation(evidence: &Evidence, broken: &mut Vec<String>) {
    let answers = accepted(evidence).map(|(sent, request_id)| (sent.key, request_id));
    let runs = evidence.runs.iter().map(|run| (run.key, run.request_id.as_str()));
    let told = evidence.told.iter().map(|told| (told.key, told.parent.as_str()));
    let mut ids: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    let mut keys: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (key, request_id) in answers.chain(runs).chain(told) {
        ids.entry(key).or_default().insert(request_id);
        keys.entry(request_id).or_default().insert(key);
    }
    for (key, ids) in ids.into_iter().filter(|(_, ids)| ids.len() > 1) {
        broken.push(format!("request {key} became several invocations: {ids:?}"));
    }
    for (request_id, keys) in keys.into_iter().filter(|(_, keys)| keys.len() > 1) {
        broken.push(format!("request id {request_id} was given to several requests: {keys:?}"));
    }
}

#[cfg(test)]
mod tests;
