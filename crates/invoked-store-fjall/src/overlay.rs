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

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use invoked_store::StoreError;
use tokio::sync::mpsc::WeakSender;
use tokio::sync::oneshot;

use crate::apply::apply;
use crate::error::file;
use crate::keys::Table;
use crate::staged::Staged;
use crate::store::Shared;
use crate::tables::Tables;
use crate::writer::request::{Message, give};

/// What fjall writes with the least of batches.
const MORE_BYTES: u64 = 256 << 10;

/// Who waits for the tables to be as far as he has been told.
pub(crate) type Waiting = oneshot::Sender<Result<(), StoreError>>;

/// Rows that are durable and not yet in the tables.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    newest: Staged,
    /// Number of the last batch in `newest`.
    number: u64,
    /// What is being applied.
    sealed: Option<Sealed>,
}

#[derive(Debug)]
struct Sealed {
    number: u64,
    rows: Arc<Staged>,
}

impl Overlay {
    /// The newest word on a row, if there is one here.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Bytes>> {
        self.batches().find_map(|rows| rows.get(table, key))
    }

    /// What is not sealed, and what is.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &Staged> {
        let sealed = self.sealed.iter().map(|sealed| &*sealed.rows);
        std::iter::once(&self.newest).chain(sealed)
    }

    /// Takes a batch that is durable.
    pub(crate) fn add(&mut self, number: u64, rows: Staged) {
        self.number = number;
        self.newest.fold(rows);
    }

    /// Whether the tables have everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.is_empty() && self.sealed.is_none()
    }

    /// Whether something is being applied.
    pub(crate) const fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// What would be sealed.
    pub(crate) const fn news(&self) -> &Staged {
        &self.newest
    }

    /// Bytes on the disk that it will take to bring all of it into the tables, at most about.
    pub(crate) fn bytes_to_come(&self) -> u64 {
        self.batches().map(bytes_to_apply).sum()
    }

    /// Forgets what is applied, and gives it back.
    fn forget(&mut self, applied: u64) -> Option<Arc<Staged>> {
        self.sealed.take_if(|sealed| sealed.number <= applied).map(|sealed| sealed.rows)
    }
}

/// Bytes on the disk that it takes to bring rows into the tables: into fjall's journal, into a table while they
/// still stand there, and a little that is always written.
pub(crate) fn bytes_to_apply(rows: &Staged) -> u64 {
    if rows.is_empty() { 0 } else { (2 * rows.bytes() as u64).saturating_add(MORE_BYTES) }
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
    pub(crate) fn seal(&self, overlay: &mut Overlay, waiting: Vec<Waiting>) {
        let number = overlay.number;
        let rows = Arc::new(std::mem::take(&mut overlay.newest));
        overlay.sealed = Some(Sealed { number, rows: Arc::clone(&rows) });
        // Once the thread has ended the store is poisoned; those who wait see that.
        self.send(Work::Apply { number, rows, waiting });
    }

    fn send(&self, work: Work) {
        drop(self.work.as_ref().map(|works| works.send(work)));
    }

    /// Forgets what has been applied since. Returns the number of the last batch of it.
    pub(crate) fn collect(&self, overlay: &mut Overlay) -> Option<u64> {
        let last = self.applied.try_iter().last()?;
        self.forget(overlay, last);
        Some(last)
    }

    /// Waits until one more is applied; `None` once there is no thread to wait for.
    pub(crate) fn wait(&self, overlay: &mut Overlay) -> Option<u64> {
        let last = self.applied.recv().ok()?;
        self.forget(overlay, last);
        Some(last)
    }

    fn forget(&self, overlay: &mut Overlay, applied: u64) {
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
