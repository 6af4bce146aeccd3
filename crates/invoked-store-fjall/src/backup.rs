//! A backup: every row of a store between two batches, in plain files that need no engine to check.
//!
//! ```text
//! NAME/manifest.json   what it is of, how many rows of each table, and every file with its SHA-256
//! NAME/rows-00001 …    "INVOKED\x01", then
//!                        1 | name u8 | name                    rows of this table follow
//!                        2 | key u16 | value u32 | key | value
//! NAME/SHA256SUMS      of all of these, as `sha256sum -c` reads it
//! ```
//!
//! Integers are big-endian; the rows are those of `keys`. It is written as `NAME.partial`, synced, and
//! given its name last; so what has its name is whole. Reading goes by a snapshot: nothing is locked, and
//! the writer goes on. While it lasts, a compaction keeps what the snapshot still sees.

use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use invoked_core::time::Timestamp;
use invoked_store::backup::{PARTIAL, is_name, resolved};
use invoked_store::{BackupError, BackupPlace, BackupState, BackupView, BackupWanted, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedRwLockReadGuard;

use crate::config::FjallConfig;
use crate::directory;
use crate::error::file;
use crate::keys::{SENTINEL, Table, number};
use crate::read::View;
use crate::tables::Tables;
use files::Files;
pub(crate) use files::hex;

mod files;

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const SUMS: &str = "SHA256SUMS";
/// The format of backups that is written, and the newest that is read.
pub(crate) const FORMAT: u32 = 1;
pub(crate) const MAGIC: &[u8; 8] = b"INVOKED\x01";
pub(crate) const TABLE: u8 = 1;
pub(crate) const ROW: u8 = 2;
/// After so many bytes the disk is asked for its room, and the rate is kept.
const STEP_BYTES: u64 = 1 << 20;
/// While it rests to keep the rate, it is asked so often whether the daemon ends.
const REST_STEP: Duration = Duration::from_millis(50);

/// What stands in `manifest.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Of the backup.
    pub(crate) format: u32,
    /// Of the store whose rows these are.
    pub(crate) store_format: u32,
    /// The version of the program that wrote it.
    pub(crate) program: String,
    /// When it was begun, in milliseconds since 1970.
    pub(crate) begun_at_ms: i64,
    /// The last batch that is in it.
    pub(crate) batch: u64,
    /// Invocations that were live.
    pub(crate) live_rows: u64,
    pub(crate) rows: u64,
    pub(crate) tables: Vec<TableCount>,
    pub(crate) files: Vec<FileSum>,
}

/// A table of a backup.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct TableCount {
    pub(crate) name: String,
    pub(crate) rows: u64,
}

/// A file of a backup.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct FileSum {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// The one backup that may be under way, and how the last one went.
#[derive(Debug, Default)]
pub(crate) struct Backups {
    view: Arc<Mutex<Option<BackupView>>>,
    is_stopped: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Backups {
    /// How the last one is doing.
    pub(crate) fn view(&self) -> Option<BackupView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets what is under way end soon.
    pub(crate) fn give_up(&self) {
        self.is_stopped.store(true, Ordering::Release);
    }

    /// Ends what is under way.
    pub(crate) fn stop(&self) {
        self.give_up();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(event = "backup_failed", "a backup panicked");
        }
    }

    /// Begins one, on a thread of its own.
    pub(crate) fn begin(
        &self,
        wanted: &BackupWanted,
        config: &FjallConfig,
        tables: OwnedRwLockReadGuard<Option<Arc<Tables>>>,
    ) -> Result<(), BackupError> {
        let path = place(&wanted.place, config)?;
        if tables.is_none() || self.is_stopped.load(Ordering::Acquire) {
            return Err(StoreError::Closed.into());
        }
        let view = BackupView {
            path: path.clone(),
            state: BackupState::Running,
            begun_at: wanted.now,
            batch: 0,
            rows: 0,
            bytes: 0,
            store_bytes: directory::allocated(&config.path).unwrap_or_default(),
        };
        {
            let mut last = self.view.lock().unwrap_or_else(PoisonError::into_inner);
            if last.as_ref().is_some_and(|last| last.state == BackupState::Running) {
                return Err(BackupError::Running);
            }
            *last = Some(view);
        }
        let job = Job {
            path,
            begun_at: wanted.now,
            rate: wanted.bytes_per_second,
            free_bytes_min: config.free_bytes_min,
            view: Arc::clone(&self.view),
            is_stopped: Arc::clone(&self.is_stopped),
        };
        let work = move || job.run(tables.as_ref());
        let thread = thread::Builder::new().name("store-backup".to_owned()).spawn(work);
        let thread = thread.map_err(|error| {
            self.view.lock().unwrap_or_else(PoisonError::into_inner).take();
            BackupError::Store(file("a backup", &error))
        })?;
        let mut running = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        // The one before has ended.
        drop(running.replace(thread));
        Ok(())
    }
}

