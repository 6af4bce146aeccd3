//! Listing tasks: what can be asked, and a page of the answer.

use bytes::Bytes;
use invoked_core::head::{Head, Status};
use invoked_core::id::{FnId, InvKey};
use invoked_core::name::Qualifier;
use invoked_core::time::Timestamp;

/// Which tasks, and how many.
#[derive(Clone, Debug)]
pub struct TaskQuery {
    /// Of this function.
    pub fn_id: FnId,
    /// The numbers of all lanes in which something of it may wait, its own included.
    pub lanes: Vec<FnId>,
    /// Only with this qualifier.
    pub qualifier: Option<Qualifier>,
    /// Only with this status.
    pub status: Option<Status>,
    /// Only with ids that begin so.
    pub prefix: String,
    /// Only started at or after this time.
    pub started_from: Option<Timestamp>,
    /// Only started before or at this time.
    pub started_to: Option<Timestamp>,
    /// Records that ended before this time are past their retention and not shown.
    pub ended_from: Timestamp,
    /// By acceptance.
    pub order: Order,
    /// Tasks on a page, at most.
    pub limit: usize,
    /// Go on behind this position.
    pub after: Option<(Timestamp, InvKey)>,
    /// Whether payloads are wanted.
    pub with_payload: bool,
}

/// The order of a listing.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Order {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// A task with the bytes that were asked for.
#[derive(Clone, Debug)]
pub struct TaskView {
    /// The row.
    pub head: Head,
    /// The event.
    pub payload: Option<Bytes>,
    /// The function's answer.
    pub result: Option<Bytes>,
}

/// A page of tasks.
#[derive(Clone, Debug, Default)]
pub struct TaskPage {
    /// The tasks, in the order asked.
    pub tasks: Vec<TaskView>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<(Timestamp, InvKey)>,
}

impl TaskQuery {
    /// Whether a task is one of those asked for, by the row that its owner has.
    #[must_use]
    pub fn matches(&self, head: &Head) -> bool {
        let started = head.first_started_at;
        self.may_match(head)
            && self.started_from.is_none_or(|from| started.is_some_and(|at| from <= at))
            && self.started_to.is_none_or(|to| started.is_some_and(|at| at <= to))
    }

    /// Whether a task may be one of those asked for, by the row that the store has: one that has not
    /// ended may have started since it was written.
    #[must_use]
    pub fn may_match(&self, head: &Head) -> bool {
        let Some(task) = &head.task else { return false };
        let started = head.first_started_at;
        let may_have_started = started.is_some() || head.ended_at().is_none();
        let asks_when = self.started_from.is_some() || self.started_to.is_some();
        head.fn_id == self.fn_id
            && task.id.as_str().starts_with(&self.prefix)
            && self.qualifier.as_ref().is_none_or(|wanted| *wanted == head.terms.qualifier)
            && self.status.is_none_or(|wanted| wanted == head.status())
            && (may_have_started || !asks_when)
            && self.started_from.is_none_or(|from| started.is_none_or(|at| from <= at))
            && self.started_to.is_none_or(|to| started.is_none_or(|at| at <= to))
            && head.ended_at().is_none_or(|ended| self.ended_from <= ended)
    }
}
