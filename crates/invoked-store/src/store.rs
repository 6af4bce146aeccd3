//! The contract of a store.
//!
//! # What holds
//!
//! - *Durable means durable.* [`CommitOutcome::Durable`] is given after the rows are synced: on this
//!   disk, or on a primary and a synchronous standby.
//! - *Atomic.* A batch is applied whole or not at all.
//! - *Fenced.* A batch counts only with the current epoch of every shard it touches.
//! - *Idempotent.* Rows and counts are written whole; applying a batch twice changes nothing. An
//!   insert whose key is taken by the same token is the same insert.
//! - *One position.* A live row stands once in the order of due work, at
//!   [`invoked_core::head::Head::slot`]; looking for due work never reads payloads.
//! - *A failed sync is final.* The store refuses everything from then on ([`StoreError::Poisoned`]);
//!   the process ends and recovers.
//! - *Records outlive their rows* by the retention, in buckets that are dropped whole. Callbacks that
//!   were given up have buckets and a retention of their own.
//! - *One place.* A redrive makes a row live and no longer keeps its callback, in one write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::head::{Head, LaneId};
use invoked_core::id::{Epoch, FnId, InvKey, ShardId};
use invoked_core::lane::Position;
use invoked_core::shard::{BytesWanted, Commit, KeptCallback, LoadedBytes};
use invoked_core::time::Timestamp;
use invoked_core::totals::Total;

use crate::backup::{BackupError, BackupView, BackupWanted};
use crate::list::{TaskPage, TaskQuery};

/// Names a process that may own shards; unique per start.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct NodeId(pub Arc<str>);

/// The right to write a shard.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The shard.
    pub shard: ShardId,
    /// Its epoch while the lease lasts.
    pub epoch: Epoch,
}

/// A commit of one shard inside a batch.
#[derive(Clone, Debug)]
pub struct ShardWrite {
    /// The right to write it.
    pub lease: Lease,
    /// What to write.
    pub commit: Commit,
}

/// What became of a batch.
#[derive(Debug)]
pub enum CommitOutcome {
    /// It is applied and synced. The named keys were taken by another token and not inserted.
    Durable {
        /// Keys that were not inserted.
        conflicts: Vec<InvKey>,
    },
    /// Nothing is applied: these shards belong to somebody else. Drop them.
    Fenced {
        /// Shards that are lost.
        shards: Vec<ShardId>,
    },
    /// Nothing is applied. The same batch may be sent again.
    Rejected(StoreError),
    /// Nobody knows. Reacquire the shards, then send the same batch again; a store on this machine
    /// is left to recovery instead: end the process.
    Unknown(StoreError),
}

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A write or sync failed; nothing more is taken. End the process and recover.
    #[error("the store took a write error and refuses everything since")]
    Poisoned,
    /// There is no room. Try again later; nothing was written.
    #[error("no room left in the store")]
    Full,
    /// There is no room where a backup was to go: the store itself goes on. Or none, at a start, for what stands in
    /// the log alone: nothing is lost, and the next start with room has it.
    #[error("no room left at {path}")]
    NoRoom {
        /// The directory of the backup or of the store.
        path: String,
    },
    /// A stored record does not read. Somebody has to look at it.
    #[error("record {what} does not read: {source}")]
    Corrupt {
        /// Which.
        what: String,
        /// How.
        source: crate::codec::DecodeError,
    },
    /// Another process has the store. End this one.
    #[error("{path} is in use by another process")]
    InUse {
        /// The directory.
        path: String,
    },
    /// The store's format is newer than this program. Upgrade it.
    #[error(
        "the store has format {found}, this program reads up to {known}; start the newer program again that \
         wrote it, or restore a backup that was made with format {known} or earlier (invoked store restore)"
    )]
    Newer {
        /// Format of the store.
        found: u32,
        /// Newest format known.
        known: u32,
    },
    /// Batches that were acknowledged are neither in the tables nor in the log. Nothing was touched.
    #[error(
        "the log was cut behind batch {found}, but batch {acknowledged} was acknowledged: restore a backup \
         (invoked store restore), or go on without what is missing (invoked store repair --accept-loss)"
    )]
    Cut {
        /// Last batch found.
        found: u64,
        /// Last batch known to be acknowledged.
        acknowledged: u64,
    },
    /// A file is not as it was written. Nothing was touched.
    #[error("{what}; restore a backup (invoked store restore)")]
    Damaged {
        /// Which, and how.
        what: String,
    },
    /// The technology below failed.
    #[error("the storage engine failed: {message}")]
    Engine {
        /// In its words.
        message: String,
    },
    /// The store is closing.
    #[error("the store is closed")]
    Closed,
}

