//! Disk space that comes back while rows are left.

use std::thread;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::life::Outcome;
use invoked_core::shard::BytesWanted;
use invoked_store::Store as _;

use super::sample::*;
use crate::apply::apply;
use crate::keys::Table;
use crate::maintenance::Maintenance;
use crate::read::View;
use crate::staged::Staged;
use crate::tables::Tables;
use crate::{FjallConfig, directory};

const ROWS: u64 = 6_000;
const LEFT: u64 = 2_000;

fn payload() -> Bytes {
    Bytes::from(vec![7; 2_000])
}

/// Takes steps without rests until there is nothing to do. fjall flushes and compacts on threads of its own meanwhile.
pub(super) fn maintain(maintenance: &mut Maintenance, tables: &Tables, live_rows: u64) {
    while let Some(wait) = maintenance.wait() {
        maintenance.step(tables, live_rows, 0).unwrap();
        thread::sleep(wait.min(Duration::from_millis(5)));
    }
}

#[tokio::test]
async fn what_a_purge_leaves_takes_no_more_than_twice_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let all: Vec<u64> = (1..=ROWS).collect();
    for seconds in all.chunks(500) {
        let insert = |seconds: &u64| insert_with(&plain(*seconds), &payload());
        site.durable(seconds.iter().map(insert).collect()).await;
    }
    for seconds in all[usize::try_from(LEFT).unwrap()..].chunks(500) {
        let finish = |seconds: &u64| finish(&plain(*seconds), Outcome::Stopped);
        site.durable(seconds.iter().map(finish).collect()).await;
    }
    site.store.close().await.unwrap();
    drop(site);

    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    maintain(&mut Maintenance::new(&tables), &tables, LEFT);
    for table in [Table::Live, Table::Due, Table::Pay] {
        let figures = View::new(&tables).figures(table).unwrap();
        assert!(figures.entries < LEFT + LEFT / 4, "{figures:?}");
        assert!(figures.tombstones < LEFT / 4, "{figures:?}");
    }
    drop(tables);
    let after = directory::allocated(directory.path()).unwrap();
    // What stands in the journal, in lists of tables and in blocks that are not full is the rest.
    assert!(after < 2 * LEFT * 2_200 + (1 << 20), "{after}");
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, LEFT);
    let wanted = [BytesWanted::from(&plain(LEFT))];
    assert_eq!(site.store.bytes(&wanted).await.unwrap()[0].payload, Some(payload()));
}

/// As a backup does for as long as it takes.
#[tokio::test]
async fn what_somebody_reads_meanwhile_is_given_back_later() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    let rows = |fill: &dyn Fn(&mut Staged, &[u8])| {
        let mut staged = Staged::default();
        (0..40_000_u128).for_each(|key| fill(&mut staged, &key.to_be_bytes()));
        apply(&staged, &tables).unwrap();
    };
    rows(&|staged, key| staged.put_small(Table::Live, key, &[1; 64]));
    let reader = tables.snapshot();
    rows(&|staged, key| staged.remove(Table::Live, key));
    let mut maintenance = Maintenance::new(&tables);
    let entries = || View::new(&tables).figures(Table::Live).unwrap().entries;
    let rest = maintenance.wait();
    // Until it rests for longer, since a round has left something.
    while maintenance.wait() <= rest {
        assert!(maintenance.wait().is_some());
        maintenance.step(&tables, 0, 0).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    assert!(entries() >= 40_000, "{}", entries());
    drop(reader);
    maintain(&mut maintenance, &tables, 0);
    // Sentinels.
    assert!(entries() < 10, "{}", entries());
}

/// A store that never rests.
#[tokio::test]
async fn a_busy_store_is_compacted_once_as_many_rows_are_removed_as_live() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    let keys: Vec<[u8; 16]> = (0..20_000_u128).map(u128::to_be_bytes).collect();
    for is_there in [true, false] {
        let mut staged = Staged::default();
        for key in &keys[if is_there { 0 } else { 5_000 }..] {
            match is_there {
                true => staged.put_small(Table::Live, key, &[1; 64]),
                false => staged.remove(Table::Live, key),
            }
        }
        assert_eq!(staged.removed(), if is_there { 0 } else { 15_000 });
        apply(&staged, &tables).unwrap();
        tables.existing(Table::Live).unwrap().rotate_memtable_and_wait().unwrap();
    }
    let entries = || View::new(&tables).figures(Table::Live).unwrap().entries;
    assert_eq!(entries(), 35_000);
    let mut maintenance = Maintenance::new(&tables);
    maintenance.note([Table::Live].into_iter(), 99_999);
    maintenance.busy(&tables, 5_000, 0).unwrap();
    assert_eq!(entries(), 35_000, "too few were removed");
    maintenance.note([Table::Live].into_iter(), 1);
    maintenance.busy(&tables, 5_000, 0).unwrap();
    maintenance.stop();
    assert!(entries() <= 5_001, "{}", entries());
    assert_eq!(View::new(&tables).all(Table::Live).count(), 5_000);
}
