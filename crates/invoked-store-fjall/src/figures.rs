//! What a store is made of, for whoever has to know how large it is and why.

use std::collections::BTreeMap;

use invoked_core::time::Timestamp;
use invoked_store::StoreError;

use crate::directory;
use crate::error::file;
use crate::keys::{Table, number};
use crate::read::View;

/// A store in detail.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// The format that it was written in, brought to the newest by opening it.
    pub format: u64,
    /// Number of the last batch.
    pub batch: u64,
    /// Shards that it was made with.
    pub shards: u16,
    /// Bytes of the directory on disk.
    pub disk_bytes: u64,
    /// Of these, the log and the journals.
    pub journal_bytes: u64,
    /// Live rows by their status, in words.
    pub statuses: BTreeMap<String, u64>,
    /// When the oldest live row was accepted.
    pub oldest: Option<Timestamp>,
    /// The tables, by name.
    pub tables: Vec<TableFigures>,
}

/// A table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TableFigures {
    /// Its name.
    pub name: String,
    /// Bytes of its files; what stands in the journal alone is not among them.
    pub bytes: u64,
    /// Entries: rows, their earlier versions and their removals.
    pub entries: u64,
    /// Of these, removals of rows that a compaction has yet to take away.
    pub tombstones: u64,
}

/// Reads every live row once.
pub(crate) fn of(view: &View<'_>) -> Result<Figures, StoreError> {
    let number = |what: &str, key: &[u8]| match view.get(Table::Meta, key)? {
        Some(value) => number::decode_value(what, &value),
        None => Ok(0),
    };
    let path = view.path();
    let fail = |error| file(&path.display().to_string(), &error);
    let mut journal_bytes = 0;
    let journals = crate::journal::list(path).map_err(fail)?;
    for file in journals.into_iter().chain(crate::log::paths(path)) {
        journal_bytes += directory::allocated(&file).map_err(fail)?;
    }
    let mut figures = Figures {
        format: number("the format", &number::FORMAT)?,
        batch: view.applied()?,
        shards: view.shards()?,
        disk_bytes: directory::allocated(path).map_err(fail)?,
        journal_bytes,
        ..Figures::default()
    };
    for head in view.live_rows() {
        let head = head?;
        *figures.statuses.entry(head.status().as_str().to_owned()).or_default() += 1;
        let oldest = figures.oldest.get_or_insert(head.accepted_at);
        *oldest = head.accepted_at.min(*oldest);
    }
    figures.tables = view.tables().into_iter().filter_map(|table| view.figures(table)).collect();
    Ok(figures)
}
