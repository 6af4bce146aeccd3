//! Tasks: read, listed, stopped. What the store says is overlaid with what the owner of the shard
//! holds in memory, because "started" is written late or not at all.

use std::time::Duration;

use bytes::Bytes;
use invoked_core::head::{Head, Status};
use invoked_core::id::{FnId, InvKey, RequestId};
use invoked_core::limits::LIST_EXAMINED_MAX;
use invoked_core::name::{FunctionKey, Qualifier};
use invoked_core::shard::{BytesWanted, StopRefused};
use invoked_core::time::Timestamp;
use invoked_store::{Order, StoreError, TaskQuery};
use tokio::sync::oneshot;

use crate::error::TaskError;
use crate::handle::Handle;
use crate::shard::Ask;

/// A task.
#[derive(Clone, Debug)]
pub struct TaskRecord {
    /// Its row.
    pub head: Head,
    /// The event, if it was asked for.
    pub payload: Option<Bytes>,
    /// The function's answer.
    pub result: Option<Bytes>,
}

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
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
    /// Oldest first; newest first otherwise.
    pub is_ascending: bool,
    /// Tasks on a page, at most.
    pub limit: usize,
    /// What the page before gave.
    pub token: Option<String>,
    /// Whether payloads are wanted.
    pub with_payload: bool,
}

/// A page of tasks.
#[derive(Clone, Debug)]
pub struct TaskRecordPage {
    /// In the order asked.
    pub tasks: Vec<TaskRecord>,
    /// What asks for the next page; `None` at the end.
    pub next: Option<String>,
}

impl Handle {
    /// A task, with event and answer.
    ///
    /// # Errors
    /// There is no such function or task, or the store did not answer.
    pub async fn task(&self, function: &FunctionKey, id: &str) -> Result<TaskRecord, TaskError> {
        self.task_of(function, self.fn_id(function)?, id).await
    }

    /// The same, of one of the numbers that the function has or had.
    pub(crate) async fn task_of(
        &self,
        function: &FunctionKey,
        fn_id: FnId,
        id: &str,
    ) -> Result<TaskRecord, TaskError> {
        match self.task_row(function, fn_id, id).await? {
            Some(head) => Ok(self.with_bytes(head).await?),
            None => {
                let function = function.name.clone();
                Err(TaskError::NotFound { function, id: id.to_owned() })
            }
        }
    }

    /// The row of a task, unless it is past its retention.
    pub(crate) async fn task_row(
        &self,
        function: &FunctionKey,
        fn_id: FnId,
        id: &str,
    ) -> Result<Option<Head>, StoreError> {
        let key = self.task_key(function, fn_id, id);
        let is_it = |head: &Head| {
            head.fn_id == fn_id && head.task.as_ref().is_some_and(|task| task.id.as_str() == id)
        };
        Ok(self.row(key).await?.filter(is_it))
    }

    /// A row, unless it is past its retention.
    pub(crate) async fn row(&self, key: InvKey) -> Result<Option<Head>, StoreError> {
        let held = self.peek(key.shard(), vec![key]).await.into_iter().next().flatten();
        let head = match held {
            Some(head) => Some(head),
            None => self.shared.store.head(key).await?.map(|found| found.head),
        };
        Ok(head.filter(|head| !self.is_past(head)))
    }

    /// A row with its event and answer.
    pub(crate) async fn with_bytes(&self, head: Head) -> Result<TaskRecord, StoreError> {
        if head.is_redriven() && head.task.is_none() {
            // Of a plain invocation nothing is left but the message.
            return Ok(TaskRecord { head, payload: None, result: None });
        }
        let bytes = self.shared.store.bytes(&[BytesWanted::from(&head)]).await?;
        let bytes = bytes.into_iter().next();
        let (payload, result) = bytes.map_or((None, None), |bytes| (bytes.payload, bytes.result));
        Ok(TaskRecord { head, payload, result })
    }

