//! Invocations of a function, tasks or not: first those that live, by when they are due; then the tasks that have
//! ended, newest first. Of a plain invocation nothing is kept once it has ended and its callback is told.
//!
//! A page is a walk along an index, never a search: what moves meanwhile may be missed or met twice.

use invoked_core::head::{Head, LaneId, Status};
use invoked_core::id::{FnId, InvKey, RequestId};
use invoked_core::lane::Position;
use invoked_core::limits::LIST_EXAMINED_MAX;
use invoked_core::name::FunctionKey;
use invoked_core::time::Timestamp;
use invoked_store::{Heads, Order, StoreError, TaskQuery};

use crate::error::TaskError;
use crate::handle::Handle;
use crate::tasks::{TaskRecord, TaskRecordPage, parse_token, token};

const START: Position = (Timestamp::MIN, InvKey::MIN);

/// Which invocations to list.
#[derive(Clone, Debug, Default)]
pub struct InvocationFilter {
    /// Only with this status.
    pub status: Option<Status>,
    /// Only accepted at or after this time.
    pub accepted_from: Option<Timestamp>,
    /// Only accepted before or at this time.
    pub accepted_to: Option<Timestamp>,
    /// Invocations on a page, at most.
    pub limit: usize,
    /// What the page before gave.
    pub token: Option<String>,
}

/// How far a listing has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mark {
    /// Behind this one of those that live.
    Live(Position),
    /// Behind this one of those that have ended.
    Ended(Option<Position>),
}

impl Handle {
    /// Invocations of a function, without their events and answers. At most 1,000 rows are looked at, so a page may
    /// be short and still have one behind it.
    ///
    /// # Errors
    /// There is no such function, the token is not one of ours, or the store did not answer.
    pub async fn invocations(
        &self,
        function: &FunctionKey,
        filter: &InvocationFilter,
    ) -> Result<TaskRecordPage, TaskError> {
        let fn_id = self.fn_id(function)?;
        let begin = match filter.status {
            Some(status) if status.is_terminal() => Mark::Ended(None),
            Some(_) | None => Mark::Live(START),
        };
        match filter.token.as_deref().map(Mark::parse).transpose()?.unwrap_or(begin) {
            Mark::Live(after) => self.live(fn_id, filter, after).await,
            Mark::Ended(after) => self.ended(fn_id, filter, after).await,
        }
    }

    async fn live(
        &self,
        fn_id: FnId,
        filter: &InvocationFilter,
        after: Position,
    ) -> Result<TaskRecordPage, TaskError> {
        let shard = self.shared.shard_of(fn_id.0);
        let read = self.heads_of(fn_id, after).await?;
        let keys = read.heads.iter().map(|head| head.key).collect();
        let held = self.peek(shard, keys).await;
        let mut tasks = Vec::new();
        let mut last = after;
        let mut is_through = read.is_complete;
        for (stored, held) in read.heads.into_iter().zip(held) {
            if tasks.len() == filter.limit {
                is_through = false;
                break;
            }
            last = (stored.due, stored.key);
            let head = held.unwrap_or(stored);
            if filter.matches(&head) {
                tasks.push(TaskRecord { head, payload: None, result: None });
            }
        }
        let wants_ended = filter.status.is_none_or(Status::is_terminal);
        let next = match (is_through, wants_ended) {
            (false, _) => Some(Mark::Live(last)),
            (true, true) => Some(Mark::Ended(None)),
            (true, false) => None,
        };
        Ok(TaskRecordPage { tasks, next: next.map(Mark::token) })
    }

    /// Live rows of a function behind a position, over all its lanes, in order of due.
    async fn heads_of(&self, fn_id: FnId, after: Position) -> Result<Heads, StoreError> {
        let limit = u32::try_from(LIST_EXAMINED_MAX).unwrap_or(u32::MAX);
        let shard = self.shared.shard_of(fn_id.0);
        let mut pages = Vec::new();
        for lane in self.directory().lanes_of(fn_id).map(LaneId::Function) {
            pages.push(self.shared.store.heads(shard, lane, after, limit).await?);
        }
        Ok(merged(pages))
    }

    async fn ended(
        &self,
        fn_id: FnId,
        filter: &InvocationFilter,
        after: Option<Position>,
    ) -> Result<TaskRecordPage, TaskError> {
        let query = TaskQuery {
            fn_id,
            lanes: self.directory().lanes_of(fn_id).collect(),
            qualifier: None,
            status: filter.status,
            prefix: String::new(),
            started_from: None,
            started_to: None,
            ended_from: self.kept_from(),
            order: Order::Descending,
            limit: filter.limit.clamp(1, LIST_EXAMINED_MAX),
            after,
            with_payload: false,
        };
        let page = self.shared.store.tasks(&query).await?;
        let ended = page
            .tasks
            .into_iter()
            .filter(|task| task.head.status().is_terminal() && filter.matches(&task.head));
        let bare = |head| TaskRecord { head, payload: None, result: None };
        let tasks = ended.map(|task| bare(task.head)).collect();
        let next = page.next.map(|position| Mark::Ended(Some(position)));
        Ok(TaskRecordPage { tasks, next: next.map(Mark::token) })
    }
}

/// Pages of several lanes as one of all: it ends where the first of them does that has more.
fn merged(pages: Vec<Heads>) -> Heads {
    let place = |head: &Head| (head.due, head.key);
    let cut = |page: &Heads| page.heads.last().filter(|_| !page.is_complete).map(place);
    let upto = pages.iter().filter_map(cut).min();
    let mut heads: Vec<_> = pages.into_iter().flat_map(|page| page.heads).collect();
    heads.retain(|head| upto.is_none_or(|upto| place(head) <= upto));
    heads.sort_unstable_by_key(place);
    let is_complete = upto.is_none() && heads.len() <= LIST_EXAMINED_MAX;
    heads.truncate(LIST_EXAMINED_MAX);
    Heads { heads, is_complete }
}

impl InvocationFilter {
    fn matches(&self, head: &Head) -> bool {
        self.status.is_none_or(|wanted| wanted == head.status())
            && self.accepted_from.is_none_or(|from| from <= head.accepted_at)
            && self.accepted_to.is_none_or(|to| head.accepted_at <= to)
    }
}

impl Mark {
    fn token(self) -> String {
        match self {
            Self::Live((due, key)) => format!("l.{:x}.{}", due.millis(), RequestId(key.0)),
            Self::Ended(None) => "e".to_owned(),
            Self::Ended(Some(position)) => format!("e.{}", token(position)),
        }
    }

    fn parse(text: &str) -> Result<Self, TaskError> {
        match text.split_once('.') {
            None if text == "e" => Ok(Self::Ended(None)),
            Some(("e", position)) => parse_token(position).map(|at| Self::Ended(Some(at))),
            Some(("l", position)) => parse_token(position).map(Self::Live),
            Some(_) | None => Err(TaskError::BadToken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back_and_others_are_refused() {
        let position = (Timestamp::from_millis(1_800_000_000_000), InvKey([7; 16]));
        for mark in [Mark::Live(position), Mark::Ended(None), Mark::Ended(Some(position))] {
            assert_eq!(Mark::parse(&mark.token()).unwrap(), mark);
        }
        for bad in ["", "l", "x", "e.", "l.1.2", "k.1.00000000-0000-0000-0000-000000000000"] {
            assert!(matches!(Mark::parse(bad), Err(TaskError::BadToken)), "{bad}");
        }
    }
}
