//! The log: every batch, durable before anybody is told of it.
//!
//! ```text
//! 0.wal, 1.wal   records, each from the beginning of a block of 4,096 bytes, zeros up to the next
//! record         checksum u64 | "INV\x01" | length u32 | number u64 | salt u64 | rows          little-endian
//! row            table u8 | day u32 of a bucket | key u16 | value u32 | key | value
//! ```
//!
//! The checksum (xxh3) is of everything behind it, the zeros included; the length is that of the rows; a value
//! of length 0xffffffff is a removal. Numbers go up by one. Records fill one file, then the other, and then the first
//! again from its beginning, once the tables have what stands in it and nobody reads there; so blocks are used again and a sync has
//! nothing to tell the file system but the data. A file that is new grows a step ahead of what is written, and
//! at rest, when the tables have everything, the files are emptied.
//!
//! The salt is chosen anew each time a file is begun: what is left from before has another, and so has
//! whatever somebody puts into a payload that looks like a record. The first record of a file says which it
//! is, so a file whose first record does not read has none. One batch is written at a time, and no record is
//! written over before the tables have it, so a power failure can tear the last record alone.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use invoked_core::time::Day;
use xxhash_rust::xxh3::xxh3_64;

use crate::directory;
use crate::keys::Table;
use crate::staged::{Staged, Value};

use place::Places;
pub(crate) use place::{Place, is_left, read_all};

mod place;
pub(crate) mod scan;

/// The files.
pub(crate) const NAMES: [&str; 2] = ["0.wal", "1.wal"];
const MAGIC: [u8; 4] = *b"INV\x01";
const BLOCK_BYTES: usize = 4_096;
const HEADER_BYTES: usize = 32;
/// Length of a value that is none.
const REMOVED: u32 = u32::MAX;
/// Bytes of a file behind which the other is begun. With each the tables get what has gathered, and what changes with
/// every batch (counts, a few for each function) is gathered meanwhile.
const FILE_BYTES: u64 = 32 << 20;
/// A file that nobody can be done with in time grows up to this, and a batch or two more.
const FILE_BYTES_MAX: u64 = 2 * FILE_BYTES;
/// A file that is new is written with zeros so many bytes at a time, at least and at most. Who comes meanwhile waits
/// for it; but what a step costs is its sync more than its bytes, so one makes room for several batches.
const STEP_BYTES: u64 = 64 * 1_024;
const STEP_BYTES_MAX: u64 = 1_024 * 1_024;
const STEP_BATCHES: u64 = 16;
/// What files that rest may keep.
const REST_BYTES: u64 = 256 * 1_024;
static ZEROS: [u8; 16 * 1_024] = [0; 16 * 1_024];
/// Memory that is kept from one batch to the next.
const BUFFER_BYTES_MAX: usize = 1 << 20;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Log {
    files: [Part; 2],
    /// Which is written to.
    at: usize,
    position: u64,
    /// Bytes of the last record.
    record_bytes: u64,
    salt: u64,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Part {
    file: Arc<File>,
    /// Its length; there are no holes.
    length: u64,
    /// Number of the last record in it.
    last: u64,
}

impl Part {
    /// Whether nobody has a place in it. The writer alone gives new ones, and the rest are copies of those.
    fn is_free(&mut self) -> bool {
        Arc::get_mut(&mut self.file).is_some()
    }
}

impl Log {
    /// Opens or makes the files in the store's directory. Nothing that stands in them is needed any more.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let part = |name: &str| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let file = options.open(path.join(name))?;
            let length = file.metadata()?.len();
            Ok::<_, io::Error>(Part { file: Arc::new(file), length, last: 0 })
        };
        let files = [part(NAMES[0])?, part(NAMES[1])?];
        directory::sync(path)?;
        Ok(Self { files, at: 0, position: 0, record_bytes: 0, salt: salt()?, buffer: Vec::new() })
    }

    /// Writes and syncs a batch, and leaves its bodies here. The tables have everything up to `applied`.
    ///
    /// # Errors
    /// Nobody knows what is on disk then.
    pub(crate) fn append(
        &mut self,
        number: u64,
        rows: &mut Staged,
        applied: u64,
    ) -> io::Result<()> {
        let is_done = self.position >= FILE_BYTES && self.left() <= applied;
        if is_done && self.other_mut().is_free() {
            self.at = 1 - self.at;
            self.position = 0;
            self.salt = salt()?;
            let part = self.part_mut();
            if part.length > 2 * FILE_BYTES {
                part.file.set_len(FILE_BYTES)?;
                part.length = FILE_BYTES;
            }
        }
        let (position, salt) = (self.position, self.salt);
        let mut buffer = std::mem::take(&mut self.buffer);
        let part = self.part_mut();
        let mut places = Places::new(&part.file, position);
        encode(&mut buffer, &mut places, number, salt, rows).ok_or(io::ErrorKind::InvalidInput)?;
        let end = position + buffer.len() as u64;
        part.file.write_all_at(&buffer, position)?;
        part.file.sync_data()?;
        if !rows.leave_in_log(places.into_places()) {
            return Err(io::Error::other("the places of bodies are not those of the rows"));
        }
        part.length = part.length.max(end);
        part.last = number;
        self.position = end;
        self.record_bytes = end - position;
        buffer.clear();
        buffer.shrink_to(BUFFER_BYTES_MAX);
        self.buffer = buffer;
        Ok(())
    }

    /// Gets blocks for the next batches, if the file is new and there is room.
    ///
    /// # Errors
    /// What was written before may not be on disk: the system tells that once, here or at the next batch.
    pub(crate) fn go_ahead(&mut self) -> io::Result<()> {
        let (position, record_bytes) = (self.position, self.record_bytes);
        let part = self.part_mut();
        if part.length >= FILE_BYTES || part.length >= position + record_bytes {
            return Ok(());
        }
        let step = record_bytes.saturating_mul(STEP_BATCHES).clamp(STEP_BYTES, STEP_BYTES_MAX);
        let end = part.length + step;
        while part.length < end {
            // The next batch gets its blocks by itself then, or finds none either.
            if part.file.write_all_at(&ZEROS, part.length).is_err() {
                return Ok(());
            }
            part.length += ZEROS.len() as u64;
        }
        part.file.sync_data()
    }

    /// Gives the disk back, unless somebody still reads here. The tables have everything.
    ///
    /// # Errors
    /// A file is not emptied. The other may be.
    pub(crate) fn rest(&mut self) -> io::Result<()> {
        let [first, second] = &mut self.files;
        if first.length + second.length <= REST_BYTES || !first.is_free() || !second.is_free() {
            return Ok(());
        }
        self.salt = salt()?;
        (self.at, self.position) = (0, 0);
        for part in [first, second] {
            part.length = 0;
            part.file.set_len(0)?;
        }
        Ok(())
    }

    /// Whether the files are not emptied because somebody has a place in one.
    pub(crate) fn is_held(&mut self) -> bool {
        let [first, second] = &mut self.files;
        first.length + second.length > REST_BYTES && (!first.is_free() || !second.is_free())
    }

    /// The last batch in the file that is not written to: with it in the tables, that file is free for whoever has no
    /// place in it.
    pub(crate) fn left(&self) -> u64 {
        let [first, second] = &self.files;
        if self.at == 0 { second.last } else { first.last }
    }

    /// Whether this file is so long that nothing may be written before the tables have the other. It gets longer still
    /// while somebody reads there.
    pub(crate) const fn is_overfull(&self) -> bool {
        self.position >= FILE_BYTES_MAX
    }

    /// The file that is not written to.
    fn other_mut(&mut self) -> &mut Part {
        let [first, second] = &mut self.files;
        if self.at == 0 { second } else { first }
    }

    fn part_mut(&mut self) -> &mut Part {
        let [first, second] = &mut self.files;
        if self.at == 0 { first } else { second }
    }
}

