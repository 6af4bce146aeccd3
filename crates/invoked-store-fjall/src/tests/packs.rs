//! Bodies in files beside fjall.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use bytes::Bytes;
use fjall::AbstractTree as _;
use invoked_core::id::InvKey;
use invoked_core::life::Outcome;
use invoked_core::shard::BytesWanted;
use invoked_core::time::Day;
use invoked_store::{BackupState, Store as _};
use xxhash_rust::xxh3::xxh3_64;

use super::backup::back_up;
use super::sample::*;
use crate::apply::apply;
use crate::keys::{BodyKind, Table, body, number};
use crate::log;
use crate::open::replay;
use crate::overlay::Overlay;
use crate::packs::{DIRECTORY, Packs, Place};
use crate::read::{View, look};
use crate::staged::Staged;
use crate::tables::Tables;
use crate::{FjallConfig, restore, verify_files};

const DAY: Day = Day(20_000);

fn key(number: u8) -> InvKey {
    InvKey([number; 16])
}

/// Bodies of a task, and of one without an event whose answer takes several pieces.
fn bodies() -> Vec<(BodyKind, InvKey, Bytes)> {
    let long: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    vec![
        (BodyKind::Payload, key(1), Bytes::from(vec![7; 1_000])),
        (BodyKind::Payload, key(2), Bytes::new()),
        (BodyKind::Result, key(1), Bytes::from_static(b"answer")),
        (BodyKind::Result, key(2), Bytes::from(long)),
    ]
}

fn staged(bodies: &[(BodyKind, InvKey, Bytes)]) -> Staged {
    let mut staged = Staged::default();
    for (kind, key, bytes) in bodies {
        staged.put(Table::Bodies(DAY), &body::encode_key(*kind, *key), bytes.clone());
    }
    staged
}

fn open(path: &Path) -> Tables {
    Tables::open(&FjallConfig::new(path)).unwrap()
}

fn read(tables: &Tables, key: InvKey) -> (Option<Bytes>, Option<Bytes>) {
    let loaded = View::new(tables).bytes(BytesWanted { key, bucket: Some(DAY) }).unwrap();
    (loaded.payload, loaded.result)
}

fn packs(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store.join(DIRECTORY)).into_iter().flatten();
    let days = entries.map(|entry| entry.unwrap().path());
    let files = days.flat_map(|day| fs::read_dir(day).unwrap());
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn bodies_that_came_at_once_are_read_from_a_pack_also_after_a_start() {
    let directory = tempfile::tempdir().unwrap();
    let tables = open(directory.path());
    let bodies = bodies();
    apply(&staged(&bodies), &tables).unwrap();
    // Few go with their rows, and both are found.
    let few = [(BodyKind::Payload, key(3), Bytes::from_static(b"few"))];
    apply(&staged(&few), &tables).unwrap();
    assert_eq!(packs(directory.path()).len(), 1);
    let check = |tables: &Tables| {
        let [payload, empty, answer, long] = &bodies[..] else { panic!() };
        assert_eq!(read(tables, key(1)), (Some(payload.2.clone()), Some(answer.2.clone())));
        assert_eq!(read(tables, key(2)), (Some(empty.2.clone()), Some(long.2.clone())));
        assert_eq!(read(tables, key(3)), (Some(Bytes::from_static(b"few")), None));
        assert_eq!(read(tables, key(4)), (None, None));
        let figures = View::new(tables).figures(Table::Bodies(DAY)).unwrap();
        assert!(figures.bytes > 2_800_000, "{figures:?}");
    };
    check(&tables);
    drop(tables);
    let tables = open(directory.path());
    check(&tables);
    // Nothing is written over.
    apply(&staged(&bodies), &tables).unwrap();
    assert_eq!(packs(directory.path()).len(), 2);
    check(&tables);
}

/// Where they are goes through the journal then.
#[test]
fn bodies_of_a_bucket_that_is_behind_go_into_packs_too() {
    let directory = tempfile::tempdir().unwrap();
    let tables = open(directory.path());
    let bodies = bodies();
    tables.all_behind.store(true, Ordering::Relaxed);
    apply(&staged(&bodies), &tables).unwrap();
    assert_eq!(packs(directory.path()).len(), 1);
    let bucket = tables.existing(Table::Bodies(DAY)).unwrap();
    assert_eq!((bucket.tree.table_count(), bucket.len().unwrap()), (0, bodies.len()));
    let check = |tables: &Tables| {
        let [payload, empty, answer, long] = &bodies[..] else { panic!() };
        assert_eq!(read(tables, key(1)), (Some(payload.2.clone()), Some(answer.2.clone())));
        assert_eq!(read(tables, key(2)), (Some(empty.2.clone()), Some(long.2.clone())));
    };
    check(&tables);
    drop((bucket, tables));
    check(&open(directory.path()));
}

