//! What stands in the log, read back.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use invoked_core::time::Day;
use xxhash_rust::xxh3::xxh3_64;

use super::{BLOCK_BYTES, HEADER_BYTES, MAGIC, REMOVED, paths};
use crate::check::take;
use crate::directory::still_there;
use crate::keys::Table;
use crate::staged::Staged;

/// The records of a log.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// By number.
    records: Vec<Record>,
    /// Files that were read, and their bytes.
    pub(crate) files: Vec<(PathBuf, u64)>,
}

/// A record that is whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) position: u64,
    /// Bytes with its header.
    pub(crate) length: usize,
}

/// Acknowledged batches are missing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Gap {
    /// The last batch that there is in order.
    pub(crate) found: u64,
    /// The last that there is behind those that are missing.
    pub(crate) behind: u64,
}

/// Reads the log of a directory. A file that is not there has no records.
pub(crate) fn scan(directory: &Path) -> io::Result<Scan> {
    let mut scan = Scan::default();
    for path in paths(directory) {
        if let Some(file) = still_there(File::open(&path))? {
            scan.file(path, &file)?;
        }
    }
    scan.records.sort_by_key(|record| record.number);
    Ok(scan)
}

impl Scan {
    fn file(&mut self, path: PathBuf, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len();
        let mut bytes = Vec::new();
        let (mut position, mut salt) = (0, None);
        while position < length {
            let header = Header::read(file, position, length);
            let header = header.filter(|header| salt.is_none_or(|salt| salt == header.salt));
            let whole = match header {
                Some(header) if header.is_whole(file, position, &mut bytes) => header,
                // Without the first record nothing tells what belongs to this round.
                Some(_) | None if position == 0 => break,
                Some(_) | None => {
                    position += BLOCK_BYTES as u64;
                    continue;
                }
            };
            salt = Some(whole.salt);
            let (number, length) = (whole.number, whole.length);
            self.records.push(Record { number, path: path.clone(), position, length });
            position += whole.blocks() as u64;
        }
        self.files.push((path, length));
        Ok(())
    }

    /// The last batch that can be had from tables which have everything up to batch `from`.
    ///
    /// # Errors
    /// Something is missing in front of a batch that is there.
    pub(crate) fn reach(&self, from: u64) -> Result<u64, Gap> {
        let mut found = from;
        for record in self.behind(from) {
            if record.number > found + 1 {
                let behind = self.records.last().map_or(0, |last| last.number);
                return Err(Gap { found, behind });
            }
            found = record.number;
        }
        Ok(found)
    }

    /// Takes out what stands behind batch `found`. Returns where the files are kept as they were.
    pub(crate) fn forget_behind(&self, found: u64) -> io::Result<Vec<PathBuf>> {
        let mut aside = Vec::new();
        for (path, _) in &self.files {
            let mut records = self.behind(found).filter(|record| record.path == *path).peekable();
            if records.peek().is_none() {
                continue;
            }
            let kept = path.with_extension("wal.cut");
            fs::copy(path, &kept)?;
            aside.push(kept);
            let file = OpenOptions::new().write(true).open(path)?;
            for record in records {
                file.write_all_at(&[0; HEADER_BYTES], record.position)?;
            }
            file.sync_all()?;
        }
        Ok(aside)
    }

    /// The records behind batch `from`.
    pub(crate) fn behind(&self, from: u64) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.number > from)
    }
}

impl Record {
    /// Its rows.
    ///
    /// # Errors
    /// It cannot be read, or is not what a program of this version writes.
    pub(crate) fn rows(&self) -> io::Result<Staged> {
        let mut bytes = vec![0; self.length];
        File::open(&self.path)?.read_exact_at(&mut bytes, self.position)?;
        let mut rest = bytes.get(HEADER_BYTES..).unwrap_or_default();
        let mut staged = Staged::default();
        while !rest.is_empty() {
            let what =
                || io::Error::new(io::ErrorKind::InvalidData, "a row of the log does not read");
            row(&mut rest, &mut staged).ok_or_else(what)?;
        }
        Ok(staged)
    }
}

/// What stands in front of the rows.
struct Header {
    checksum: u64,
    /// Bytes with this.
    length: usize,
    number: u64,
    salt: u64,
}

impl Header {
    fn read(file: &File, position: u64, length: u64) -> Option<Self> {
        let mut bytes = [0; HEADER_BYTES];
        // A block that cannot be read is none of a record: whether one is missing shows in the numbers.
        file.read_exact_at(&mut bytes, position).ok()?;
        Self::parse(&bytes).filter(|header| position + header.blocks() as u64 <= length)
    }

    fn parse(mut bytes: &[u8]) -> Option<Self> {
        let checksum = u64::from_le_bytes(take(&mut bytes)?);
        let magic: [u8; 4] = take(&mut bytes)?;
        let rows = usize::try_from(u32::from_le_bytes(take(&mut bytes)?)).ok()?;
        let number = u64::from_le_bytes(take(&mut bytes)?);
        let salt = u64::from_le_bytes(take(&mut bytes)?);
        let length = rows.checked_add(HEADER_BYTES)?;
        (magic == MAGIC).then_some(Self { checksum, length, number, salt })
    }

    /// Bytes up to the end of its last block.
    const fn blocks(&self) -> usize {
        self.length.next_multiple_of(BLOCK_BYTES)
    }

    fn is_whole(&self, file: &File, position: u64, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        bytes.resize(self.blocks(), 0);
        file.read_exact_at(bytes, position).is_ok()
            && xxh3_64(bytes.get(8..).unwrap_or_default()) == self.checksum
    }
}

/// Takes a row off the front.
fn row(rest: &mut &[u8], staged: &mut Staged) -> Option<()> {
    let [kind] = take(rest)?;
    let table = table(kind, rest)?;
    let key_length = usize::from(u16::from_le_bytes(take(rest)?));
    let value_length = u32::from_le_bytes(take(rest)?);
    let (key, behind) = rest.split_at_checked(key_length)?;
    if value_length == REMOVED {
        *rest = behind;
        staged.remove(table, key);
        return Some(());
    }
    let (value, behind) = behind.split_at_checked(usize::try_from(value_length).ok()?)?;
    *rest = behind;
    staged.put_small(table, key, value);
    Some(())
}

/// The table of a number in the log.
fn table(kind: u8, rest: &mut &[u8]) -> Option<Table> {
    let mut day = || take(rest).map(|bytes| Day(u32::from_le_bytes(bytes)));
    Some(match kind {
        1 => Table::Live,
        2 => Table::Pay,
        3 => Table::Due,
        4 => Table::Meta,
        5 => Table::Records(day()?),
        6 => Table::Bodies(day()?),
        7 => Table::Callbacks(day()?),
        _ => return None,
    })
}
