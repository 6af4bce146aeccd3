//! What is done when nobody wants anything written: giving disk space back.
//!
//! fjall begins a new journal only while flushing, once 64 MB stand in the old one, and removes an
//! old one only when every keyspace has flushed what stands in it; it keeps deleted rows until a
//! compaction happens by. So an idle store would keep its last journal and the remains of its rows
//! for ever. When it rests:
//!
//! 1. Fill the journal up: four times 1 MiB into `pad`, clear `pad`, flush it; until a new journal
//!    has begun.
//! 2. Write a sentinel into every keyspace with unflushed rows and flush it. The sentinel makes
//!    sure that a table comes of it, even if all its rows cancel out.
//! 3. Compact what holds as much that was removed as is live (`maintenance/garbage.rs`), on a thread of its own.
//! 4. Step 2 again, which releases the versions before the compaction. What somebody read meanwhile the compaction had to leave:
//!    then all of it again, later each time.
//!
//! On a disk with little room step 1 is left out: it would fill the disk up first, and an old store on it
//! could never give anything back.
//!
//! Steps are short and nothing waits inside one: a request that comes in between is served, and
//! what was not finished begins anew at the next rest.
//!
//! A daemon that never rests is compacted as well, once as many rows were removed as are live. While that
//! lasts, fjall's own worker may have to wait for it; so only what is short work is done then.

use std::collections::BTreeSet;
use std::fmt;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fjall::Keyspace;
use invoked_store::StoreError;

use crate::directory;
use crate::error::{engine, file};
use crate::keys::{SENTINEL, Table};
use crate::tables::Tables;
use crate::writer::floor;

mod garbage;

/// How long nothing has to come in.
const REST: Duration = Duration::from_secs(2);
/// After a compaction that has left what it was begun for, twice as long each time, so often at most.
const AGAIN_MAX: u32 = 8;
/// Rests in a row before a journal of modest size is worth 64 MiB of filler.
const RESTS_FOR_LITTLE: u32 = 15;
/// Between steps.
const STEP: Duration = Duration::from_millis(5);
const JOURNAL_BYTES_LARGE: u64 = 16 << 20;
const JOURNAL_BYTES_SMALL: u64 = 1 << 20;
/// What the filler of a journal takes, and what flushing may.
const ROOM_BYTES: u64 = 128 << 20;
/// What flushing alone may take: somewhat more than all write buffers together.
const FLUSH_BYTES: u64 = 40 << 20;
/// Bytes that a compaction may move at rest, and while others write.
const MOVED_BYTES_MAX: u64 = 4 << 30;
const MOVED_BYTES_BUSY_MAX: u64 = 64 << 20;
/// Rows that have to be removed before a store that is written to is compacted.
const REMOVED_BUSY_MIN: u64 = 100_000;
const FILLER_KEY: [u8; 1] = [0];
const FILLER_BYTES: usize = 1 << 20;
const FILLERS: usize = 4;

/// Where maintenance stands.
pub(crate) struct Maintenance {
    stage: Stage,
    /// Keyspaces that may have unflushed rows.
    unflushed: BTreeSet<Table>,
    /// Whether anything was written since it last finished.
    is_wanted: bool,
    /// Whether it was begun since then.
    is_begun: bool,
    rests: u32,
    /// How often in a row a compaction has left what it was begun for.
    again: u32,
    /// Rows that were removed since the last compaction.
    removed: u64,
}

enum Stage {
    Resting,
    Padding,
    Flushing(Round, Vec<Keyspace>),
    Compacting(Round, JoinHandle<()>),
}

/// Which flush it is; of a compaction: the one behind it, if it was begun at rest.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Round {
    /// None: others write meanwhile.
    Busy,
    First,
    Last,
}

impl fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maintenance").field("rests", &self.rests).finish_non_exhaustive()
    }
}

impl Maintenance {
    /// After opening: what the journal brought back is unflushed.
    pub(crate) fn new(tables: &Tables) -> Self {
        let mut unflushed = BTreeSet::from([Table::Live, Table::Pay, Table::Due, Table::Meta]);
        for day in tables.days() {
            unflushed.extend([Table::Records(day), Table::Bodies(day)]);
        }
        unflushed.extend(tables.callback_days().into_iter().map(Table::Callbacks));
        Self {
            stage: Stage::Resting,
            unflushed,
            is_wanted: true,
            is_begun: false,
            rests: 0,
            again: 0,
            removed: 0,
        }
    }

