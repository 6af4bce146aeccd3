//! Looking at packs from outside: every byte of those that are whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{DIRECTORY, Entry, MAGIC, days_of, files_of, number_of};

/// A pack, its bytes, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) file: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) wrong: Option<&'static str>,
}

/// Reads every pack of a store. One that was begun is removed by the next start, and none of these.
pub(crate) fn scan(store: &Path, mut each: impl FnMut(Scanned)) -> io::Result<()> {
    for (_, directory) in days_of(&store.join(DIRECTORY))? {
        for file in files_of(&directory)? {
            if number_of(&file).is_none() {
                continue;
            }
            // Some 24 MiB at most.
            let bytes = fs::read(&file)?;
            each(Scanned { wrong: wrong_with(&bytes), bytes: bytes.len() as u64, file });
        }
    }
    Ok(())
}

fn wrong_with(bytes: &[u8]) -> Option<&'static str> {
    let Some(mut rest) = bytes.strip_prefix(&MAGIC) else {
        return Some("does not begin as a pack does");
    };
    while rest.iter().any(|byte| *byte != 0) {
        let Some(entry) = Entry::read(rest) else { return Some("ends too soon") };
        if !entry.is_whole() {
            return Some("has not the checksums that it was written with");
        }
        rest = rest.get(entry.length()..).unwrap_or_default();
    }
    None
}
