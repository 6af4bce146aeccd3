//! The directory: its modes, its lock, and a journal that is not as it was left.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use invoked_core::life::Outcome;
use invoked_core::shard::BytesWanted;
use invoked_store::StoreError;
use tempfile::TempDir;

use super::golden::{fixture, flush};
use super::sample::*;
use super::space::maintain;
use crate::acknowledged::Acknowledged;
use crate::apply::apply;
use crate::journal::{self, Numbered};
use crate::keys::Table;
use crate::log;
use crate::log::scan::{self, Record};
use crate::maintenance::Maintenance;
use crate::staged::Staged;
use crate::tables::Tables;
use crate::{FjallConfig, FjallStore, accept_loss, directory, verify_files};
use invoked_store::Store as _;

/// What a crash leaves of a store with three batches of rows behind those that made it. They stand in the
/// log alone.
async fn crashed() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    for seconds in 1..=3 {
        site.durable(vec![insert(&plain(seconds))]).await;
    }
    let image = image_of(directory.path());
    let log = image.path().join(log::NAMES[0]);
    (image, log)
}

/// What a crash leaves of the same store if the tables were brought further behind each batch: all of it
/// stands in fjall's journal and in the log.
async fn crashed_when_settled() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    for seconds in 1..=3 {
        site.durable(vec![insert(&plain(seconds))]).await;
        site.store.names().await.unwrap();
    }
    let image = image_of(directory.path());
    let journal = directory::active_journal(image.path()).unwrap().unwrap();
    (image, journal)
}

fn records(directory: &Path) -> Vec<Record> {
    scan::scan(directory).unwrap().behind(0).cloned().collect()
}

fn last(journal: &Path) -> Numbered {
    journal::scan(journal, None).unwrap().last.unwrap()
}

pub(super) fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, at).unwrap();
}

fn open(directory: &TempDir) -> Result<FjallStore, StoreError> {
    FjallStore::open(FjallConfig::new(directory.path()))
}

#[tokio::test]
async fn nobody_else_has_a_right_to_anything() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let site = Site::open(&path).await;
    // A bucket's keyspaces are made while the store runs.
    site.durable(vec![insert(&task("t", 1))]).await;
    let mut open = vec![path];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let metadata = fs::metadata(&path).unwrap();
        let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o777, wanted, "{}", path.display());
        seen += 1;
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen > 20);
}

#[tokio::test]
async fn a_second_open_is_refused_and_the_first_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let shown = directory.path().display().to_string();
    let refused = open(&directory);
    assert!(matches!(refused, Err(StoreError::InUse { path }) if path == shown));
    site.durable(vec![insert(&plain(1))]).await;
    drop(site);
    assert!(open(&directory).is_ok());
}

#[tokio::test]
async fn a_scan_finds_every_batch_and_no_break() {
    let (directory, _) = crashed().await;
    let numbers = |records: Vec<Record>| records.iter().map(|of| of.number).collect::<Vec<_>>();
    // The store was made, its shard was acquired, three batches followed.
    assert_eq!(numbers(records(directory.path())), [2, 3, 4, 5]);
    assert_eq!(scan::scan(directory.path()).unwrap().reach(1), Ok(5));
    let journal = directory::active_journal(directory.path()).unwrap().unwrap();
    assert_eq!(last(&journal).number, 1, "it was made in the tables");

    let (directory, journal) = crashed_when_settled().await;
    let scan = journal::scan(&journal, None).unwrap();
    let last = scan.last.unwrap();
    assert_eq!((last.number, last.applied), (4, 5), "acquiring and the first row were one");
    assert_eq!((last.end, scan.behind_break), (scan.end, None));
    assert_eq!(scan::scan(directory.path()).unwrap().reach(5), Ok(5));
    assert_eq!(Site::open(directory.path()).await.live_rows().await, 3);
}

#[tokio::test]
async fn a_cut_behind_an_acknowledged_batch_is_noticed() {
    let (directory, log) = crashed().await;
    let end = records(directory.path())[3].position;
    OpenOptions::new().write(true).open(&log).unwrap().set_len(end + 9).unwrap();
    let refused = open(&directory);
    assert_eq!(fs::metadata(&log).unwrap().len(), end + 9, "nothing is touched");
    assert!(matches!(refused, Err(StoreError::Cut { found: 4, acknowledged: 5 })), "{refused:?}");
    let lost = accept_loss(directory.path()).unwrap().unwrap();
    assert_eq!((lost.found, lost.acknowledged, lost.aside), (4, 5, Vec::new()));
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 2);
    drop(site);
    assert_eq!(accept_loss(directory.path()).unwrap(), None, "nothing is missing any more");
}

