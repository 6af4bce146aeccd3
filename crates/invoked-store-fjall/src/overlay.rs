//! What stands in the log and not yet in the tables, and the thread that brings it there.
//!
//! ```text
//! batch ──▶ log, synced ──▶ newest ──seal──▶ sealed ──thread──▶ fjall: one batch, synced
//!                              │
//!                              └ a row that is inserted and goes again before it is sealed gets no further
//! ```
//!
//! An invocation that ends soon is written to the log and nowhere else. What is sealed is applied in order,
//! each as one batch that is synced; so the number of a batch that stands in `meta` says how far the tables
//! are, and everything behind it is in the log.
//!
//! All but short bodies are here only by where the log has them (`log/place.rs`).
//!
//! Whoever wants rows by their keys looks here and at the tables of the same moment (`read/look.rs`); whoever wants
//! ranges has the tables brought as far as the log before.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle};

use invoked_core::time::Day;
use invoked_store::StoreError;
use tokio::sync::mpsc::WeakSender;
use tokio::sync::oneshot;

use crate::apply::{apply, is_packed};
use crate::error::file;
use crate::keys::Table;
use crate::staged::{Staged, Value};
use crate::store::Shared;
use crate::tables::Tables;
use crate::writer::request::{Message, give};

/// What fjall writes with the least of batches.
const MORE_BYTES: u64 = 256 << 10;

/// Who waits for the tables to be as far as he has been told.
pub(crate) type Waiting = oneshot::Sender<Result<(), StoreError>>;

/// Rows that are durable and not yet in the tables, for the writer and for those who look rows up. The writer alone
/// changes them, so that its own reads never wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay(Arc<RwLock<Batches>>);

/// What stands in the log, the latest word first.
#[derive(Debug, Default)]
pub(crate) struct Batches {
    /// A batch that is durable and not yet among `newest`: it is seen before anybody is told that it is durable.
    coming: Option<Staged>,
    newest: Staged,
    /// Number of the last batch that is here.
    number: u64,
    /// What is being applied.
    sealed: Option<Sealed>,
}

#[derive(Debug)]
struct Sealed {
    number: u64,
    rows: Arc<Staged>,
}

impl Batches {
    /// The newest word on a row, if there is one here.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Value>> {
        self.all().find_map(|rows| rows.get(table, key))
    }

    /// Everything that is here.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Staged> {
        let sealed = self.sealed.iter().map(|sealed| &*sealed.rows);
        self.coming.iter().chain(std::iter::once(&self.newest)).chain(sealed)
    }

    /// Days of which there are records.
    pub(crate) fn days_of_records(&self) -> BTreeSet<Day> {
        self.all().flat_map(Staged::tables).filter_map(Table::day_of_records).collect()
    }

    /// What would be sealed.
    pub(crate) const fn news(&self) -> &Staged {
        &self.newest
    }
}

impl Overlay {
    /// What is there now.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Batches> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Batches> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a batch that is durable. From here on it is seen.
    pub(crate) fn add(&self, number: u64, rows: Staged) {
        let mut batches = self.write();
        batches.number = number;
        batches.coming = Some(rows);
    }

    /// Puts the batch that came last to the others.
    pub(crate) fn fold(&self) {
        let mut batches = self.write();
        if let Some(rows) = batches.coming.take() {
            batches.newest.fold(rows);
        }
    }

    /// Whether the tables have everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.read().all().all(Staged::is_empty)
    }

    /// Whether something is being applied.
    pub(crate) fn is_sealed(&self) -> bool {
        self.read().sealed.is_some()
    }

    /// What those rows that are not sealed take in memory, about.
    pub(crate) fn news_bytes(&self) -> usize {
        self.read().newest.memory()
    }

    /// Bytes on the disk that it will take to bring all of it into the tables, at most about.
    pub(crate) fn bytes_to_come(&self) -> u64 {
        self.read().all().map(bytes_to_apply).sum()
    }

    /// Seals what is there.
    fn seal(&self) -> (u64, Arc<Staged>) {
        let mut batches = self.write();
        let number = batches.number;
        let rows = Arc::new(std::mem::take(&mut batches.newest));
        batches.sealed = Some(Sealed { number, rows: Arc::clone(&rows) });
        (number, rows)
    }

    /// Forgets what is applied, and gives it back.
    fn forget(&self, applied: u64) -> Option<Arc<Staged>> {
        let mut batches = self.write();
        batches.sealed.take_if(|sealed| sealed.number <= applied).map(|sealed| sealed.rows)
    }
}

