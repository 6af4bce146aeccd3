//! The directory: its modes, its lock, and a journal that is not as it was left.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use invoked_core::life::Outcome;
use invoked_store::StoreError;
use tempfile::TempDir;

use super::sample::*;
use crate::acknowledged::Acknowledged;
use crate::journal::{self, Numbered};
use crate::maintenance::Maintenance;
use crate::staged::Staged;
use crate::tables::Tables;
use crate::{FjallConfig, FjallStore, accept_loss, directory, verify_files};
use invoked_store::Store as _;

/// A closed store with three batches of rows behind those that made it.
async fn closed() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    for seconds in 1..=3 {
        site.durable(vec![insert(&plain(seconds))]).await;
    }
    site.store.close().await.unwrap();
    let journal = directory::active_journal(directory.path()).unwrap().unwrap();
    (directory, journal)
}

fn last(journal: &Path) -> Numbered {
    journal::scan(journal, None).unwrap().last.unwrap()
}

fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
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
    let (_directory, journal) = closed().await;
    let scan = journal::scan(&journal, None).unwrap();
    let last = scan.last.unwrap();
    // The store was made, its shard was acquired, three batches followed.
    assert_eq!((last.number, last.end, scan.behind_break), (5, scan.end, None));
}

#[tokio::test]
async fn a_cut_behind_an_acknowledged_batch_is_noticed() {
    let (directory, journal) = closed().await;
    let end = last(&journal).start;
    OpenOptions::new().write(true).open(&journal).unwrap().set_len(end + 9).unwrap();
    let refused = open(&directory);
    assert_eq!(fs::metadata(&journal).unwrap().len(), end + 9, "nothing is touched");
    assert!(matches!(refused, Err(StoreError::Cut { found: 4, acknowledged: 5 })), "{refused:?}");
    let lost = accept_loss(directory.path()).unwrap().unwrap();
    assert_eq!((lost.found, lost.acknowledged), (4, 5));
    assert_eq!(lost.aside, [journal.with_extension("cut")]);
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 2);
    drop(site);
    assert_eq!(accept_loss(directory.path()).unwrap(), None, "nothing is missing any more");
}

#[tokio::test]
async fn a_journal_that_lost_several_batches_is_refused_and_the_way_out_named() {
    for kept in [0, 1, 2] {
        let (directory, journal) = closed().await;
        let mut end = journal::scan(&journal, None).unwrap().end;
        let whole = fs::read(&journal).unwrap();
        // From the end backwards, until so many of our five batches are left.
        while journal::scan(&journal, None).unwrap().last.map_or(0, |last| last.number) > kept {
            end -= 1;
            journal::cut(&journal, end).unwrap();
        }
        let before = fs::read(&journal).unwrap();
        let refused = open(&directory).unwrap_err();
        assert!(matches!(refused, StoreError::Cut { acknowledged: 5, .. }), "{refused:?}");
        let text = refused.to_string();
        assert!(text.contains("invoked store restore"), "{text}");
        assert!(text.contains("invoked store repair --accept-loss"), "{text}");
        if kept > 0 {
            assert!(fs::read(&journal).unwrap() == before, "nothing is touched");
        }
        assert!(verify_files(directory.path()).unwrap().wrong > 0 || kept == 0);
        fs::write(&journal, whole).unwrap();
    }
}

#[tokio::test]
async fn a_sealed_journal_that_was_cut_is_refused() {
    let (directory, journal) = closed().await;
    let batches = fs::read(&journal).unwrap();
    let cut = last(&journal).start;
    // What the last batch stood in is a journal of its own, as after a rotation.
    let next = journal.with_file_name("9.jnl");
    fs::write(&next, &batches[usize::try_from(cut).unwrap()..]).unwrap();
    journal::cut(&journal, cut).unwrap();
    assert_eq!(journal::scan_all(directory.path()).unwrap().scan.last.unwrap().number, 5);
    journal::cut(&journal, cut - 7).unwrap();
    let refused = open(&directory);
    assert!(matches!(refused, Err(StoreError::Cut { found: 3, acknowledged: 5 })), "{refused:?}");
    let lost = accept_loss(directory.path()).unwrap().unwrap();
    assert_eq!((lost.found, lost.acknowledged, lost.aside.len()), (3, 5, 2));
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 1);
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
async fn a_torn_batch_that_nobody_was_told_of_is_dropped() {
    let (directory, journal) = closed().await;
    let torn = last(&journal);
    OpenOptions::new().write(true).open(&journal).unwrap().set_len(torn.end - 20).unwrap();
    Acknowledged::open(directory.path()).unwrap().note(torn.number - 1).unwrap();
    assert_eq!(accept_loss(directory.path()).unwrap(), None, "nothing acknowledged is missing");
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 2);
}

#[tokio::test]
async fn a_break_with_batches_behind_it_is_refused_and_nothing_is_touched() {
    let (directory, journal) = closed().await;
    overwrite(&journal, 0, &[9]);
    let before = fs::read(&journal).unwrap();
    let refused = open(&directory);
    assert!(matches!(refused, Err(StoreError::Cut { found: 0, .. })), "{refused:?}");
    assert!(fs::read(&journal).unwrap() == before);
}

#[tokio::test]
async fn a_wrong_checksum_in_the_batch_that_was_not_synced_is_cut_off() {
    let (directory, journal) = closed().await;
    let torn = last(&journal);
    // The end of the last value, in front of the trailer.
    overwrite(&journal, torn.end - 14, &[0xee]);
    let before = fs::read(&journal).unwrap();
    let refused = open(&directory);
    assert!(matches!(refused, Err(StoreError::Cut { found: 4, acknowledged: 5 })), "{refused:?}");
    assert!(fs::read(&journal).unwrap() == before, "it was acknowledged: nothing is touched");

    Acknowledged::open(directory.path()).unwrap().note(torn.number - 1).unwrap();
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 2);
    assert!(fs::read(journal.with_extension("torn")).unwrap() == before);
}

#[tokio::test]
async fn a_rest_gives_the_disk_back_and_keeps_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let payload = bytes::Bytes::from(vec![7; 64 * 1024]);
    for seconds in 1..=320 {
        let head = plain(seconds);
        let insert = invoked_core::shard::RowOp::Insert { head, payload: payload.clone() };
        site.durable(vec![insert]).await;
    }
    for seconds in 2..=320 {
        site.durable(vec![finish(&plain(seconds), Outcome::Succeeded)]).await;
    }
    site.store.close().await.unwrap();
    let before = directory::allocated(directory.path()).unwrap();

    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    let mut maintenance = Maintenance::new(&tables);
    while let Some(wait) = maintenance.wait() {
        maintenance.step(&tables, 1, 0).unwrap();
        std::thread::sleep(wait.min(std::time::Duration::from_millis(5)));
    }
    let after = directory::allocated(directory.path()).unwrap();
    assert!(before > 20 << 20, "{before}");
    assert!(after < 2 << 20, "{after}");
    Staged::default().commit(&tables).unwrap();
    drop(tables);
    // No journal has a batch of ours any more, and nothing is missing.
    assert_eq!(journal::scan_all(directory.path()).unwrap().scan.last, None);
    assert_eq!(accept_loss(directory.path()).unwrap(), None);
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 1);
    let wanted = [invoked_core::shard::BytesWanted::from(&plain(1))];
    assert_eq!(site.store.bytes(&wanted).await.unwrap()[0].payload, Some(payload));
}