#[tokio::test]
async fn a_log_that_lost_several_batches_is_refused_and_the_way_out_named() {
    let (directory, log) = crashed().await;
    let whole = fs::read(&log).unwrap();
    for (kept, record) in records(directory.path()).into_iter().enumerate() {
        let before = &whole[..usize::try_from(record.position).unwrap()];
        fs::write(&log, before).unwrap();
        let refused = open(&directory).unwrap_err();
        assert!(matches!(refused, StoreError::Cut { acknowledged: 5, .. }), "{kept}: {refused:?}");
        let text = refused.to_string();
        assert!(text.contains("invoked store restore"), "{text}");
        assert!(text.contains("invoked store repair --accept-loss"), "{text}");
        assert!(fs::read(&log).unwrap() == before, "nothing is touched");
        assert_eq!(verify_files(directory.path()).unwrap().wrong, 1);
    }
    fs::remove_file(&log).unwrap();
    assert!(matches!(open(&directory), Err(StoreError::Cut { found: 1, acknowledged: 5 })));
    fs::write(&log, whole).unwrap();
    assert_eq!(Site::open(directory.path()).await.live_rows().await, 3);
}

#[tokio::test]
async fn a_record_that_is_missing_in_the_middle_is_refused_and_what_is_behind_it_given_up() {
    let (directory, log) = crashed().await;
    overwrite(&log, records(directory.path())[2].position + 40, &[0xee]);
    let before = fs::read(&log).unwrap();
    // Nobody knows any more what was acknowledged: the record behind it shows it.
    Acknowledged::forget(directory.path()).unwrap();
    let refused = open(&directory);
    assert!(matches!(refused, Err(StoreError::Cut { found: 3, acknowledged: 5 })), "{refused:?}");
    assert!(fs::read(&log).unwrap() == before, "nothing is touched");
    let lost = accept_loss(directory.path()).unwrap().unwrap();
    assert_eq!((lost.found, lost.acknowledged), (3, 5));
    assert_eq!(lost.aside, [log.with_extension("wal.cut")]);
    assert!(fs::read(&lost.aside[0]).unwrap() == before);
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 1);
    site.durable(vec![insert(&plain(9))]).await;
    drop(site);
    assert_eq!(Site::open(directory.path()).await.live_rows().await, 2);
}

#[tokio::test]
async fn a_torn_record_that_nobody_was_told_of_is_dropped() {
    for tenth in [1, 5, 9] {
        let (directory, log) = crashed().await;
        let torn = records(directory.path())[3].clone();
        let bytes = torn.length as u64 * tenth / 10;
        overwrite(&log, torn.position + bytes, &vec![0; torn.length]);
        Acknowledged::open(directory.path()).unwrap().note(torn.number - 1).unwrap();
        assert_eq!(verify_files(directory.path()).unwrap().problems, Vec::<String>::new());
        assert_eq!(accept_loss(directory.path()).unwrap(), None, "nothing acknowledged is missing");
        assert_eq!(Site::open(directory.path()).await.live_rows().await, 2);
    }
}

