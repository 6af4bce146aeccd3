//! The file `acknowledged`: the number of the last batch that anybody was told is durable.
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
//! It is written after each batch and never synced: after a power failure it may name an earlier
//! batch, which only weakens the check, and never a later one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

const NAME: &str = "acknowledged";

/// The file, open.
#[derive(Debug)]
pub(crate) struct Acknowledged {
    file: File,
}

impl Acknowledged {
    /// Opens or makes the file in the store's directory.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Self { file: options.open(directory.join(NAME))? })
    }

    /// The file, unless there is none. Nothing is changed.
    pub(crate) fn existing(directory: &Path) -> io::Result<Option<Self>> {
        match File::open(directory.join(NAME)) {
            Ok(file) => Ok(Some(Self { file })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The number, or zero where none reads.
    pub(crate) fn number(&self) -> u64 {
        self.read().unwrap_or(0)
    }

    /// Whether what stands there is a number, or nothing, as a power failure may leave it.
    pub(crate) fn is_whole(&self) -> bool {
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, 0).is_err() || bytes == [0; 16] || self.read().is_some()
    }

    fn read(&self) -> Option<u64> {
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        let (number, complement) = bytes.split_at(8);
        let read =
            |half: &[u8]| half.iter().rev().fold(0u64, |all, byte| all << 8 | u64::from(*byte));
        let number = read(number);
        (read(complement) == !number).then_some(number)
    }

    /// Removes the file of a directory whose loss is accepted.
    pub(crate) fn forget(directory: &Path) -> io::Result<()> {
        match fs::remove_file(directory.join(NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Notes that everybody waiting for this batch is about to be told.
    pub(crate) fn note(&self, number: u64) -> io::Result<()> {
        let mut bytes = [0; 16];
        let (first, second) = bytes.split_at_mut(8);
        first.copy_from_slice(&number.to_le_bytes());
        second.copy_from_slice(&(!number).to_le_bytes());
        self.file.write_all_at(&bytes, 0)
    }
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
        file.file.write_all_at(&[9], 3).unwrap();
        assert_eq!(file.number(), 0);
    }
}
