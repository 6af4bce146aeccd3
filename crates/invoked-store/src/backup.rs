//! What a backup is asked for by, and how it is doing.
//!
//! A backup holds every row of the store as it was between two batches: whatever was acknowledged
//! before it began is in it. It is written beside the writer, and is there under its name once it is
//! whole.

use std::io;
use std::num::NonZeroU64;
use std::path::{Component, Path, PathBuf};

use invoked_core::time::Timestamp;

use crate::store::StoreError;

/// Bytes of the longest name of a backup.
pub const NAME_BYTES_MAX: usize = 100;
/// How the name ends under which a backup is written; what has such a name is none.
pub const PARTIAL: &str = ".partial";
/// Links behind what is missing of a path, at most.
const LINKS_MAX: usize = 40;

/// Where a backup goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BackupPlace {
    /// Under the directory that the operator set aside: letters, digits, `-`, `_` and `.`, not first,
    /// at most [`NAME_BYTES_MAX`].
    Named(String),
    /// A directory that does not exist yet.
    At(PathBuf),
}

/// A backup that somebody wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BackupWanted {
    /// Where it goes.
    pub place: BackupPlace,
    /// Bytes that are written in a second at most; `None`: as fast as it goes.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Now.
    pub now: Timestamp,
}

/// How far a backup is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum BackupState {
    /// It is being written.
    Running,
    /// It is there, whole.
    Done,
    /// Nothing of it is left.
    Failed {
        /// Why.
        reason: String,
    },
}

/// The last backup that was begun since the store was opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BackupView {
    /// Where it goes.
    pub path: PathBuf,
    /// How far it is.
    pub state: BackupState,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// The last batch that is in it.
    pub batch: u64,
    /// Rows that are written.
    pub rows: u64,
    /// Bytes that are written.
    pub bytes: u64,
    /// What the store took on disk when it began: about as many bytes, or fewer, are to be written.
    pub store_bytes: u64,
}

/// Why a backup was not begun.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The name is not in its form.
    #[error(
        "the name of a backup must be 1 to {NAME_BYTES_MAX} letters, digits, '-', '_' and '.', must not begin with '.' and \
         not end with '{PARTIAL}'"
    )]
    Name,
    /// Nobody said where backups go.
    #[error("store.backup_path is not set: it says where the daemon may write backups")]
    NoPlace,
    /// There is something already.
    #[error("{path} exists already")]
    Exists {
        /// Where.
        path: String,
    },
    /// It would be among the files of the store, and lost with them.
    #[error("{path} is inside of the store's own directory {store}; a backup has to be elsewhere")]
    InStore {
        /// Where it was to be.
        path: String,
        /// The directory of the store.
        store: String,
    },
    /// One at a time.
    #[error("a backup is being written already")]
    Running,
    /// This store has none of its own.
    #[error("this kind of store is backed up with its own tools")]
    Unsupported,
    /// The directory cannot be made.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A backup that was read, and is a store again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Restored {
    /// Of the backup.
    pub format: u32,
    /// Of the store that the backup was taken of: opening it brings it to that of the program.
    pub store_format: u32,
    /// Rows of all tables.
    pub rows: u64,
    /// Invocations that are live.
    pub live_rows: u64,
    /// The last batch that is in it.
    pub batch: u64,
    /// When the backup was begun: what was done since is not in it.
    pub begun_at: Timestamp,
}

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is none.
    #[error("{path} is no backup that is whole: {what}")]
    NoBackup {
        /// Where.
        path: String,
        /// What it lacks.
        what: String,
    },
    /// A file of it is not as it was written.
    #[error("{file} of the backup {what}; nothing was restored")]
    Damaged {
        /// Which.
        file: String,
        /// How.
        what: String,
    },
    /// It was written by a newer program.
    #[error(
        "the backup has format {found}, this program reads up to {known}; restore it with a newer program"
    )]
    Newer {
        /// Of the backup, or of the store in it.
        found: u32,
        /// Newest format known.
        known: u32,
    },
    /// There is something where the store is to be.
    #[error("{path} is not empty; a backup is restored into a directory that has nothing in it")]
    NotEmpty {
        /// Where.
        path: String,
    },
    /// A file cannot be worked with.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The store took it badly.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a name may be that of a backup.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(is_word)
        && !name.starts_with('.')
        && !name.ends_with(PARTIAL)
}

/// Where a path leads, links and all, once what is missing of it is made: a backup is judged by that when it
/// begins, and the place for backups when the configuration is read.
///
/// # Errors
/// What is there of it cannot be looked at, or leads through too many links.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    // What is missing may end in `..`, behind which there may be a link: then once more.
    for _ in 0..LINKS_MAX {
        let next = resolved_once(&path)?;
        if next == path {
            return Ok(path);
        }
        path = next;
    }
    Err(io::Error::other("it leads through too many links"))
}

fn resolved_once(path: &Path) -> io::Result<PathBuf> {
    for above in path.ancestors() {
        let there = match above.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        let missing = path.strip_prefix(above).unwrap_or(Path::new(""));
        return Ok(missing.components().fold(there, |mut place, part| {
            match part {
                Component::ParentDir => drop(place.pop()),
                Component::CurDir => {}
                Component::Normal(_) | Component::RootDir | Component::Prefix(_) => {
                    place.push(part)
                }
            }
            place
        }));
    }
    Ok(path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_directory() {
        for good in ["nightly", "2026-11-26_1.bak", "a"] {
            assert!(is_name(good), "{good}");
        }
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for bad in ["a.partial", "", ".", "..", ".hidden", "a/b", "/etc", "a b", "ü", long.as_str()]
        {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
