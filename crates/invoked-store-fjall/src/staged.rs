//! Rows on their way into one batch. What is staged is seen by what is staged later.
//!
//! A key stands once in a batch: the last write wins. fjall gives all entries of a batch one
//! sequence number, so writing a key twice would leave either.

use std::collections::btree_map::{Entry as Place, OccupiedEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::Bytes;
use invoked_core::time::Day;
use invoked_store::StoreError;

use crate::error::{engine, file};
use crate::keys::Table;
use crate::log;
use crate::overlay::Batches;
use crate::tables::Tables;
pub(crate) use key::Key;

mod key;

/// What a row costs in memory beside its key and its value, about.
const ROW_BYTES: usize = 96;

/// A row as it will be.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `None`: removed.
    pub(crate) value: Option<Value>,
    /// Whether nothing below has this key: if it goes before it gets there, nothing has to be done at all.
    pub(crate) is_new: bool,
}

/// What a row has.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Payloads are shared with whoever brought them.
    Here(Bytes),
    /// A body whose batch is durable.
    InLog(log::Place),
}

impl Value {
    /// Its bytes.
    ///
    /// # Errors
    /// The log does not read, or has not what was written there.
    pub(crate) fn read(&self) -> io::Result<Bytes> {
        match self {
            Self::Here(bytes) => Ok(bytes.clone()),
            Self::InLog(place) => place.read(),
        }
    }

    /// Bytes that it has.
    fn len(&self) -> usize {
        match self {
            Self::Here(bytes) => bytes.len(),
            Self::InLog(place) => place.len(),
        }
    }

    /// Those of them that are not in memory.
    fn in_log(&self) -> usize {
        match self {
            Self::Here(_) => 0,
            Self::InLog(place) => place.len(),
        }
    }

    fn is_left(&self) -> bool {
        matches!(self, Self::Here(bytes) if log::is_left(bytes))
    }
}

/// The rows of a batch.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    /// Every table that has a row here, and maybe one that had.
    tables: BTreeMap<Table, Rows>,
    len: usize,
    bytes: usize,
    /// Those of the bytes that are not in memory.
    in_log: usize,
}

/// The rows of a table.
#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<Key, Entry>,
    /// What they take, about, also of the log.
    bytes: usize,
}

impl Staged {
    /// Writes a row.
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: Bytes) {
        self.set(table, key.into(), Entry { value: Some(Value::Here(value)), is_new: false });
    }

    /// Writes a row whose key nobody has.
    pub(crate) fn put_new(&mut self, table: Table, key: &[u8], value: Bytes) {
        self.set(table, key.into(), Entry { value: Some(Value::Here(value)), is_new: true });
    }

    /// Writes a row with a copy of a small value.
    pub(crate) fn put_small(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.put(table, key, Bytes::copy_from_slice(value));
    }

    /// Removes a row, which need not be there.
    pub(crate) fn remove(&mut self, table: Table, key: &[u8]) {
        self.set(table, key.into(), Entry { value: None, is_new: false });
    }

    /// Writes a row with a value that is shared.
    pub(crate) fn share(&mut self, table: Table, key: &[u8], value: Option<Value>) {
        self.set(table, key.into(), Entry { value, is_new: false });
    }

    fn set(&mut self, table: Table, key: Key, entry: Entry) {
        let own = self.tables.entry(table).or_default();
        let mut size = Size::default();
        size.set(own.rows.entry(key), entry);
        size.resize(&mut own.bytes);
        self.resize(&size);
    }

    /// Takes over what was staged later.
    pub(crate) fn absorb(&mut self, rows: Self) {
        if self.is_empty() {
            *self = rows;
            return;
        }
        for (table, later) in rows.tables {
            let own = self.tables.entry(table).or_default();
            let mut size = Size::default();
            for (key, entry) in later.rows {
                size.set(own.rows.entry(key), entry);
            }
            size.resize(&mut own.bytes);
            self.resize(&size);
        }
    }

    /// Takes over what was staged later, and forgets what came and went.
    pub(crate) fn fold(&mut self, rows: Self) {
        for (table, later) in rows.tables {
            let own = self.tables.entry(table).or_default();
            let mut size = Size::default();
            for (key, entry) in later.rows {
                match own.rows.entry(key) {
                    Place::Occupied(place) if entry.value.is_none() && place.get().is_new => {
                        size.take(place);
                    }
                    Place::Vacant(_) if entry.value.is_none() && entry.is_new => {}
                    place @ (Place::Occupied(_) | Place::Vacant(_)) => size.set(place, entry),
                }
            }
            size.resize(&mut own.bytes);
            self.resize(&size);
        }
    }

    fn resize(&mut self, by: &Size) {
        self.len = (self.len + by.rows_more).saturating_sub(by.rows_less);
        by.resize(&mut self.bytes);
        self.in_log = (self.in_log + by.in_log_more).saturating_sub(by.in_log_less);
    }

    /// A row that is staged: with what, or that it is removed.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Value>> {
        self.tables.get(&table)?.rows.get(&Key::from(key)).map(|entry| &entry.value)
    }

    /// The rows of a table, in the order of their keys.
    pub(crate) fn rows_of(&self, table: Table) -> impl Iterator<Item = (&Key, &Entry)> {
        self.tables.get(&table).into_iter().flat_map(|table| &table.rows)
    }

    /// All rows, in the order of tables and keys.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Table, &Key, &Entry)> {
        let tables = self.tables.iter();
        tables.flat_map(|(name, table)| table.rows.iter().map(|(key, entry)| (*name, key, entry)))
    }

    /// Rows that are staged.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// What it takes, about, in memory or of the log.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it takes in memory, about.
    pub(crate) const fn memory(&self) -> usize {
        self.bytes.saturating_sub(self.in_log)
    }

    /// Gives up the copies of bodies for their places in the log, which come in the order of [`Staged::rows`]. Whether
    /// there is one for each.
    pub(crate) fn leave_in_log(&mut self, places: Vec<log::Place>) -> bool {
        let mut places = places.into_iter();
        let tables = self.tables.iter_mut().filter(|(table, _)| table.day_of_bodies().is_some());
        let values = tables.flat_map(|(_, rows)| rows.rows.values_mut());
        let values = values.filter_map(|entry| entry.value.as_mut());
        for value in values.filter(|value| value.is_left()) {
            let place = places.next().filter(|place| place.len() == value.len());
            let Some(place) = place else { return false };
            self.in_log += place.len();
            *value = Value::InLog(place);
        }
        places.next().is_none()
    }

    /// Reads what is in the log, and has it here.
    ///
    /// # Errors
    /// A body does not read.
    pub(crate) fn take_in(&mut self) -> io::Result<()> {
        for entry in self.tables.values_mut().flat_map(|rows| rows.rows.values_mut()) {
            if let Some(Value::InLog(place)) = &entry.value {
                let bytes = place.read()?;
                self.in_log = self.in_log.saturating_sub(bytes.len());
                entry.value = Some(Value::Here(bytes));
            }
        }
        Ok(())
    }

    /// What the rows of a table take of that.
    pub(crate) fn bytes_of(&self, table: Table) -> usize {
        self.tables.get(&table).map_or(0, |table| table.bytes)
    }

    /// Live rows that are removed.
    pub(crate) fn removed(&self) -> u64 {
        self.rows_of(Table::Live).filter(|(_, entry)| entry.value.is_none()).count() as u64
    }

    /// Whether there is nothing to write.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The tables that are written to.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Table> {
        self.tables.keys().copied()
    }
}

