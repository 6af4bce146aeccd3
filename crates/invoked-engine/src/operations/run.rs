//! The task that carries operations out: one page of one of them at a time.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use invoked_core::id::{FnId, InvKey, RequestId};
use invoked_core::shard::KeptCallback;
use invoked_core::time::Timestamp;
use invoked_store::{RegistryEntry, RegistryKind, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::record::{decode, encode, read_slot_name, slot_name};
use super::retry::Ahead;
use super::work::Work;
use super::{Command, OPERATIONS_MAX, Operation, OperationState, RedriveFilter, Redriven};
use crate::error::{OperationError, RedriveError};
use crate::handle::Handle;

/// Callbacks or tasks that a page looks at.
pub(super) const PAGE_MAX: usize = 64;
/// How long to wait before what failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// An operation and where its row is.
struct Entry {
    slot: usize,
    operation: Operation,
    /// When its next page may begin.
    next_at: Timestamp,
    /// What of a page is settled already.
    ahead: Ahead,
}

/// The task.
pub(crate) struct Runner {
    pub(super) handle: Handle,
    commands: mpsc::Receiver<Command>,
    entries: BTreeMap<RequestId, Entry>,
}

/// What a page came to.
pub(super) enum Page {
    /// There is more to do; so many were moved.
    More(u32),
    /// That was all.
    Last,
    /// The daemon cannot now, for this reason.
    Later(String),
    /// It will never come to its end, for this reason.
    Never(String),
}

impl Runner {
    /// The operations that a store remembers.
    pub(crate) async fn load(
        handle: Handle,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self, StoreError> {
        let mut entries = BTreeMap::new();
        for RegistryEntry { kind, name, value } in handle.shared.store.registry().await? {
            if kind != RegistryKind::BulkCursor {
                continue;
            }
            let slot = read_slot_name(&name).filter(|slot| *slot < OPERATIONS_MAX);
            match (slot, value.as_deref().map(decode)) {
                (Some(slot), Some(Some(operation))) => {
                    let next_at = handle.now();
                    entries.insert(
                        operation.id,
                        Entry { slot, operation, next_at, ahead: Ahead::new() },
                    );
                }
                // It is as good as none, and nothing else depends on it.
                (_, Some(_)) => tracing::warn!(
                    event = "operation_forgotten",
                    name,
                    "an operation does not read and is forgotten"
                ),
                (_, None) => {}
            }
        }
        let runner = Self { handle, commands, entries };
        for entry in runner.entries.values() {
            runner.show(&entry.operation);
        }
        Ok(runner)
    }

    /// Runs until the engine ends.
    pub(crate) async fn run(mut self) {
        loop {
            let running = self.entries.values().filter(|entry| entry.is_running());
            let next = running.min_by_key(|entry| (entry.next_at, entry.operation.id.0));
            let next = next.map(|entry| (entry.operation.id, entry.next_at));
            let wait = next.map(|(_, at)| at.since(self.handle.now()));
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => return,
                },
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                    if let Some((id, _)) = next {
                        self.step(id).await;
                    }
                }
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        // A caller that has gone away needs no answer.
        match command {
            Command::Begin { operation, reply } => {
                let _gone = reply.send(self.begin(*operation).await);
            }
            Command::Cancel { id, reply } => {
                let _gone = reply.send(self.cancel(id).await);
            }
        }
    }

    async fn begin(&mut self, operation: Operation) -> Result<Operation, OperationError> {
        let taken = |slot: &usize| self.entries.values().any(|entry| entry.slot == *slot);
        let free = (0..OPERATIONS_MAX).find(|slot| !taken(slot));
        let ended = self.entries.values().filter(|entry| !entry.is_running());
        let oldest = ended.min_by_key(|entry| (entry.operation.began_at, entry.operation.id.0));
        let oldest = oldest.map(|entry| (entry.slot, entry.operation.id));
        let (slot, forgotten) = match (free, oldest) {
            (Some(slot), _) => (slot, None),
            (None, Some((slot, id))) => (slot, Some(id)),
            (None, None) => return Err(OperationError::TooMany { max: OPERATIONS_MAX }),
        };
        self.write(slot, &operation).await?;
        if let Some(id) = forgotten {
            self.entries.remove(&id);
            let shown = self.handle.shared.operations.shown.write();
            shown.unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
        self.show(&operation);
        tracing::info!(
            event = "operation_begun",
            operation = %operation.id,
            by = operation.by,
            dry_run = operation.is_dry_run,
            work = operation.work.name(),
            "an operation begins"
        );
        let next_at = self.handle.now();
        let entry = Entry { slot, operation: operation.clone(), next_at, ahead: Ahead::new() };
        self.entries.insert(operation.id, entry);
        Ok(operation)
    }

    async fn cancel(&mut self, id: RequestId) -> Result<Operation, OperationError> {
        let missing = || OperationError::NotFound { id: id.to_string() };
        let entry = self.entries.get(&id).ok_or_else(missing)?;
        if !entry.is_running() {
            return Err(OperationError::Ended { id: id.to_string() });
        }
        let mut operation = entry.operation.clone();
        entry.ahead.values().for_each(|settled| operation.counts.settle(*settled));
        operation.end(OperationState::Cancelled, self.handle.now());
        self.write(entry.slot, &operation).await?;
        self.keep(&operation);
        Ok(operation)
    }

    /// One page of an operation.
    async fn step(&mut self, id: RequestId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let (slot, mut operation) = (entry.slot, entry.operation.clone());
        let mut ahead = std::mem::take(&mut entry.ahead);
        let (began, before) = (self.handle.now(), operation.counts);
        let page = match &operation.work {
            Work::Sweep(sweep) => {
                let sweep = sweep.clone();
                self.page_of_sweep(&mut operation, &sweep).await
            }
            Work::Retry(again) => {
                let again = again.clone();
                self.page_of_retry(&mut operation, &again, &mut ahead).await
            }
            Work::Redrive(Redriven::Ids(ids)) => {
                let ids = ids.clone();
                self.page_of_ids(&mut operation, &ids).await
            }
            Work::Redrive(Redriven::Matching(filter)) => {
                let filter = filter.clone();
                self.page_of_matching(&mut operation, &filter).await
            }
        };
        let mut next_at = self.handle.now().plus(AGAIN);
        operation.last_error = None;
        match page {
            Ok(Page::More(acted)) => {
                let rate = operation.rate.map_or(u64::MAX, |rate| u64::from(rate.max(1)));
                let ms = u64::from(acted) * 1_000 / rate;
                next_at = began.plus(Duration::from_millis(ms));
            }
            Ok(Page::Last) => operation.end(OperationState::Done, self.handle.now()),
            Ok(Page::Later(why)) => operation.last_error = Some(why),
            Ok(Page::Never(why)) => {
                operation.last_error = Some(why);
                operation.end(OperationState::Failed, self.handle.now());
            }
            Err(error) => {
                operation.counts.begin_again(before);
                operation.last_error = Some(error.to_string());
                tracing::warn!(event = "operation_page_failed", operation = %id, %error, "a page of an operation is tried again");
            }
        }
        if let Err(error) = self.write(slot, &operation).await {
            // What the page did is done; going through it again skips it.
            tracing::warn!(event = "operation_not_noted", operation = %id, %error, "the progress of an operation is not noted");
        } else {
            note_end(&operation);
        }
        if let Some(entry) = self.entries.get_mut(&id) {
            (entry.next_at, entry.ahead) = (next_at, ahead);
        }
        self.keep(&operation);
    }

    async fn page_of_ids(
        &self,
        operation: &mut Operation,
        ids: &[RequestId],
    ) -> Result<Page, StoreError> {
        let (through, before) = (operation.ids_through(), operation.counts);
        let page: Vec<_> = ids.iter().skip(through).take(page_size(operation)).copied().collect();
        let mut wanted = Vec::new();
        for id in &page {
            operation.counts.examined += 1;
            let kept = self.handle.shared.store.kept_callback(InvKey(id.0)).await?;
            if kept.is_some_and(|kept| self.handle.callbacks_kept_from() <= kept.failed_at) {
                operation.counts.matched += 1;
                wanted.push(*id);
            } else if !operation.is_dry_run {
                operation.counts.skipped += 1;
            }
        }
        let redriven = match self.redrive(operation, wanted).await {
            Ok(redriven) => redriven,
            Err(why) => {
                operation.counts.begin_again(before);
                return Ok(Page::Later(why));
            }
        };
        operation.set_ids_through(through + page.len());
        let is_last = ids.len() <= through + page.len();
        Ok(if is_last { Page::Last } else { Page::More(redriven) })
    }

    async fn page_of_matching(
        &self,
        operation: &mut Operation,
        filter: &RedriveFilter,
    ) -> Result<Page, StoreError> {
        let store = &self.handle.shared.store;
        let lives = filter.function.as_ref().map(|function| self.handle.lives(function));
        let after = operation.cursor.or_else(|| filter.failed_from.map(before));
        let before = operation.counts;
        let read = store.kept_callbacks(after, PAGE_MAX).await?;
        let upto = filter.failed_to.unwrap_or(Timestamp::MAX).min(operation.began_at);
        let mut is_last = read.len() < PAGE_MAX;
        let (mut cursor, mut wanted) = (after, Vec::new());
        let room = if operation.is_dry_run { PAGE_MAX } else { page_size(operation) };
        for kept in read {
            if upto < kept.failed_at {
                is_last = true;
                break;
            }
            if wanted.len() == room {
                is_last = false;
                break;
            }
            cursor = Some((kept.failed_at, kept.key));
            operation.counts.examined += 1;
            let is_kept = self.handle.callbacks_kept_from() <= kept.failed_at;
            if is_kept && matches(filter, lives.as_deref(), &kept) {
                operation.counts.matched += 1;
                wanted.push(RequestId(kept.key.0));
            }
        }
        let redriven = match self.redrive(operation, wanted).await {
            Ok(redriven) => redriven,
            Err(why) => {
                operation.counts.begin_again(before);
                return Ok(Page::Later(why));
            }
        };
        operation.cursor = cursor;
        Ok(if is_last { Page::Last } else { Page::More(redriven) })
    }

    /// Redrives a page, all at once, so that they share a commit. Says why if the daemon cannot now;
    /// the page is then gone through again.
    async fn redrive(
        &self,
        operation: &mut Operation,
        wanted: Vec<RequestId>,
    ) -> Result<u32, String> {
        if operation.is_dry_run {
            return Ok(0);
        }
        let by = format!("operation {} by {}", operation.id, operation.by);
        let mut work = JoinSet::new();
        for id in wanted {
            let (handle, by) = (self.handle.clone(), by.clone());
            work.spawn(async move { handle.redrive(id, &by).await });
        }
        let (mut redriven, mut refused) = (0, None);
        while let Some(done) = work.join_next().await {
            match done {
                Ok(Ok(())) => {
                    redriven += 1;
                    operation.counts.acted += 1;
                }
                Ok(Err(
                    RedriveError::NotFound { .. }
                    | RedriveError::UnderWay { .. }
                    | RedriveError::Replaced { .. },
                )) => operation.counts.skipped += 1,
                Ok(Err(error @ RedriveError::Unavailable)) => refused = Some(error.to_string()),
                Err(error) => refused = Some(error.to_string()),
            }
        }
        refused.map_or(Ok(redriven), Err)
    }

    async fn write(&self, slot: usize, operation: &Operation) -> Result<(), StoreError> {
        let entry = RegistryEntry {
            kind: RegistryKind::BulkCursor,
            name: slot_name(slot),
            value: Some(encode(operation)),
        };
        self.handle.shared.store.put_registry(&[entry]).await
    }

    fn keep(&mut self, operation: &Operation) {
        if let Some(entry) = self.entries.get_mut(&operation.id) {
            entry.operation = operation.clone();
        }
        self.show(operation);
    }

    fn show(&self, operation: &Operation) {
        let shown = self.handle.shared.operations.shown.write();
        let mut shown = shown.unwrap_or_else(PoisonError::into_inner);
        shown.insert(operation.id, operation.clone());
    }
}

impl Entry {
    fn is_running(&self) -> bool {
        self.operation.state == OperationState::Running
    }
}

fn note_end(operation: &Operation) {
    let Operation { id, counts, last_error, .. } = operation;
    match operation.state {
        OperationState::Running | OperationState::Cancelled => {}
        OperationState::Done => {
            tracing::info!(event = "operation_ended", operation = %id, ?counts, "an operation is done");
        }
        OperationState::Failed => {
            let error = last_error.as_deref().unwrap_or_default();
            tracing::warn!(event = "operation_failed", operation = %id, error, ?counts, "an operation ends before it is through");
        }
    }
}

/// Rows that a page moves: not more than a second's worth.
pub(super) fn page_size(operation: &Operation) -> usize {
    let rate = operation.rate.and_then(|rate| usize::try_from(rate).ok());
    rate.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX)
}

/// The position before everything at `at`.
pub(super) fn before(at: Timestamp) -> (Timestamp, InvKey) {
    (at.just_before(), InvKey::MAX)
}

fn matches(filter: &RedriveFilter, lives: Option<&[FnId]>, kept: &KeptCallback) -> bool {
    lives.is_none_or(|lives| lives.contains(&kept.fn_id))
        && filter.destination.as_deref().is_none_or(|wanted| wanted == kept.destination.as_str())
        && filter.code.as_deref().is_none_or(|wanted| wanted == &*kept.error.code)
}
