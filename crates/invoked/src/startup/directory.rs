//! The directory of the store: whose it is, who else may write there, how much room its disk has, and who
//! has it open.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Error, Result, bail};
use invoked_store::StoreError;

use crate::config::Store;

const OTHERS_WRITE: u32 = 0o022;
const EVERYBODY_WRITES: u32 = 0o002;
const STICKY: u32 = 0o1000;
const MAKE_ROOM: &str = "make room, move the store to a larger disk, or lower store.free_min";

/// Looks at the directory, or at the one that it will be made in.
///
/// # Errors
/// The daemon could not work in it.
pub(super) fn check(store: &Store) -> Result<Vec<String>> {
    let mut warnings = check_rights(&store.path, rustix::process::geteuid().as_raw())?;
    if let Some(there) = store.path.ancestors().find(|path| path.exists()) {
        let free = rustix::fs::statvfs(there).map(|of| of.f_bavail.saturating_mul(of.f_frsize));
        let wanted = u64::try_from(store.free_min).unwrap_or(u64::MAX);
        if let Ok(free) = free {
            warnings.extend(check_room(&store.path, free, wanted)?);
        }
    }
    Ok(warnings)
}

fn check_rights(path: &Path, we: u32) -> Result<Vec<String>> {
    let shown = path.display();
    let mut warnings = Vec::new();
    let parent = path.parent().and_then(|parent| fs::metadata(parent).ok());
    if let Some(parent) = parent
        && parent.permissions().mode() & (EVERYBODY_WRITES | STICKY) == EVERYBODY_WRITES
    {
        warnings.push(format!(
            "store.path: everybody may write to the directory around {shown} (mode {:o}), and so put \
             another store in its place; `chmod o-w` it",
            parent.permissions().mode() & 0o7777
        ));
    }
    let Ok(found) = fs::metadata(path) else { return Ok(warnings) };
    if !found.is_dir() {
        bail!("store.path: {shown} is not a directory; move the file away, or name another place");
    }
    if found.uid() != we && we != 0 {
        bail!(
            "store.path: {shown} belongs to user {}, the daemon runs as user {we}; run it as the \
             owner, or `chown -R {we} {shown}`",
            found.uid()
        );
    }
    let mode = found.permissions().mode() & 0o7777;
    if mode & OTHERS_WRITE != 0 {
        warnings.push(format!(
            "store.path: others could write to {shown} (mode {mode:o}); that is taken from them now. \
             If you do not know why they could, run `invoked store verify`"
        ));
    }
    Ok(warnings)
}

/// With less than an eighth of what is to stay free the store writes nothing at all.
fn check_room(path: &Path, free: u64, wanted: u64) -> Result<Option<String>> {
    let mib = |bytes: u64| bytes >> 20;
    let found = format!(
        "store.free_min: the disk of {} has {} MiB free, {} MiB are to stay free",
        path.display(),
        mib(free),
        mib(wanted)
    );
    if free < wanted / 8 {
        bail!("{found}; with less than an eighth of that nothing is written: {MAKE_ROOM}");
    }
    Ok((free < wanted)
        .then(|| format!("{found}: new invocations are refused until there is more; {MAKE_ROOM}")))
}

/// Why a store does not open, with who has it, if that is the reason.
pub(crate) fn explain(error: StoreError, path: &Path) -> Error {
    let is_in_use = matches!(error, StoreError::InUse { .. });
    let holder = if is_in_use { holder(&path.join("lock")) } else { None };
    let context = format!("cannot open the store in {}", path.display());
    let error = Error::new(error);
    match holder {
        Some(holder) => error.context(format!(
            "{context}: {holder} has it; end that first, or give this daemon a store.path of its own"
        )),
        None => error.context(context),
    }
}

/// The process that holds the lock on a file, as Linux tells it.
fn holder(lock: &Path) -> Option<String> {
    let inode = fs::metadata(lock).ok()?.ino();
    let pid = holder_in(&fs::read_to_string("/proc/locks").ok()?, inode)?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(match name.trim() {
        "" => format!("process {pid}"),
        name => format!("process {pid} ({name})"),
    })
}

/// A line is `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`: fourth the process, fifth the file.
fn holder_in(locks: &str, inode: u64) -> Option<u32> {
    let inode = format!(":{inode}");
    locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(4);
        let (pid, file) = (words.next()?, words.next()?);
        file.ends_with(&inode).then(|| pid.parse().ok().filter(|pid| *pid > 0))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "1: POSIX  ADVISORY  WRITE 77 08:01:9 0 EOF\n\
                         2: FLOCK  ADVISORY  WRITE 4321 fe:00:123456 0 EOF\n";

    #[test]
    fn the_holder_of_a_lock_is_found_by_its_file() {
        assert_eq!(holder_in(LOCKS, 123_456), Some(4_321));
        assert_eq!(holder_in(LOCKS, 3_456), None);
        assert_eq!(holder_in("", 9), None);
    }

    #[test]
    fn a_place_that_is_none_of_ours_ends_the_start() {
        let home = tempfile::tempdir().unwrap();
        let we = rustix::process::geteuid().as_raw();
        let store = home.path().join("store");
        assert!(check_rights(&store, we).unwrap().is_empty());
        fs::write(&store, "").unwrap();
        let said = check_rights(&store, we).unwrap_err().to_string();
        assert!(said.contains("is not a directory; move the file away"), "{said}");
        fs::remove_file(&store).unwrap();
        fs::create_dir(&store).unwrap();
        let said = check_rights(&store, we + 1).unwrap_err().to_string();
        let expected = format!("belongs to user {we}, the daemon runs as user {}", we + 1);
        assert!(said.contains(&expected) && said.contains("chown -R"), "{said}");
    }

    #[test]
    fn rights_of_others_are_told() {
        let home = tempfile::tempdir().unwrap();
        let (around, we) = (home.path().join("around"), rustix::process::geteuid().as_raw());
        let store = around.join("store");
        fs::create_dir_all(&store).unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        set(&store, 0o777);
        let said = check_rights(&store, we).unwrap().concat();
        assert!(said.contains("others could write") && said.contains("mode 777"), "{said}");
        set(&store, 0o700);
        set(&around, 0o777);
        let said = check_rights(&store, we).unwrap().concat();
        assert!(said.contains("everybody may write") && said.contains("chmod o-w"), "{said}");
        set(&around, 0o1777);
        assert!(check_rights(&store, we).unwrap().is_empty(), "as /tmp is");
    }

    #[test]
    fn little_room_is_told_with_both_figures() {
        let check = |free: u64| check_room(Path::new("/store"), free << 20, 256 << 20);
        assert_eq!(check(256).unwrap(), None);
        let warning = check(32).unwrap().unwrap();
        assert!(warning.contains("has 32 MiB free, 256 MiB are to stay free"), "{warning}");
        assert!(warning.contains("are refused until there is more; make room"), "{warning}");
        let refused = check(31).unwrap_err().to_string();
        assert!(refused.contains("nothing is written: make room"), "{refused}");
    }
}
