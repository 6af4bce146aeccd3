//! Sweeping a lane: which of its rows are meant, and what is done with them.
//!
//! A sweep goes through a lane a page at a time, in the order of due work. What a page does is in
//! `shard/sweep.rs`.

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::head::{Head, LaneId, Status};
use crate::lane::Position;
use crate::name::Qualifier;
use crate::time::Timestamp;

/// What kind of error a row has met last.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ErrorClass {
    /// The function ran and failed, or its attempt was lost. It consumes a retry.
    Function,
    /// The function did not run: throttled, unreachable, broken. It consumes none.
    System,
}

/// Which rows of a lane are meant. What is not set does not matter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SweepFilter {
    /// Those in one of these statuses; empty: in any.
    pub statuses: Vec<Status>,
    /// Those whose last error has this code. Of a row that owes a callback it is the callback's.
    pub code: Option<Box<str>>,
    /// Those whose last attempt failed so.
    pub class: Option<ErrorClass>,
    /// Those accepted at or after this time.
    pub accepted_from: Option<Timestamp>,
    /// Those accepted before or at this time.
    pub accepted_to: Option<Timestamp>,
    /// Those whose task id begins so; of a plain invocation its request id.
    pub prefix: Box<str>,
    /// Those of this version or alias.
    pub qualifier: Option<Qualifier>,
}

impl SweepFilter {
    /// Whether a row is meant.
    #[must_use]
    pub fn matches(&self, head: &Head) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&head.status()))
            && self.code.as_deref().is_none_or(|code| {
                let error = head.callback.last_error().or(head.fault.as_ref());
                error.is_some_and(|error| &*error.code == code)
            })
            && self.class.is_none_or(|class| error_class(head) == Some(class))
            && self.accepted_from.is_none_or(|from| from <= head.accepted_at)
            && self.accepted_to.is_none_or(|to| head.accepted_at <= to)
            && self.qualifier.as_ref().is_none_or(|wanted| *wanted == head.terms.qualifier)
            && self.begins_so(head)
    }

    fn begins_so(&self, head: &Head) -> bool {
        match &head.task {
            _ if self.prefix.is_empty() => true,
            Some(task) => task.id.as_str().starts_with(&*self.prefix),
            None => head.request_id.to_string().starts_with(&*self.prefix),
        }
    }
}

/// How the last attempt of a row failed; `None` if it did not, or there was none.
fn error_class(head: &Head) -> Option<ErrorClass> {
    match &head.fault {
        None => None,
        Some(_) if head.tally.unavailable > 0 => Some(ErrorClass::System),
        Some(_) => Some(ErrorClass::Function),
    }
}

/// What is done with the rows that are meant.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum SweepAction {
    /// They are counted.
    Count,
    /// They are stopped, as their owner would: of a function's lane only.
    Stop,
    /// They are dropped. What waits for a function ends as stopped, tells nobody and leaves no record
    /// unless it is a task; a callback is given up, and kept with its message. What is under way is
    /// left alone.
    Purge,
}

/// One page of a sweep.
#[derive(Clone, Debug)]
pub struct SweepPage {
    /// The lane.
    pub lane: LaneId,
    /// It begins behind this position.
    pub after: Position,
    /// Which rows.
    pub filter: Arc<SweepFilter>,
    /// Only those that stand in the lane since then: accepted, or for a destination ended or last sent anew,
    /// before or at this time. So a sweep comes to an end.
    pub upto: Timestamp,
    /// What is done with them.
    pub action: SweepAction,
    /// Rows that the page moves, at most.
    pub limit: u32,
}

/// What a page of a sweep came to.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// Rows looked at.
    pub examined: u32,
    /// Those of them that are meant.
    pub matched: u32,
    /// Those of them that were moved.
    pub acted: u32,
    /// Those of them that were left alone: under way, or on their way to an end already.
    pub skipped: u32,
    /// Behind this position the next page begins; `None` at the end of the lane.
    pub next: Option<Position>,
}

/// A page of a sweep was not done.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum SweepRefused {
    /// The daemon is about to stop.
    Draining,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callback::Callback;
    use crate::fault::Fault;
    use crate::head::Task;
    use crate::head::tests::head;
    use crate::history::History;
    use crate::id::Attempt;
    use crate::life::{Life, Tally};
    use crate::name::TaskId;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn a_filter_without_anything_set_means_everything() {
        assert!(SweepFilter::default().matches(&head()));
    }

    #[test]
    fn each_part_of_a_filter_counts() {
        let mut row = head();
        row.life = Life::Retrying { failed: Attempt(1) };
        row.fault = Some(Fault::new("ResourceExhausted", "x", 429));
        row.tally = Tally { unavailable: 2, ..Tally::default() };
        row.task = Some(Task { id: TaskId::trusted("night-7"), history: History::default() });
        let all = SweepFilter {
            statuses: Vec::from([Status::Enqueued, Status::Retrying]),
            code: Some("ResourceExhausted".into()),
            class: Some(ErrorClass::System),
            accepted_from: Some(at(1_000)),
            accepted_to: Some(at(1_000)),
            prefix: "night-".into(),
            qualifier: Some(Qualifier::LATEST),
        };
        assert!(all.matches(&row));
        for other in [
            SweepFilter { statuses: Vec::from([Status::Enqueued]), ..all.clone() },
            SweepFilter { code: Some("InvocationError".into()), ..all.clone() },
            SweepFilter { class: Some(ErrorClass::Function), ..all.clone() },
            SweepFilter { accepted_from: Some(at(1_001)), ..all.clone() },
            SweepFilter { accepted_to: Some(at(999)), ..all.clone() },
            SweepFilter { prefix: "day-".into(), ..all.clone() },
            SweepFilter { qualifier: Some(Qualifier::parse("prod").unwrap()), ..all },
        ] {
            assert!(!other.matches(&row), "{other:?}");
        }
    }

    #[test]
    fn a_plain_invocation_goes_by_its_request_id_and_a_callback_by_its_own_error() {
        let mut row = head();
        let begins = |prefix: &str| SweepFilter { prefix: prefix.into(), ..SweepFilter::default() };
        let id = row.request_id.to_string();
        assert!(begins(id.get(..8).unwrap()).matches(&row));
        assert!(!begins("x").matches(&row));
        row.fault = Some(Fault::new("InvocationError", "x", 200));
        let error = Some(Fault::new("QueueNotExist", "x", 404));
        row.callback = Callback::Owed { tried: Attempt(1), first_at: None, error };
        let code = |code: &str| SweepFilter { code: Some(code.into()), ..SweepFilter::default() };
        assert!(code("QueueNotExist").matches(&row));
        assert!(!code("InvocationError").matches(&row));
    }
}