    /// Tasks of a function.
    ///
    /// # Errors
    /// There is no such function, the token is not one of ours, or the store did not answer.
    pub async fn tasks(
        &self,
        function: &FunctionKey,
        filter: &TaskFilter,
    ) -> Result<TaskRecordPage, TaskError> {
        self.tasks_of(self.fn_id(function)?, filter).await
    }

    /// The same, of one of the numbers that a function has or had.
    pub(crate) async fn tasks_of(
        &self,
        fn_id: FnId,
        filter: &TaskFilter,
    ) -> Result<TaskRecordPage, TaskError> {
        if matches!(filter.status, Some(Status::Running | Status::Dequeued | Status::Stopping)) {
            return self.tasks_under_way(fn_id, filter).await;
        }
        let after = filter.token.as_deref().map(parse_token).transpose()?;
        let query = self.query(fn_id, filter, after);
        let page = self.shared.store.tasks(&query).await?;
        let keys: Vec<_> = page.tasks.iter().map(|task| task.head.key).collect();
        let held = self.peek(self.shared.shard_of(fn_id.0), keys).await;
        let tasks = page.tasks.into_iter().zip(held).filter_map(|(task, held)| {
            let head = held.unwrap_or(task.head);
            query.matches(&head).then_some(TaskRecord {
                head,
                payload: task.payload,
                result: task.result,
            })
        });
        Ok(TaskRecordPage { tasks: tasks.collect(), next: page.next.map(token) })
    }

    /// What is under way lives in memory: the owner of the shard says it.
    async fn tasks_under_way(
        &self,
        fn_id: FnId,
        filter: &TaskFilter,
    ) -> Result<TaskRecordPage, TaskError> {
        let after = filter.token.as_deref().map(parse_token).transpose()?;
        let query = self.query(fn_id, filter, after);
        let shard = self.shared.shard_of(fn_id.0);
        let (reply, answer) = oneshot::channel();
        let port = self.shared.shard(shard).ok_or(TaskError::Unavailable)?;
        port.asks.send(Ask::UnderWay { reply }).await.map_err(|_closed| TaskError::Unavailable)?;
        let mut heads = answer.await.map_err(|_closed| TaskError::Unavailable)?;
        heads.retain(|head| query.matches(head));
        heads.sort_by_key(|head| (head.accepted_at, head.key));
        if !filter.is_ascending {
            heads.reverse();
        }
        if let Some(after) = after {
            heads.retain(|head| match filter.is_ascending {
                true => after < (head.accepted_at, head.key),
                false => (head.accepted_at, head.key) < after,
            });
        }
        let has_more = heads.len() > filter.limit;
        heads.truncate(filter.limit);
        let next =
            heads.last().filter(|_| has_more).map(|head| token((head.accepted_at, head.key)));
        let payloads = match filter.with_payload {
            true => {
                let wanted: Vec<_> = heads.iter().map(BytesWanted::from).collect();
                self.shared.store.bytes(&wanted).await?.into_iter().map(|of| of.payload).collect()
            }
            false => vec![None; heads.len()],
        };
        let tasks = heads.into_iter().zip(payloads);
        let tasks = tasks.map(|(head, payload)| TaskRecord { head, payload, result: None });
        Ok(TaskRecordPage { tasks: tasks.collect(), next })
    }

