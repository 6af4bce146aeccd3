//! Writing a pack: large pieces past the page cache, each on the disk before the next is begun.
//!
//! Bodies are hardly ever read again, so a copy of them in the page cache is of no use; and a sync of many megabytes would
//! hold up the log's for as long as the disk takes for all of them. A file system that cannot do that gets them as usual.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{BLOCK_BYTES, HEAD_BYTES, KEY_BYTES, MAGIC, NEW, Place, checksum, damaged, of, sync};

/// Bytes of a piece.
const PIECE_BYTES: usize = 256 * 1_024;

/// A pack that is being written.
#[derive(Debug)]
pub(crate) struct Writer {
    directory: PathBuf,
    number: u64,
    file: File,
    /// Whether it is written past the page cache.
    is_direct: bool,
    /// A piece, behind what makes it begin with a block: the kernel takes no other past its cache.
    space: Vec<u8>,
    ahead: usize,
    filled: usize,
    /// Bytes that are written.
    position: u64,
}

impl Writer {
    pub(super) fn new(directory: &Path, number: u64) -> io::Result<Self> {
        let path = path_of_new(directory, number);
        let (file, is_direct) = match open(&path, OFlags::DIRECT) {
            Ok(file) => (file, true),
            Err(error) if is_refused(&error) => (open(&path, OFlags::empty())?, false),
            Err(error) => return Err(error),
        };
        let space = vec![0; PIECE_BYTES + BLOCK_BYTES];
        let ahead = space.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
        let directory = directory.to_owned();
        let mut writer =
            Self { directory, number, file, is_direct, space, ahead, filled: 0, position: 0 };
        writer.put(&MAGIC)?;
        Ok(writer)
    }

    /// Adds a body under the key of its row; with the xxh3 of its bytes, from before they were read anywhere.
    pub(crate) fn add(
        &mut self,
        key: &[u8; KEY_BYTES],
        bytes: &[u8],
        of_bytes: u64,
    ) -> io::Result<Place> {
        let offset = self.position + self.filled as u64;
        let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let length = u32::try_from(bytes.len()).map_err(too_long)?;
        let mut head = [0; HEAD_BYTES];
        let parts = length.to_le_bytes().into_iter().chain(*key);
        head.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        self.put(&checksum(&head, of_bytes).to_le_bytes())?;
        self.put(&head)?;
        self.put(bytes)?;
        Ok(Place { number: self.number, offset, length })
    }

    /// Syncs it and gives it its name. Before that nothing may name it.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let filled = self.filled;
        self.filled = filled.next_multiple_of(BLOCK_BYTES);
        let rest = self.piece().get_mut(filled..);
        rest.ok_or_else(|| damaged("has no room"))?.fill(0);
        self.write()?;
        self.file.sync_all()?;
        let name = self.directory.join(self.number.to_string());
        fs::rename(path_of_new(&self.directory, self.number), name)?;
        sync(&self.directory)
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let filled = self.filled;
            let room = self.piece().get_mut(filled..).unwrap_or_default();
            let count = bytes.len().min(room.len());
            let (now, later) = bytes.split_at(count);
            if let Some(room) = room.get_mut(..count) {
                room.copy_from_slice(now);
            }
            bytes = later;
            self.filled += count;
            if self.filled == PIECE_BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    fn piece(&mut self) -> &mut [u8] {
        self.space.get_mut(self.ahead..self.ahead + PIECE_BYTES).unwrap_or_default()
    }

    /// Writes what is filled, which is whole blocks.
    fn write(&mut self) -> io::Result<()> {
        let path = path_of_new(&self.directory, self.number);
        self.write_piece(&path).map_err(|error| of(&path, &error))
    }

    fn write_piece(&mut self, path: &Path) -> io::Result<()> {
        let piece = self.space.get(self.ahead..self.ahead + self.filled).unwrap_or_default();
        match self.file.write_all_at(piece, self.position) {
            Err(error) if self.is_direct && is_refused(&error) => {
                // One that takes the flag and then larger blocks alone.
                self.file = reopen(path)?;
                self.is_direct = false;
                self.file.write_all_at(piece, self.position)?;
            }
            other => other?,
        }
        self.position += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}

fn path_of_new(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number}.{NEW}"))
}

fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.custom_flags(flags.bits().cast_signed()).open(path)
}

fn reopen(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Whether that is how a file system says that it does not write past the page cache.
fn is_refused(error: &io::Error) -> bool {
    Errno::from_io_error(error)
        .is_some_and(|errno| [Errno::INVAL, Errno::OPNOTSUPP].contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_refuses_past_its_cache_is_written_as_usual() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(directory.path(), 3).unwrap();
        if !writer.is_direct {
            // This file system takes none at all.
            return;
        }
        // A piece that does not begin with a block.
        writer.space.insert(0, 0);
        writer.ahead += 1;
        let key = [1; KEY_BYTES];
        let bytes = vec![7; 3 * PIECE_BYTES];
        writer.add(&key, &bytes, xxhash_rust::xxh3::xxh3_64(&bytes)).unwrap();
        assert!(!writer.is_direct);
        writer.finish().unwrap();
        let written = fs::read(directory.path().join("3")).unwrap();
        assert_eq!(written.len() % BLOCK_BYTES, 0);
        assert!(written.starts_with(&MAGIC));
        assert_eq!(written.iter().filter(|byte| **byte == 7).count(), bytes.len());
    }
}
