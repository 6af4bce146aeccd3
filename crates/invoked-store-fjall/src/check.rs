//! Whether the files of a directory are what fjall wrote: its checksums, looked at from outside.
//!
//! ```text
//! version                "FJL" 3
//! keyspaces/N/current    version id u64 | xxh3-128 of v<id> | 0                    little-endian
//! keyspaces/N/v<id>      an archive; its section `tables` has levels u8, of each runs u8, of each
//!                        tables u32, of each id u64 | 0 | xxh3-128 | sequence number u64;
//!                        `blob_files` has files u32, of each id u64 | 0 | xxh3-128
//! keyspaces/N/tables/ID  has the checksum that stands there
//! keyspaces/N/blobs/ID   likewise
//! bodies/DAY/NUMBER      a pack of ours, see `packs`
//! ```
//!
//! fjall checks blocks and values when it reads them, so that what a damaged one held is an error then.
//! It does not check `current` and `v<id>`, and removes every table that they do not name: a start
//! checks these, and everything of the small keyspace with the names of the others. The whole check
//! reads every byte, those that no read would ever come to included.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use invoked_store::StoreError;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::error::file;
use crate::packs;

const VERSION: &[u8] = b"FJL\x03";
const CURRENT_BYTES: usize = 25;
/// A list of tables, in bytes: a million tables fit.
const LIST_BYTES_MAX: u64 = 64 << 20;
const BUFFER_BYTES: usize = 1 << 20;
/// The keyspace that has the names of the others.
const NAMES: &str = "0";

/// A file that is not as it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Damage {
    pub(crate) file: PathBuf,
    pub(crate) what: &'static str,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checked {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) damages: Vec<Damage>,
}

/// Refuses a directory from which fjall would remove what it cannot find.
pub(crate) fn at_start(path: &Path) -> Result<(), StoreError> {
    let shown = path.display().to_string();
    let checked = check(path, false).map_err(|error| file(&shown, &error))?;
    match checked.damages.into_iter().next() {
        None => Ok(()),
        Some(Damage { file, what }) => {
            Err(StoreError::Damaged { what: format!("{}: {what}", file.display()) })
        }
    }
}

/// Reads the lists of tables, and if it is to be the `whole`, every table, blob and pack.
pub(crate) fn check(path: &Path, whole: bool) -> io::Result<Checked> {
    let mut checked = Checked::default();
    if path.join(crate::restore::MARKER).try_exists()? {
        checked.tell(path, "a restore did not finish; empty the directory and restore again");
        return Ok(checked);
    }
    let version = path.join("version");
    if !version.try_exists()? {
        return Ok(checked);
    }
    let bytes = checked.read(&version)?;
    if bytes != VERSION {
        checked.tell(&version, "is not that of an engine which this program knows");
    }
    let mut keyspaces: Vec<_> = fs::read_dir(path.join("keyspaces"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    keyspaces.sort();
    for keyspace in keyspaces {
        let name = keyspace.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.parse::<u64>().is_err() {
            checked.tell(&keyspace, "does not belong here");
        } else if keyspace.join("current").try_exists()? {
            checked.keyspace(&keyspace, whole || name == NAMES)?;
        }
    }
    if whole {
        packs::scan(path, |pack| {
            checked.files += 1;
            checked.bytes += pack.bytes;
            checked.damages.extend(pack.wrong.map(|what| Damage { file: pack.file, what }));
        })?;
    }
    Ok(checked)
}

/// The tables and blobs of a keyspace, with their checksums.
type Listed = Vec<(PathBuf, u128)>;

impl Checked {
    fn tell(&mut self, file: &Path, what: &'static str) {
        self.damages.push(Damage { file: file.to_owned(), what });
    }

    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LIST_BYTES_MAX).read_to_end(&mut bytes)?;
        self.files += 1;
        self.bytes += bytes.len() as u64;
        Ok(bytes)
    }

    fn keyspace(&mut self, keyspace: &Path, whole: bool) -> io::Result<()> {
        let current = keyspace.join("current");
        let bytes = self.read(&current)?;
        let Some((id, wanted)) = read_current(&bytes) else {
            self.tell(&current, "does not read");
            return Ok(());
        };
        let list = keyspace.join(format!("v{id}"));
        if !list.try_exists()? {
            self.tell(&current, "names a list of tables that is not there");
            return Ok(());
        }
        let bytes = self.read(&list)?;
        if xxh3_128(&bytes) != wanted {
            self.tell(&list, "has not the checksum that it was written with");
            return Ok(());
        }
        let Some(listed) = read_list(keyspace, &bytes) else {
            self.tell(&list, "does not read");
            return Ok(());
        };
        for (file, wanted) in listed {
            if !file.try_exists()? {
                self.tell(&file, "is missing");
            } else if whole {
                let (found, bytes) = hash(&file)?;
                self.files += 1;
                self.bytes += bytes;
                if found != wanted {
                    self.tell(&file, "has not the checksum that it was written with");
                }
            }
        }
        Ok(())
    }
}

fn hash(path: &Path) -> io::Result<(u128, u64)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut bytes) = (Xxh3Default::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((hasher.digest128(), bytes));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
        bytes += count as u64;
    }
}

fn read_current(bytes: &[u8]) -> Option<(u64, u128)> {
    if bytes.len() != CURRENT_BYTES {
        return None;
    }
    let mut rest = bytes;
    let (id, checksum) = (number(&mut rest)?, checksum(&mut rest)?);
    (rest == [0]).then_some((id, checksum))
}

fn read_list(keyspace: &Path, bytes: &[u8]) -> Option<Listed> {
    let archive = sfa::Reader::from_reader(&mut Cursor::new(bytes)).ok()?;
    let section = |name: &[u8]| {
        let section = archive.toc().section(name)?;
        let from = usize::try_from(section.pos()).ok()?;
        bytes.get(from..from.checked_add(usize::try_from(section.len()).ok()?)?)
    };
    let mut listed = Listed::new();
    let mut tables = section(b"tables")?;
    let [levels] = take(&mut tables)?;
    for _ in 0..levels {
        let [runs] = take(&mut tables)?;
        for _ in 0..runs {
            let count = u32::from_le_bytes(take(&mut tables)?);
            for _ in 0..count {
                let id = number(&mut tables)?;
                let [0] = take(&mut tables)? else { return None };
                listed.push((keyspace.join(format!("tables/{id}")), checksum(&mut tables)?));
                let _seqno = number(&mut tables)?;
            }
        }
    }
    let mut blobs = section(b"blob_files")?;
    let count = u32::from_le_bytes(take(&mut blobs)?);
    for _ in 0..count {
        let id = number(&mut blobs)?;
        let [0] = take(&mut blobs)? else { return None };
        listed.push((keyspace.join(format!("blobs/{id}")), checksum(&mut blobs)?));
    }
    Some(listed)
}

/// Takes bytes off the front.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_le_bytes)
}

fn checksum(bytes: &mut &[u8]) -> Option<u128> {
    take(bytes).map(u128::from_le_bytes)
}
