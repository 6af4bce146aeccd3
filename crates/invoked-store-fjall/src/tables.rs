//! The open database and its keyspaces. Buckets are opened when first written to.
//!
//! fjall's defaults cost hundreds of megabytes; everything is set here. The figures were measured
//! with a million rows of 1 KiB: small write buffers where values are small, no separation of keys
//! and values, tables of 16 MiB so that a compaction is a short piece of work.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use fjall::config::{BlockSizePolicy, CompressionPolicy, FilterPolicy};
use fjall::{
    AbstractTree as _, CompressionType, Database, Keyspace, KeyspaceCreateOptions,
    KvSeparationOptions, OwnedWriteBatch, PersistMode, Snapshot,
};
use invoked_core::time::Day;

use crate::config::FjallConfig;
use crate::directory;
use crate::keys::{Table, number};
use crate::packs::Packs;

const MIB: u64 = 1 << 20;
/// Bytes of sealed journals from which on fjall flushes whatever holds the oldest.
const JOURNALS_BYTES_MAX: u64 = 64 * MIB;
const TABLE_BYTES: u64 = 16 * MIB;
const BLOCK_BYTES: u32 = 4_096;
/// Bytes from which on a value of a bucket stands apart from its key.
const APART_BYTES: u32 = 128;
/// Tables that are flushed before they are merged. More in buckets, whose tables hold keys above all and are written at
/// every turn of the overlay.
const RUNS: u8 = 4;
const RUNS_OF_BUCKETS: u8 = 10;
/// Tables that were not merged from which on fjall has whoever writes rows wait for that.
const RUNS_MAX: usize = 20;
/// Write buffer of a keyspace with small values.
const SMALL_BYTES: u64 = 2 * MIB;
/// Write buffer of records and their indexes.
const MEDIUM_BYTES: u64 = 4 * MIB;
/// Write buffer of a keyspace with payloads.
const LARGE_BYTES: u64 = 8 * MIB;

/// The tables that every store has.
const FIXED: [Table; 4] = [Table::Live, Table::Pay, Table::Due, Table::Meta];

/// The database and its keyspaces.
pub(crate) struct Tables {
    pub(crate) db: Database,
    live: Keyspace,
    pay: Keyspace,
    due: Keyspace,
    meta: Keyspace,
    /// Filler that makes fjall begin a new journal.
    pub(crate) pad: Keyspace,
    /// What is in files beside the database.
    pub(crate) packs: Packs,
    buckets: RwLock<BTreeMap<Table, Keyspace>>,
    /// What readers see while only a part of a batch is there.
    before: RwLock<Option<Snapshot>>,
    /// Number of the last batch of ours. One thread at a time writes them.
    last_batch: AtomicU64,
    path: PathBuf,
    /// Called while only a part of a batch is there.
    #[cfg(test)]
    pub(crate) in_between: std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Whether every table is behind.
    #[cfg(test)]
    pub(crate) all_behind: std::sync::atomic::AtomicBool,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

impl Tables {
    /// Opens or makes the database.
    pub(crate) fn open(config: &FjallConfig) -> fjall::Result<Self> {
        let db = Database::builder(&config.path)
            .cache_size(config.cache_bytes)
            .worker_threads(1)
            .manual_journal_persist(true)
            .max_journaling_size(JOURNALS_BYTES_MAX)
            .journal_compression(CompressionType::None)
            .open()?;
        let fixed = |table: Table| db.keyspace(&table.to_string(), || options_of(table));
        let live = fixed(Table::Live)?;
        let pay = fixed(Table::Pay)?;
        let due = fixed(Table::Due)?;
        let meta = fixed(Table::Meta)?;
        let pad = db.keyspace("pad", || options(LARGE_BYTES))?;
        let mut buckets = BTreeMap::new();
        for name in db.list_keyspace_names() {
            if let Some(table) = bucket(&name) {
                buckets.insert(table, db.keyspace(&name, || options_of(table))?);
            }
        }
        let packs = Packs::open(&config.path)?;
        let (buckets, path) = (RwLock::new(buckets), config.path.clone());
        // One that does not read is an error of whoever looks at what the store is.
        let last = meta.get(number::BATCH)?.and_then(|value| number::read(&value).ok());
        let last_batch = AtomicU64::new(last.unwrap_or(0));
        let before = RwLock::default();
        Ok(Self {
            db,
            live,
            pay,
            due,
            meta,
            pad,
            packs,
            buckets,
            before,
            last_batch,
            path,
            #[cfg(test)]
            in_between: std::sync::Mutex::default(),
            #[cfg(test)]
            all_behind: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// Number of the last batch of ours.
    pub(crate) fn last_batch(&self) -> u64 {
        self.last_batch.load(Ordering::Acquire)
    }

    pub(crate) fn note_batch(&self, number: u64) {
        self.last_batch.store(number, Ordering::Release);
    }

    /// The keyspace of a table, unless it is a bucket that nobody has written to.
    pub(crate) fn existing(&self, table: Table) -> Option<Keyspace> {
        match table {
            Table::Live => Some(self.live.clone()),
            Table::Pay => Some(self.pay.clone()),
            Table::Due => Some(self.due.clone()),
            Table::Meta => Some(self.meta.clone()),
            Table::Records(_) | Table::Bodies(_) | Table::Callbacks(_) => {
                self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(&table).cloned()
            }
        }
    }

    /// The keyspace of a table, made if need be. One thread at a time makes buckets.
    pub(crate) fn wanted(&self, table: Table) -> fjall::Result<Keyspace> {
        if let Some(keyspace) = self.existing(table) {
            return Ok(keyspace);
        }
        let keyspace = self.db.keyspace(&table.to_string(), || options_of(table))?;
        directory::restrict(&self.path)?;
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        buckets.insert(table, keyspace.clone());
        Ok(keyspace)
    }

    /// Days that have a bucket of records, oldest first.
    pub(crate) fn days(&self) -> BTreeSet<Day> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.keys().filter_map(|table| table.day_of_records()).collect()
    }

    /// Days whose buckets may have kept callbacks, oldest first.
    pub(crate) fn callback_days(&self) -> BTreeSet<Day> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        let day = |table: &Table| match table {
            Table::Records(day) | Table::Callbacks(day) => Some(*day),
            Table::Bodies(_) | Table::Live | Table::Pay | Table::Due | Table::Meta => None,
        };
        buckets.keys().filter_map(day).collect()
    }

    /// Removes packs that nothing leads to. The store is what it should be.
    pub(crate) fn sweep(&self) -> std::io::Result<()> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        let days = buckets.keys().filter_map(|table| table.day_of_bodies()).collect();
        drop(buckets);
        self.packs.sweep(&days)
    }