/// What a store can do.
#[derive(Copy, Clone, Debug)]
pub struct Caps {
    /// Batches that may be under way at a time. Shard `s` belongs to lane `s % lanes`.
    pub lanes: usize,
    /// Who may read.
    pub reads: Reads,
    /// Whether several processes share it.
    pub shared: bool,
    /// Shards it was created with.
    pub shards: u16,
}

/// Who may read rows.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Reads {
    /// Any node.
    Anywhere,
    /// Only the owner of the shard.
    OwnerOnly,
}

/// A page of a lane.
#[derive(Clone, Debug)]
pub struct Heads {
    /// The rows, in order of due.
    pub heads: Vec<Head>,
    /// Whether none follow.
    pub is_complete: bool,
}

/// A row that was found by its key.
#[derive(Clone, Debug)]
pub struct Found {
    /// The row.
    pub head: Head,
    /// Whether it is a finished record.
    pub is_kept: bool,
}

/// Something that a node which does not own the shard wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Submission {
    /// Stop an invocation.
    Stop {
        /// Which.
        key: InvKey,
    },
}

/// What a registry entry describes. The numbers are on disk.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum RegistryKind {
    /// A function.
    Function = 1,
    /// An asynchronous invoke configuration.
    AsyncConfig = 2,
    /// What an operator set on a lane.
    LaneState = 3,
    /// Where a bulk operation stands.
    BulkCursor = 4,
    /// A service.
    Service = 5,
    /// An alias of a service or a function.
    Alias = 6,
    /// A version of a service or a function.
    Version = 7,
}

impl RegistryKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Function,
        Self::AsyncConfig,
        Self::LaneState,
        Self::BulkCursor,
        Self::Service,
        Self::Alias,
        Self::Version,
    ];

    /// From the number on disk.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// A named value of the registry. The store does not read the value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistryEntry {
    /// What it describes.
    pub kind: RegistryKind,
    /// Its name, unique within the kind.
    pub name: String,
    /// The value; `None` remembers that it was deleted.
    pub value: Option<Bytes>,
}

/// How long what has ended is kept.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Retention {
    /// Records of invocations, with the bytes of tasks.
    pub records: Duration,
    /// Callbacks that were given up.
    pub callbacks: Duration,
}

impl Retention {
    /// The same for both.
    #[must_use]
    pub fn of_all(span: Duration) -> Self {
        Self { records: span, callbacks: span }
    }
}

/// A store in figures.
#[derive(Copy, Clone, Debug, Default)]
pub struct StoreStats {
    /// Rows that are live.
    pub live_rows: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Batches written since the process started.
    pub batches: u64,
    /// Operations in them.
    pub operations: u64,
    /// The room on its disk; `None` if it does not know.
    pub room: Option<Room>,
}

/// The room that a store has, in bytes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Room {
    /// What is free.
    pub free: u64,
    /// With less than this the store takes no new rows.
    pub free_min: u64,
}