/// What stands in the log counts before what is in a pack.
#[test]
fn a_body_that_came_later_is_read_also_while_it_is_above_the_tables() {
    let directory = tempfile::tempdir().unwrap();
    let tables = open(directory.path());
    apply(&staged(&bodies()), &tables).unwrap();
    let overlay = Overlay::default();
    let later = Bytes::from_static(b"another answer");
    overlay.add(1, staged(&[(BodyKind::Result, key(1), later.clone())]));
    let wanted = BytesWanted { key: key(1), bucket: Some(DAY) };
    for is_folded in [false, true] {
        let above = look::bytes(&overlay.read(), &[wanted]);
        let loaded = View::below(&tables, above).bytes(wanted).unwrap();
        assert_eq!(loaded.payload, Some(bodies()[0].2.clone()), "{is_folded}");
        assert_eq!(loaded.result, Some(later.clone()), "{is_folded}");
        overlay.fold();
    }
}

#[test]
fn a_place_that_is_not_of_this_body_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let packs = Packs::open(directory.path()).unwrap();
    let mut pack = packs.begin(DAY).unwrap();
    let name = |number| body::encode_packed_key(BodyKind::Payload, key(number));
    let first = pack.add(&name(1), b"one", xxh3_64(b"one")).unwrap();
    let second = pack.add(&name(2), b"two", xxh3_64(b"two")).unwrap();
    assert!(packs.read(DAY, first, &name(1)).is_err(), "it has no name yet");
    pack.finish().unwrap();
    assert_eq!(packs.read(DAY, first, &name(1)).unwrap(), "one");
    assert_eq!(packs.read(DAY, second, &name(2)).unwrap(), "two");
    let wrong = [
        (first, name(2)),
        (Place { length: 2, ..first }, name(1)),
        (Place { offset: first.offset + 1, ..first }, name(1)),
        (Place { offset: 1 << 40, ..first }, name(1)),
    ];
    for (place, name) in wrong {
        let error = packs.read(DAY, place, &name).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{place:?}: {error}");
    }
    let missing = packs.read(DAY, Place { number: 9, ..first }, &name(1)).unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_start_removes_what_was_begun_and_a_pack_goes_with_its_day() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let tables = open(path);
    apply(&staged(&bodies()), &tables).unwrap();
    let [pack] = &packs(path)[..] else { panic!() };
    drop(tables);
    let begun = pack.with_file_name("7.new");
    fs::write(&begun, b"INV").unwrap();
    // That is no damage.
    assert_eq!(verify_files(path).unwrap().problems, Vec::<String>::new());
    let of_no_day = path.join(DIRECTORY).join("19999");
    fs::create_dir(&of_no_day).unwrap();
    fs::write(of_no_day.join("3"), b"").unwrap();

    // Not before it is known that this is the store that it should be.
    let tables = open(path);
    assert!(of_no_day.exists() && begun.exists());
    tables.sweep().unwrap();
    assert_eq!(packs(path), std::slice::from_ref(pack));
    assert!(!of_no_day.exists());
    let before = View::new(&tables);
    tables.drop_buckets(&[Table::Bodies(DAY)]).unwrap();
    assert_eq!(packs(path), Vec::<PathBuf>::new());
    // Whoever has still found the row finds that the day has gone.
    let name = body::encode_packed_key(BodyKind::Payload, key(1));
    let place = body::encode_place(Place { number: 0, offset: 8, length: 1_000 });
    assert_eq!(before.unpacked(DAY, &name, &place).unwrap(), None);
}