/// Bytes on the disk that it takes to bring rows into the tables: into fjall's journal, into a table while they
/// still stand there, and a little that is always written. Bodies that get a pack are written once.
pub(crate) fn bytes_to_apply(rows: &Staged) -> u64 {
    if rows.is_empty() {
        return 0;
    }
    let packed: usize = rows
        .tables()
        .filter(|table| is_packed(rows, *table))
        .map(|table| rows.bytes_of(table))
        .sum();
    ((2 * rows.bytes() - packed) as u64).saturating_add(MORE_BYTES)
}

/// The thread that applies what is sealed.
#[derive(Debug)]
pub(crate) struct Applier {
    /// Gone once it is to end.
    work: Option<Sender<Work>>,
    applied: Receiver<u64>,
    thread: Option<JoinHandle<()>>,
}

enum Work {
    Apply {
        number: u64,
        rows: Arc<Staged>,
        waiting: Vec<Waiting>,
    },
    /// Frees rows: with many that takes milliseconds, which nobody who writes is to wait for.
    Free(Arc<Staged>),
}

impl Applier {
    /// Starts the thread. It wakes the writer up when it has applied something.
    pub(crate) fn start(
        tables: Arc<Tables>,
        shared: Arc<Shared>,
        writer: WeakSender<Message>,
    ) -> Result<Self, StoreError> {
        let (work, works) = channel::<Work>();
        let (done, applied) = channel();
        let run = move || {
            for work in works {
                let (number, rows, waiting) = match work {
                    Work::Apply { number, rows, waiting } => (number, rows, waiting),
                    Work::Free(rows) => {
                        drop(rows);
                        continue;
                    }
                };
                // Behind these, so that whoever waits is let go last.
                let mut turn = Turn { shared: &shared, is_done: false };
                if shared.check().is_err() {
                    return;
                }
                #[cfg(test)]
                assert!(!shared.apply_panics(), "made to panic");
                if let Err(error) = apply(&rows, &tables) {
                    tracing::error!(event = "store_write_failed", %error, "a write to the store failed");
                    return;
                }
                drop(rows);
                // The writer waits for all that it has sealed before it ends.
                if done.send(number).is_err() {
                    return;
                }
                for waiting in waiting {
                    give(waiting, Ok(()));
                }
                turn.is_done = true;
                // Without room there it is awake, and without a sender about to end.
                let is_woken =
                    writer.upgrade().is_some_and(|to| to.try_send(Message::Applied).is_ok());
                tracing::trace!(number, is_woken, "applied");
            }
        };
        let thread = thread::Builder::new().name("store-applier".to_owned()).spawn(run);
        let thread = thread.map_err(|error| file("the applier", &error))?;
        Ok(Self { work: Some(work), applied, thread: Some(thread) })
    }

    /// Seals what is there and has it applied; tells those who wait when that is done. Nothing is sealed before
    /// that.
    pub(crate) fn seal(&self, overlay: &Overlay, waiting: Vec<Waiting>) {
        let (number, rows) = overlay.seal();
        // Once the thread has ended the store is poisoned; those who wait see that.
        self.send(Work::Apply { number, rows, waiting });
    }

    fn send(&self, work: Work) {
        drop(self.work.as_ref().map(|works| works.send(work)));
    }

    /// Forgets what has been applied since. Returns the number of the last batch of it.
    pub(crate) fn collect(&self, overlay: &Overlay) -> Option<u64> {
        let last = self.applied.try_iter().last()?;
        self.forget(overlay, last);
        Some(last)
    }

    /// Waits until one more is applied; `None` once there is no thread to wait for.
    pub(crate) fn wait(&self, overlay: &Overlay) -> Option<u64> {
        let last = self.applied.recv().ok()?;
        self.forget(overlay, last);
        Some(last)
    }

    fn forget(&self, overlay: &Overlay, applied: u64) {
        if let Some(rows) = overlay.forget(applied) {
            self.send(Work::Free(rows));
        }
    }

    /// Ends the thread behind what it was given. Whether it went in order.
    pub(crate) fn stop(&mut self) -> bool {
        self.work = None;
        self.thread.take().is_none_or(|thread| thread.join().is_ok())
    }
}

/// Poisons the store if the thread does not come to an end with a batch, by a panic too: nothing would be applied any
/// more, and nobody would notice.
struct Turn<'a> {
    shared: &'a Shared,
    is_done: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.shared.poison();
        }
    }
}
