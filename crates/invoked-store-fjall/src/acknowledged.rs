//! The file `acknowledged.wal`: the number of the last batch that anybody was told is durable, as the log counts.
//!
//! Where the last record of the log is broken, that is what a crash leaves, or damage to what somebody was
//! told is durable. When the last number that is found is less than the one in this file, acknowledged work
//! is missing and the store does not start ([`invoked_store::StoreError::Cut`]).
//! `invoked store repair --accept-loss` removes the file.
//!
//! ```text
//! number u64 | complement of the number u64      little-endian
//! ```
//!
//! Until format 4 its name was `acknowledged`; it is removed once the store has format 5, so that an earlier program
//! finds none and gets as far as to see that the store is newer than it knows.
//!
//! It is written after each batch and never synced: after a power failure it may name an earlier
//! batch, which only weakens the check, and never a later one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::directory::still_there;

const NAME: &str = "acknowledged.wal";
const OLDER_NAME: &str = "acknowledged";

/// The file, open.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    file: Option<File>,
    /// The one of an earlier program.
    older: Option<File>,
    directory: PathBuf,
}

impl Acknowledged {
    /// Opens or makes the file in the store's directory.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = Some(options.open(directory.join(NAME))?);
        let older = still_there(File::open(directory.join(OLDER_NAME)))?;
        Ok(Self { file, older, directory: directory.to_path_buf() })
    }

    /// The file, unless there is none. Nothing is changed.
    pub(crate) fn existing(directory: &Path) -> io::Result<Option<Self>> {
        let [file, older] =
            [NAME, OLDER_NAME].map(|name| still_there(File::open(directory.join(name))));
        let (file, older) = (file?, older?);
        let is_there = file.is_some() || older.is_some();
        Ok(is_there.then(|| Self { file, older, directory: directory.to_path_buf() }))
    }

    fn files(&self) -> impl Iterator<Item = &File> {
        self.file.iter().chain(&self.older)
    }

    /// The number, or zero where none reads.
    pub(crate) fn number(&self) -> u64 {
        self.files().filter_map(read).max().unwrap_or(0)
    }

    /// Whether what stands there is a number, or nothing, as a power failure may leave it.
    pub(crate) fn is_whole(&self) -> bool {
        self.files().all(|file| {
            let mut bytes = [0; 16];
            file.read_exact_at(&mut bytes, 0).is_err() || bytes == [0; 16] || read(file).is_some()
        })
    }

    /// Removes the file of a directory whose loss is accepted.
    pub(crate) fn forget(directory: &Path) -> io::Result<()> {
        remove(&directory.join(NAME))?;
        remove(&directory.join(OLDER_NAME))
    }

    /// Removes what an earlier program left, which the tables are beyond. One that stays is in nobody's way here.
    pub(crate) fn forget_older(&self) {
        if self.older.is_none() {
            return;
        }
        let synced = self.file.as_ref().map_or(Ok(()), File::sync_all);
        if let Err(error) = synced.and_then(|()| remove(&self.directory.join(OLDER_NAME))) {
            tracing::debug!(%error, "the file acknowledged stays");
        }
    }

    /// Notes that everybody waiting for this batch is about to be told.
    pub(crate) fn note(&self, number: u64) -> io::Result<()> {
        let mut bytes = [0; 16];
        let (first, second) = bytes.split_at_mut(8);
        first.copy_from_slice(&number.to_le_bytes());
        second.copy_from_slice(&(!number).to_le_bytes());
        self.file.as_ref().map_or(Ok(()), |file| file.write_all_at(&bytes, 0))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    still_there(fs::remove_file(path)).map(|_| ())
}

fn read(file: &File) -> Option<u64> {
    let mut bytes = [0; 16];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let (number, complement) = bytes.split_at(8);
    let read = |half: &[u8]| half.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
    let number = read(number);
    (read(complement) == !number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_survives_and_damage_reads_as_none() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Acknowledged::open(directory.path()).unwrap().number(), 0);
        Acknowledged::open(directory.path()).unwrap().note(700).unwrap();
        let file = Acknowledged::open(directory.path()).unwrap();
        assert_eq!(file.number(), 700);
        file.file.as_ref().unwrap().write_all_at(&[9], 3).unwrap();
        assert_eq!(file.number(), 0);
        assert!(!file.is_whole());
    }

    #[test]
    fn the_file_of_an_earlier_program_counts_until_it_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let mut bytes = 9_u64.to_le_bytes().to_vec();
        bytes.extend((!9_u64).to_le_bytes());
        fs::write(directory.path().join(OLDER_NAME), bytes).unwrap();
        assert_eq!(Acknowledged::existing(directory.path()).unwrap().unwrap().number(), 9);
        let file = Acknowledged::open(directory.path()).unwrap();
        assert_eq!((file.number(), file.is_whole()), (9, true));
        file.note(10).unwrap();
        assert_eq!(file.number(), 10);
        file.forget_older();
        assert!(!directory.path().join(OLDER_NAME).exists());
    }
}
