//! What was seen from outside, in the order in which it was seen.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::function::Call;

/// What became of a request, as far as its client knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 202 with this request id: the daemon owes it a fate.
    Accepted { request_id: String },
    /// 409 to a task id that was sent before and whose first answer was lost: it had been accepted.
    Duplicate,
    /// The connection broke before the answer: it may or may not have been accepted.
    InDoubt,
}

/// One request of the load, found again everywhere by the `key` in its payload.
#[derive(Debug, Clone)]
pub struct Sent {
    pub key: u64,
    pub function: &'static str,
    pub task: Option<String>,
    pub answer: Answer,
}

/// One call of the function under load.
#[derive(Debug, Clone)]
pub struct Run {
    pub key: u64,
    pub request_id: String,
    pub attempt: u32,
}

impl Run {
    #[must_use]
    pub fn of(call: &Call) -> Self {
        let key = call.json()["key"].as_u64().expect("the load's own payload");
        Self { key, request_id: call.request_id.clone(), attempt: call.attempt }
    }
}

/// One call of the function that is the destination of all callbacks.
#[derive(Debug, Clone)]
pub struct Told {
    pub key: u64,
    /// The invocation whose outcome it tells.
    pub parent: String,
    /// The invocation by which it is told.
    pub child: String,
    pub attempt: u32,
}

impl Told {
    #[must_use]
    pub fn of(call: &Call) -> Self {
        let envelope = call.json();
        let parent = envelope["requestContext"]["requestId"]
            .as_str()
            .expect("an envelope names its invocation");
        let payload =
            envelope["requestPayload"].as_str().expect("an envelope carries the payload as text");
        let payload: Value = serde_json::from_str(payload).expect("the load's own payload");
        let key = payload["key"].as_u64().expect("the load's own payload");
        Self {
            key,
            parent: parent.to_owned(),
            child: call.request_id.clone(),
            attempt: call.attempt,
        }
    }
}

/// Filled by the clients of the load and by the function servers at the same time.
#[derive(Debug)]
pub struct Ledger {
    /// Functions whose every invocation owes a callback.
    owing: BTreeSet<&'static str>,
    sent: Mutex<Vec<Sent>>,
    runs: Mutex<Vec<Run>>,
    told: Mutex<Vec<Told>>,
    /// Request ids of 202s whose callback is owed and has not been seen.
    missing: Mutex<Missing>,
}

/// A callback can arrive before the client has noted its 202, so both sides are kept until they meet.
#[derive(Debug, Default)]
struct Missing {
    owed: BTreeSet<String>,
    told: BTreeSet<String>,
}

fn lock<T>(entries: &Mutex<T>) -> MutexGuard<'_, T> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    #[must_use]
    pub fn new(owing: BTreeSet<&'static str>) -> Self {
        let (sent, runs, told, missing) = Default::default();
        Self { owing, sent, runs, told, missing }
    }

    pub fn note_sent(&self, sent: Sent) {
        if let Answer::Accepted { request_id } = &sent.answer
            && self.owing.contains(sent.function)
        {
            let mut missing = lock(&self.missing);
            if !missing.told.contains(request_id) {
                missing.owed.insert(request_id.clone());
            }
        }
        lock(&self.sent).push(sent);
    }

    pub fn note_run(&self, run: Run) {
        lock(&self.runs).push(run);
    }

    pub fn note_told(&self, told: Told) {
        let mut missing = lock(&self.missing);
        missing.owed.remove(&told.parent);
        missing.told.insert(told.parent.clone());
        drop(missing);
        lock(&self.told).push(told);
    }

    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.sent).clone()
    }

    #[must_use]
    pub fn runs(&self) -> Vec<Run> {
        lock(&self.runs).clone()
    }

    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        lock(&self.told).clone()
    }

    #[must_use]
    pub fn sent_count(&self) -> usize {
        lock(&self.sent).len()
    }

    /// How many 202s still wait for their callback.
    #[must_use]
    pub fn behind(&self) -> usize {
        lock(&self.missing).owed.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Ledger, Sent, Told};

    #[test]
    fn a_202_is_behind_until_its_callback_whichever_is_noted_first() {
        let ledger = Ledger::new(["settle"].into());
        let note = |function, request_id: &str| {
            let answer = Answer::Accepted { request_id: request_id.to_owned() };
            ledger.note_sent(Sent { key: 1, function, task: None, answer });
        };
        let tell = |parent: &str| {
            let (parent, child) = (parent.to_owned(), String::new());
            ledger.note_told(Told { key: 1, parent, child, attempt: 1 });
        };
        note("settle", "a");
        note("quiet", "b");
        tell("c");
        assert_eq!(ledger.behind(), 1);
        note("settle", "c");
        assert_eq!(ledger.behind(), 1, "c had been told");
        tell("a");
        tell("a");
        assert_eq!((ledger.behind(), ledger.sent_count(), ledger.told().len()), (0, 3, 3));
    }
}