#[tokio::test]
async fn what_the_tables_lost_is_had_from_the_log() {
    let (directory, journal) = crashed_when_settled().await;
    journal::cut(&journal, last(&journal).end - 20).unwrap();
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 3);
    assert_eq!(site.store.verify_rows().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_sealed_journal_that_was_cut_is_refused() {
    for has_log in [true, false] {
        let (directory, journal) = crashed_when_settled().await;
        let batches = fs::read(&journal).unwrap();
        let cut = last(&journal).start;
        // What the last batch stood in is a journal of its own, as after a rotation.
        let next = journal.with_file_name("9.jnl");
        fs::write(&next, &batches[usize::try_from(cut).unwrap()..]).unwrap();
        journal::cut(&journal, cut).unwrap();
        assert_eq!(journal::scan_all(directory.path()).unwrap().scan.last.unwrap().applied, 5);
        journal::cut(&journal, cut - 7).unwrap();
        if !has_log {
            fs::remove_file(directory.path().join(log::NAMES[0])).unwrap();
        }
        let refused = open(&directory);
        assert!(matches!(refused, Err(StoreError::Cut { acknowledged: 5, .. })), "{refused:?}");
        let lost = accept_loss(directory.path()).unwrap().unwrap();
        assert_eq!((lost.acknowledged, lost.aside.len()), (5, 2));
        assert_eq!(lost.found, if has_log { 5 } else { 3 });
        let site = Site::open(directory.path()).await;
        assert_eq!(site.live_rows().await, if has_log { 3 } else { 1 });
    }
}

/// As if a journal between two others had gone: every batch that is left is whole.
#[tokio::test]
async fn a_batch_that_is_missing_between_two_is_noticed() {
    for has_log in [true, false] {
        let (directory, journal) = crashed_when_settled().await;
        let batches = fs::read(&journal).unwrap();
        let end = usize::try_from(last(&journal).start).unwrap();
        journal::cut(&journal, end as u64).unwrap();
        let start = usize::try_from(last(&journal).start).unwrap();
        fs::write(&journal, [&batches[..start], &batches[end..]].concat()).unwrap();
        if has_log {
            assert_eq!(Site::open(directory.path()).await.live_rows().await, 3);
            continue;
        }
        fs::remove_file(directory.path().join(log::NAMES[0])).unwrap();
        let refused = open(&directory);
        let cut = matches!(refused, Err(StoreError::Cut { found: 3, acknowledged: 5 }));
        assert!(cut, "{refused:?}");
    }
}

/// The flushed table says that the tables are further than what is left of the journal.
#[tokio::test]
async fn a_break_is_mended_though_a_table_was_flushed_behind_it() {
    let (directory, journal) = crashed_when_settled().await;
    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    tables.existing(Table::Meta).unwrap().rotate_memtable_and_wait().unwrap();
    drop(tables);
    let whole = last(&journal);
    let batches = fs::read(&journal).unwrap();
    journal::cut(&journal, whole.start).unwrap();
    let damaged = last(&journal).end - 14;
    fs::write(&journal, batches).unwrap();
    overwrite(&journal, damaged, &[0xee]);
    for (rows, seconds) in [(3, 9), (4, 10)] {
        let site = Site::open(directory.path()).await;
        assert_eq!(site.live_rows().await, rows);
        assert_eq!(site.store.verify_rows().await.unwrap().problems, Vec::<String>::new());
        let wanted = [BytesWanted::from(&plain(2))];
        assert_eq!(site.store.bytes(&wanted).await.unwrap()[0].payload, Some(payload(&plain(2))));
        site.durable(vec![insert(&plain(seconds))]).await;
        site.store.close().await.unwrap();
        assert_eq!(verify_files(directory.path()).unwrap().problems, Vec::<String>::new());
    }
}

/// An earlier program's note may be behind what it had written, and there is no log to have anything from.
#[tokio::test]
async fn a_break_in_a_store_without_a_log_is_refused_whatever_was_noted() {
    let directory = tempfile::tempdir().unwrap();
    copy(&fixture(4), directory.path());
    let journal = directory::active_journal(directory.path()).unwrap().unwrap();
    let batches = fs::read(&journal).unwrap();
    journal::cut(&journal, last(&journal).start).unwrap();
    let damaged = last(&journal);
    fs::write(&journal, batches).unwrap();
    overwrite(&journal, damaged.end - 14, &[0xee]);
    let mut note = (damaged.number - 1).to_le_bytes().to_vec();
    note.extend((!(damaged.number - 1)).to_le_bytes());
    fs::write(directory.path().join("acknowledged"), note).unwrap();
    let refused = open(&directory);
    assert!(matches!(refused, Err(StoreError::Cut { .. })), "{refused:?}");
    assert_eq!(verify_files(directory.path()).unwrap().wrong, 1);
}

/// The tables know how far they are where the journals do not.
#[tokio::test]
async fn a_repair_keeps_what_the_log_has_behind_the_tables() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    site.durable(vec![insert(&plain(1))]).await;
    site.store.close().await.unwrap();
    drop(site);
    flush(directory.path());
    let journal = directory::active_journal(directory.path()).unwrap().unwrap();
    journal::cut(&journal, 0).unwrap();
    let site = Site::open(directory.path()).await;
    for seconds in 2..=4 {
        site.durable(vec![insert(&plain(seconds))]).await;
        site.store.names().await.unwrap();
    }
    let image = image_of(directory.path());
    let journal = directory::active_journal(image.path()).unwrap().unwrap();
    overwrite(&journal, 0, &[9]);
    assert_eq!(journal::scan(&journal, None).unwrap().last, None);
    assert!(matches!(open(&image), Err(StoreError::Cut { found: 0, .. })));
    let lost = accept_loss(image.path()).unwrap().unwrap();
    assert_eq!(lost.found, lost.acknowledged, "nothing is");
    assert_eq!(Site::open(image.path()).await.live_rows().await, 4);
}