/// The directory of a backup, which is not there yet.
fn place(place: &BackupPlace, config: &FjallConfig) -> Result<PathBuf, BackupError> {
    let path = match place {
        BackupPlace::At(path)
            if path.as_os_str().as_encoded_bytes().ends_with(PARTIAL.as_bytes()) =>
        {
            return Err(BackupError::Name);
        }
        BackupPlace::At(path) => path.clone(),
        BackupPlace::Named(name) if !is_name(name) => return Err(BackupError::Name),
        BackupPlace::Named(name) => {
            config.backup_path.as_ref().ok_or(BackupError::NoPlace)?.join(name)
        }
    };
    let shown = path.display().to_string();
    let unreadable = |source| BackupError::File { path: shown.clone(), source };
    let (real, store) = (resolved(&path), resolved(&config.path));
    let (real, store) = (real.map_err(unreadable)?, store.map_err(unreadable)?);
    if real.starts_with(&store) {
        return Err(BackupError::InStore { path: shown, store: store.display().to_string() });
    }
    match path.try_exists() {
        Ok(false) => Ok(path),
        Ok(true) => Err(BackupError::Exists { path: shown }),
        Err(source) => Err(BackupError::File { path: shown, source }),
    }
}

/// A backup under way.
struct Job {
    path: PathBuf,
    begun_at: Timestamp,
    rate: Option<NonZeroU64>,
    free_bytes_min: u64,
    view: Arc<Mutex<Option<BackupView>>>,
    is_stopped: Arc<AtomicBool>,
}

impl Job {
    fn run(&self, tables: Option<&Arc<Tables>>) {
        let partial = partial(&self.path);
        let done = match tables {
            Some(tables) => self.write(tables, &partial),
            None => Err(StoreError::Closed),
        };
        let shown = self.path.display();
        let state = match done {
            Ok(rows) => {
                tracing::info!(event = "backup_written", path = %shown, rows, "a backup is written");
                BackupState::Done
            }
            Err(error) => {
                tracing::error!(event = "backup_failed", path = %shown, %error, "a backup was given up");
                drop(files::remove_left(&partial));
                BackupState::Failed { reason: error.to_string() }
            }
        };
        self.note(|view| view.state = state);
    }

    fn note(&self, change: impl FnOnce(&mut BackupView)) {
        if let Some(view) = self.view.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            change(view);
        }
    }

    fn write(&self, tables: &Tables, partial: &Path) -> Result<u64, StoreError> {
        let fail = |error: io::Error| file(&partial.display().to_string(), &error);
        let view = View::new(tables);
        let one = |what: &str, key: &[u8]| match view.get(Table::Meta, key)? {
            Some(value) => number::decode_value(what, &value),
            None => Ok(0),
        };
        let batch = view.applied()?;
        let store_format = one("the format", &number::FORMAT)?;
        self.note(|view| view.batch = batch);
        let mut files = Files::make(partial).map_err(fail)?;
        let mut counts = Vec::new();
        let mut pace = Pace { rate: self.rate, at: 0 };
        for table in tables.all() {
            let mut count = TableCount { name: table.to_string(), rows: 0 };
            files.table(&count.name).map_err(fail)?;
            for row in view.all(table) {
                let (key, value) = row?;
                if key.as_ref() == SENTINEL {
                    continue;
                }
                let Some(value) = view.whole(table, &key, value)? else { continue };
                files.row(&key, &value).map_err(fail)?;
                count.rows += 1;
                if pace.keep(files.bytes(), &self.is_stopped) {
                    self.check(partial, files.bytes(), counts_of(&counts) + count.rows)?;
                }
            }
            counts.push(count);
        }
        let rows = counts_of(&counts);
        let live = counts.iter().find(|count| count.name == Table::Live.to_string());
        let manifest = Manifest {
            format: FORMAT,
            store_format: u32::try_from(store_format).unwrap_or(u32::MAX),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            begun_at_ms: self.begun_at.millis(),
            batch,
            live_rows: live.map_or(0, |live| live.rows),
            rows,
            tables: counts,
            files: Vec::new(),
        };
        let bytes = files.finish(manifest).map_err(fail)?;
        files::name(partial, &self.path).map_err(fail)?;
        self.note(|view| (view.rows, view.bytes) = (rows, bytes));
        Ok(rows)
    }

    /// Tells how far it is; gives up if the daemon ends, or the disk runs out of room.
    fn check(&self, partial: &Path, bytes: u64, rows: u64) -> Result<(), StoreError> {
        self.note(|view| (view.rows, view.bytes) = (rows, bytes));
        if self.is_stopped.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        let free = directory::free(partial).unwrap_or(u64::MAX);
        if free < self.free_bytes_min.saturating_add(STEP_BYTES * 2) {
            // Not the store's own disk, or not that alone: whoever reads it has to know where to make room.
            return Err(StoreError::NoRoom { path: beside(partial).display().to_string() });
        }
        Ok(())
    }
}

fn counts_of(counts: &[TableCount]) -> u64 {
    counts.iter().map(|count| count.rows).sum()
}

/// The directory that a backup stands in.
fn beside(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// Where a backup is written before it is whole.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(PARTIAL);
    path.with_file_name(name)
}

/// Keeps a rate by resting for as long as what was written may take.
struct Pace {
    rate: Option<NonZeroU64>,
    at: u64,
}

impl Pace {
    /// Whether a step has been done; rests behind it.
    fn keep(&mut self, bytes: u64, is_stopped: &AtomicBool) -> bool {
        let done = bytes.saturating_sub(self.at);
        if done < STEP_BYTES {
            return false;
        }
        self.at = bytes;
        if let Some(rate) = self.rate {
            let rest = Duration::from_millis(done.saturating_mul(1_000) / rate.get());
            let steps = rest.as_millis() / REST_STEP.as_millis();
            for _ in 0..=steps {
                if is_stopped.load(Ordering::Acquire) {
                    break;
                }
                thread::sleep(rest.min(REST_STEP));
            }
        }
        true
    }
}
