//! The store as the engine has it: writes go to the writer, reads to a thread that may block.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use invoked_core::head::LaneId;
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::lane::Position;
use invoked_core::shard::{BytesWanted, KeptCallback, LoadedBytes};
use invoked_core::time::Timestamp;
use invoked_core::totals::Total;
use invoked_store::{
    BackupError, BackupView, BackupWanted, Caps, CommitOutcome, Found, Heads, Lease, NodeId, Reads,
    RegistryEntry, Retention, Room, ShardWrite, Store, StoreError, StoreStats, Submission,
    TaskPage, TaskQuery,
};
use tokio::sync::{RwLock, mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::backup::Backups;
use crate::config::FjallConfig;
use crate::directory;
use crate::error::{engine, file};
use crate::figures::{self, Figures};
use crate::open;
use crate::overlay::{Batches, Overlay};
use crate::read::{View, look};
use crate::staged::Staged;
use crate::tables::Tables;
use crate::verify::{self, Verified};
use crate::writer::request::{Message, Purge, Reply, Request};
use crate::writer::{WAITING_MAX, Writer};

/// A store in a directory of this machine.
pub struct FjallStore {
    config: FjallConfig,
    shards: u16,
    shared: Arc<Shared>,
    /// Gone once the store is closed.
    requests: Mutex<Option<mpsc::Sender<Message>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    tables: Arc<RwLock<Option<Arc<Tables>>>>,
    backups: Backups,
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallStore").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// Free space over the floor that shows that room has come back, at most.
const MORE_BYTES_MAX: u64 = 64 << 20;

const OPEN: u8 = 0;
const CLOSED: u8 = 1;
const POISONED: u8 = 2;

/// What the writer and those who ask both see.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    health: AtomicU8,
    /// Whether the last write found little room.
    is_tight: AtomicBool,
    /// Whether something durable may not be in the tables.
    is_unsettled: AtomicBool,
    live_rows: AtomicU64,
    /// What stands in the log alone.
    pub(crate) overlay: Overlay,
    batches: AtomicU64,
    operations: AtomicU64,
    #[cfg(test)]
    write_fails: AtomicBool,
    #[cfg(test)]
    apply_panics: AtomicBool,
}

impl Shared {
    /// Whether anything is still to be had.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.health.load(Ordering::Acquire) {
            OPEN => Ok(()),
            CLOSED => Err(StoreError::Closed),
            _ => Err(StoreError::Poisoned),
        }
    }

    pub(crate) fn poison(&self) {
        self.health.store(POISONED, Ordering::Release);
    }

    /// Notes how much is left on the disk. Whether that is little: less than the floor, and then as
    /// long as it is not an eighth more, or [`MORE_BYTES_MAX`].
    pub(crate) fn note_free(&self, free: u64, floor: u64) -> bool {
        let was_tight = self.is_tight.load(Ordering::Relaxed);
        let more = if was_tight { (floor / 8).min(MORE_BYTES_MAX) } else { 0 };
        let enough = floor.saturating_add(more);
        self.is_tight.store(free < enough, Ordering::Relaxed);
        free < enough
    }

    /// Notes whether something durable is not in the tables. It is noted before anybody is told of it.
    pub(crate) fn note_unsettled(&self, is_unsettled: bool) {
        self.is_unsettled.store(is_unsettled, Ordering::Release);
    }

    /// Whether the last write found little room.
    pub(crate) fn is_tight(&self) -> bool {
        self.is_tight.load(Ordering::Relaxed)
    }

    pub(crate) fn live_rows(&self) -> u64 {
        self.live_rows.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, operations: u64, live_delta: i64) {
        self.operations.fetch_add(operations, Ordering::Relaxed);
        // Two's complement: adding a negative number wraps to the difference.
        self.live_rows.fetch_add(live_delta.cast_unsigned(), Ordering::Relaxed);
    }

    pub(crate) fn count_batch(&self) {
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn fail_writes(&self) {
        self.write_fails.store(true, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(crate) fn apply_panics(&self) -> bool {
        self.apply_panics.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn write_fails(&self) -> bool {
        self.write_fails.load(Ordering::Relaxed)
    }
}

impl FjallStore {
    /// Opens the store in a directory, or makes one. It blocks while the journal is replayed.
    ///
    /// # Errors
    /// Another process has the directory, its format is newer, acknowledged work is missing, or it
    /// does not read.
    pub fn open(config: FjallConfig) -> Result<Self, StoreError> {
        let opened = open::open(&config)?;
        let shards = opened.shards;
        let shared = Arc::new(Shared::default());
        shared.live_rows.store(opened.live_rows, Ordering::Relaxed);
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let waker = requests.downgrade();
        let started =
            Writer::start(opened, Arc::clone(&shared), config.free_bytes_min, waiting, waker);
        let (tables, writer) = started?;
        Ok(Self {
            config,
            shards,
            shared,
            requests: Mutex::new(Some(requests)),
            writer: Mutex::new(Some(writer)),
            tables: Arc::new(RwLock::new(Some(tables))),
            backups: Backups::default(),
        })
    }

    fn requests(&self) -> Result<mpsc::Sender<Message>, StoreError> {
        self.shared.check()?;
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.clone().ok_or(StoreError::Closed)
    }

    /// Asks the writer and waits for its answer.
    async fn write<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        self.ask(|reply| Message::Write(request(reply))).await
    }

    async fn ask<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.requests()?.send(message(reply)).await;
        sent.map_err(|_| self.gone())?;
        answer.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Why the writer does not answer. It serves all who have asked before it ends in order, so
    /// without another reason it has panicked.
    fn gone(&self) -> StoreError {
        self.shared.check().err().unwrap_or(StoreError::Poisoned)
    }

    /// Has everything that was answered brought into the tables.
    async fn settle(&self) -> Result<(), StoreError> {
        if !self.shared.is_unsettled.load(Ordering::Acquire) {
            return Ok(());
        }
        let (reply, settled) = oneshot::channel();
        let sent = self.requests()?.send(Message::Settle(reply)).await;
        sent.map_err(|_| self.gone())?;
        settled.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Reads what was answered before.
    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.shared.check()?;
        self.settle().await?;
        self.read_tables(work).await
    }

    /// Reads what the tables have.
    async fn read_tables<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_with(move |tables| work(&View::new(tables))).await
    }

    async fn read_with<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Tables) -> Result<T, StoreError> + Send + 'static,
    {
        self.shared.check()?;
        let tables = Arc::clone(&self.tables).read_owned().await;
        let work = move || work(tables.as_ref().ok_or(StoreError::Closed)?);
        spawn_blocking(work).await.unwrap_or_else(|error| Err(engine(error)))
    }

    /// Reads rows that are known by their keys, of which `above` takes what has yet to get into the tables.
    async fn look<T, A, F>(&self, above: A, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        A: FnOnce(&Batches) -> Staged + Send + 'static,
        F: FnOnce(&View<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let overlay = self.shared.overlay.clone();
        self.read_with(move |tables| {
            // Nothing is added or forgotten meanwhile: both are of one moment.
            let batches = overlay.read();
            let mut view = View::below(tables, above(&batches));
            drop(batches);
            view.take_in()?;
            work(&view)
        })
        .await
    }

    #[cfg(test)]
    pub(crate) fn fail_writes(&self) {
        self.shared.fail_writes();
    }

    /// The tables themselves.
    #[cfg(test)]
    pub(crate) async fn tables(&self) -> Arc<Tables> {
        Arc::clone(self.tables.read().await.as_ref().unwrap())
    }

    #[cfg(test)]
    pub(crate) fn panic_when_applying(&self) {
        self.shared.apply_panics.store(true, Ordering::Relaxed);
    }

    /// What it is made of. Reads every live row.
    ///
    /// # Errors
    /// A row does not read, or the store is closed.
    pub async fn figures(&self) -> Result<Figures, StoreError> {
        self.read(figures::of).await
    }

    /// Reads every row of every table. Nobody may write meanwhile.
    ///
    /// # Errors
    /// The store is closed.
    pub async fn verify_rows(&self) -> Result<Verified, StoreError> {
        self.read(|view| verify::rows(view, &view.tables())).await
    }

    /// Lets the writer finish. What it has taken is written.
    fn end_writer(&self) -> Option<JoinHandle<()>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for FjallStore {
    fn drop(&mut self) {
        self.backups.stop();
        if let Some(writer) = self.end_writer() {
            drop(writer.join());
        }
    }
}

#[async_trait]
impl Store for FjallStore {
    fn caps(&self) -> Caps {
        Caps { lanes: 1, reads: Reads::Anywhere, shared: false, shards: self.shards }
    }

    fn is_full(&self) -> bool {
        if !self.shared.is_tight() {
            return false;
        }
        // Nobody writes while everybody is refused, so the disk is asked again here.
        let free = directory::free(&self.config.path).unwrap_or(u64::MAX);
        self.shared.note_free(free, self.config.free_bytes_min)
    }

    async fn acquire(&self, node: &NodeId, shard: ShardId) -> Result<Option<Lease>, StoreError> {
        let node = node.clone();
        self.write(|reply| Request::Acquire { node, shard, reply }).await
    }

    async fn reacquire(&self, node: &NodeId, lease: Lease) -> Result<Option<Lease>, StoreError> {
        let node = node.clone();
        self.write(|reply| Request::Reacquire { node, lease, reply }).await
    }

    async fn release(&self, node: &NodeId, lease: Lease) -> Result<(), StoreError> {
        let node = node.clone();
        self.write(|reply| Request::Release { node, lease, reply }).await
    }

    async fn commit(&self, _lane: usize, batch: Arc<Vec<ShardWrite>>) -> CommitOutcome {
        let (reply, outcome) = oneshot::channel();
        let requests = match self.requests() {
            Ok(requests) => requests,
            Err(error) => return CommitOutcome::Unknown(error),
        };
        if requests.send(Message::Write(Request::Commit { batch, reply })).await.is_err() {
            return CommitOutcome::Unknown(self.gone());
        }
        drop(requests);
        outcome.await.unwrap_or_else(|_| CommitOutcome::Unknown(self.gone()))
    }

    async fn lanes(&self, shard: ShardId) -> Result<Vec<LaneId>, StoreError> {
        self.read(move |view| view.lanes(shard)).await
    }

    async fn heads(
        &self,
        shard: ShardId,
        lane: LaneId,
        after: Position,
        limit: u32,
    ) -> Result<Heads, StoreError> {
        self.read(move |view| view.heads(shard, lane, after, limit)).await
    }

    async fn rows(&self, keys: &[InvKey]) -> Result<Vec<Option<Found>>, StoreError> {
        let keys: Arc<[InvKey]> = keys.into();
        let above = Arc::clone(&keys);
        self.look(
            move |batches| look::rows(batches, &above),
            move |view| keys.iter().map(|key| view.head(*key)).collect(),
        )
        .await
    }

    async fn bytes(&self, wanted: &[BytesWanted]) -> Result<Vec<LoadedBytes>, StoreError> {
        let wanted: Arc<[BytesWanted]> = wanted.into();
        let above = Arc::clone(&wanted);
        self.look(
            move |batches| look::bytes(batches, &above),
            move |view| wanted.iter().map(|wanted| view.bytes(*wanted)).collect(),
        )
        .await
    }

    async fn totals(&self, shard: ShardId) -> Result<Vec<Total>, StoreError> {
        self.read(move |view| view.totals(shard)).await
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        let query = query.clone();
        self.read(move |view| view.tasks(&query)).await
    }

    async fn kept_callbacks(
        &self,
        after: Option<(Timestamp, InvKey)>,
        limit: usize,
    ) -> Result<Vec<KeptCallback>, StoreError> {
        self.read(move |view| view.kept_callbacks(after, limit)).await
    }

    async fn kept_callback(&self, key: InvKey) -> Result<Option<KeptCallback>, StoreError> {
        self.read(move |view| view.kept_callback(key)).await
    }

    async fn submit(&self, submissions: &[Submission]) -> Result<(), StoreError> {
        let submissions = submissions.to_vec();
        self.write(|reply| Request::Submit { submissions, reply }).await
    }

    async fn submissions(&self, shard: ShardId) -> Result<Vec<(u64, Submission)>, StoreError> {
        self.read(move |view| view.submissions(shard)).await
    }

    async fn acknowledge(&self, shard: ShardId, numbers: &[u64]) -> Result<(), StoreError> {
        let numbers = numbers.to_vec();
        self.write(|reply| Request::Acknowledge { shard, numbers, reply }).await
    }

    async fn intern(&self, name: &str) -> Result<FnId, StoreError> {
        let name = name.to_owned();
        self.write(|reply| Request::Intern { name, reply }).await
    }

    async fn names(&self) -> Result<Vec<(FnId, String)>, StoreError> {
        self.read(|view| view.names()).await
    }

    async fn put_registry(&self, entries: &[RegistryEntry]) -> Result<(), StoreError> {
        let entries = entries.to_vec();
        self.write(|reply| Request::PutRegistry { entries, reply }).await
    }

    async fn registry(&self) -> Result<Vec<RegistryEntry>, StoreError> {
        self.read(|view| view.registry()).await
    }

    async fn purge(&self, now: Timestamp, retention: Retention) -> Result<u64, StoreError> {
        self.ask(|reply| Message::Purge(Purge { now, retention, reply })).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let (shared, free_min) = (Arc::clone(&self.shared), self.config.free_bytes_min);
        self.read_tables(move |view| {
            let path = view.path();
            let room = directory::free(path).ok().map(|free| Room { free, free_min });
            let disk_bytes = directory::allocated(path)
                .map_err(|error| file(&path.display().to_string(), &error))?;
            Ok(StoreStats {
                live_rows: shared.live_rows(),
                disk_bytes,
                batches: shared.batches.load(Ordering::Relaxed),
                operations: shared.operations.load(Ordering::Relaxed),
                room,
            })
        })
        .await
    }

    async fn begin_backup(&self, wanted: BackupWanted) -> Result<(), BackupError> {
        self.shared.check()?;
        self.settle().await?;
        let tables = Arc::clone(&self.tables).read_owned().await;
        self.backups.begin(&wanted, &self.config, tables)
    }

    fn backup(&self) -> Option<BackupView> {
        self.backups.view()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let writer = self.end_writer();
        self.backups.give_up();
        // Reads that are under way hold the lock until they are done.
        let tables = self.tables.write().await.take();
        let ended = spawn_blocking(move || {
            let ended = writer.is_none_or(|writer| writer.join().is_ok());
            drop(tables);
            ended
        });
        let is_ended = ended.await.unwrap_or(false);
        let health = &self.shared.health;
        let was = health.compare_exchange(OPEN, CLOSED, Ordering::AcqRel, Ordering::Acquire);
        if !is_ended || was == Err(POISONED) {
            return Err(StoreError::Poisoned);
        }
        Ok(())
    }
}
