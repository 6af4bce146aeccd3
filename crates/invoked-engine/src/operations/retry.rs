//! A page of tasks that are done again.
//!
//! The key of the new invocation follows from the operation and the old one, so a page that a crash
//! made go through twice finds what it did the first time and starts nothing again.
//!
//! The cursor stands behind the last task before which all are settled, and what stands before it is
//! counted, no more and no less: so the row of the operation is right at every moment. What is settled
//! further on is kept in memory until the cursor comes by.

use std::collections::BTreeMap;

use invoked_core::head::Head;
use invoked_core::id::{InvKey, mix};
use invoked_core::lane::Position;
use invoked_core::shard::BytesWanted;
use invoked_core::time::Timestamp;
use invoked_store::{Order, StoreError, TaskPage, TaskQuery, TaskView};
use tokio::task::{JoinError, JoinSet};

use super::run::{PAGE_MAX, Page, Runner, before, page_size};
use super::work::Again;
use super::{Operation, OperationCounts};
use crate::error::{InvokeError, RetryError};
use crate::retry::{Made, Retried};
use crate::tasks::TaskRecord;

/// What has come of a task that was wanted.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Settled {
    /// It is done again.
    Done,
    /// It cannot be.
    Skipped,
}

/// Tasks that are settled while one before them is not. There are never more than are asked for at a
/// time, and a restart forgets them: they are asked for again and found done.
pub(super) type Ahead = BTreeMap<InvKey, Settled>;

/// Why a page is not gone through.
enum Stopped {
    /// The daemon refused one for now.
    Refused(String),
    /// It takes none, now or later.
    Never(String),
}

/// What a page has read.
struct Look {
    rows: Vec<Row>,
    /// Behind what was read; `None` at the end.
    next: Option<Position>,
}

/// A task that was looked at.
struct Row {
    head: Head,
    is_wanted: bool,
}

impl Row {
    fn at(&self) -> Position {
        (self.head.accepted_at, self.head.key)
    }
}

impl Runner {
    pub(super) async fn page_of_retry(
        &self,
        operation: &mut Operation,
        again: &Again,
        ahead: &mut Ahead,
    ) -> Result<Page, StoreError> {
        if let Err(why) = self.check_function(again) {
            return Ok(operation.ends_early(why, ahead));
        }
        let query = self.query(operation, again);
        let page = self.handle.shared.store.tasks(&query).await?;
        let Look { rows, next } = look(operation, again, page);
        if operation.is_dry_run {
            let wanted = rows.iter().filter(|row| row.is_wanted).count();
            operation.counts.examined += count(rows.len());
            operation.counts.matched += count(wanted);
            operation.cursor = next;
            return Ok(if next.is_none() { Page::Last } else { Page::More(0) });
        }
        let (acted, stopped) = self.repeat(operation, again, &rows, ahead).await?;
        pass(operation, rows.iter().map(|row| (row.at(), row.is_wanted)), ahead);
        match stopped {
            Some(Stopped::Refused(why)) => return Ok(Page::Later(why)),
            Some(Stopped::Never(why)) => return Ok(operation.ends_early(why, ahead)),
            None => operation.cursor = next,
        }
        if next.is_none() {
            // What is no longer listed is done all the same.
            operation.counts.settle_all(ahead);
            return Ok(Page::Last);
        }
        Ok(Page::More(acted))
    }

    /// Says why nothing of the function can be done again: then no other page can be, either.
    fn check_function(&self, again: &Again) -> Result<(), String> {
        let snapshot = self.handle.shared.snapshot();
        let function = snapshot.invocable(&again.function).map_err(|error| error.to_string())?;
        match function.id == again.id {
            true => Ok(()),
            false => Err(format!("{} was deleted, and created anew", function.name.called())),
        }
    }

    fn query(&self, operation: &Operation, again: &Again) -> TaskQuery {
        TaskQuery {
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
            limit: PAGE_MAX,
            after: operation.cursor.or_else(|| again.filter.accepted_from.map(before)),
            // Those of the wanted are read when it is known which these are.
            with_payload: false,
        }
    }

    /// Does what is wanted of a page again, and notes what it has come to. How many are new; and why the
    /// daemon did not take one, where it did not. It is asked for nothing more then.
    async fn repeat(
        &self,
        operation: &Operation,
        again: &Again,
        rows: &[Row],
        ahead: &mut Ahead,
    ) -> Result<(u32, Option<Stopped>), StoreError> {
        let is_left = |row: &&Row| row.is_wanted && !ahead.contains_key(&row.head.key);
        let left: Vec<_> = rows.iter().filter(is_left).map(|row| row.head.clone()).collect();
        if left.is_empty() {
            return Ok((0, None));
        }
        let asked: Vec<_> = left.iter().map(BytesWanted::from).collect();
        let mut bytes = BTreeMap::new();
        for loaded in self.handle.shared.store.bytes(&asked).await? {
            bytes.insert(loaded.key, loaded.payload);
        }
        let mut left = left.into_iter().map(|head| {
            let payload = bytes.remove(&head.key).flatten();
            TaskRecord { head, payload, result: None }
        });
        // Where few may wait there has to be room for others, too.
        let at_a_time = (self.handle.config().accepts_max / 2).clamp(1, PAGE_MAX);
        let (mut work, mut acted, mut stopped) = (JoinSet::new(), 0, None);
        loop {
            let room = if stopped.is_none() { at_a_time - work.len() } else { 0 };
            for old in left.by_ref().take(room) {
                let (handle, function) = (self.handle.clone(), again.function.clone());
                let key = old.head.key;
                let made = made(operation, key);
                work.spawn(
                    async move { (key, handle.repeat(function, old, None, Some(made)).await) },
                );
            }
            let Some(done) = work.join_next().await else { return Ok((acted, stopped)) };
            match came(done) {
                Ok((key, settled)) => {
                    acted += u32::from(settled == Settled::Done);
                    ahead.insert(key, settled);
                }
                Err(why @ Stopped::Never(_)) => stopped = Some(why),
                Err(why @ Stopped::Refused(_)) => stopped = stopped.or(Some(why)),
            }
        }
    }
}

