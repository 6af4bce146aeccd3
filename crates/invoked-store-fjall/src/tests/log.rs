//! The log as files: where records come to stand, and what is read back.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::keys::Table;
use crate::log::scan::{self, Gap};
use crate::log::{Log, NAMES};
use crate::staged::{Entry, Staged};

const LARGE: usize = 1 << 20;

fn rows(number: u64, bytes: usize) -> Staged {
    let mut staged = Staged::default();
    let value = vec![u8::try_from(number % 251).unwrap(); bytes];
    staged.put(Table::Pay, &number.to_be_bytes(), value.into());
    staged.remove(Table::Records(invoked_core::time::Day(7)), b"gone");
    staged
}

fn open() -> (TempDir, Log) {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(directory.path()).unwrap();
    (directory, log)
}

fn numbers(directory: &Path) -> Vec<u64> {
    scan::scan(directory).unwrap().behind(0).map(|record| record.number).collect()
}

fn length(directory: &Path, name: &str) -> u64 {
    fs::metadata(directory.join(name)).unwrap().len()
}

#[test]
fn what_is_written_is_read_back() {
    let (directory, mut log) = open();
    for number in 1..=3 {
        log.append(number, &mut rows(number, 5_000), 0).unwrap();
        log.go_ahead().unwrap();
    }
    let scan = scan::scan(directory.path()).unwrap();
    assert_eq!((scan.reach(0), scan.reach(2), scan.reach(3)), (Ok(3), Ok(3), Ok(3)));
    assert_eq!(scan.reach(9), Ok(9), "the tables are further");
    for record in scan.behind(0) {
        let wanted = rows(record.number, 5_000);
        let value = |entry: &Entry| entry.value.as_ref().map(|value| value.read().unwrap());
        let pairs = |rows: &Staged| {
            let rows = rows.rows();
            rows.map(|(table, key, entry)| (table, key.to_vec(), value(entry))).collect()
        };
        let found: Vec<_> = pairs(&record.rows().unwrap());
        assert_eq!(found, pairs(&wanted));
        assert_eq!(record.position % 4_096, 0);
    }
    assert!(length(directory.path(), NAMES[0]) >= 64 * 1_024, "blocks are there ahead");
    assert_eq!(length(directory.path(), NAMES[1]), 0);
}

#[test]
fn a_file_is_begun_again_once_the_tables_have_what_stands_in_it() {
    let (directory, mut log) = open();
    let path = directory.path();
    for number in 1..=32 {
        log.append(number, &mut rows(number, LARGE), 0).unwrap();
    }
    assert_eq!(length(path, NAMES[1]), 0);
    for number in 33..=64 {
        log.append(number, &mut rows(number, LARGE), 0).unwrap();
    }
    assert_eq!(log.left(), 32);
    // Nobody has applied anything, so the second file grows.
    for number in 65..=67 {
        log.append(number, &mut rows(number, LARGE), 31).unwrap();
    }
    assert_eq!(numbers(path), (1..=67).collect::<Vec<_>>());
    // Now the first is free. What is left in it from before is not taken for anything.
    log.append(68, &mut rows(68, 10), 32).unwrap();
    assert_eq!(log.left(), 67);
    assert_eq!(numbers(path), (33..=68).collect::<Vec<_>>());
    let scan = scan::scan(path).unwrap();
    assert_eq!(scan.reach(32), Ok(68));
    assert_eq!(scan.reach(31), Err(Gap { found: 31, behind: 68 }));
}

#[test]
fn a_log_that_nobody_applies_is_overfull_in_the_end() {
    let (directory, mut log) = open();
    let mut number = 0;
    while !log.is_overfull() {
        number += 1;
        log.append(number, &mut rows(number, 4 * LARGE), 0).unwrap();
    }
    assert_eq!(numbers(directory.path()), (1..=number).collect::<Vec<_>>());
    assert!(length(directory.path(), NAMES[1]) > 64 << 20);
    // Both are free: the longer one is cut to size when it is its turn.
    log.append(number + 1, &mut rows(1, 10), number).unwrap();
    for more in 2..=10 {
        log.append(number + more, &mut rows(1, 4 * LARGE), number + more - 1).unwrap();
    }
    assert_eq!(length(directory.path(), NAMES[1]), 32 << 20);
}

#[test]
fn a_rest_empties_the_files_and_numbers_go_on() {
    let (directory, mut log) = open();
    log.append(1, &mut rows(1, 100), 0).unwrap();
    log.rest().unwrap();
    assert_eq!(numbers(directory.path()), [1], "it is small");
    for number in 2..=20 {
        log.append(number, &mut rows(number, LARGE), number - 1).unwrap();
    }
    log.rest().unwrap();
    assert_eq!(NAMES.map(|name| length(directory.path(), name)), [0, 0]);
    log.append(21, &mut rows(21, 100), 20).unwrap();
    assert_eq!(scan::scan(directory.path()).unwrap().reach(20), Ok(21));
}

/// A payload may be whatever somebody outside sends, blocks with records in them included.
#[test]
fn what_looks_like_a_record_and_is_left_from_before_is_none() {
    let (directory, mut log) = open();
    let path = directory.path();
    log.append(1, &mut rows(1, 10), 0).unwrap();
    let mut forged = fs::read(path.join(NAMES[0])).unwrap()[..4_096].to_vec();
    // A number that would be refused as a sign of loss, or replayed, and the checksum to it.
    forged[16..24].copy_from_slice(&3_u64.to_le_bytes());
    forged[24..32].copy_from_slice(&7_u64.to_le_bytes());
    let checksum = xxhash_rust::xxh3::xxh3_64(&forged[8..]);
    forged[..8].copy_from_slice(&checksum.to_le_bytes());
    let mut bytes = fs::read(path.join(NAMES[0])).unwrap();
    bytes.extend(&forged);
    fs::write(path.join(NAMES[0]), &bytes).unwrap();
    log.append(2, &mut rows(2, 10), 0).unwrap();
    let mut bytes = fs::read(path.join(NAMES[0])).unwrap();
    bytes.extend(&forged);
    fs::write(path.join(NAMES[0]), &bytes).unwrap();
    assert_eq!(numbers(path), [1, 2]);
    assert_eq!(scan::scan(path).unwrap().reach(0), Ok(2));
}
