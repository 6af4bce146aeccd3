//! Files that a configuration names, read within a size: a daemon that runs reads them again, and what somebody has put in
//! their place may be endless.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// A configuration, in bytes.
pub(super) const CONFIG_BYTES_MAX: u64 = 16 << 20;
/// A secret, a certificate or a bundle of them, in bytes.
const SMALL_BYTES_MAX: u64 = 1 << 20;

/// Reads a secret or certificates.
///
/// # Errors
/// It cannot be read, is over 1 MiB, or is no plain file: reading a pipe would wait for whoever writes.
pub(super) fn small(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    if !fs::metadata(&path)?.is_file() {
        return Err(io::Error::other("is not a plain file"));
    }
    within(path.as_ref(), SMALL_BYTES_MAX)
}

/// The same as text.
///
/// # Errors
/// As of [`small`]; or it is not UTF-8.
pub(super) fn small_text(path: impl AsRef<Path>) -> io::Result<String> {
    text(small(path)?)
}

/// Reads a configuration, from whatever the operator has named.
///
/// # Errors
/// It cannot be read, is over 16 MiB, or is not UTF-8.
pub(super) fn config(path: &Path) -> io::Result<String> {
    text(within(path, CONFIG_BYTES_MAX)?)
}

fn within(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if limit < read as u64 {
        return Err(io::Error::other(format!("is over {} MiB", limit >> 20)));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::other("is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let said = |read: io::Result<String>| read.unwrap_err().to_string();
        assert_eq!(said(config(Path::new("/dev/zero"))), "is over 16 MiB");
        assert_eq!(said(small_text("/dev/zero")), "is not a plain file");
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(said(small_text(directory.path())), "is not a plain file");
        let file = directory.path().join("file");
        fs::write(&file, vec![b'x'; 1 << 20]).unwrap();
        assert_eq!(small(&file).unwrap().len(), 1 << 20);
        fs::write(&file, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(said(small_text(&file)), "is over 1 MiB");
        fs::write(&file, [0xFF]).unwrap();
        assert_eq!(said(small_text(&file)), "is not UTF-8");
    }
}
