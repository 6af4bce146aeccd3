//! The events of a task, as `GetAsyncTask` shows them.
//!
//! At most 64 are kept: the first 8, the last 55, and one between them that says how many it stands
//! for. Repeats of the same retry reason coalesce, so that hours of throttling are one line.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use crate::head::Status;
use crate::limits::{HISTORY_FIRST, HISTORY_LAST};
use crate::time::Timestamp;

/// How the detail of the first event of a repeated task begins. Task ids need no escapes in JSON.
const RETRY_OF: &str = "{\"RetryOf\":\"";

/// One change of a task's status.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TaskEvent {
    /// Counts from 1 and only grows.
    pub id: u32,
    /// The status that was reached.
    pub status: Status,
    /// When.
    pub at: Timestamp,
    /// What there is to say, usually nothing.
    pub detail: Option<Box<str>>,
}

/// The kept events of a task, oldest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct History {
    events: Vec<TaskEvent>,
    last_id: u32,
    dropped: u32,
}

impl History {
    /// Restores what a store has kept.
    #[must_use]
    pub fn from_parts(events: Vec<TaskEvent>, last_id: u32, dropped: u32) -> Self {
        Self { events, last_id, dropped }
    }

    /// The kept events, oldest first.
    #[must_use]
    pub fn events(&self) -> &[TaskEvent] {
        &self.events
    }

    /// The number of the newest event.
    #[must_use]
    pub fn last_id(&self) -> u32 {
        self.last_id
    }

    /// How many events the line in the middle stands for.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Begins the history of a task that repeats another one: its first event names that task.
    pub fn begin_again(&mut self, retry_of: &str, at: Timestamp) {
        let detail = format!("{RETRY_OF}{retry_of}\"}}");
        self.push(Status::Enqueued, at, Some(detail.into()));
    }

    /// The task that this one repeats.
    #[must_use]
    pub fn retry_of(&self) -> Option<&str> {
        self.events.first()?.detail.as_deref()?.strip_prefix(RETRY_OF)?.strip_suffix("\"}")
    }

    /// Adds an event.
    pub fn push(&mut self, status: Status, at: Timestamp, detail: Option<Box<str>>) {
        self.last_id = self.last_id.saturating_add(1);
        if self.repeats_the_last_retry(status, detail.as_deref()) {
            // The three lines of the repeated try (Retrying, Dequeued, Running) become one again.
            while self.events.last().is_some_and(|last| last.status != Status::Retrying) {
                self.events.pop();
            }
            self.events.pop();
        }
        self.events.push(TaskEvent { id: self.last_id, status, at, detail });
        if self.events.len() > HISTORY_FIRST + 1 + HISTORY_LAST
            || (self.dropped == 0 && self.events.len() > HISTORY_FIRST + HISTORY_LAST)
        {
            self.fold();
        }
    }

    fn repeats_the_last_retry(&self, status: Status, detail: Option<&str>) -> bool {
        status == Status::Retrying
            && detail.is_some_and(|detail| detail.contains("\"Throttled\":true"))
            && self
                .events
                .iter()
                .rev()
                .find(|event| event.status == Status::Retrying)
                .is_some_and(|event| event.detail.as_deref() == detail)
    }

    fn fold(&mut self) {
        let removed = if self.dropped == 0 {
            self.events.remove(HISTORY_FIRST)
        } else {
            self.events.remove(HISTORY_FIRST);
            self.events.remove(HISTORY_FIRST)
        };
        self.dropped = self.dropped.saturating_add(1);
        let detail = format!("{{\"Omitted\":{}}}", self.dropped);
        self.events.insert(
            HISTORY_FIRST,
            TaskEvent {
                id: removed.id,
                status: removed.status,
                at: removed.at,
                detail: Some(detail.into()),
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::HISTORY_MAX;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn the_middle_is_folded_and_counted() {
        let mut history = History::default();
        for index in 0..200 {
            history.push(Status::Running, at(index), None);
            assert!(history.events().len() <= HISTORY_MAX);
        }
        assert_eq!(history.events().len(), HISTORY_MAX);
        assert_eq!(history.events()[0].id, 1);
        assert_eq!(history.events()[HISTORY_MAX - 1].id, 200);
        assert_eq!(history.dropped() as usize + HISTORY_MAX - 1, 200);
        let ids: Vec<_> = history.events().iter().map(|event| event.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    }

    #[test]
    fn a_repeated_task_names_the_one_before() {
        let mut history = History::default();
        history.begin_again("nightly-1", at(5));
        history.push(Status::Running, at(6), None);
        assert_eq!(history.retry_of(), Some("nightly-1"));
        assert_eq!(history.events()[0].detail.as_deref(), Some("{\"RetryOf\":\"nightly-1\"}"));
        let mut other = History::default();
        other.push(Status::Enqueued, at(5), None);
        assert_eq!(other.retry_of(), None);
    }

    #[test]
    fn repeated_throttling_is_one_line() {
        let mut history = History::default();
        history.push(Status::Enqueued, at(0), None);
        for index in 1..50 {
            history.push(Status::Dequeued, at(index), None);
            history.push(Status::Running, at(index), None);
            history.push(
                Status::Retrying,
                at(index),
                Some("{\"Error\":\"ResourceExhausted\",\"Throttled\":true}".into()),
            );
        }
        let statuses: Vec<_> = history.events().iter().map(|event| event.status).collect();
        assert_eq!(
            statuses,
            [Status::Enqueued, Status::Dequeued, Status::Running, Status::Retrying]
        );
        assert_eq!(history.events()[3].at, at(49));
    }
}
