//! The directory as the file system sees it: modes, room, size.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::journal;

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// The unit of `st_blocks`, whatever the file system's own.
const BLOCK_BYTES: u64 = 512;

/// Makes the directory, for its owner only.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}

/// Takes every right on the directory and all below it from everybody but the owner.
pub(crate) fn restrict(path: &Path) -> io::Result<()> {
    walk(path, &mut |path, metadata| {
        let wanted = if metadata.is_dir() { DIRECTORY_MODE } else { FILE_MODE };
        if metadata.permissions().mode() & 0o7777 == wanted {
            return Ok(());
        }
        still_there(fs::set_permissions(path, Permissions::from_mode(wanted))).map(|_| ())
    })
}

/// Has the names in a directory survive a power failure.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Bytes that the directory takes on disk. Holes in a file take none.
pub(crate) fn allocated(path: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    walk(path, &mut |_, metadata| {
        bytes += metadata.blocks() * BLOCK_BYTES;
        Ok(())
    })?;
    Ok(bytes)
}

/// Bytes that are left on its disk for us.
pub(crate) fn free(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The journal that is written to, if there is one.
pub(crate) fn active_journal(path: &Path) -> io::Result<Option<PathBuf>> {
    Ok(journal::list(path)?.pop())
}

fn walk(
    path: &Path,
    visit: &mut impl FnMut(&Path, &fs::Metadata) -> io::Result<()>,
) -> io::Result<()> {
    let Some(metadata) = still_there(fs::symlink_metadata(path))? else { return Ok(()) };
    if metadata.is_symlink() {
        return Ok(());
    }
    visit(path, &metadata)?;
    if metadata.is_dir() {
        let Some(entries) = still_there(fs::read_dir(path))? else { return Ok(()) };
        for entry in entries {
            if let Some(entry) = still_there(entry)? {
                walk(&entry.path(), visit)?;
            }
        }
    }
    Ok(())
}

/// What has gone meanwhile, or was never there, is none.
pub(crate) fn still_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}
