//! What an operator may set.

use std::path::PathBuf;

/// Where the store is, and how much it may take.
#[derive(Clone, Debug)]
pub struct FjallConfig {
    /// The directory. It is made if it does not exist, and belongs to the store alone.
    pub path: PathBuf,
    /// Shards of a new store. One that exists keeps its own.
    pub shards: u16,
    /// With less free space than this on its disk, the store takes no new rows; with less than an
    /// eighth of it, it takes nothing. It has to hold what fjall writes by itself: a compaction may need
    /// some 200 MiB for a while, and fjall gives up when it finds no room.
    pub free_bytes_min: u64,
    /// The directory under which backups with a name are written; `None`: there are none.
    pub backup_path: Option<PathBuf>,
    /// Blocks of tables that are kept in memory, in bytes.
    pub cache_bytes: u64,
}

impl FjallConfig {
    /// A store in this directory, with one shard, a floor of 256 MiB and a cache of 16 MiB.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            shards: 1,
            free_bytes_min: 256 << 20,
            backup_path: None,
            cache_bytes: 16 << 20,
        }
    }
}