/// Durable invocations. The module documentation has the contract.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What the store can do.
    fn caps(&self) -> Caps;

    /// Whether room runs out: whoever can should refuse new work now. What is committed all the same
    /// is taken while a reserve lasts, so that work under way can end.
    fn is_full(&self) -> bool {
        false
    }

    /// Takes a shard that nobody owns, or whose owner is gone. `None` if somebody has it.
    async fn acquire(&self, node: &NodeId, shard: ShardId) -> Result<Option<Lease>, StoreError>;

    /// Raises the epoch of a shard that is still ours, so that nothing sent before can count.
    async fn reacquire(&self, node: &NodeId, lease: Lease) -> Result<Option<Lease>, StoreError>;

    /// Gives a shard back.
    async fn release(&self, node: &NodeId, lease: Lease) -> Result<(), StoreError>;

    /// Applies a batch of one lane. One call is one atomic, synced write.
    async fn commit(&self, lane: usize, batch: Arc<Vec<ShardWrite>>) -> CommitOutcome;

    /// The lanes of a shard that have live rows.
    async fn lanes(&self, shard: ShardId) -> Result<Vec<LaneId>, StoreError>;

    /// Live rows of a lane behind a position, in order of due, `limit` at most.
    async fn heads(
        &self,
        shard: ShardId,
        lane: LaneId,
        after: Position,
        limit: u32,
    ) -> Result<Heads, StoreError>;

    /// Rows by their keys, live or kept, in the order asked.
    async fn rows(&self, keys: &[InvKey]) -> Result<Vec<Option<Found>>, StoreError>;

    /// The row with this key, live or kept.
    async fn head(&self, key: InvKey) -> Result<Option<Found>, StoreError> {
        Ok(self.rows(&[key]).await?.pop().flatten())
    }

    /// Payloads and results, in the order asked.
    async fn bytes(&self, wanted: &[BytesWanted]) -> Result<Vec<LoadedBytes>, StoreError>;

    /// All counts of a shard.
    async fn totals(&self, shard: ShardId) -> Result<Vec<Total>, StoreError>;

    /// Tasks, live and kept, as the query asks. A page examines a bounded number of entries and may
    /// come back short with a token.
    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError>;

    /// Callbacks that were given up, oldest first, behind a position, `limit` at most.
    async fn kept_callbacks(
        &self,
        after: Option<(Timestamp, InvKey)>,
        limit: usize,
    ) -> Result<Vec<KeptCallback>, StoreError>;

    /// The callback of this row that was given up. A point read.
    async fn kept_callback(&self, key: InvKey) -> Result<Option<KeptCallback>, StoreError>;

    /// Adds submissions; any node may.
    async fn submit(&self, submissions: &[Submission]) -> Result<(), StoreError>;

    /// All submissions of a shard that are not acknowledged, with their numbers.
    async fn submissions(&self, shard: ShardId) -> Result<Vec<(u64, Submission)>, StoreError>;

    /// Removes submissions by their exact numbers, once what they asked for is durable.
    async fn acknowledge(&self, shard: ShardId, numbers: &[u64]) -> Result<(), StoreError>;

    /// The number of a name, for ever the same; a new name gets a new number.
    async fn intern(&self, name: &str) -> Result<FnId, StoreError>;

    /// Every name that has a number.
    async fn names(&self) -> Result<Vec<(FnId, String)>, StoreError>;

    /// Writes registry entries, all or none.
    async fn put_registry(&self, entries: &[RegistryEntry]) -> Result<(), StoreError>;

    /// Every registry entry, those that remember a deletion included.
    async fn registry(&self) -> Result<Vec<RegistryEntry>, StoreError>;

    /// Drops what the retention no longer covers. Returns how many buckets went.
    async fn purge(&self, now: Timestamp, retention: Retention) -> Result<u64, StoreError>;

    /// The store in figures.
    async fn stats(&self) -> Result<StoreStats, StoreError>;

    /// Begins a backup and returns; [`Self::backup`] says how it is doing. Everything that was
    /// acknowledged before is in it.
    async fn begin_backup(&self, wanted: BackupWanted) -> Result<(), BackupError> {
        let _ = wanted;
        Err(BackupError::Unsupported)
    }

    /// The last backup that was begun, if there was one.
    fn backup(&self) -> Option<BackupView> {
        None
    }

    /// Ends the store: what is under way is written, then it takes nothing more.
    async fn close(&self) -> Result<(), StoreError>;
}
