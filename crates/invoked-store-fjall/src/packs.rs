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
//! twice, and nothing is written over: a body is what it is from the first commit on.

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
use writer::Writer;

mod scan;
mod writer;

pub(crate) use scan::scan;

/// The directory in the store's.
pub(crate) const DIRECTORY: &str = "bodies";
const MAGIC: [u8; 8] = *b"INVPACK\x01";
const BLOCK_BYTES: usize = 4_096;
/// Ending of the name of a pack that is being written.
const NEW: &str = "new";
pub(crate) const KEY_BYTES: usize = 17;
const LENGTH_BYTES: usize = 4;
const HEAD_BYTES: usize = LENGTH_BYTES + KEY_BYTES;
const HEADER_BYTES: usize = 8 + HEAD_BYTES;

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
    /// The one that was read last. Whoever reads many reads them in their order.
    last: Mutex<Option<(Day, u64, Arc<File>)>>,
}

impl Packs {
    /// Finds what is there. What was not finished is removed, and so are days that have no bucket any more.
    pub(crate) fn open(store: &Path, days: &BTreeSet<Day>) -> io::Result<Self> {
        let path = store.join(DIRECTORY);
        let mut next = 0;
        for (day, directory) in days_of(&path)? {
            if !days.contains(&day) {
                fs::remove_dir_all(&directory)?;
                continue;
            }
            for file in files_of(&directory)? {
                if let Some(number) = number_of(&file) {
                    next = next.max(number.saturating_add(1));
                } else if file.extension().is_some_and(|ending| ending == NEW) {
                    fs::remove_file(&file)?;
                }
            }
        }
        Ok(Self { path, next: AtomicU64::new(next), last: Mutex::default() })
    }

    /// Begins a pack. It is not there before it is finished.
    pub(crate) fn begin(&self, day: Day) -> io::Result<Writer> {
        let directory = self.directory(day);
        if !directory.try_exists()? {
            directory::create(&directory)?;
            for made_in in [Some(&*self.path), self.path.parent()].into_iter().flatten() {
                sync(made_in)?;
            }
        }
        Writer::new(&directory, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Reads a body.
    ///
    /// # Errors
    /// `NotFound`: the day has gone, or the pack is missing. `InvalidData`: what is there is not what was written.
    pub(crate) fn read(&self, day: Day, place: Place, key: &[u8]) -> io::Result<Bytes> {
        let file = self.file(day, place.number)?;
        let length = place.length as usize;
        let mut entry = vec![0; HEADER_BYTES + length];
        file.read_exact_at(&mut entry, place.offset).map_err(cut_short)?;
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
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(of, _, _)| *of == day);
        still_there(fs::remove_dir_all(self.directory(day))).map(|_| ())
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
        days.extend(day.map(|day| (Day(day), directory)));
    }
    Ok(days)
}

/// What is in a directory, in the order of names; nothing if it is not there.
fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(entries) = still_there(fs::read_dir(path))? else { return Ok(Vec::new()) };
    let mut files: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// The number of a pack that is whole.
fn number_of(file: &Path) -> Option<u64> {
    file.file_name().and_then(|name| name.to_str()?.parse().ok())
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A pack that ends too soon is damaged like any other.
fn cut_short(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { damaged("ends too soon") } else { error }
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
        self.checksum == checksum(self.head, self.bytes)
    }

    fn key(&self) -> &[u8] {
        self.head.split_at(LENGTH_BYTES).1
    }

    /// Bytes that it takes.
    const fn length(&self) -> usize {
        HEADER_BYTES + self.bytes.len()
    }
}

/// The checksum of an entry.
fn checksum(head: &[u8; HEAD_BYTES], bytes: &[u8]) -> u64 {
    xxh3_64_with_seed(head, xxh3_64(bytes))
}
