//! Looking at packs from outside: every byte of those that are whole.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{DIRECTORY, Entry, HEADER_BYTES, MAGIC, days_of, files_of, number_of, of};

const BUFFER_BYTES: usize = 256 * 1_024;

/// A pack, its bytes, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) wrong: Option<&'static str>,
}

/// Reads every pack of a store. One that was begun is removed by the next start, and none of these. One that is missing,
/// or ends between two entries, is seen where the rows are read.
pub(crate) fn scan(store: &Path, mut each: impl FnMut(Scanned)) -> io::Result<()> {
    for (_, directory) in days_of(&store.join(DIRECTORY))? {
        for file in files_of(&directory)? {
            if number_of(&file).is_some() {
                let (bytes, wrong) = look(&file).map_err(|error| of(&file, &error))?;
                each(Scanned { file, bytes, wrong });
            }
        }
    }
    Ok(())
}

fn look(file: &Path) -> io::Result<(u64, Option<&'static str>)> {
    let file = File::open(file)?;
    let bytes = file.metadata()?.len();
    Ok((bytes, wrong_with(&mut BufReader::with_capacity(BUFFER_BYTES, file), bytes)?))
}

fn wrong_with(pack: &mut impl Read, bytes: u64) -> io::Result<Option<&'static str>> {
    let mut magic = Vec::new();
    pack.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic)?;
    if magic != MAGIC {
        return Ok(Some("does not begin as a pack does"));
    }
    let mut left = bytes.saturating_sub(MAGIC.len() as u64);
    let mut entry = Vec::new();
    while left > 0 {
        entry.clear();
        pack.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut entry)?;
        if entry.iter().all(|byte| *byte == 0) {
            return zeros(pack);
        }
        let Some(length) = Entry::length_of(&entry).filter(|length| *length <= left) else {
            return Ok(Some("ends too soon"));
        };
        let rest = length.saturating_sub(HEADER_BYTES as u64);
        pack.by_ref().take(rest).read_to_end(&mut entry)?;
        if !Entry::read(&entry).is_some_and(|entry| entry.is_whole()) {
            return Ok(Some("has not the checksums that it was written with"));
        }
        left = left.saturating_sub(length);
    }
    Ok(None)
}

/// What stands behind the last entry.
fn zeros(pack: &mut impl Read) -> io::Result<Option<&'static str>> {
    let mut rest = Vec::new();
    while pack.by_ref().take(BUFFER_BYTES as u64).read_to_end(&mut rest)? > 0 {
        if rest.iter().any(|byte| *byte != 0) {
            return Ok(Some("goes on behind its end"));
        }
        rest.clear();
    }
    Ok(None)
}
