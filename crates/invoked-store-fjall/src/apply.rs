//! Rows on their way into the tables.
//!
//! They are one batch of fjall's that is synced, but for what a bucket of tasks gets at once if that is much: those
//! rows are sorted as they are, and go into files of the bucket straight away, past fjall's journal and its write
//! buffer. So what a task leaves is written once behind the log, not twice. Bodies go from the log into packs, past fjall
//! altogether, and their table has where they are.
//!
//! The files are there before the batch that has the number of what was brought; after a crash in between a start
//! brings the same rows from the log once more. Until all is there readers see the store as it was (`Tables::hold`):
//! fjall may show half a batch as well, where it registers a flush while one is being applied.

use std::collections::BTreeSet;
use std::io;

use fjall::{OwnedWriteBatch, UserValue};
use invoked_core::time::Day;
use xxhash_rust::xxh3::xxh3_64;

use crate::keys::{Table, body, number};
use crate::log;
use crate::packs::{self, KEY_BYTES};
use crate::staged::{Entry, Staged, Value};
use crate::tables::Tables;

/// Bytes of rows from which on they get files of their own. Each costs some syncs, and is one more for a compaction.
const APART_BYTES_MIN: usize = if cfg!(test) { 512 } else { 1 << 20 };

/// Bodies that are read from the log, and put into a pack, at once.
const PACKED_AT_ONCE: usize = if cfg!(test) { 4 } else { 8_192 };

/// Brings rows into the tables, as what is counted there as the next batch.
pub(crate) fn apply(rows: &Staged, tables: &Tables) -> fjall::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let is_apart = |table: &Table| {
        is_packed(rows, *table) || (is_much(rows, *table) && !tables.is_behind(*table))
    };
    let apart: BTreeSet<_> = rows.tables().filter(is_apart).collect();
    let mut batch = tables.batch();
    tables.hold();
    for table in &apart {
        match table.day_of_bodies() {
            Some(day) => pack(rows, day, tables, &mut batch)?,
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
    put_rest(rows, &apart, tables, &mut batch)?;
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
    let mut batch = tables.batch();
    put_rest(rows, &BTreeSet::new(), tables, &mut batch)?;
    batch.commit()
}

/// Whether the rows of a table get files of their own. Where rows come and go it is not worth it: what a write buffer
/// has of them may never get into a table.
fn is_much(rows: &Staged, table: Table) -> bool {
    match table {
        Table::Records(_) | Table::Bodies(_) => rows.bytes_of(table) >= APART_BYTES_MIN,
        Table::Live | Table::Pay | Table::Due | Table::Meta | Table::Callbacks(_) => false,
    }
}

/// Whether bodies get a pack.
pub(crate) fn is_packed(rows: &Staged, table: Table) -> bool {
    table.day_of_bodies().is_some() && is_much(rows, table)
}

/// Writes the bodies of a day into a pack, and then where they are, which counts before a row that has the body itself.
/// None is ever removed but with the day. If the bucket is behind, the places go into the batch, where fjall sees them.
fn pack(
    rows: &Staged,
    day: Day,
    tables: &Tables,
    batch: &mut OwnedWriteBatch,
) -> fjall::Result<()> {
    let keyspace = tables.wanted(Table::Bodies(day))?;
    let mut pack = tables.packs.begin(day)?;
    let is_behind = tables.is_behind(Table::Bodies(day));
    let mut files = if is_behind { None } else { Some(keyspace.start_ingestion()?) };
    let mut rows = rows.rows_of(Table::Bodies(day)).peekable();
    let mut bodies = Vec::new();
    while rows.peek().is_some() {
        bodies.clear();
        for (key, entry) in rows.by_ref().take(PACKED_AT_ONCE) {
            let (Some(key), Some(value)) = (body::packed_key(key), &entry.value) else {
                return Err(io::Error::other("a body that goes by itself, or is none").into());
            };
            bodies.push(Body { key, value, place: None });
        }
        add(&mut bodies, &mut pack)?;
        for Body { key, place, .. } in &bodies {
            let place = place.ok_or_else(|| io::Error::other("a body that was not read"))?;
            match &mut files {
                Some(files) => files.write(*key, body::encode_place(place))?,
                None => batch.insert(&keyspace, *key, body::encode_place(place)),
            }
        }
    }
    pack.finish()?;
    files.map_or(Ok(()), |files| files.finish())
}

/// A body on its way into a pack.
struct Body<'a> {
    key: [u8; KEY_BYTES],
    value: &'a Value,
    place: Option<packs::Place>,
}

/// Adds bodies to a pack, in the order in which the log has them.
fn add(bodies: &mut [Body<'_>], pack: &mut packs::Writer) -> io::Result<()> {
    let mut in_log = Vec::with_capacity(bodies.len());
    for (index, body) in bodies.iter_mut().enumerate() {
        match body.value {
            Value::Here(bytes) => body.place = Some(pack.add(&body.key, bytes, xxh3_64(bytes))?),
            Value::InLog(place) => in_log.push((index, place)),
        }
    }
    log::read_all(in_log, |index, bytes, checksum| {
        if let Some(body) = bodies.get_mut(index) {
            body.place = Some(pack.add(&body.key, bytes, checksum)?);
        }
        Ok(())
    })
}

/// Writes the rows of a table into files of its own, and syncs them.
fn ingest(rows: &Staged, table: Table, tables: &Tables) -> fjall::Result<()> {
    let keyspace = tables.wanted(table)?;
    let mut files = keyspace.start_ingestion()?;
    for (key, entry) in rows.rows_of(table) {
        match value_of(entry)? {
            Some(value) => files.write(&**key, value)?,
            None => files.write_tombstone(&**key)?,
        }
    }
    files.finish()
}

/// Puts the rows of all other tables into the batch.
fn put_rest(
    rows: &Staged,
    apart: &BTreeSet<Table>,
    tables: &Tables,
    batch: &mut OwnedWriteBatch,
) -> fjall::Result<()> {
    for table in rows.tables().filter(|table| !apart.contains(table)) {
        let keyspace = tables.wanted(table)?;
        let is_packed = table.day_of_bodies().is_some_and(|day| tables.packs.has(day));
        for (key, entry) in rows.rows_of(table) {
            match value_of(entry)? {
                Some(value) => batch.insert(&keyspace, &**key, value),
                None => batch.remove(&keyspace, &**key),
            }
            // The later word counts.
            if is_packed && let Some(key) = body::packed_key(key) {
                batch.remove(&keyspace, key);
            }
        }
    }
    Ok(())
}

fn value_of(entry: &Entry) -> io::Result<Option<UserValue>> {
    Ok(match &entry.value {
        Some(Value::Here(bytes)) => Some(UserValue::from(&**bytes)),
        Some(Value::InLog(place)) => Some(UserValue::from(&*place.read()?)),
        None => None,
    })
}
