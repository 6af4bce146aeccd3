//! Rows on their way into one batch. What is staged is seen by what is staged later.
//!
//! A key stands once in a batch: the last write wins. fjall gives all entries of a batch one
//! sequence number, so writing a key twice would leave either.

use std::collections::{BTreeMap, BTreeSet};

use fjall::{OwnedWriteBatch, UserKey, UserValue};
use invoked_core::time::Day;
use invoked_store::StoreError;

use crate::error::engine;
use crate::keys::{Table, number};
use crate::overlay::Overlay;
use crate::tables::Tables;

/// What a row costs in memory beside its key and its value, about.
const ROW_BYTES: usize = 96;

/// A row as it will be.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// `None`: removed.
    pub(crate) value: Option<UserValue>,
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
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.set(table, key.into(), Entry { value: Some(value.into()), is_new: false });
    }

    /// Writes a row whose key nobody has.
    pub(crate) fn put_new(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.set(table, key.into(), Entry { value: Some(value.into()), is_new: true });
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
    pub(crate) fn get(&self, at: &(Table, UserKey)) -> Option<&Option<UserValue>> {
        self.rows.get(at).map(|entry| &entry.value)
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

    /// Writes and syncs everything as one batch with the next number.
    pub(crate) fn commit(&self, tables: &Tables) -> fjall::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let number = tables.last_batch() + 1;
        let mut batch = self.batch(tables)?;
        let meta = tables.wanted(Table::Meta)?;
        batch.insert(&meta, number::BATCH, number::encode_value(number).as_ref());
        batch.commit()?;
        tables.note_batch(number);
        Ok(())
    }

    /// The same without a number. Nobody counts on it, and it may be written again.
    pub(crate) fn commit_uncounted(&self, tables: &Tables) -> fjall::Result<()> {
        self.batch(tables)?.commit()
    }

    fn batch(&self, tables: &Tables) -> fjall::Result<OwnedWriteBatch> {
        let mut batch = tables.batch();
        let mut open = None;
        for (table, key, entry) in self.rows() {
            let keyspace = match &open {
                Some((opened, keyspace)) if *opened == table => keyspace,
                _ => &open.insert((table, tables.wanted(table)?)).1,
            };
            match &entry.value {
                Some(value) => batch.insert(keyspace, key.clone(), value.clone()),
                None => batch.remove(keyspace, key.clone()),
            }
        }
        Ok(batch)
    }
}

fn size(entry: &Entry) -> usize {
    entry.value.as_ref().map_or(0, |value| value.len())
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
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<UserValue>, StoreError> {
        let at = (table, UserKey::from(key));
        let staged = [&self.own, self.below].into_iter().find_map(|rows| rows.get(&at));
        if let Some(staged) = staged.or_else(|| self.overlay.get(&at)) {
            return Ok(staged.clone());
        }
        let Some(keyspace) = self.tables.existing(table) else { return Ok(None) };
        keyspace.get(key).map_err(engine)
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
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.own.put(table, key, value);
    }

    /// Writes a row whose key nobody has.
    pub(crate) fn put_new(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.own.put_new(table, key, value);
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
