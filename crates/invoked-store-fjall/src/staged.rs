//! Rows on their way into one batch. What is staged is seen by what is staged later.
//!
//! A key stands once in a batch: the last write wins. fjall gives all entries of a batch one
//! sequence number, so writing a key twice would leave either.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fjall::UserKey;
use invoked_core::time::Day;
use invoked_store::StoreError;

use crate::error::engine;
use crate::keys::Table;
use crate::overlay::Overlay;
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
    rows: BTreeMap<(Table, UserKey), Entry>,
    /// Every table that has a row here, and maybe one that had.
    tables: BTreeSet<Table>,
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

    /// Writes a row over the one that is staged. Whether its key is new is what the first of them says.
    fn set(&mut self, table: Table, key: UserKey, mut entry: Entry) {
        self.tables.insert(table);
        let (key_bytes, value_bytes) = (key.len(), size(&entry));
        match self.rows.entry((table, key)) {
            std::collections::btree_map::Entry::Vacant(place) => {
                self.bytes += ROW_BYTES + key_bytes + value_bytes;
                place.insert(entry);
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                entry.is_new = place.get().is_new;
                self.bytes = (self.bytes + value_bytes).saturating_sub(size(place.get()));
                place.insert(entry);
            }
        }
    }

    /// Takes over what was staged later.
    pub(crate) fn absorb(&mut self, rows: Self) {
        if self.rows.is_empty() {
            *self = rows;
            return;
        }
        for ((table, key), entry) in rows.rows {
            self.set(table, key, entry);
        }
    }

    /// Takes over what was staged later, and forgets what came and went.
    pub(crate) fn fold(&mut self, rows: Self) {
        for ((table, key), entry) in rows.rows {
            if entry.value.is_some() {
                self.set(table, key, entry);
                continue;
            }
            let at = (table, key);
            let is_new = match self.rows.get(&at) {
                Some(before) => before.is_new,
                None => entry.is_new,
            };
            if !is_new {
                self.set(table, at.1, entry);
            } else if let Some(before) = self.rows.remove(&at) {
                self.bytes = self.bytes.saturating_sub(ROW_BYTES + at.1.len() + size(&before));
            }
        }
    }

    /// A row that is staged: with what, or that it is removed.
    pub(crate) fn get(&self, at: &(Table, UserKey)) -> Option<&Option<Bytes>> {
        self.rows.get(at).map(|entry| &entry.value)
    }

    /// The rows of a table, in the order of their keys.
    pub(crate) fn rows_of(&self, table: Table) -> impl Iterator<Item = (&UserKey, &Entry)> {
        let rows = self.rows.range((table, UserKey::empty())..);
        let rows = rows.take_while(move |((of, _), _)| *of == table);
        rows.map(|((_, key), entry)| (key, entry))
    }

    /// All rows, in the order of tables and keys.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (Table, &UserKey, &Entry)> {
        self.rows.iter().map(|((table, key), entry)| (*table, key, entry))
    }

    /// Rows that are staged.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What it takes in memory, about.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the rows of a table take of that.
    pub(crate) fn bytes_of(&self, table: Table) -> usize {
        self.rows_of(table).map(|(key, entry)| ROW_BYTES + key.len() + size(entry)).sum()
    }

    /// Live rows that are removed.
    pub(crate) fn removed(&self) -> u64 {
        // They come first.
        let live = self.rows().take_while(|(table, ..)| *table == Table::Live);
        live.filter(|(.., entry)| entry.value.is_none()).count() as u64
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The tables that are written to.
    pub(crate) const fn tables(&self) -> &BTreeSet<Table> {
        &self.tables
    }
}

fn size(entry: &Entry) -> usize {
    entry.value.as_ref().map_or(0, Bytes::len)
}

/// What one request stages, over what stands in the store and what is staged before it.
#[derive(Debug)]
pub(crate) struct Layer<'a> {
    tables: &'a Tables,
    overlay: &'a Overlay,
    below: &'a Staged,
    own: Staged,
}

impl<'a> Layer<'a> {
    pub(crate) fn over(tables: &'a Tables, overlay: &'a Overlay, below: &'a Staged) -> Self {
        Self { tables, overlay, below, own: Staged::default() }
    }

    /// The row as it will be.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let at = (table, UserKey::from(key));
        let staged = [&self.own, self.below].into_iter().find_map(|rows| rows.get(&at));
        if let Some(staged) = staged.or_else(|| self.overlay.get(&at)) {
            return Ok(staged.clone());
        }
        let Some(keyspace) = self.tables.existing(table) else { return Ok(None) };
        let value = keyspace.get(key).map_err(engine)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Whether a table may have rows.
    pub(crate) fn has(&self, table: Table) -> bool {
        let staged = [&self.own, self.below].into_iter().chain(self.overlay.batches());
        self.tables.existing(table).is_some()
            || staged.into_iter().any(|rows| rows.tables().contains(&table))
    }

    /// Days that have a bucket of records or will have one, oldest first.
    pub(crate) fn days(&self) -> BTreeSet<Day> {
        let mut days = self.tables.days();
        for rows in [&self.own, self.below].into_iter().chain(self.overlay.batches()) {
            days.extend(rows.tables().iter().filter_map(|table| table.day_of_records()));
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
