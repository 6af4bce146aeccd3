//! The memory outside of the daemon: what clients were promised, and the judgement over it.
//!
//! The oracle is told about every request when it is sent and when it is answered. When everything
//! has drained, [`Oracle::judge`] compares that with what functions and destinations saw and with
//! the daemon's own durable records.

mod judge;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use invoked_core::id::RequestId;

use crate::function::Execution;
use crate::mem_store::Evidence;
use crate::sink::Told;

/// What a 202 promises.
#[derive(Clone, Debug)]
pub struct Promise {
    /// What the client knows the invocation by.
    pub request_id: RequestId,
    /// The function that was invoked.
    pub function: String,
    /// The event, different for every invocation of a test.
    pub payload: Bytes,
    /// Whether it is a task: then its record is there at the end.
    pub is_task: Expected,
    /// Whether somebody is told after success.
    pub on_success: Expected,
}

/// Whether something is to be there at the end.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Expected {
    /// It is.
    Yes,
    /// It is not.
    #[default]
    No,
}

/// Remembers promises. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    memory: Arc<Mutex<Memory>>,
}

#[derive(Clone, Debug, Default)]
struct Memory {
    accepted: BTreeMap<RequestId, Promise>,
    requests: BTreeMap<Bytes, Requests>,
}

/// The requests with one event.
#[derive(Clone, Debug, Default)]
struct Requests {
    sent: usize,
    answered: usize,
    accepted: usize,
}

impl Oracle {
    /// A request is about to be sent. Until it is answered, it may have been accepted or not.
    pub fn sent(&self, payload: &Bytes) {
        self.memory().requests.entry(payload.clone()).or_default().sent += 1;
    }

    /// A request was answered with 202.
    pub fn accepted(&self, promise: Promise) {
        let mut memory = self.memory();
        let requests = memory.requests.entry(promise.payload.clone()).or_default();
        requests.answered += 1;
        requests.accepted += 1;
        memory.accepted.insert(promise.request_id, promise);
    }

    /// A request was answered with anything else: nothing may come of it.
    pub fn refused(&self, payload: &Bytes) {
        self.memory().requests.entry(payload.clone()).or_default().answered += 1;
    }

    /// How many requests were answered with 202.
    #[must_use]
    pub fn accepted_count(&self) -> usize {
        self.memory().accepted.len()
    }

    /// One line for every broken promise, once everything has drained. `evidence` is what the store
    /// holds then, before anything is purged.
    #[must_use]
    pub fn judge(
        &self,
        executions: &[Execution],
        told: &[Told],
        evidence: &Evidence,
    ) -> Vec<String> {
        let memory = self.memory().clone();
        judge::judge(&memory, executions, told, evidence)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
