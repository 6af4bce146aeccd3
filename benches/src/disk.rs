//! How much a directory takes, and what it lies on.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    pub files: u64,
    /// Lengths of the files, holes included.
    pub apparent_bytes: u64,
    /// Blocks that are allocated, preallocation included.
    pub allocated_bytes: u64,
}

/// Files that vanish on the way are left out: a store compacts while it is looked at.
#[must_use]
pub fn size(directory: &Path) -> Size {
    let mut size = Size::default();
    let mut open = vec![directory.to_path_buf()];
    while let Some(next) = open.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                size.files += 1;
                size.apparent_bytes += metadata.len();
                size.allocated_bytes += metadata.blocks() * 512;
            }
        }
    }
    size
}

/// The type of the file system that `path` is on, for the report: on `tmpfs` no figure of a
/// durable write means anything.
pub fn file_system(path: &Path) -> Result<String> {
    let path = path.canonicalize().with_context(|| format!("no directory {}", path.display()))?;
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let innermost = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let (point, kind) = (fields.next()?, fields.next()?);
            path.starts_with(point).then_some((point.len(), kind))
        })
        .max_by_key(|(length, _)| *length);
    Ok(innermost.map_or("unknown", |(_, kind)| kind).to_owned())
}