#[tokio::test]
async fn a_store_that_was_made_only_half_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("keyspaces")).unwrap();
    fs::write(directory.path().join("0.jnl"), [0; 99]).unwrap();
    let site = Site::open(directory.path()).await;
    site.durable(vec![insert(&plain(1))]).await;
    drop(site);
    // A store that has something in it is never made anew.
    fs::remove_file(directory.path().join("version")).unwrap();
    assert!(matches!(open(&directory), Err(StoreError::Engine { .. })));
}

#[tokio::test]
async fn a_break_in_a_journal_with_batches_behind_it_is_refused_and_nothing_is_touched() {
    let (directory, journal) = crashed_when_settled().await;
    overwrite(&journal, 0, &[9]);
    let before = fs::read(&journal).unwrap();
    let refused = open(&directory);
    assert!(matches!(refused, Err(StoreError::Cut { .. })), "{refused:?}");
    assert!(fs::read(&journal).unwrap() == before);
}

#[tokio::test]
async fn a_wrong_checksum_in_the_last_batch_of_a_journal_is_cut_off() {
    let (directory, journal) = crashed_when_settled().await;
    let torn = last(&journal);
    // The end of the last value, in front of the trailer.
    overwrite(&journal, torn.end - 14, &[0xee]);
    let before = fs::read(&journal).unwrap();
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 3, "it is had from the log");
    assert!(!journal.with_extension("torn").exists());

    // Nobody knows what was acknowledged.
    let (directory, journal) = crashed_when_settled().await;
    overwrite(&journal, last(&journal).end - 14, &[0xee]);
    assert!(fs::read(&journal).unwrap() == before);
    Acknowledged::forget(directory.path()).unwrap();
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 3);
    assert!(fs::read(journal.with_extension("torn")).unwrap() == before);

    let (directory, journal) = crashed_when_settled().await;
    overwrite(&journal, last(&journal).end - 14, &[0xee]);
    fs::remove_file(directory.path().join(log::NAMES[0])).unwrap();
    let before = fs::read(&journal).unwrap();
    let refused = open(&directory);
    assert!(matches!(refused, Err(StoreError::Cut { found: 4, acknowledged: 5 })), "{refused:?}");
    assert!(fs::read(&journal).unwrap() == before, "it was acknowledged: nothing is touched");
}

#[tokio::test]
async fn a_rest_gives_the_disk_back_and_keeps_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let payload = bytes::Bytes::from(vec![7; 64 * 1024]);
    for seconds in 1..=320 {
        site.durable(vec![insert_with(&plain(seconds), &payload)]).await;
    }
    for seconds in 2..=320 {
        site.durable(vec![finish(&plain(seconds), Outcome::Succeeded)]).await;
    }
    site.store.close().await.unwrap();
    let before = directory::allocated(directory.path()).unwrap();

    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    maintain(&mut Maintenance::new(&tables), &tables, 1);
    let after = directory::allocated(directory.path()).unwrap();
    assert!(before > 20 << 20, "{before}");
    assert!(after < 2 << 20, "{after}");
    apply(&Staged::default(), &tables).unwrap();
    drop(tables);
    // No journal has a batch of ours any more, and nothing is missing.
    assert_eq!(journal::scan_all(directory.path()).unwrap().scan.last, None);
    assert_eq!(accept_loss(directory.path()).unwrap(), None);
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 1);
    let wanted = [BytesWanted::from(&plain(1))];
    assert_eq!(site.store.bytes(&wanted).await.unwrap()[0].payload, Some(payload));
}