/// What rows that are written change in what is there.
#[derive(Debug, Default)]
struct Size {
    rows_more: usize,
    rows_less: usize,
    bytes_more: usize,
    bytes_less: usize,
    in_log_more: usize,
    in_log_less: usize,
}

impl Size {
    /// Writes a row over the one that is staged. Whether its key is new is what the first of them says.
    fn set(&mut self, place: Place<'_, Key, Entry>, mut entry: Entry) {
        self.bytes_more += bytes_of(place.key(), &entry);
        self.in_log_more += in_log(&entry);
        match place {
            Place::Vacant(place) => {
                self.rows_more += 1;
                place.insert(entry);
            }
            Place::Occupied(mut place) => {
                self.bytes_less += bytes_of(place.key(), place.get());
                self.in_log_less += in_log(place.get());
                entry.is_new = place.get().is_new;
                place.insert(entry);
            }
        }
    }

    /// Applies the change to a count of bytes.
    const fn resize(&self, bytes: &mut usize) {
        *bytes = (*bytes + self.bytes_more).saturating_sub(self.bytes_less);
    }

    /// Takes a row out.
    fn take(&mut self, place: OccupiedEntry<'_, Key, Entry>) {
        self.rows_less += 1;
        self.bytes_less += bytes_of(place.key(), place.get());
        self.in_log_less += in_log(place.get());
        place.remove();
    }
}

fn bytes_of(key: &Key, entry: &Entry) -> usize {
    ROW_BYTES + key.len() + entry.value.as_ref().map_or(0, Value::len)
}

fn in_log(entry: &Entry) -> usize {
    entry.value.as_ref().map_or(0, Value::in_log)
}

/// What one request stages, over what stands in the store and what is staged before it.
#[derive(Debug)]
pub(crate) struct Layer<'a> {
    tables: &'a Tables,
    overlay: &'a Batches,
    below: &'a Staged,
    own: Staged,
}

impl<'a> Layer<'a> {
    pub(crate) fn over(tables: &'a Tables, overlay: &'a Batches, below: &'a Staged) -> Self {
        Self { tables, overlay, below, own: Staged::default() }
    }

    /// The row as it will be.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let staged = [&self.own, self.below].into_iter().find_map(|rows| rows.get(table, key));
        if let Some(staged) = staged.or_else(|| self.overlay.get(table, key)) {
            let read = staged.as_ref().map(Value::read).transpose();
            return read.map_err(|error| file("the log", &error));
        }
        let Some(keyspace) = self.tables.existing(table) else { return Ok(None) };
        let value = keyspace.get(key).map_err(engine)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Whether a table may have rows.
    pub(crate) fn has(&self, table: Table) -> bool {
        let staged = [&self.own, self.below].into_iter().chain(self.overlay.all());
        self.tables.existing(table).is_some()
            || staged.into_iter().any(|rows| rows.tables().any(|written| written == table))
    }

    /// Days that have a bucket of records or will have one, oldest first.
    pub(crate) fn days(&self) -> BTreeSet<Day> {
        let mut days = self.tables.days();
        days.extend(self.overlay.days_of_records());
        for rows in [&self.own, self.below] {
            days.extend(rows.tables().filter_map(Table::day_of_records));
        }
        days
    }

    /// Writes a row.
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: Bytes) {
        self.own.put(table, key, value);
    }

    /// Writes a row whose key nobody has.
    pub(crate) fn put_new(&mut self, table: Table, key: &[u8], value: Bytes) {
        self.own.put_new(table, key, value);
    }

    /// Writes a row with a copy of a small value.
    pub(crate) fn put_small(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.own.put_small(table, key, value);
    }

    /// Removes a row, which need not be there.
    pub(crate) fn remove(&mut self, table: Table, key: &[u8]) {
        self.own.remove(table, key);
    }

    /// What was staged.
    pub(crate) fn finish(self) -> Staged {
        self.own
    }
}