impl Operation {
    /// It will never be through. What was done is counted.
    fn ends_early(&mut self, why: String, ahead: &mut Ahead) -> Page {
        self.counts.settle_all(ahead);
        Page::Never(why)
    }
}

impl OperationCounts {
    /// Counts what is settled and will not be passed.
    fn settle_all(&mut self, ahead: &mut Ahead) {
        std::mem::take(ahead).into_values().for_each(|settled| self.settle(settled));
    }

    /// Counts a task that was wanted.
    pub(super) fn settle(&mut self, settled: Settled) {
        self.examined += 1;
        self.matched += 1;
        match settled {
            Settled::Done => self.acted += 1,
            Settled::Skipped => self.skipped += 1,
        }
    }
}

/// What a task has come to, or why to no end.
fn came(
    done: Result<(InvKey, Result<Retried, RetryError>), JoinError>,
) -> Result<(InvKey, Settled), Stopped> {
    let (key, repeated) = done.map_err(|error| Stopped::Refused(error.to_string()))?;
    match repeated {
        Ok(_) => Ok((key, Settled::Done)),
        Err(RetryError::Invoke(
            error @ (InvokeError::Unavailable { .. }
            | InvokeError::Overloaded { .. }
            | InvokeError::Refused { .. }
            // It has this key from nobody else: it was asked for before, and is not durable yet.
            | InvokeError::Duplicate { .. }),
        )) => Err(Stopped::Refused(error.to_string())),
        Err(RetryError::Invoke(
            error @ (InvokeError::NoFunction { .. }
            | InvokeError::NoTarget { .. }
            | InvokeError::Disabled { .. }),
        )) => Err(Stopped::Never(error.to_string())),
        Err(
            RetryError::Invoke(InvokeError::TooLarge { .. })
            | RetryError::Task(_)
            | RetryError::NoInvocation { .. }
            | RetryError::NotEnded { .. }
            | RetryError::NoPayload { .. },
        ) => Ok((key, Settled::Skipped)),
    }
}

/// Which tasks of a page are looked at, and where it ends: where as many are wanted as it may move.
fn look(operation: &Operation, again: &Again, page: TaskPage) -> Look {
    let upto = again.filter.accepted_to.unwrap_or(Timestamp::MAX).min(operation.began_at);
    let mut left = if operation.is_dry_run { PAGE_MAX } else { page_size(operation) };
    let mut look = Look { rows: Vec::with_capacity(page.tasks.len()), next: page.next };
    for TaskView { head, .. } in page.tasks {
        if upto < head.accepted_at {
            look.next = None;
            break;
        }
        if left == 0 {
            look.next = look.rows.last().map(Row::at);
            break;
        }
        let is_wanted = is_wanted(operation, again, &head);
        left -= usize::from(is_wanted);
        look.rows.push(Row { head, is_wanted });
    }
    look
}

/// Counts rows up to one that is wanted and not settled, and leaves the cursor before that.
fn pass(
    operation: &mut Operation,
    rows: impl IntoIterator<Item = (Position, bool)>,
    ahead: &mut Ahead,
) {
    for (at, is_wanted) in rows {
        if is_wanted {
            let Some(settled) = ahead.remove(&at.1) else { return };
            operation.counts.settle(settled);
        } else {
            operation.counts.examined += 1;
        }
        operation.cursor = Some(at);
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
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
    use crate::operations::{OperationState, Redriven};
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
            last_error: None,
        }
    }

    #[test]
    fn what_is_settled_behind_a_refusal_is_counted_once_and_when_its_turn_comes() {
        let at = |n: u8| (Timestamp::from_millis(i64::from(n)), InvKey([n; 16]));
        let rows = [(at(1), true), (at(2), false), (at(3), true), (at(4), true), (at(5), true)];
        let settled = |n| (InvKey([n; 16]), Settled::Done);
        let counts = |examined, matched, acted, skipped| OperationCounts {
            examined,
            matched,
            acted,
            skipped,
        };
        // The third was refused.
        let (mut operation, mut ahead) = (operation(1), Ahead::from([1, 4, 5].map(settled)));
        pass(&mut operation, rows, &mut ahead);
        assert_eq!((operation.counts, operation.cursor), (counts(2, 1, 1, 0), Some(at(2))));
        assert_eq!(ahead, Ahead::from([4, 5].map(settled)), "they are not asked for again");

        ahead.insert(InvKey([3; 16]), Settled::Skipped);
        pass(&mut operation, rows.into_iter().skip(2), &mut ahead);
        assert_eq!((operation.counts, operation.cursor), (counts(5, 4, 3, 1), Some(at(5))));
        assert_eq!(ahead, Ahead::new());
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
