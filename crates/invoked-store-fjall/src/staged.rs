//! Rows on their way into one batch. What is staged is seen by what is staged later.
//!
//! A key stands once in a batch: the last write wins. fjall gives all entries of a batch one
//! sequence number, so writing a key twice would leave either.

use std::collections::BTreeMap;

use fjall::{UserKey, UserValue};
use invoked_store::StoreError;

use crate::error::engine;
use crate::keys::Table;
use crate::tables::Tables;

/// What surrounds the items of a batch in fjall's journal (`journal.rs` draws it).
const BATCH_BYTES: u64 = 26;
/// What stands before an item's key.
const ITEM_BYTES: usize = 20;

type Rows = BTreeMap<(Table, UserKey), Option<UserValue>>;

/// The rows of a batch.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    rows: Rows,
}

impl Staged {
    /// Writes a row.
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.rows.insert((table, key.into()), Some(value.into()));
    }

    /// Removes a row, which need not be there.
    pub(crate) fn remove(&mut self, table: Table, key: &[u8]) {
        self.rows.insert((table, key.into()), None);
    }

    /// Rows that are staged.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Live rows that are removed.
    pub(crate) fn removed(&self) -> u64 {
        // They come first.
        let live = self.rows.iter().take_while(|((table, _), _)| *table == Table::Live);
        live.filter(|(_, value)| value.is_none()).count() as u64
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes over what one request has staged.
    pub(crate) fn absorb(&mut self, mut rows: Self) {
        if self.rows.is_empty() {
            self.rows = rows.rows;
        } else {
            self.rows.append(&mut rows.rows);
        }
    }

    /// The tables that are written to.
    pub(crate) fn touched(&self) -> impl Iterator<Item = Table> {
        let mut last = None;
        self.rows.keys().map(|(table, _)| *table).filter(move |table| {
            let is_new = last != Some(*table);
            last = Some(*table);
            is_new
        })
    }

    /// Writes and syncs everything as one batch. Returns the bytes that it takes in the journal.
    pub(crate) fn commit(self, tables: &Tables) -> fjall::Result<u64> {
        let mut batch = tables.batch();
        let mut open = None;
        let mut bytes = BATCH_BYTES;
        for ((table, key), value) in self.rows {
            let keyspace = match &open {
                Some((opened, keyspace)) if *opened == table => keyspace,
                _ => &open.insert((table, tables.wanted(table)?)).1,
            };
            bytes +=
                (ITEM_BYTES + key.len() + value.as_ref().map_or(0, |value| value.len())) as u64;
            match value {
                Some(value) => batch.insert(keyspace, key, value),
                None => batch.remove(keyspace, key),
            }
        }
        batch.commit()?;
        Ok(bytes)
    }
}

/// What one request stages, over what stands in the store and what is staged before it.
#[derive(Debug)]
pub(crate) struct Layer<'a> {
    pub(crate) tables: &'a Tables,
    below: &'a Staged,
    own: Staged,
}

impl<'a> Layer<'a> {
    pub(crate) fn over(tables: &'a Tables, below: &'a Staged) -> Self {
        Self { tables, below, own: Staged::default() }
    }

    /// The row as it will be.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<UserValue>, StoreError> {
        let at = (table, UserKey::from(key));
        for rows in [&self.own.rows, &self.below.rows] {
            if let Some(staged) = rows.get(&at) {
                return Ok(staged.clone());
            }
        }
        let Some(keyspace) = self.tables.existing(table) else { return Ok(None) };
        keyspace.get(key).map_err(engine)
    }

    /// Writes a row.
    pub(crate) fn put(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.own.put(table, key, value);
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
