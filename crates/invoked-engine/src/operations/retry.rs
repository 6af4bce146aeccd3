//! A page of tasks that are done again.
//!
//! The key of the new invocation follows from the operation and the old one, so a page that a crash
//! made go through twice finds what it did the first time and starts nothing again.

use invoked_core::head::Head;
use invoked_core::id::{InvKey, mix};
use invoked_core::time::Timestamp;
use invoked_store::{Order, StoreError, TaskQuery};
use tokio::task::JoinSet;

use super::Operation;
use super::run::{PAGE_MAX, Page, Runner, before, page_size};
use super::work::Again;
use crate::error::{InvokeError, RetryError};
use crate::retry::Made;
use crate::tasks::TaskRecord;

impl Runner {
    pub(super) async fn page_of_retry(
        &self,
        operation: &mut Operation,
        again: &Again,
    ) -> Result<Page, StoreError> {
        let room = if operation.is_dry_run { PAGE_MAX } else { page_size(operation) };
        let after = operation.cursor.or_else(|| again.filter.accepted_from.map(before));
        let query = TaskQuery {
            fn_id: again.id,
            lanes: self.handle.directory().lanes_of(again.id).collect(),
            qualifier: again.filter.qualifier.clone(),
            status: match again.filter.statuses.as_slice() {
                [one] => Some(*one),
                _ => None,
            },
            prefix: again.filter.prefix.as_ref().to_owned(),
            started_from: None,
            started_to: None,
            ended_from: self.handle.kept_from(),
            order: Order::Ascending,
            limit: room,
            after,
            with_payload: !operation.is_dry_run,
        };
        let page = self.handle.shared.store.tasks(&query).await?;
        let upto = again.filter.accepted_to.unwrap_or(Timestamp::MAX).min(operation.began_at);
        let (mut next, mut wanted) = (page.next, Vec::new());
        for task in page.tasks {
            if upto < task.head.accepted_at {
                next = None;
                break;
            }
            operation.counts.examined += 1;
            if is_wanted(operation, again, &task.head) {
                operation.counts.matched += 1;
                wanted.push(TaskRecord {
                    head: task.head,
                    payload: task.payload,
                    result: task.result,
                });
            }
        }
        let Some(acted) = self.repeat(operation, again, wanted).await else {
            return Ok(Page::Later);
        };
        operation.cursor = next;
        Ok(if next.is_none() { Page::Last } else { Page::More(acted) })
    }

    /// Does a page again, all at once. `None` if the daemon cannot now.
    async fn repeat(
        &self,
        operation: &mut Operation,
        again: &Again,
        wanted: Vec<TaskRecord>,
    ) -> Option<u32> {
        if operation.is_dry_run {
            return Some(0);
        }
        let mut work = JoinSet::new();
        for old in wanted {
            let (handle, function) = (self.handle.clone(), again.function.clone());
            let made = made(operation, old.head.key);
            work.spawn(async move { handle.repeat(function, old, None, Some(made)).await });
        }
        let (mut acted, mut is_later) = (0, false);
        while let Some(done) = work.join_next().await {
            match done {
                Ok(Ok(_)) => {
                    acted += 1;
                    operation.counts.acted += 1;
                }
                Ok(Err(RetryError::Invoke(
                    InvokeError::Unavailable { .. }
                    | InvokeError::Overloaded { .. }
                    | InvokeError::Refused { .. },
                )))
                | Err(_) => is_later = true,
                Ok(Err(_)) => operation.counts.skipped += 1,
            }
        }
        (!is_later).then_some(acted)
    }
}

/// What ended after the operation began is not its business: it may be one of its own.
fn is_wanted(operation: &Operation, again: &Again, head: &Head) -> bool {
    head.ended_at().is_some_and(|ended| ended <= operation.began_at) && again.filter.matches(head)
}

/// The invocation that does `old` again.
fn made(operation: &Operation, old: InvKey) -> Made {
    let salt = mix(InvKey(operation.id.0), 0);
    Made { at: operation.began_at, random: mix(old, salt), token: mix(old, !salt) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::work::Work;
    use crate::operations::{OperationCounts, OperationState, Redriven};
    use invoked_core::id::{RequestId, ShardId};

    fn operation(id: u8) -> Operation {
        Operation {
            id: RequestId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, id]),
            by: String::new(),
            work: Work::Redrive(Redriven::Ids(Vec::new())),
            is_dry_run: false,
            rate: None,
            expected: None,
            began_at: Timestamp::from_millis(7),
            ended_at: None,
            state: OperationState::Running,
            counts: OperationCounts::default(),
            cursor: None,
            shard: 0,
            lane: None,
        }
    }

    #[test]
    fn the_same_operation_makes_the_same_of_the_same_task() {
        let old = |id: &str| InvKey::chosen(ShardId(0), "1", "f", id);
        let key = |id: u8, of: &str| made(&operation(id), old(of));
        assert_eq!(key(1, "a"), key(1, "a"));
        assert_ne!(key(1, "a"), key(2, "a"));
        assert_ne!(key(1, "a"), key(1, "b"));
    }
}
