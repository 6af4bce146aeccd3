//! Rows on their way into one batch. What is staged is seen by what is staged later.
//!
//! A key stands once in a batch: the last write wins. fjall gives all entries of a batch one
//! sequence number, so writing a key twice would leave either.

use std::collections::btree_map::{Entry as Place, OccupiedEntry};
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fjall::UserKey;
use invoked_core::time::Day;
use invoked_store::StoreError;

use crate::error::engine;
use crate::keys::Table;
use crate::overlay::Batches;
use crate::tables::Tables;

/// What a row costs in memory beside its key and its value, about.
const ROW_BYTES: usize = 96;

/// A row as it will be.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `None`: removed. Payloads are shared with whoever brought them.
    pub(crate) value: Option<Bytes>,
    /// Whether nothing below has this key: if it goes before it gets there, nothing has to be done at all.
    pub(crate) is_new: bool,
}

/// The rows of a batch.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    /// Every table that has a row here, and maybe one that had.
    tables: BTreeMap<Table, Rows>,
    len: usize,
    bytes: usize,
}

/// The rows of a table.
#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<UserKey, Entry>,
    /// What they take in memory, about.
    bytes: usize,
}

impl Staged {
    /// Writes a row.
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: Bytes) {
        self.set(table, key.into(), Entry { value: Some(value), is_new: false });
    }

    /// Writes a row whose key nobody has.
    pub(crate) fn put_new(&mut self, table: Table, key: &[u8], value: Bytes) {
        self.set(table, key.into(), Entry { value: Some(value), is_new: true });
    }

    /// Writes a row with a copy of a small value.
    pub(crate) fn put_small(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.put(table, key, Bytes::copy_from_slice(value));
    }

    /// Removes a row, which need not be there.
    pub(crate) fn remove(&mut self, table: Table, key: &[u8]) {
        self.set(table, key.into(), Entry { value: None, is_new: false });
    }

    fn set(&mut self, table: Table, key: UserKey, entry: Entry) {
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
    }

    /// A row that is staged: with what, or that it is removed.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Option<&Option<Bytes>> {
        self.tables.get(&table)?.rows.get(key).map(|entry| &entry.value)
    }

    /// The rows of a table, in the order of their keys.
    pub(crate) fn rows_of(&self, table: Table) -> impl Iterator<Item = (&UserKey, &Entry)> {
        self.tables.get(&table).into_iter().flat_map(|table| &table.rows)
    }

    /// All rows, in the order of tables and keys.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Table, &UserKey, &Entry)> {
        let tables = self.tables.iter();
        tables.flat_map(|(name, table)| table.rows.iter().map(|(key, entry)| (*name, key, entry)))
    }

    /// Rows that are staged.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// What it takes in memory, about.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
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
}

impl Size {
    /// Writes a row over the one that is staged. Whether its key is new is what the first of them says.
    fn set(&mut self, place: Place<'_, UserKey, Entry>, mut entry: Entry) {
        self.bytes_more += bytes_of(place.key(), &entry);
        match place {
            Place::Vacant(place) => {
                self.rows_more += 1;
                place.insert(entry);
            }
            Place::Occupied(mut place) => {
                self.bytes_less += bytes_of(place.key(), place.get());
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
    fn take(&mut self, place: OccupiedEntry<'_, UserKey, Entry>) {
        self.rows_less += 1;
        self.bytes_less += bytes_of(place.key(), place.get());
        place.remove();
    }
}

fn bytes_of(key: &UserKey, entry: &Entry) -> usize {
    ROW_BYTES + key.len() + entry.value.as_ref().map_or(0, Bytes::len)
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
            return Ok(staged.clone());
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
