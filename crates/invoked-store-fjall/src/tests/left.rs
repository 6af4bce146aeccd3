//! Bodies that stand in the log and nowhere else.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use invoked_core::life::Outcome;
use invoked_core::shard::BytesWanted;
use invoked_core::time::Day;
use invoked_store::{Store as _, StoreError};
use proptest::prelude::*;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

use super::files::overwrite;
use super::sample::*;
use crate::keys::Table;
use crate::log::scan::scan;
use crate::log::{Log, NAMES, Place, read_all};
use crate::overlay::bytes_to_apply;
use crate::staged::{Staged, Value};
use crate::{FjallConfig, FjallStore};

const DAY: Day = Day(20_000);
const MIB: usize = 1 << 20;

fn open() -> (TempDir, Log) {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(directory.path()).unwrap();
    (directory, log)
}

/// Bytes that stand nowhere else.
fn body(number: u64, length: usize) -> Bytes {
    let begin = number.to_be_bytes().into_iter().cycle().zip(0_u8..=255);
    let begin: Vec<_> = begin.map(|(one, other)| one ^ other).collect();
    let mut bytes = begin.repeat(length / begin.len() + 1);
    bytes.truncate(length);
    bytes.into()
}

fn staged(number: u64, length: usize) -> Staged {
    let mut staged = Staged::default();
    staged.put(Table::Bodies(DAY), &number.to_be_bytes(), body(number, length));
    staged
}

/// The values of all bodies, in the order of days and keys.
fn values(rows: &Staged) -> impl Iterator<Item = &Value> {
    let bodies = rows.rows().filter(|(table, _, _)| table.day_of_bodies().is_some());
    bodies.filter_map(|(_, _, entry)| entry.value.as_ref())
}

fn places(rows: &Staged) -> Vec<&Place> {
    let places = values(rows).filter_map(|value| match value {
        Value::InLog(place) => Some(place),
        Value::Here(_) => None,
    });
    places.collect()
}

fn numbers(directory: &Path) -> Vec<u64> {
    scan(directory).unwrap().behind(0).map(|record| record.number).collect()
}