/// The files of a directory, whether or not they are there.
pub(crate) fn paths(directory: &Path) -> [PathBuf; 2] {
    NAMES.map(|name| directory.join(name))
}

/// What nobody outside can know.
fn salt() -> io::Result<u64> {
    getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
}

/// Appends a record, up to the end of its last block, and notes where its bodies are. `None` if something in it is longer
/// than can be said.
fn encode(
    buffer: &mut Vec<u8>,
    places: &mut Places<'_>,
    number: u64,
    salt: u64,
    rows: &Staged,
) -> Option<()> {
    buffer.extend([0; 8]);
    buffer.extend(MAGIC);
    buffer.extend([0; 4]);
    buffer.extend(number.to_le_bytes());
    buffer.extend(salt.to_le_bytes());
    for (table, key, entry) in rows.rows() {
        let value = match &entry.value {
            Some(Value::Here(bytes)) => Some(&**bytes),
            None => None,
            // Only what was written is there.
            Some(Value::InLog(_)) => return None,
        };
        let value_length = match value {
            Some(value) => u32::try_from(value.len()).ok().filter(|length| *length < REMOVED)?,
            None => REMOVED,
        };
        let (kind, day) = kind_of(table);
        buffer.push(kind);
        if let Some(Day(day)) = day {
            buffer.extend(day.to_le_bytes());
        }
        buffer.extend(u16::try_from(key.len()).ok()?.to_le_bytes());
        buffer.extend(value_length.to_le_bytes());
        buffer.extend_from_slice(key);
        if let Some(value) = value {
            if day.is_some() && table.day_of_bodies() == day {
                places.note(buffer.len(), value_length, value);
            }
            buffer.extend_from_slice(value);
        }
    }
    let length = u32::try_from(buffer.len().checked_sub(HEADER_BYTES)?).ok()?;
    buffer.get_mut(12..16)?.copy_from_slice(&length.to_le_bytes());
    buffer.resize(buffer.len().next_multiple_of(BLOCK_BYTES), 0);
    let (checksum, checked) = buffer.split_first_chunk_mut::<8>()?;
    *checksum = xxh3_64(checked).to_le_bytes();
    Some(())
}

/// The number of a table in the log.
fn kind_of(table: Table) -> (u8, Option<Day>) {
    match table {
        Table::Live => (1, None),
        Table::Pay => (2, None),
        Table::Due => (3, None),
        Table::Meta => (4, None),
        Table::Records(day) => (5, Some(day)),
        Table::Bodies(day) => (6, Some(day)),
        Table::Callbacks(day) => (7, Some(day)),
    }
}
