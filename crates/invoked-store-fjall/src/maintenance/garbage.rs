//! Which tables are worth a compaction: those in which at least as much was removed as is live.
//!
//! It moves what is live and frees the rest, so it never moves more than it frees, and what a table takes
//! on disk is soon no more than twice its live rows and a little. Nothing is kept for this: the tables
//! say how many entries and removals they have, after a restart too.

use fjall::{AbstractTree as _, Keyspace};

use crate::directory;
use crate::keys::Table;
use crate::tables::Tables;
use crate::writer::floor;

/// Of a smaller table there is nothing to be had.
const BYTES_MIN: u64 = 32 << 10;
/// What a compaction may leave: sentinels are removed and live at once.
const LEFT_BYTES_MIN: u64 = 1 << 20;
/// Up to this size it does not matter what is garbage in `meta`: how many rows it has does not follow from
/// those that are live, and it has the same few written over and over.
const META_BYTES_MAX: u64 = 64 << 20;

/// What a compaction may take.
#[derive(Copy, Clone, Debug)]
pub(super) struct Limits {
    /// Bytes that it may move, of each table.
    pub(super) moved: u64,
    /// The floor of free space on the disk.
    pub(super) free_bytes_min: u64,
}

/// The entries of a table.
#[derive(Copy, Clone, Debug)]
struct Entries {
    all: u64,
    tombstones: u64,
    bytes: u64,
}

impl Entries {
    /// Those that a compaction keeps, at most: each removal stands for itself and for what it removed.
    fn kept(self, live_rows: u64) -> u64 {
        live_rows.min(self.all.saturating_sub(self.tombstones.saturating_mul(2)))
    }

    /// Bytes that a compaction moves; `None` if it is not worth it.
    fn moved(self, live_rows: u64) -> Option<u64> {
        let kept = self.kept(live_rows);
        if self.bytes < BYTES_MIN || self.all - kept < kept {
            return None;
        }
        let part = u128::from(self.bytes) * u128::from(kept) / u128::from(self.all.max(1));
        u64::try_from(part).ok()
    }
}

/// A table that is worth a compaction.
struct Found {
    table: Table,
    keyspace: Keyspace,
    /// Bytes that it would free, at least.
    freed: u64,
}

/// The tables to compact, as far as they find room for what is moved: without, fjall gives up.
pub(super) fn worth_compacting(tables: &Tables, live_rows: u64, limits: Limits) -> Vec<Keyspace> {
    let found = look(tables, live_rows, limits);
    found.into_iter().map(|found| found.keyspace).collect()
}

/// Whether a table still has as much that was removed as is live, and that is not little. How much of `meta` is garbage
/// does not follow from its entries.
pub(super) fn is_left(tables: &Tables, live_rows: u64, limits: Limits) -> bool {
    let found = look(tables, live_rows, limits);
    found.iter().any(|found| found.table != Table::Meta && found.freed >= LEFT_BYTES_MIN)
}

fn look(tables: &Tables, live_rows: u64, limits: Limits) -> Vec<Found> {
    let free = directory::free(tables.path()).unwrap_or(u64::MAX);
    let mut room = free.saturating_sub(floor(limits.free_bytes_min));
    let mut all = Vec::new();
    for table in [Table::Live, Table::Due, Table::Pay, Table::Meta] {
        let Some(keyspace) = tables.existing(table) else { continue };
        let entries = Entries {
            all: keyspace.approximate_len() as u64,
            tombstones: keyspace.tree.tombstone_count(),
            bytes: keyspace.disk_space(),
        };
        let moved = match table {
            Table::Meta => {
                (BYTES_MIN..META_BYTES_MAX).contains(&entries.bytes).then_some(entries.bytes)
            }
            Table::Live
            | Table::Due
            | Table::Pay
            | Table::Records(_)
            | Table::Bodies(_)
            | Table::Callbacks(_) => entries.moved(live_rows),
        };
        if let Some(moved) = moved
            && moved <= limits.moved
            && moved < room
        {
            room -= moved;
            all.push(Found { table, keyspace, freed: entries.bytes.saturating_sub(moved) });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_compacted_once_as_much_was_removed_as_is_live() {
        let moved =
            |all, tombstones, live| Entries { all, tombstones, bytes: all * 10 }.moved(live);
        // Nothing removed, or too little.
        assert_eq!(moved(10_000, 0, 10_000), None);
        assert_eq!(moved(15_000, 2_500, 10_000), None);
        // Half of what was there is gone: as many removals as rows are left.
        assert_eq!(moved(15_000, 5_000, 5_000), Some(50_000));
        // Earlier versions of rows count as well.
        assert_eq!(moved(20_000, 0, 10_000), Some(100_000));
        // Nothing is left.
        assert_eq!(moved(20_000, 10_000, 0), Some(0));
        // Rows of tasks have no payload here: fewer are kept than are live.
        assert_eq!(moved(30_000, 10_000, 1_000_000), Some(100_000));
        assert_eq!(moved(999, 499, 0), None);
    }
}
