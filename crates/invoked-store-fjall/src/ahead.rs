//! Blocks for the journal before it needs them.
//!
//! fjall makes a journal as a sparse file. A batch that is synced into a hole makes the file system allocate blocks
//! and commit that, so the sync waits for the file system's own journal, and for whatever else is on its way there: a
//! table that is flushed, another program's files. Into blocks that were written before, a sync writes the data and
//! nothing else. So zeros are written some way ahead of the batches, where the journal reads as zeros anyway.
//!
//! Nothing that was written is ever overwritten: only what reads as zeros is filled, and only by the one thread that
//! writes to the journal, behind a batch that was synced, when fjall holds nothing back that it has yet to write. Where
//! the holes are is asked of the file system and not believed: some have called dirty data one (OpenZFS before 2.2.2). A
//! journal that goes on after a restart has no holes, because fjall cuts it at its end and appends: it is left alone.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, SeekFrom, fadvise, seek};

use crate::journal;

/// Bytes that are filled and synced at a time: what comes meanwhile waits for it, so more would make one of some
/// hundred slow.
const STEP_BYTES: u64 = 64 * 1_024;
/// Filled bytes left from which on more are filled.
const LOW_BYTES: u64 = 32 * 1_024;
/// Larger batches pay for their own blocks: the zeros cost as much as they save, and are written to the disk too.
const BATCH_BYTES_MAX: u64 = 16 * 1_024;
/// Page by page: a larger write leaves larger pieces in the page cache, and a batch that touches one is charged the
/// whole of it at its sync.
const PAGE_BYTES: usize = 4_096;

/// How far the journal is filled.
#[derive(Debug)]
pub(crate) struct Ahead {
    directory: PathBuf,
    journal: Option<Journal>,
    /// Filled bytes behind the last batch, at most.
    left: u64,
}

#[derive(Debug)]
struct Journal {
    path: PathBuf,
    /// The one that will come behind it.
    next: PathBuf,
    /// Closed at rest: an old journal's blocks come back when nobody has it open any more.
    file: Option<File>,
    is_full: bool,
}

impl Ahead {
    /// Of the journals in the store's directory.
    pub(crate) const fn new(directory: PathBuf) -> Self {
        Self { directory, journal: None, left: 0 }
    }

    /// A batch of so many bytes was written and synced. Fills on if that is due and there is room.
    ///
    /// # Errors
    /// The journal is not found, not read or not written to. Nothing is amiss but speed.
    pub(crate) fn advance(&mut self, bytes: u64, has_room: bool) -> io::Result<()> {
        let advanced = self.go_on(bytes, has_room);
        if advanced.is_err() {
            *self = Self::new(std::mem::take(&mut self.directory));
        }
        advanced
    }

    fn go_on(&mut self, bytes: u64, has_room: bool) -> io::Result<()> {
        self.left = self.left.saturating_sub(bytes);
        if self.has_moved_on()? {
            self.journal = journal::list(&self.directory)?.pop().map(Journal::at);
            self.left = 0;
        }
        let Some(journal) = &mut self.journal else { return Ok(()) };
        if !has_room || journal.is_full || self.left > LOW_BYTES || bytes > BATCH_BYTES_MAX {
            return Ok(());
        }
        let file = match journal.file.take() {
            Some(file) => file,
            None => open(&journal.path)?,
        };
        let length = file.metadata()?.len();
        let filled = fill(&file, length)?;
        // One that is being made has no length yet.
        journal.is_full = filled == 0 && length > 0;
        if filled > 0 {
            // Behind the answers, and not with the next batch. An error of it is the next sync's too: every open
            // file is told.
            file.sync_data()?;
        }
        journal.file = Some(file);
        self.left += filled;
        Ok(())
    }

    /// Nothing is written for a while.
    pub(crate) fn rest(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.file = None;
        }
    }

    fn has_moved_on(&self) -> io::Result<bool> {
        let Some(journal) = &self.journal else { return Ok(true) };
        Ok(fs::exists(&journal.next)? || !fs::exists(&journal.path)?)
    }
}

impl Journal {
    fn at(path: PathBuf) -> Self {
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        let next = at(path.parent().unwrap_or(Path::new("")), number.unwrap_or_default() + 1);
        Self { path, next, file: None, is_full: false }
    }
}

/// Opens a journal to be filled. What is read of it is read page by page, as it is written: with readahead the kernel
/// would read large pieces.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    fadvise(&file, 0, None, Advice::Random)?;
    Ok(file)
}