    /// Stops a task: at once if it waits, else with a durable "stopping" before its call is
    /// cancelled.
    ///
    /// # Errors
    /// There is no such function or task, it has ended, or the daemon cannot take it now.
    pub async fn stop_task(&self, function: &FunctionKey, id: &str) -> Result<(), TaskError> {
        let task = self.task(function, id).await?;
        let ended =
            |status: Status| TaskError::Ended { id: id.to_owned(), status: status.as_str() };
        if task.head.status().is_terminal() {
            return Err(ended(task.head.status()));
        }
        let key = task.head.key;
        let port = self.shared.shard(key.shard()).ok_or(TaskError::Unavailable)?;
        let (reply, answer) = oneshot::channel();
        port.asks.send(Ask::Stop { key, reply }).await.map_err(|_closed| TaskError::Unavailable)?;
        match tokio::time::timeout(self.shared.config().accept_deadline, answer).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(StopRefused::Ended | StopRefused::NotFound))) => {
                Err(ended(self.task(function, id).await?.head.status()))
            }
            Ok(Ok(Err(StopRefused::Busy)) | Err(_)) | Err(_) => Err(TaskError::Unavailable),
        }
    }

    pub(crate) fn fn_id(&self, function: &FunctionKey) -> Result<FnId, TaskError> {
        let directory = self.directory();
        let found = directory.find(function).map(|function| function.id);
        found.ok_or_else(|| TaskError::NoFunction { function: function.name.clone() })
    }

    /// The row of a task. Ids that the daemon makes begin with a digit and name a shard; those that
    /// callers choose never begin with a digit, and are hashed.
    fn task_key(&self, function: &FunctionKey, fn_id: FnId, id: &str) -> InvKey {
        let made = RequestId::parse(id).and_then(RequestId::as_generated_key);
        if let Some(key) = made
            && id.starts_with(|first: char| first.is_ascii_digit())
            && self.shared.shard(key.shard()).is_some()
        {
            return key;
        }
        self.shared.chosen_key(function, fn_id, id)
    }

    fn is_past(&self, head: &Head) -> bool {
        // What is owed is live, however long ago its invocation ended.
        head.is_finished() && head.ended_at().is_some_and(|at| at < self.kept_from())
    }

    /// Records that ended before this time are not shown.
    pub(crate) fn kept_from(&self) -> Timestamp {
        self.ago(self.shared.config().retention)
    }

    /// Callbacks that were given up before this time are not shown.
    pub(crate) fn callbacks_kept_from(&self) -> Timestamp {
        self.ago(self.shared.config().callback_retention)
    }

    fn ago(&self, span: Duration) -> Timestamp {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.now().millis().saturating_sub(span))
    }

    fn query(
        &self,
        fn_id: FnId,
        filter: &TaskFilter,
        after: Option<(Timestamp, InvKey)>,
    ) -> TaskQuery {
        TaskQuery {
            fn_id,
            lanes: self.directory().lanes_of(fn_id).collect(),
            qualifier: filter.qualifier.clone(),
            status: filter.status,
            prefix: filter.prefix.clone(),
            started_from: filter.started_from,
            started_to: filter.started_to,
            ended_from: self.kept_from(),
            order: if filter.is_ascending { Order::Ascending } else { Order::Descending },
            limit: filter.limit.clamp(1, LIST_EXAMINED_MAX),
            after,
            with_payload: filter.with_payload,
        }
    }
}

pub(crate) fn token((at, key): (Timestamp, InvKey)) -> String {
    format!("{:x}.{}", at.millis(), RequestId(key.0))
}

pub(crate) fn parse_token(text: &str) -> Result<(Timestamp, InvKey), TaskError> {
    let parse = || {
        let (at, key) = text.split_once('.')?;
        let at = i64::from_str_radix(at, 16).ok()?;
        Some((Timestamp::from_millis(at), InvKey(RequestId::parse(key)?.0)))
    };
    // Only in the very form that we give it: nothing else that happens to read.
    parse().filter(|position| token(*position) == text).ok_or(TaskError::BadToken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back_and_others_are_refused() {
        let position = (Timestamp::from_millis(1_800_000_000_000), InvKey([7; 16]));
        assert_eq!(parse_token(&token(position)).unwrap(), position);
        for bad in [
            "",
            "x",
            "1.2",
            "zz.00000000-0000-0000-0000-000000000000",
            "+1.00000000-0000-0000-0000-000000000000",
        ] {
            assert!(matches!(parse_token(bad), Err(TaskError::BadToken)), "{bad}");
        }
    }
}
