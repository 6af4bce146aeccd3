//! Opening the directory: the lock, what its files look like, fjall's own recovery, and whether
//! anything acknowledged is missing.
//!
//! ```text
//! locked by another process                           refuse, InUse
//! a restore that did not finish                       refuse, Damaged
//! a list of tables that does not read                 refuse, Damaged; nothing is touched
//! break in a journal, a batch of ours behind it       refuse, Cut; nothing is touched
//! batches between the tables and the log missing      refuse, Cut; as below
//! last number found < last number acknowledged        refuse, Cut; nothing is touched if the
//!                                                     journals show it
//! break at the end, as a crash leaves it              cut off, opened
//! any other break at the end                          copied aside, cut off, opened
//! made only half                                      made anew
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use fjall::PersistMode;
use invoked_core::id::{Epoch, FnId, ShardId};
use invoked_core::name::Qualifier;
use invoked_core::totals::{Gauge, Metric, TotalKey};
use invoked_store::StoreError;

use crate::acknowledged::Acknowledged;
use crate::apply;
use crate::check;
use crate::config::FjallConfig;
use crate::directory;
use crate::error::{engine, file};
use crate::journal::{self, Break, Journals, Numbered};
use crate::keys::{Table, epoch, live_count, number, status, total};
use crate::log::Log;
use crate::log::scan::{self, Gap, Scan};
use crate::overlay::bytes_to_apply;
use crate::read::View;
use crate::staged::Staged;
use crate::tables::Tables;

/// The format that is written, and the newest that is read.
pub(crate) const FORMAT: u32 = 6;
/// The first whose indexes and counts are those of today.
const COUNTED: u32 = 3;
/// The last without packs. Those before it had no log either.
const UNPACKED: u32 = 5;
/// Rows that an upgrade writes in one batch.
const UPGRADED_AT_ONCE: usize = 10_000;
/// Rows of the log that are brought into the tables at once, in bytes.
const REPLAYED_BYTES: usize = 16 << 20;
/// A process that was killed a moment ago may still hold the lock.
const LOCK_TRIES: u32 = 5;
const LOCK_WAIT: Duration = Duration::from_millis(100);

/// A store that is open.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) tables: Tables,
    pub(crate) acknowledged: Acknowledged,
    pub(crate) log: Log,
    /// Number of the last batch.
    pub(crate) number: u64,
    pub(crate) shards: u16,
    pub(crate) live_rows: u64,
    pub(crate) epochs: Vec<(ShardId, Epoch)>,
}

/// Opens or makes the store.
pub(crate) fn open(config: &FjallConfig) -> Result<Opened, StoreError> {
    let path = &config.path;
    let shown = path.display().to_string();
    directory::create(path).map_err(|error| file(&shown, &error))?;
    let (tables, last, scan) = recover(config)?;
    directory::restrict(path).map_err(|error| file(&shown, &error))?;
    let acknowledged = Acknowledged::open(path).map_err(|error| file(&shown, &error))?;

    let (format, applied) = {
        let view = View::new(&tables);
        let format = view.get(Table::Meta, number::FORMAT)?;
        let format = format.map(|value| number::decode_value("the format", &value)).transpose()?;
        (format, view.applied()?)
    };
    // A table may have been flushed with what was then cut off a journal, and the one with these numbers before the
    // others: what the journals say is what all of them have.
    let applied = last.map_or(applied, |last| applied.min(last.applied));
    if let Some(last) = last {
        tables.note_batch(last.number);
    }
    let found = format.map_or(FORMAT, |format| u32::try_from(format).unwrap_or(u32::MAX));
    if found > FORMAT {
        return Err(StoreError::Newer { found, known: FORMAT });
    }
    let last = whole(&scan, Some(&acknowledged), applied)?;
    if format.is_none() {
        return create(config, tables, acknowledged);
    }
    replay(&scan, &tables, found, applied)?;
    let view = View::new(&tables);

    let last = match found {
        FORMAT => last,
        _ => upgrade(&tables, &view, &acknowledged, found, last)?,
    };

    let mut epochs = Vec::new();
    let shards = view.shards()?;
    for shard in (0..shards).map(ShardId) {
        if let Some(value) = view.get(Table::Meta, epoch::encode_key(shard))? {
            epochs.push((shard, epoch::decode_value(&value)?));
        }
    }
    let mut live_rows = 0;
    for row in view.beginning_with(Table::Meta, &live_count::PREFIX) {
        let (key, value) = row?;
        live_rows += live_count::decode(&key, &value)?.1;
    }
    drop(view);
    // The log is written over from here on. fjall syncs what it recovers by itself; nothing else says so.
    tables.db.persist(PersistMode::SyncAll).map_err(engine)?;
    acknowledged.forget_older();
    tables.sweep().map_err(|error| file(&shown, &error))?;
    let log = Log::open(path).map_err(|error| file(&shown, &error))?;
    Ok(Opened { tables, acknowledged, log, number: last, shards, live_rows, epochs })
}