#[test]
fn the_later_body_counts_in_a_pack_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let tables = open(directory.path());
    let body = |bytes: &[u8]| {
        let bytes = Bytes::copy_from_slice(bytes);
        staged(&[(BodyKind::Payload, key(1), bytes)])
    };
    for (later, packs_then) in [(vec![1; 900], 1), (vec![2; 9], 1), (vec![3; 900], 2)] {
        apply(&body(&later), &tables).unwrap();
        assert_eq!(read(&tables, key(1)).0, Some(Bytes::from(later)));
        assert_eq!(packs(directory.path()).len(), packs_then);
    }
}

/// An earlier program would find no body in a pack, so it must not open a store that has one.
#[tokio::test]
async fn an_upgrade_says_so_before_anything_is_packed() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    for seconds in 1..=20 {
        site.durable(vec![insert(&own_task(seconds))]).await;
    }
    let image = image_of(directory.path());
    let tables = open(image.path());
    let mut old = Staged::default();
    old.put(Table::Meta, &number::FORMAT, number::encode_value(5));
    apply(&old, &tables).unwrap();
    let log = log::scan::scan(image.path()).unwrap();
    assert_eq!(packs(image.path()), Vec::<PathBuf>::new());
    // As if it ended behind that.
    replay(&log, &tables, 5, 1).unwrap();
    assert_eq!(packs(image.path()).len(), 1);
    let format = View::new(&tables).get(Table::Meta, number::FORMAT).unwrap().unwrap();
    assert_eq!(number::read(&format).unwrap(), 6);
    site.store.close().await.unwrap();
}

#[tokio::test]
async fn a_pack_that_is_damaged_or_missing_is_found_and_an_error_for_its_bodies_alone() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let tasks: Vec<_> = (1..=20).map(own_task).collect();
    for task in &tasks {
        site.durable(vec![insert(task)]).await;
    }
    site.store.names().await.unwrap();
    site.store.close().await.unwrap();
    drop(site);
    let [pack] = &packs(directory.path())[..] else { panic!() };
    let whole = fs::read(pack).unwrap();
    let mut damaged = whole.clone();
    let middle = whole.iter().rposition(|byte| *byte != 0).unwrap();
    damaged[middle] ^= 1;
    fs::write(pack, damaged).unwrap();
    let found = verify_files(directory.path()).unwrap();
    assert_eq!(found.wrong, 1, "{:?}", found.problems);
    assert!(found.problems[0].contains(pack.to_str().unwrap()), "{:?}", found.problems);

    let site = Site::open(directory.path()).await;
    let (last, others) = tasks.split_last().unwrap();
    let failed = site.store.bytes(&[BytesWanted::from(last)]).await.unwrap_err().to_string();
    assert!(failed.contains("pack 0 of day"), "{failed}");
    for task in others {
        let loaded = site.store.bytes(&[BytesWanted::from(task)]).await.unwrap();
        assert_eq!(loaded[0].payload, Some(payload(task)));
    }
    assert_eq!(site.store.verify_rows().await.unwrap().wrong, 1);
    fs::remove_file(pack).unwrap();
    site.store.close().await.unwrap();
    drop(site);
    let site = Site::open(directory.path()).await;
    assert_eq!(site.store.verify_rows().await.unwrap().wrong, 20);
    // The rows are there.
    assert_eq!(site.store.head(last.key).await.unwrap().unwrap().head, *last);
    site.store.close().await.unwrap();
}

#[tokio::test]
async fn a_backup_has_the_bodies_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(&directory.path().join("store")).await;
    let tasks: Vec<_> = (1..=20).map(own_task).collect();
    for task in &tasks {
        site.durable(vec![insert(task)]).await;
    }
    site.durable(vec![finish(&tasks[0], Outcome::Succeeded)]).await;
    site.store.names().await.unwrap();
    assert_eq!(packs(&directory.path().join("store")).len(), 1);
    let to = directory.path().join("backup");
    assert_eq!(back_up(&site.store, &to).await.state, BackupState::Done);
    site.store.close().await.unwrap();
    drop(site);

    let again = directory.path().join("again");
    restore(&to, &FjallConfig::new(&again)).unwrap();
    assert_eq!(packs(&again), Vec::<PathBuf>::new());
    let site = Site::open(&again).await;
    for task in &tasks {
        let loaded = site.store.bytes(&[BytesWanted::from(task)]).await.unwrap();
        assert_eq!(loaded[0].payload, Some(payload(task)));
    }
    assert_eq!(site.store.verify_rows().await.unwrap().problems, Vec::<String>::new());
    site.store.close().await.unwrap();
}