    /// Every table that there is.
    pub(crate) fn all(&self) -> Vec<Table> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        FIXED.into_iter().chain(buckets.keys().copied()).collect()
    }

    /// Drops buckets. Readers that have them open finish first.
    pub(crate) fn drop_buckets(&self, tables: &[Table]) -> fjall::Result<()> {
        for table in tables {
            let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
            let dropped = buckets.remove(table);
            drop(buckets);
            if let Some(keyspace) = dropped {
                self.db.delete_keyspace(keyspace)?;
            }
            if let Some(day) = table.day_of_bodies() {
                self.packs.drop_day(day)?;
            }
        }
        Ok(())
    }

    /// Whether so much of a table waits to be merged that writing to it should wait.
    pub(crate) fn is_behind(&self, table: Table) -> bool {
        #[cfg(test)]
        if self.all_behind.load(Ordering::Relaxed) {
            return true;
        }
        self.existing(table).is_some_and(|keyspace| keyspace.tree.l0_run_count() >= RUNS_MAX)
    }

    /// The store between two batches.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let before = self.before.read().unwrap_or_else(PoisonError::into_inner);
        before.as_ref().map_or_else(|| self.db.snapshot(), Snapshot::clone)
    }

    /// Has readers see the store as it is now, until it is let go.
    pub(crate) fn hold(&self) {
        *self.before.write().unwrap_or_else(PoisonError::into_inner) = Some(self.db.snapshot());
    }

    /// Has readers see the store as it is.
    pub(crate) fn let_go(&self) {
        *self.before.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// An empty batch whose commit syncs.
    pub(crate) fn batch(&self) -> OwnedWriteBatch {
        self.db.batch().durability(Some(PersistMode::SyncData))
    }

    /// The keyspaces that every store has.
    pub(crate) fn fixed(&self) -> Vec<Keyspace> {
        [&self.live, &self.pay, &self.due, &self.meta, &self.pad].map(Keyspace::clone).to_vec()
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The table of this name.
pub(crate) fn table_of(name: &str) -> Option<Table> {
    FIXED.into_iter().find(|table| table.to_string() == name).or_else(|| bucket(name))
}

/// The table behind the name of a bucket.
fn bucket(name: &str) -> Option<Table> {
    let day = |text: &str| text.parse().ok().map(Day);
    if let Some(text) = name.strip_prefix("rec-") {
        return day(text).map(Table::Records);
    }
    if let Some(text) = name.strip_prefix("call-") {
        return day(text).map(Table::Callbacks);
    }
    day(name.strip_prefix("body-")?).map(Table::Bodies)
}

/// How the keyspace of a table is made. One that exists keeps what it was made with.
fn options_of(table: Table) -> KeyspaceCreateOptions {
    match table {
        Table::Live | Table::Due | Table::Meta => options(SMALL_BYTES),
        Table::Pay => options(LARGE_BYTES),
        // Its rows go when they are redriven, so that their values stay with their keys.
        Table::Callbacks(_) => options(MEDIUM_BYTES),
        Table::Records(_) => apart(options(MEDIUM_BYTES)),
        // A body is looked up where it is; no filter says where it is not.
        Table::Bodies(_) => apart(options(LARGE_BYTES)).filter_policy(FilterPolicy::disabled()),
    }
}

/// Values of buckets stand apart from their keys: they are hardly ever written over and are dropped whole, so most are
/// written once, and a compaction moves the keys and the indexes. It does move values that were still in the write
/// buffer when rows went past it. Files of values are never rewritten for what is left of them: their rows have no
/// sequence numbers of their own where they went past the buffer, and fjall goes by these.
fn apart(options: KeyspaceCreateOptions) -> KeyspaceCreateOptions {
    let apart = KvSeparationOptions::default()
        .compression(CompressionType::None)
        .separation_threshold(APART_BYTES)
        .age_cutoff(0.0)
        .file_target_size(TABLE_BYTES);
    options.with_kv_separation(Some(apart)).compaction_strategy(leveled(RUNS_OF_BUCKETS))
}

fn options(write_buffer_bytes: u64) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .manual_journal_persist(true)
        .max_memtable_size(write_buffer_bytes)
        .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        .data_block_size_policy(BlockSizePolicy::all(BLOCK_BYTES))
        .compaction_strategy(leveled(RUNS))
}

/// Merges what was flushed once there are so many tables of it.
fn leveled(runs: u8) -> Arc<fjall::compaction::Leveled> {
    let compaction = fjall::compaction::Leveled::default()
        .with_table_target_size(TABLE_BYTES)
        .with_l0_threshold(runs)
        .with_level_ratio_policy(vec![10.0]);
    Arc::new(compaction)
}