/// Fills the first hole, [`STEP_BYTES`] of it at most. Returns how much it filled: zero where there is none to fill.
fn fill(file: &File, length: u64) -> io::Result<u64> {
    let start = match seek(file, SeekFrom::Hole(0)) {
        Ok(start) if start < length => start,
        Ok(_) | Err(rustix::io::Errno::NXIO) => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let end = match seek(file, SeekFrom::Data(start)) {
        Ok(data) => data,
        Err(rustix::io::Errno::NXIO) => length,
        Err(error) => return Err(error.into()),
    };
    fill_zeros(file, start, end.min(start + STEP_BYTES))
}

/// Writes zeros from `start` to `end` if zeros are read there. Returns how many.
fn fill_zeros(file: &File, start: u64, end: u64) -> io::Result<u64> {
    let mut there = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or_default()];
    file.read_exact_at(&mut there, start)?;
    if there.iter().any(|byte| *byte != 0) {
        return Ok(0);
    }
    let mut position = start;
    for zeros in there.chunks(PAGE_BYTES) {
        file.write_all_at(zeros, position)?;
        position += zeros.len() as u64;
    }
    Ok(position - start)
}

fn at(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number}.jnl"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    const LENGTH: u64 = 4 << 20;

    fn allocated(path: &Path) -> u64 {
        fs::metadata(path).unwrap().blocks() * 512
    }

    fn sparse(directory: &Path, number: u64) -> File {
        let file = File::create_new(at(directory, number)).unwrap();
        file.set_len(LENGTH).unwrap();
        file
    }

    #[test]
    fn holes_are_filled_ahead_and_data_stays() {
        let directory = tempfile::tempdir().unwrap();
        let file = sparse(directory.path(), 3);
        let mut ahead = Ahead::new(directory.path().to_path_buf());
        let mut written = Vec::new();
        while written.len() < usize::try_from(LENGTH / 2).unwrap() {
            let batch = vec![u8::try_from(written.len() % 251).unwrap() + 1; 1_500];
            file.write_all_at(&batch, written.len() as u64).unwrap();
            written.extend(batch);
            file.sync_data().unwrap();
            ahead.advance(1_500, true).unwrap();
            assert!(allocated(&at(directory.path(), 3)) > written.len() as u64);
        }
        let mut found = fs::read(at(directory.path(), 3)).unwrap();
        assert_eq!(found.len() as u64, LENGTH, "its length is the writer's");
        assert!(found.split_off(written.len()).iter().all(|byte| *byte == 0));
        assert!(found == written, "what was written stands there");
        assert!(allocated(&at(directory.path(), 3)) < LENGTH, "the rest is for later");
    }

    #[test]
    fn a_new_journal_is_followed_and_one_without_holes_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(at(directory.path(), 1), vec![7; 10_000]).unwrap();
        let mut ahead = Ahead::new(directory.path().to_path_buf());
        ahead.advance(100, true).unwrap();
        ahead.advance(100, true).unwrap();
        assert_eq!(fs::read(at(directory.path(), 1)).unwrap(), vec![7; 10_000]);

        sparse(directory.path(), 2);
        ahead.advance(100, true).unwrap();
        assert!(allocated(&at(directory.path(), 2)) >= STEP_BYTES);
        let before = allocated(&at(directory.path(), 2));
        ahead.rest();
        ahead.advance(100, true).unwrap();
        assert_eq!(allocated(&at(directory.path(), 2)), before, "a rest changes nothing");
        ahead.advance(BATCH_BYTES_MAX + STEP_BYTES, true).unwrap();
        assert_eq!(allocated(&at(directory.path(), 2)), before, "a large batch fills nothing");
    }

    #[test]
    fn what_is_called_a_hole_and_is_none_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let file = sparse(directory.path(), 1);
        file.write_all_at(&[7], 100_000).unwrap();
        let end = 4 * STEP_BYTES;
        assert_eq!(fill_zeros(&file, 0, end).unwrap(), 0);
        assert_eq!(fill_zeros(&file, 102_400, end).unwrap(), end - 102_400);
        let found = fs::read(at(directory.path(), 1)).unwrap();
        let written = found.iter().enumerate().filter(|(_, byte)| **byte != 0);
        assert_eq!(written.collect::<Vec<_>>(), [(100_000, &7)]);
    }

    #[test]
    fn journals_that_came_and_went_unseen_are_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        drop(sparse(directory.path(), 1));
        let mut ahead = Ahead::new(directory.path().to_path_buf());
        ahead.advance(100, false).unwrap();
        assert!(allocated(&at(directory.path(), 1)) < STEP_BYTES, "nothing without room");
        fs::remove_file(at(directory.path(), 1)).unwrap();
        drop(File::create_new(at(directory.path(), 3)).unwrap());
        ahead.advance(100, true).unwrap();
        fs::remove_file(at(directory.path(), 3)).unwrap();
        drop(sparse(directory.path(), 3));
        ahead.rest();
        ahead.advance(100, true).unwrap();
        assert!(allocated(&at(directory.path(), 3)) >= STEP_BYTES);
    }
}
