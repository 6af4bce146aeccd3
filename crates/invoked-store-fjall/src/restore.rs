//! A backup becomes a store again, in a directory that has nothing in it.
//!
//! Every checksum is compared before anything is made. While it lasts, the directory has a file
//! [`MARKER`], with which no store opens; so what a crash leaves behind is never taken for a store.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use invoked_core::time::Timestamp;
use invoked_store::{RestoreError, Restored};

use crate::acknowledged::Acknowledged;
use crate::backup::{MANIFEST, Manifest, TableCount};
use crate::config::FjallConfig;
use crate::directory;
use crate::error::engine;
use crate::keys::body;
use crate::open;
use crate::tables::{Tables, table_of};
use source::{Rows, Source};

mod source;

/// The file that stands in a directory while a backup is being restored into it.
pub(crate) const MARKER: &str = "restoring";
/// What a file system of its own has by itself.
const LOST_AND_FOUND: &str = "lost+found";

/// Reads the backup in `from` into the directory of `config`. It blocks until all is synced.
///
/// # Errors
/// There is no whole backup, a file is damaged, a format is newer, the directory is not empty, or a
/// file cannot be read or written.
pub fn restore(from: &Path, config: &FjallConfig) -> Result<Restored, RestoreError> {
    let source = readable(from)?;
    let manifest = source.manifest();
    let path = &config.path;
    let fail = |source: io::Error| RestoreError::File { path: path.display().to_string(), source };
    directory::create(path).map_err(fail)?;
    if !is_empty(path).map_err(fail)? {
        return Err(RestoreError::NotEmpty { path: path.display().to_string() });
    }
    let marker = path.join(MARKER);
    File::create(&marker).and_then(|file| file.sync_all()).map_err(fail)?;
    directory::sync(path).map_err(fail)?;

    let found = write(&source, config)?;
    if found != manifest.tables {
        let what = "has other rows than it says".to_owned();
        return Err(RestoreError::Damaged { file: MANIFEST.to_owned(), what });
    }
    let acknowledged = Acknowledged::open(path).map_err(fail)?;
    acknowledged.note(manifest.batch).map_err(fail)?;
    directory::restrict(path).map_err(fail)?;
    fs::remove_file(&marker).map_err(fail)?;
    directory::sync(path).map_err(fail)?;
    Ok(summary(manifest))
}

/// A whole backup that this program reads.
fn readable(from: &Path) -> Result<Source, RestoreError> {
    let source = Source::open(from)?;
    let found = source.manifest().store_format;
    if found > open::FORMAT {
        return Err(RestoreError::Newer { found, known: open::FORMAT });
    }
    Ok(source)
}

fn summary(manifest: &Manifest) -> Restored {
    Restored {
        format: manifest.format,
        store_format: manifest.store_format,
        rows: manifest.rows,
        live_rows: manifest.live_rows,
        batch: manifest.batch,
        begun_at: Timestamp::from_millis(manifest.begun_at_ms),
    }
}

/// Writes all rows, table by table, and closes the database.
fn write(source: &Source, config: &FjallConfig) -> Result<Vec<TableCount>, RestoreError> {
    let tables = Tables::open(config).map_err(engine)?;
    let mut rows = Rows::of(source);
    let mut counts = Vec::new();
    while let Some(name) = rows.table()? {
        let unknown = || RestoreError::Damaged {
            file: MANIFEST.to_owned(),
            what: format!("has a table {name}, which this program does not know"),
        };
        let table = table_of(&name).ok_or_else(unknown)?;
        let keyspace = tables.wanted(table).map_err(engine)?;
        let mut count = TableCount { name, rows: 0 };
        let mut row = rows.row(&count.name)?;
        if row.is_some() {
            // Sorted, as they are in the backup, they become tables and pass no journal.
            let mut ingestion = keyspace.start_ingestion().map_err(engine)?;
            while let Some((key, value)) = row {
                if table.day_of_bodies().is_some() && body::is_elsewhere(&key, &value) {
                    let what = format!("has a body of {} that it does not have", count.name);
                    return Err(RestoreError::Damaged { file: MANIFEST.to_owned(), what });
                }
                ingestion.write(key, value).map_err(engine)?;
                count.rows += 1;
                row = rows.row(&count.name)?;
            }
            ingestion.finish().map_err(engine)?;
        }
        counts.push(count);
    }
    tables.db.persist(fjall::PersistMode::SyncAll).map_err(engine)?;
    Ok(counts)
}

fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        if entry?.file_name() != LOST_AND_FOUND {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Compares every checksum of the backup in `from`, and restores nothing.
///
/// # Errors
/// There is no whole backup, a file is damaged or cannot be read, or a format is newer.
pub fn check_backup(from: &Path) -> Result<Restored, RestoreError> {
    readable(from).map(|source| summary(source.manifest()))
}
