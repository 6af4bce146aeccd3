//! Rows on their way into the tables.
//!
//! They are one batch of fjall's that is synced, but for what a bucket of tasks gets at once if that is much: those
//! rows are sorted as they are, and go into files of the bucket straight away, past fjall's journal and its write
//! buffer. So what a task leaves is written once behind the log, not twice. Bodies go into packs, past fjall altogether,
//! and their table has where they are.
//!
//! The files are there before the batch that has the number of what was brought; after a crash in between a start
//! brings the same rows from the log once more. Until all is there readers see the store as it was (`Tables::hold`):
//! fjall may show half a batch as well, where it registers a flush while one is being applied.

use std::collections::BTreeSet;
use std::io;

use fjall::{OwnedWriteBatch, UserValue};
use invoked_core::time::Day;

use crate::keys::{Table, body, number};
use crate::staged::Staged;
use crate::tables::Tables;

/// Bytes of rows from which on they get files of their own. Each costs some syncs, and is one more for a compaction.
const APART_BYTES_MIN: usize = if cfg!(test) { 512 } else { 1 << 20 };

/// Brings rows into the tables, as what is counted there as the next batch.
pub(crate) fn apply(rows: &Staged, tables: &Tables) -> fjall::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let apart: BTreeSet<_> =
        rows.tables().filter(|table| is_much(rows, *table) && !tables.is_behind(*table)).collect();
    tables.hold();
    for table in &apart {
        match table.day_of_bodies() {
            Some(day) => pack(rows, day, tables)?,
            None => ingest(rows, *table, tables)?,
        }
    }
    #[cfg(test)]
    if !apart.is_empty()
        && let Some(call) = tables.in_between.lock().unwrap().take()
    {
        call();
    }
    let number = tables.last_batch() + 1;
    let mut batch = batch_of(rows, &apart, tables)?;
    let meta = tables.wanted(Table::Meta)?;
    batch.insert(&meta, number::BATCH, number::encode_value(number).as_ref());
    batch.commit()?;
    tables.note_batch(number);
    // After an error the store is poisoned, and nobody is to see what is there in part.
    tables.let_go();
    Ok(())
}

/// The same without a number and in one batch. Nobody counts on it, and it may be written again.
pub(crate) fn apply_uncounted(rows: &Staged, tables: &Tables) -> fjall::Result<()> {
    batch_of(rows, &BTreeSet::new(), tables)?.commit()
}

/// Whether the rows of a table get files of their own. Where rows come and go it is not worth it: what a write buffer
/// has of them may never get into a table.
fn is_much(rows: &Staged, table: Table) -> bool {
    match table {
        Table::Records(_) | Table::Bodies(_) => rows.bytes_of(table) >= APART_BYTES_MIN,
        Table::Live | Table::Pay | Table::Due | Table::Meta | Table::Callbacks(_) => false,
    }
}

/// Writes the bodies of a day into a pack, and then where they are, which counts before a row that has the body itself.
/// None is ever removed but with the day.
fn pack(rows: &Staged, day: Day, tables: &Tables) -> fjall::Result<()> {
    let keyspace = tables.wanted(Table::Bodies(day))?;
    let mut pack = tables.packs.begin(day)?;
    let mut places = keyspace.start_ingestion()?;
    for (key, entry) in rows.rows_of(Table::Bodies(day)) {
        let (Some(key), Some(bytes)) = (body::packed_key(key), &entry.value) else {
            return Err(io::Error::other("a body that goes by itself, or is none").into());
        };
        places.write(key, body::encode_place(pack.add(&key, bytes)?))?;
    }
    pack.finish()?;
    places.finish()
}

/// Writes the rows of a table into files of its own, and syncs them.
fn ingest(rows: &Staged, table: Table, tables: &Tables) -> fjall::Result<()> {
    let keyspace = tables.wanted(table)?;
    let mut files = keyspace.start_ingestion()?;
    for (key, entry) in rows.rows_of(table) {
        match &entry.value {
            Some(value) => files.write(key.clone(), UserValue::from(&**value))?,
            None => files.write_tombstone(key.clone())?,
        }
    }
    files.finish()
}

/// The rows of all other tables.
fn batch_of(
    rows: &Staged,
    apart: &BTreeSet<Table>,
    tables: &Tables,
) -> fjall::Result<OwnedWriteBatch> {
    let mut batch = tables.batch();
    for table in rows.tables().filter(|table| !apart.contains(table)) {
        let keyspace = tables.wanted(table)?;
        let is_packed = table.day_of_bodies().is_some_and(|day| tables.packs.has(day));
        for (key, entry) in rows.rows_of(table) {
            match &entry.value {
                Some(value) => batch.insert(&keyspace, key.clone(), UserValue::from(&**value)),
                None => batch.remove(&keyspace, key.clone()),
            }
            // The later word counts.
            if is_packed && let Some(key) = body::packed_key(key) {
                batch.remove(&keyspace, key);
            }
        }
    }
    Ok(batch)
}
