//! Packs: files of ours beside fjall, with the bodies that a bucket got at once.
//!
//! ```text
//! bodies/<day>/<number>       "INVPACK\x01", entries, zeros up to the end of a block of 4,096 bytes
//! bodies/<day>/<number>.new   one that is being written
//! entry                       checksum u64 | length u32 | key 17 | bytes                     little-endian
//! ```
//!
//! The checksum (xxh3) of length and key is seeded with that of the bytes, so bytes that belong to another row are noticed like any damage. A
//! row of `body-<day>` has the place of an entry; it is written after the pack is synced and has its name. So a pack that
//! has its name is whole, and what a crash leaves is a pack that no row names; it goes with its day. No number is used
//! twice, and nothing is written over.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use invoked_core::time::Day;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::directory::{self, still_there};

mod scan;
mod writer;

pub(crate) use scan::scan;
pub(crate) use writer::Writer;

/// The directory in the store's.
pub(crate) const DIRECTORY: &str = "bodies";
const MAGIC: [u8; 8] = *b"INVPACK\x01";
const BLOCK_BYTES: usize = 4_096;
/// Ending of the name of a pack that is being written.
const NEW: &str = "new";
pub(crate) const KEY_BYTES: usize = 17;
const LENGTH_BYTES: usize = 4;
const HEAD_BYTES: usize = LENGTH_BYTES + KEY_BYTES;
const CHECKSUM_BYTES: usize = 8;
const HEADER_BYTES: usize = CHECKSUM_BYTES + HEAD_BYTES;

/// Where a body is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// Of the pack.
    pub(crate) number: u64,
    /// Of the entry in it.
    pub(crate) offset: u64,
    /// Bytes of the body.
    pub(crate) length: u32,
}

/// The packs of a store.
#[derive(Debug)]
pub(crate) struct Packs {
    path: PathBuf,
    /// Number of the next.
    next: AtomicU64,
    /// Days whose directory is there, also after a power failure.
    days: Mutex<BTreeSet<Day>>,
    /// The one that was read last. Whoever reads many reads them in their order.
    last: Mutex<Option<(Day, u64, Arc<File>)>>,
}

impl Packs {
    /// Finds what is there.
    pub(crate) fn open(store: &Path) -> io::Result<Self> {
        let path = store.join(DIRECTORY);
        let (mut next, mut days) = (0, BTreeSet::new());
        for (day, directory) in days_of(&path)? {
            days.insert(day);
            let numbers = files_of(&directory)?.into_iter().filter_map(|file| number_of(&file));
            next = numbers.fold(next, |next, number| next.max(number.saturating_add(1)));
        }
        if !days.is_empty() {
            // Whoever made them may have ended before they were synced.
            sync(&path)?;
            sync(store)?;
        }
        Ok(Self {
            path,
            next: AtomicU64::new(next),
            days: Mutex::new(days),
            last: Mutex::default(),
        })
    }

    /// Removes what was not finished, and days that have no bucket any more.
    pub(crate) fn sweep(&self, with_bucket: &BTreeSet<Day>) -> io::Result<()> {
        for (day, directory) in days_of(&self.path)? {
            if !with_bucket.contains(&day) {
                self.drop_day(day)?;
                continue;
            }
            for file in files_of(&directory)? {
                if file.extension().is_some_and(|ending| ending == NEW) {
                    fs::remove_file(&file).map_err(|error| of(&file, &error))?;
                }
            }
        }
        Ok(())
    }