/// The last batch of a store whose tables have everything up to batch `from`.
///
/// # Errors
/// What somebody was told is durable is not there.
pub(crate) fn whole(
    scan: &Scan,
    acknowledged: Option<&Acknowledged>,
    from: u64,
) -> Result<u64, Missing> {
    let told = acknowledged.map_or(0, Acknowledged::number);
    match scan.reach(from) {
        Ok(found) if found < told => Err(Missing { found, acknowledged: told }),
        Ok(found) => Ok(found),
        Err(Gap { found, behind }) => Err(Missing { found, acknowledged: told.max(behind) }),
    }
}

/// Whether the log goes on behind the last whole batch of the newest journal, and has everything up to the last batch
/// that anybody was told of. It has where a crash tore what was being brought into the tables, for a file of it is not
/// used again before that is done; whatever stands behind the break then is parts of that batch, and may be what
/// somebody outside has sent.
pub(crate) fn is_had(journals: &Journals, log: &Scan, acknowledged: Option<&Acknowledged>) -> bool {
    let is_newest = journals.later.is_empty();
    let is_told = acknowledged.is_some_and(|file| file.number() > 0);
    let found = journals.scan.last.map(|last| last.applied);
    let goes_on = |found| whole(log, acknowledged, found).is_ok_and(|last| found < last);
    is_newest && is_told && found.is_some_and(goes_on)
}

/// The last batch that is there, and the last that somebody was told of.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Missing {
    pub(crate) found: u64,
    pub(crate) acknowledged: u64,
}

impl From<Missing> for StoreError {
    fn from(Missing { found, acknowledged }: Missing) -> Self {
        Self::Cut { found, acknowledged }
    }
}

/// Brings into the tables of a store of format `found` what stands in the log alone.
///
/// A batch that is brought there twice changes nothing, so a crash meanwhile needs no care.
pub(crate) fn replay(
    scan: &Scan,
    tables: &Tables,
    found: u32,
    from: u64,
) -> Result<(), StoreError> {
    let mut rows = Staged::default();
    if found == UNPACKED {
        // Before anything is packed: an earlier program would not find it.
        rows.put(Table::Meta, &number::FORMAT, number::encode_value(u64::from(FORMAT)));
        apply::apply_uncounted(&std::mem::take(&mut rows), tables).map_err(engine)?;
    }
    for record in scan.behind(from) {
        let fail = |error| file(&tables.path().display().to_string(), &error);
        rows.fold(record.rows().map_err(fail)?);
        if rows.bytes() >= REPLAYED_BYTES {
            apply(&std::mem::take(&mut rows), tables)?;
        }
    }
    apply(&rows, tables)
}

/// Applies rows if there is room: without, fjall would give up in the middle.
fn apply(rows: &Staged, tables: &Tables) -> Result<(), StoreError> {
    let free = directory::free(tables.path()).unwrap_or(u64::MAX);
    if free < bytes_to_apply(rows) {
        return Err(StoreError::NoRoom { path: tables.path().display().to_string() });
    }
    apply::apply(rows, tables).map_err(engine)
}

/// Writes the first batch of a new store.
fn create(
    config: &FjallConfig,
    tables: Tables,
    acknowledged: Acknowledged,
) -> Result<Opened, StoreError> {
    let number = 1;
    let mut staged = Staged::default();
    staged.put(Table::Meta, &number::FORMAT, number::encode_value(u64::from(FORMAT)));
    let shards = config.shards.max(1);
    staged.put(Table::Meta, &number::SHARDS, number::encode_value(u64::from(shards)));
    staged.put(Table::Meta, &number::APPLIED, number::encode_value(number));
    apply::apply(&staged, &tables).map_err(engine)?;
    acknowledged.note(number).map_err(|error| file("acknowledged", &error))?;
    let (live_rows, epochs) = (0, Vec::new());
    let log = Log::open(&config.path).map_err(|error| file("the log", &error))?;
    Ok(Opened { tables, acknowledged, log, number, shards, live_rows, epochs })
}

/// Format 1 also indexed by their status the tasks that wait since their acceptance; formats 1 and 2 did
/// not index those that were under way, nor count where live rows stand. Format 3 had no rows with a place in a
/// trace, format 4 no log, format 5 no packs. What else they wrote is read as it is. Cut short, this begins again. Returns the number of the last batch.
fn upgrade(
    tables: &Tables,
    view: &View<'_>,
    acknowledged: &Acknowledged,
    found: u32,
    last: u64,
) -> Result<u64, StoreError> {
    let number = last + 1;
    let mut staged = Staged::default();
    let mut gauges: BTreeMap<(ShardId, FnId, Gauge), u64> = BTreeMap::new();
    let uncounted = (found < COUNTED).then(|| view.live_rows());
    for head in uncounted.into_iter().flatten() {
        let head = head?;
        if let Some((id, gauge)) = head.gauge() {
            *gauges.entry((head.key.shard(), id, gauge)).or_default() += 1;
        }
        let (at, status) = (head.accepted_at, head.status());
        let key = status::encode_key(head.fn_id, status, at, head.key);
        if status::is_due_since_acceptance(&head) {
            staged.remove(Table::Records(head.bucket()), &key);
        } else if head.task.is_some() && head.life.attempt_under_way().is_some() {
            staged.put(Table::Records(head.bucket()), &key, Bytes::new());
        }
        if staged.len() >= UPGRADED_AT_ONCE {
            apply::apply_uncounted(&std::mem::take(&mut staged), tables).map_err(engine)?;
        }
    }
    for ((shard, fn_id, gauge), value) in gauges {
        let key = TotalKey { fn_id, qualifier: Qualifier::LATEST, metric: Metric::Now(gauge) };
        staged.put(Table::Meta, &total::encode_key(shard, &key), total::encode_value(value));
    }
    staged.put(Table::Meta, &number::FORMAT, number::encode_value(u64::from(FORMAT)));
    staged.put(Table::Meta, &number::APPLIED, number::encode_value(number));
    apply::apply(&staged, tables).map_err(engine)?;
    acknowledged.note(number).map_err(|error| file("acknowledged", &error))?;
    tracing::info!(
        event = "store_upgraded",
        format = FORMAT,
        "the store is brought to this format"
    );
    Ok(number)
}