    /// When to take the next step, if nothing comes in; `None` if there is nothing to do.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self.stage {
            Stage::Resting => self.is_wanted.then(|| REST * (1 << self.again.min(AGAIN_MAX))),
            Stage::Padding | Stage::Flushing(..) | Stage::Compacting(..) => Some(STEP),
        }
    }

    /// A batch is about to be written to these, which removes so many rows.
    pub(crate) fn note(&mut self, tables: impl Iterator<Item = Table>, removed: u64) {
        self.unflushed.extend(tables);
        self.removed = self.removed.saturating_add(removed);
        self.is_wanted = true;
        self.again = 0;
    }

    /// Behind a batch: begins a compaction if enough was removed, and ends one that is done.
    pub(crate) fn busy(
        &mut self,
        tables: &Tables,
        live_rows: u64,
        free_bytes_min: u64,
    ) -> Result<(), StoreError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Resting) {
            Stage::Compacting(Round::Busy, thread) if thread.is_finished() => {
                join(thread);
                Stage::Resting
            }
            Stage::Resting if self.removed >= live_rows.max(REMOVED_BUSY_MIN) => {
                let limits = garbage::Limits { moved: MOVED_BYTES_BUSY_MAX, free_bytes_min };
                self.compact(tables, live_rows, Round::Busy, limits)?
            }
            other @ (Stage::Resting
            | Stage::Padding
            | Stage::Flushing(..)
            | Stage::Compacting(..)) => other,
        };
        Ok(())
    }

    /// Something came in.
    pub(crate) fn interrupt(&mut self) {
        self.rests = 0;
        match self.stage {
            // It runs beside the writer and cannot be stopped.
            Stage::Compacting(..) => {}
            Stage::Resting | Stage::Padding | Stage::Flushing(..) => self.stage = Stage::Resting,
        }
    }

    /// Ends it, waiting for a compaction that is under way.
    pub(crate) fn stop(&mut self) {
        self.is_wanted = false;
        if let Stage::Compacting(_, thread) = std::mem::replace(&mut self.stage, Stage::Resting) {
            join(thread);
        }
    }

    /// Takes a step.
    pub(crate) fn step(
        &mut self,
        tables: &Tables,
        live_rows: u64,
        free_bytes_min: u64,
    ) -> Result<(), StoreError> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Resting) {
            Stage::Resting => self.rest(tables, free_bytes_min)?,
            Stage::Padding if tables.pad.sealed_memtable_count() > 0 => Stage::Padding,
            Stage::Padding if journal_bytes(tables)? > JOURNAL_BYTES_SMALL => {
                pad(tables).map_err(engine)?;
                Stage::Padding
            }
            Stage::Padding => self.flush(tables, Round::First).map_err(engine)?,
            Stage::Flushing(round, mut keyspaces) => {
                keyspaces.retain(|keyspace| keyspace.sealed_memtable_count() > 0);
                match round {
                    _ if !keyspaces.is_empty() => Stage::Flushing(round, keyspaces),
                    Round::First => {
                        let limits = at_rest(free_bytes_min);
                        self.compact(tables, live_rows, Round::Last, limits)?
                    }
                    Round::Last if garbage::is_left(tables, live_rows, at_rest(free_bytes_min)) => {
                        self.again = self.again.saturating_add(1);
                        Stage::Resting
                    }
                    Round::Busy | Round::Last => self.finish(tables),
                }
            }
            Stage::Compacting(round, thread) if !thread.is_finished() => {
                Stage::Compacting(round, thread)
            }
            Stage::Compacting(round, thread) => {
                join(thread);
                match round {
                    Round::Busy => Stage::Resting,
                    Round::First | Round::Last => {
                        self.flush(tables, Round::Last).map_err(engine)?
                    }
                }
            }
        };
        Ok(())
    }

    fn rest(&mut self, tables: &Tables, free_bytes_min: u64) -> Result<Stage, StoreError> {
        self.rests = self.rests.saturating_add(1);
        let bytes = journal_bytes(tables)?;
        let is_long = self.rests >= RESTS_FOR_LITTLE;
        let is_worth_it = self.is_begun
            || bytes > JOURNAL_BYTES_LARGE
            || (is_long && (bytes > JOURNAL_BYTES_SMALL || tables.db.journal_count() > 1));
        if is_long && !is_worth_it {
            self.is_wanted = false;
        }
        let free = directory::free(tables.path()).unwrap_or(u64::MAX);
        let has = |bytes: u64, floor: u64| free > floor.saturating_add(bytes);
        if is_worth_it && has(ROOM_BYTES, free_bytes_min) {
            self.is_begun = true;
            return Ok(Stage::Padding);
        }
        if is_worth_it && has(FLUSH_BYTES, floor(free_bytes_min)) {
            self.is_begun = true;
            return self.flush(tables, Round::First).map_err(engine);
        }
        Ok(Stage::Resting)
    }

    /// Begins to compact what is worth it. At rest without anything that is, the work is done.
    fn compact(
        &mut self,
        tables: &Tables,
        live_rows: u64,
        round: Round,
        limits: garbage::Limits,
    ) -> Result<Stage, StoreError> {
        let found = garbage::worth_compacting(tables, live_rows, limits);
        self.removed = 0;
        if found.is_empty() {
            return Ok(match round {
                Round::Busy => Stage::Resting,
                Round::First | Round::Last => self.finish(tables),
            });
        }
        let work = move || {
            for keyspace in found {
                if let Err(error) = keyspace.major_compact() {
                    tracing::warn!(event = "compaction_failed", %error, "a compaction failed");
                }
            }
        };
        let thread = thread::Builder::new().name("store-compaction".to_owned()).spawn(work);
        thread
            .map(|thread| Stage::Compacting(round, thread))
            .map_err(|error| file("a compaction", &error))
    }

    /// Writes the sentinels and begins to flush.
    fn flush(&mut self, tables: &Tables, round: Round) -> fjall::Result<Stage> {
        let mut keyspaces = tables.fixed();
        for table in &self.unflushed {
            let is_bucket =
                matches!(table, Table::Records(_) | Table::Bodies(_) | Table::Callbacks(_));
            if is_bucket && let Some(bucket) = tables.existing(*table) {
                keyspaces.push(bucket);
            }
        }
        let mut batch = tables.batch();
        for keyspace in &keyspaces {
            batch.insert(keyspace, SENTINEL, []);
        }
        batch.commit()?;
        for keyspace in &keyspaces {
            keyspace.rotate_memtable()?;
        }
        Ok(Stage::Flushing(round, keyspaces))
    }

    fn finish(&mut self, tables: &Tables) -> Stage {
        self.unflushed.clear();
        self.is_wanted = false;
        self.is_begun = false;
        self.again = 0;
        if let Err(error) = directory::restrict(tables.path()) {
            tracing::warn!(event = "file_modes_not_set", %error, "modes of the store's files are not set");
        }
        Stage::Resting
    }
}

/// What a compaction may take when nobody wants anything written.
const fn at_rest(free_bytes_min: u64) -> garbage::Limits {
    garbage::Limits { moved: MOVED_BYTES_MAX, free_bytes_min }
}

/// Puts filler into the journal, and nothing into a table.
fn pad(tables: &Tables) -> fjall::Result<()> {
    let filler = vec![0x5a; FILLER_BYTES];
    for _ in 0..FILLERS {
        tables.pad.insert(FILLER_KEY, filler.as_slice())?;
    }
    tables.pad.clear()?;
    tables.pad.insert(SENTINEL, [])?;
    tables.pad.rotate_memtable()?;
    Ok(())
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!(event = "compaction_failed", "a compaction panicked");
    }
}

/// What the journal takes on disk; the rest of its 64 MiB is a hole.
fn journal_bytes(tables: &Tables) -> Result<u64, StoreError> {
    let journal = directory::active_journal(tables.path());
    let bytes = journal.and_then(|path| path.map_or(Ok(0), |path| directory::allocated(&path)));
    bytes.map_err(|error| file("the journal", &error))
}