/// Of a batch: bodies, those that are short included, beside other rows.
fn batches() -> impl Strategy<Value = Vec<(Vec<usize>, usize)>> {
    let length = prop_oneof![2 => 0..40_usize, 8 => 40..2_000_usize, 1 => 100_000..400_000_usize];
    let other = prop_oneof![Just(0), 1..20_000_usize];
    prop::collection::vec((prop::collection::vec(length, 0..12), other), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands between them, and in whatever order they are wanted.
    #[test]
    fn every_body_is_read_from_where_it_is(batches in batches(), by in any::<u64>()) {
        let (_directory, mut log) = open();
        let (mut rows, mut wanted, mut next) = (Staged::default(), Vec::new(), 0);
        for (number, (lengths, other)) in (1..).zip(batches) {
            let mut batch = Staged::default();
            for length in lengths {
                // In the order of days and keys they stand in another than the log has them in.
                let key = (next * 7_919_u64 + by).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let day = Day(DAY.0 + u32::from(key.is_multiple_of(3)));
                batch.put(Table::Bodies(day), &key.to_be_bytes(), body(next, length));
                batch.remove(Table::Records(day), &key.to_be_bytes());
                wanted.push((day, key, body(next, length)));
                next += 1;
            }
            batch.put(Table::Pay, b"other", vec![1; other].into());
            let bytes = batch.bytes();
            log.append(number, &mut batch, 0).unwrap();
            let bodies: usize = places(&batch).iter().map(|place| place.len()).sum();
            prop_assert_eq!((batch.bytes(), batch.memory()), (bytes, bytes - bodies));
            rows.fold(batch);
        }
        wanted.sort();
        let wanted: Vec<_> = wanted.into_iter().map(|(_, _, body)| body).collect();
        let each: Vec<_> = values(&rows).map(|value| value.read().unwrap()).collect();
        prop_assert_eq!(&each, &wanted);
        let is_long = |body: &Bytes| body.len() >= 32;
        let wanted: Vec<_> = wanted.into_iter().filter(is_long).map(Some).collect();
        let mut found = vec![None; wanted.len()];
        read_all(places(&rows).into_iter().enumerate().collect(), |index, bytes, checksum| {
            assert_eq!(checksum, xxh3_64(bytes));
            assert!(found[index].replace(Bytes::copy_from_slice(bytes)).is_none());
            Ok(())
        })
        .unwrap();
        prop_assert_eq!(found, wanted);
        let memory = rows.bytes();
        rows.take_in().unwrap();
        prop_assert_eq!((rows.bytes(), rows.memory()), (memory, memory));
        prop_assert!(places(&rows).is_empty());
        prop_assert_eq!(values(&rows).map(|value| value.read().unwrap()).collect::<Vec<_>>(), each);
    }
}

/// They begin both at the same place.
#[test]
fn bodies_of_both_files_are_read_at_once() {
    let (directory, mut log) = open();
    let mut rows = Staged::default();
    for (key, number) in [(2, 1), (1, 34)] {
        for filler in number..number + 32 {
            let mut batch = Staged::default();
            if filler == number {
                batch = staged(key, 100);
            }
            batch.put(Table::Pay, b"filler", vec![1; MIB].into());
            log.append(filler, &mut batch, filler.min(32)).unwrap();
            rows.fold(batch);
        }
        log.append(number + 32, &mut staged(9, 10), 33).unwrap();
    }
    assert_eq!(numbers(directory.path()).first(), Some(&1));
    let mut found = Vec::new();
    let places = places(&rows).into_iter().enumerate().collect();
    read_all(places, |index, bytes, _| {
        found.push((index, Bytes::copy_from_slice(bytes)));
        Ok(())
    })
    .unwrap();
    found.sort();
    assert_eq!(found, [(0, body(1, 100)), (1, body(2, 100))]);
}

#[test]
fn what_is_written_over_is_counted_once() {
    let (_directory, mut log) = open();
    let mut rows = staged(1, 1_000);
    log.append(1, &mut rows, 0).unwrap();
    let before = (rows.bytes(), rows.memory());
    let mut later = staged(1, 3_000);
    log.append(2, &mut later, 0).unwrap();
    rows.fold(later);
    assert_eq!((rows.bytes(), rows.memory()), (before.0 + 2_000, before.1));
    assert_eq!(places(&rows)[0].read().unwrap(), body(1, 3_000));
    // Once more in memory.
    rows.fold(staged(1, 500));
    assert_eq!(rows.memory(), rows.bytes());
    assert_eq!(rows.bytes(), before.0 - 500);
}

#[test]
fn a_file_is_not_begun_anew_while_somebody_has_a_place_in_it() {
    let (directory, mut log) = open();
    let path = directory.path();
    let mut first = staged(1, MIB);
    log.append(1, &mut first, 0).unwrap();
    for number in 2..=64 {
        log.append(number, &mut staged(number, MIB), number - 1).unwrap();
    }
    assert_eq!(numbers(path), (1..=64).collect::<Vec<_>>(), "both files are full");
    // The tables have all of it, but somebody reads.
    log.append(65, &mut staged(65, MIB), 64).unwrap();
    log.rest().unwrap();
    assert_eq!(numbers(path).first(), Some(&1));
    assert_eq!(places(&first)[0].read().unwrap(), body(1, MIB));
    drop(first);
    log.append(66, &mut staged(66, MIB), 65).unwrap();
    assert_eq!(numbers(path).first(), Some(&33));
    log.rest().unwrap();
    assert_eq!(NAMES.map(|name| fs::metadata(path.join(name)).unwrap().len()), [0, 0]);
}

/// More than both files hold, so that they are begun anew while others read in them.
#[tokio::test]
async fn bodies_are_read_while_the_files_are_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    let site = Arc::new(Site::open(directory.path()).await);
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..6 {
        let site = Arc::clone(&site);
        callers.spawn(async move {
            for turn in 0..8 {
                let number = caller * 100 + turn;
                let (head, payload) = (own_task(number), body(number, 2 * MIB));
                site.durable(vec![insert_with(&head, &payload)]).await;
                for _ in 0..2 {
                    let loaded = site.store.bytes(&[BytesWanted::from(&head)]).await.unwrap();
                    assert!(loaded[0].payload.as_ref() == Some(&payload), "{number}");
                }
                site.durable(vec![finish(&head, Outcome::Succeeded)]).await;
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    for number in (0..6).flat_map(|caller| (0..8).map(move |turn| caller * 100 + turn)) {
        let wanted = BytesWanted::from(&own_task(number));
        let loaded = site.store.bytes(&[wanted]).await.unwrap().remove(0);
        assert!(loaded.payload == Some(body(number, 2 * MIB)), "{number}");
    }
    site.store.close().await.unwrap();
}

/// Flips a bit of the body in the log.
fn damage(store: &Path, body: &[u8]) {
    for name in NAMES {
        let path = store.join(name);
        let bytes = fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(body.len()).position(|window| window == body) {
            overwrite(&path, at as u64, &[body[0] ^ 1]);
            return;
        }
    }
    panic!("it is not there");
}

/// One by itself goes with its row, many go into a pack.
#[tokio::test]
async fn a_body_that_is_damaged_in_the_log_is_given_to_nobody() {
    for length in [100, 5_000] {
        let directory = tempfile::tempdir().unwrap();
        let site = Site::open(directory.path()).await;
        let (whole, broken) = (own_task(1), own_task(2));
        site.durable(vec![insert_with(&whole, &body(1, length))]).await;
        site.durable(vec![insert_with(&broken, &body(2, length))]).await;
        damage(directory.path(), &body(2, length));
        let loaded = site.store.bytes(&[BytesWanted::from(&whole)]).await.unwrap();
        assert_eq!(loaded[0].payload, Some(body(1, length)));
        let error = site.store.bytes(&[BytesWanted::from(&broken)]).await.unwrap_err();
        assert!(error.to_string().contains("not what was written there"), "{error}");
        // Nor to the tables.
        assert!(matches!(site.store.names().await, Err(StoreError::Poisoned)));
        drop(site);
        let error = FjallStore::open(FjallConfig::new(directory.path())).unwrap_err();
        assert!(matches!(error, StoreError::Cut { .. }), "{error}");
    }
}

/// Also of bodies that nobody has read yet.
#[tokio::test]
async fn the_log_is_empty_behind_an_orderly_stop() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    for number in 1..=4 {
        site.durable(vec![insert_with(&own_task(number), &body(number, MIB))]).await;
    }
    let lengths = || NAMES.map(|name| fs::metadata(directory.path().join(name)).unwrap().len());
    assert!(lengths()[0] > 4 << 20);
    site.store.close().await.unwrap();
    assert_eq!(lengths(), [0, 0]);
}

/// A pack is written once, what goes through the journal twice.
#[test]
fn room_is_kept_for_a_pack_once() {
    let (_directory, mut log) = open();
    let mut rows = staged(1, MIB);
    log.append(1, &mut rows, 0).unwrap();
    let mib = MIB as u64;
    let packed = bytes_to_apply(&rows);
    assert!((mib..2 * mib).contains(&packed), "{packed}");
    rows.put(Table::Pay, b"plain", body(2, MIB));
    let both = bytes_to_apply(&rows) - packed;
    assert!((2 * mib..3 * mib).contains(&both), "{both}");
    assert_eq!(bytes_to_apply(&Staged::default()), 0);
}