/// Opens the database behind a look at its files.
///
/// Returns it with the last batch of ours that the journals have, and with what the log has.
fn recover(config: &FjallConfig) -> Result<(Tables, Option<Numbered>, Scan), StoreError> {
    let path = &config.path;
    let shown = path.display().to_string();
    let in_use = || StoreError::InUse { path: shown.clone() };
    let lock = lock(path).map_err(|error| file(&shown, &error))?;
    if matches!(lock, Lock::Taken) {
        return Err(in_use());
    }
    forget_half_made(path).map_err(|error| file(&shown, &error))?;
    check::at_start(path)?;
    let log = scan::scan(path).map_err(|error| file(&shown, &error))?;
    let last = mend_journal(path, &log)?;
    drop(lock);
    // What is damaged beyond what was looked at is an error of fjall's, and in places a panic.
    let opened = catch_unwind(AssertUnwindSafe(|| Tables::open(config)));
    match opened {
        Ok(Ok(tables)) => Ok((tables, last, log)),
        Ok(Err(fjall::Error::Locked)) => Err(in_use()),
        Ok(Err(error)) => Err(engine(error)),
        Err(_) => Err(StoreError::Damaged { what: format!("{shown}: the engine gave up on it") }),
    }
}

/// Refuses journals from which acknowledged work is missing, and cuts off what a power failure may have
/// torn. Where that is more than a batch that was begun, the journal as it was stays beside it.
///
/// Returns the last batch of ours that is left.
fn mend_journal(path: &Path, log: &Scan) -> Result<Option<Numbered>, StoreError> {
    let shown = path.display().to_string();
    let fail = |error: io::Error| file(&shown, &error);
    let journals = journal::scan_all(path).map_err(fail)?;
    let acknowledged = Acknowledged::existing(path).map_err(fail)?;
    let is_had = is_had(&journals, log, acknowledged.as_ref());
    let found = journals.scan.last.map(|last| last.applied);
    if let (Some(behind), false) = (journals.scan.behind_break, is_had) {
        return Err(StoreError::Cut { found: found.unwrap_or(0), acknowledged: behind });
    }
    if let Some(found) = found {
        // Noticed here, the journal is still as it was found.
        whole(log, acknowledged.as_ref(), found)?;
    }
    let last = journals.scan.last;
    let (Some(broken), Some(journal)) = (journals.scan.broken, journals.path) else {
        return Ok(last);
    };
    let broken = if is_had { Break::Torn } else { broken };
    let fail = |error: io::Error| file(&journal.display().to_string(), &error);
    match broken {
        Break::Torn => {}
        Break::Checksum | Break::Foreign => {
            let aside = journal.with_extension("torn");
            fs::copy(&journal, &aside).map_err(fail)?;
            tracing::warn!(event = "store_journal_cut", aside = %aside.display(), "cut a torn batch off the journal");
        }
    }
    journal::cut(&journal, journals.scan.end).map_err(fail)?;
    Ok(last)
}

/// fjall writes its version last when it makes a database, and cannot go on with one that it did
/// not finish. Nobody was told of anything in it.
fn forget_half_made(path: &Path) -> io::Result<()> {
    let is_empty = |keyspaces: io::Result<fs::ReadDir>| match keyspaces {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    };
    if path.join("version").try_exists()? || !is_empty(fs::read_dir(path.join("keyspaces")))? {
        return Ok(());
    }
    directory::still_there(fs::remove_file(path.join("0.jnl"))).map(|_| ())
}

pub(crate) enum Lock {
    /// There is nothing to lock yet.
    Absent,
    Held(#[expect(dead_code, reason = "held until dropped")] File),
    Taken,
}

/// fjall's own lock, held while we look at the journal.
pub(crate) fn lock(path: &Path) -> io::Result<Lock> {
    let file = match OpenOptions::new().read(true).write(true).open(path.join("lock")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lock::Absent),
        other => other?,
    };
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Lock::Held(file)),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_WAIT),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(Lock::Taken)
}