    /// Begins a pack. It is not there before it is finished.
    pub(crate) fn begin(&self, day: Day) -> io::Result<Writer> {
        let directory = self.directory(day);
        if !self.has(day) {
            directory::create(&directory).map_err(|error| of(&directory, &error))?;
            for made_in in [Some(&*self.path), self.path.parent()].into_iter().flatten() {
                sync(made_in)?;
            }
            self.days.lock().unwrap_or_else(PoisonError::into_inner).insert(day);
        }
        Writer::new(&directory, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a day may have packs.
    pub(crate) fn has(&self, day: Day) -> bool {
        self.days.lock().unwrap_or_else(PoisonError::into_inner).contains(&day)
    }

    /// Reads a body.
    ///
    /// # Errors
    /// `NotFound`: the day has gone, or the pack is missing. `InvalidData`: what is there is not what was written.
    pub(crate) fn read(&self, day: Day, place: Place, key: &[u8]) -> io::Result<Bytes> {
        let file = self.file(day, place.number)?;
        let length = place.length as usize;
        // Before there is memory for it.
        let end = place.offset.saturating_add((HEADER_BYTES + length) as u64);
        if file.metadata()?.len() < end {
            return Err(damaged("ends too soon"));
        }
        let mut entry = vec![0; HEADER_BYTES + length];
        file.read_exact_at(&mut entry, place.offset)?;
        let entry = Bytes::from(entry);
        let found = Entry::read(&entry).filter(|found| found.is_whole() && found.key() == key);
        if found.is_none_or(|found| found.bytes.len() != length) {
            return Err(damaged("is not what was written there"));
        }
        Ok(entry.slice(HEADER_BYTES..))
    }

    fn file(&self, day: Day, number: u64) -> io::Result<Arc<File>> {
        let last = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, file)) =
            last().as_ref().filter(|(of, at, _)| (*of, *at) == (day, number))
        {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::open(self.directory(day).join(number.to_string()))?);
        *last() = Some((day, number, Arc::clone(&file)));
        Ok(file)
    }

    /// Removes the packs of a day, whose bucket has gone.
    pub(crate) fn drop_day(&self, day: Day) -> io::Result<()> {
        let directory = self.directory(day);
        still_there(fs::remove_dir_all(&directory)).map_err(|error| of(&directory, &error))?;
        self.days.lock().unwrap_or_else(PoisonError::into_inner).remove(&day);
        // Behind that, so that nobody opens one again; who has it reads on.
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(of, _, _)| *of == day);
        Ok(())
    }

    /// Bytes that the packs of a day take on disk.
    pub(crate) fn bytes(&self, day: Day) -> io::Result<u64> {
        directory::allocated(&self.directory(day))
    }

    fn directory(&self, day: Day) -> PathBuf {
        self.path.join(day.to_string())
    }
}

/// The days that have a directory.
fn days_of(path: &Path) -> io::Result<Vec<(Day, PathBuf)>> {
    let mut days = Vec::new();
    for directory in files_of(path)? {
        let day = directory.file_name().and_then(|name| name.to_str()?.parse().ok());
        if directory.is_dir() {
            days.extend(day.map(|day| (Day(day), directory)));
        }
    }
    Ok(days)
}

/// What is in a directory, in the order of names; nothing if it is not there.
fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = still_there(fs::read_dir(path)).map_err(|error| of(path, &error))?;
    let Some(entries) = entries else { return Ok(Vec::new()) };
    let mut files: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// The number of a pack that is whole.
fn number_of(file: &Path) -> Option<u64> {
    file.file_name().and_then(|name| name.to_str()?.parse().ok())
}

fn sync(directory: &Path) -> io::Result<()> {
    directory::sync(directory).map_err(|error| of(directory, &error))
}

/// The error with the file that it is of.
fn of(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A body as it stands in a pack.
#[derive(Copy, Clone, Debug)]
struct Entry<'a> {
    checksum: u64,
    /// Length and key.
    head: &'a [u8; HEAD_BYTES],
    bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The entry that begins here, if there is room for it.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (checksum, rest) = bytes.split_first_chunk()?;
        let (head, rest) = rest.split_first_chunk::<HEAD_BYTES>()?;
        let length = u32::from_le_bytes(*head.first_chunk()?);
        let bytes = rest.get(..usize::try_from(length).ok()?)?;
        Some(Self { checksum: u64::from_le_bytes(*checksum), head, bytes })
    }

    fn is_whole(&self) -> bool {
        self.checksum == checksum(self.head, xxh3_64(self.bytes))
    }

    fn key(&self) -> &[u8] {
        self.head.split_at(LENGTH_BYTES).1
    }

    /// Bytes that an entry takes, by its header.
    fn length_of(header: &[u8]) -> Option<u64> {
        let (_, head) = header.split_first_chunk::<CHECKSUM_BYTES>()?;
        let length = u32::from_le_bytes(*head.first_chunk()?);
        Some(HEADER_BYTES as u64 + u64::from(length))
    }
}

/// The checksum of an entry, by that of its bytes.
fn checksum(head: &[u8; HEAD_BYTES], of_bytes: u64) -> u64 {
    xxh3_64_with_seed(head, of_bytes)
}
