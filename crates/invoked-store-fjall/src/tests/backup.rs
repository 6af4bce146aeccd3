//! Backups: what is in one, what is left of one that did not become whole, and the way back.

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use invoked_core::life::Outcome;
use invoked_core::shard::{BytesWanted, RowOp};
use invoked_store::{
    BackupError, BackupPlace, BackupState, BackupView, BackupWanted, RestoreError, Store,
    StoreError, audit,
};

use super::golden;
use super::sample::*;
use crate::apply::apply;
use crate::keys::{Table, number};
use crate::open::FORMAT;
use crate::staged::Staged;
use crate::tables::Tables;
use crate::{FjallConfig, FjallStore, check_backup, restore, verify_files};

pub(super) fn wanted(place: BackupPlace) -> BackupWanted {
    BackupWanted { place, bytes_per_second: None, now: NOON }
}

pub(super) async fn ended_backup(store: &FjallStore) -> BackupView {
    loop {
        let view = store.backup().unwrap();
        if view.state != BackupState::Running {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(super) async fn back_up(store: &FjallStore, to: &Path) -> BackupView {
    store.begin_backup(wanted(BackupPlace::At(to.to_owned()))).await.unwrap();
    ended_backup(store).await
}

#[tokio::test]
async fn a_backup_has_every_row_and_becomes_the_same_store() {
    let directory = tempfile::tempdir().unwrap();
    let [source, backup, target] =
        ["store", "backup", "target"].map(|name| directory.path().join(name));
    golden::write(&source).await;
    let site = Site::open(&source).await;
    let large = Bytes::from(vec![9; 100_000]);
    site.durable(vec![RowOp::Insert { head: Box::new(plain(50)), payload: large.clone() }]).await;
    let view = back_up(&site.store, &backup).await;
    assert_eq!(view.state, BackupState::Done);
    let rows = site.store.verify_rows().await.unwrap();
    assert_eq!((view.rows, rows.wrong), (rows.rows, 0));
    let counts = audit(&site.store).await.unwrap();
    // What comes after it began is not in it.
    site.durable(vec![insert(&plain(60))]).await;
    let audited = site.live_rows().await;

    let config = FjallConfig::new(&target);
    let restored = restore(&backup, &config).unwrap();
    assert_eq!((restored.rows, restored.live_rows), (rows.rows, audited - 1));
    assert_eq!((restored.begun_at, restored.format, restored.store_format), (NOON, 1, FORMAT));
    assert_eq!(check_backup(&backup).unwrap(), restored);
    assert_eq!(verify_files(&target).unwrap().problems, Vec::<String>::new());
    let site = Site::open(&target).await;
    assert_eq!(audit(&site.store).await.unwrap(), counts);
    assert_eq!(site.store.verify_rows().await.unwrap().problems, Vec::<String>::new());
    let bytes = site.store.bytes(&[BytesWanted::from(&plain(50))]).await.unwrap();
    assert_eq!(bytes[0].payload, Some(large));
    assert!(site.store.head(plain(60).key).await.unwrap().is_none());
    assert_eq!(site.store.kept_callbacks(None, 9).await.unwrap(), [kept_callback(&plain(3))]);
    // It goes on: rows end, others come.
    site.durable(vec![finish(&plain(50), Outcome::Succeeded), insert(&plain(70))]).await;
    site.store.close().await.unwrap();
    assert!(matches!(restore(&backup, &config), Err(RestoreError::NotEmpty { .. })));
}

#[tokio::test]
async fn what_no_backup_has_left_is_not_removed_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let backup = directory.path().join("backup");
    let partial = directory.path().join("backup.partial");
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("rows-00001"), "of a crash").unwrap();
    fs::write(partial.join("diary"), "of somebody").unwrap();
    let site = Site::open(&directory.path().join("store")).await;
    let BackupState::Failed { reason } = back_up(&site.store, &backup).await.state else {
        panic!("it was written");
    };
    assert!(reason.contains("it holds diary"), "{reason}");
    assert_eq!(fs::read(partial.join("diary")).unwrap(), b"of somebody");
    fs::remove_file(partial.join("diary")).unwrap();
    assert_eq!(back_up(&site.store, &backup).await.state, BackupState::Done);
    assert!(!partial.exists());
}

/// `sha256sum -c` reads what is written for it.
#[tokio::test]
async fn a_backup_is_checked_by_other_tools() {
    let directory = tempfile::tempdir().unwrap();
    let (source, backup) = (directory.path().join("store"), directory.path().join("backup"));
    let site = Site::open(&source).await;
    site.durable(vec![insert(&plain(1))]).await;
    assert_eq!(back_up(&site.store, &backup).await.state, BackupState::Done);
    let mut sums = std::process::Command::new("sha256sum");
    let done = sums.args(["-c", "--strict", "SHA256SUMS"]).current_dir(&backup).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[tokio::test]
async fn a_flipped_bit_of_a_backup_is_found_before_anything_is_restored() {
    let directory = tempfile::tempdir().unwrap();
    let [source, backup, target] =
        ["store", "backup", "target"].map(|name| directory.path().join(name));
    let site = Site::open(&source).await;
    site.durable(vec![insert(&plain(1)), insert(&task("t", 2))]).await;
    assert_eq!(back_up(&site.store, &backup).await.state, BackupState::Done);
    for file in fs::read_dir(&backup).unwrap().map(|entry| entry.unwrap().path()) {
        let before = fs::read(&file).unwrap();
        for at in (0..before.len()).step_by(before.len().div_ceil(40)) {
            let mut damaged = before.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&file, damaged).unwrap();
            let refused = restore(&backup, &FjallConfig::new(&target));
            assert!(refused.is_err(), "byte {at} of {}", file.display());
            assert!(!target.exists(), "byte {at} of {}", file.display());
        }
        fs::write(&file, &before).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(restore(&backup, &FjallConfig::new(&target)).is_err(), "{}", file.display());
        fs::write(&file, before).unwrap();
    }
    assert!(restore(&backup, &FjallConfig::new(&target)).is_ok());
}

#[tokio::test]
async fn a_name_goes_where_the_operator_said_and_one_runs_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let named = |name: &str| BackupPlace::Named(name.to_owned());
    let site = Site::open(&directory.path().join("nowhere")).await;
    let refused = site.store.begin_backup(wanted(named("a"))).await;
    assert!(matches!(refused, Err(BackupError::NoPlace)));
    let config = FjallConfig {
        backup_path: Some(directory.path().join("backups")),
        ..FjallConfig::new(directory.path().join("store"))
    };
    let site = Site::with(config).await;
    let payload = Bytes::from(vec![3; 60_000]);
    for seconds in 1..=50 {
        let insert = RowOp::Insert { head: Box::new(plain(seconds)), payload: payload.clone() };
        site.durable(vec![insert]).await;
    }
    for bad in ["", "..", "a/b", ".a", "a.partial"] {
        let refused = site.store.begin_backup(wanted(named(bad))).await;
        assert!(matches!(refused, Err(BackupError::Name)), "{bad}");
    }
    let at = BackupPlace::At(directory.path().join("a.partial"));
    assert!(matches!(site.store.begin_backup(wanted(at)).await, Err(BackupError::Name)));
    // A mebibyte a second: it is under way until it is given up.
    let rate = NonZeroU64::new(1 << 20);
    let slow = BackupWanted { bytes_per_second: rate, ..wanted(named("a")) };
    site.store.begin_backup(slow).await.unwrap();
    let refused = site.store.begin_backup(wanted(named("b"))).await;
    assert!(matches!(refused, Err(BackupError::Running)));
    // The writer goes on meanwhile.
    site.durable(vec![insert(&plain(99))]).await;
    site.store.close().await.unwrap();
    let BackupState::Failed { reason } = ended_backup(&site.store).await.state else { panic!() };
    assert_eq!(reason, StoreError::Closed.to_string());
    assert_eq!(fs::read_dir(directory.path().join("backups")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_crash_left_of_a_backup_is_replaced_and_a_whole_one_never() {
    let directory = tempfile::tempdir().unwrap();
    let backup = directory.path().join("backup");
    let left = directory.path().join("backup.partial");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("rows-00001"), "half").unwrap();
    let refused = check_backup(&left).unwrap_err();
    assert!(matches!(refused, RestoreError::NoBackup { .. }), "{refused:?}");
    let site = Site::open(&directory.path().join("store")).await;
    assert_eq!(back_up(&site.store, &backup).await.state, BackupState::Done);
    assert!(!left.exists());
    let again = site.store.begin_backup(wanted(BackupPlace::At(backup))).await;
    assert!(matches!(again, Err(BackupError::Exists { .. })), "{again:?}");
}

#[tokio::test]
async fn a_disk_without_room_ends_the_backup_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let backup = directory.path().join("backup");
    let site = Site::open(&directory.path().join("store")).await;
    let payload = Bytes::from(vec![3; 60_000]);
    for seconds in 1..=40 {
        let insert = RowOp::Insert { head: Box::new(plain(seconds)), payload: payload.clone() };
        site.durable(vec![insert]).await;
    }
    site.store.close().await.unwrap();
    // More than any disk has.
    let config = FjallConfig {
        free_bytes_min: u64::MAX / 2,
        ..FjallConfig::new(directory.path().join("store"))
    };
    let store = FjallStore::open(config).unwrap();
    let view = back_up(&store, &backup).await;
    let reason = format!("no room left at {}", directory.path().display());
    assert_eq!(
        view.state,
        BackupState::Failed { reason },
        "not in the store: it may be another disk"
    );
    assert!(!backup.exists() && !directory.path().join("backup.partial").exists());
    assert!(store.head(plain(1).key).await.unwrap().is_some());
}

#[tokio::test]
async fn a_restore_that_did_not_finish_is_no_store() {
    let directory = tempfile::tempdir().unwrap();
    let (backup, target) = (directory.path().join("backup"), directory.path().join("target"));
    let site = Site::open(&directory.path().join("store")).await;
    assert_eq!(back_up(&site.store, &backup).await.state, BackupState::Done);
    restore(&backup, &FjallConfig::new(&target)).unwrap();
    fs::write(target.join("restoring"), "").unwrap();
    let refused = FjallStore::open(FjallConfig::new(&target)).unwrap_err();
    assert!(matches!(&refused, StoreError::Damaged { .. }), "{refused:?}");
    assert!(refused.to_string().contains("a restore did not finish"), "{refused}");
}

#[tokio::test]
async fn a_store_of_every_released_format_is_backed_up_and_restored() {
    for format in 1..=FORMAT {
        let directory = tempfile::tempdir().unwrap();
        let [source, backup, target] =
            ["store", "backup", "target"].map(|name| directory.path().join(name));
        copy(&golden::fixture(format), &source);
        assert_eq!(verify_files(&source).unwrap().problems, Vec::<String>::new(), "{format}");
        let site = Site::open(&source).await;
        assert_eq!(site.store.verify_rows().await.unwrap().problems, Vec::<String>::new());
        let live = site.live_rows().await;
        assert_eq!(back_up(&site.store, &backup).await.state, BackupState::Done);
        restore(&backup, &FjallConfig::new(&target)).unwrap();
        assert_eq!(Site::open(&target).await.live_rows().await, live, "{format}");
    }
}

fn set_format(store: &Path, format: u32) {
    let tables = Tables::open(&FjallConfig::new(store)).unwrap();
    let mut staged = Staged::default();
    staged.put(Table::Meta, &number::FORMAT, number::encode_value(u64::from(format)));
    apply(&staged, &tables).unwrap();
}

#[tokio::test]
async fn a_newer_store_and_a_newer_backup_are_refused_with_both_versions() {
    let directory = tempfile::tempdir().unwrap();
    let [source, backup, target]: [PathBuf; 3] =
        ["store", "backup", "target"].map(|name| directory.path().join(name));
    let site = Site::open(&source).await;
    site.store.close().await.unwrap();
    drop(site);
    set_format(&source, FORMAT + 1);
    let text = FjallStore::open(FjallConfig::new(&source)).unwrap_err().to_string();
    for part in ["format 7", "up to 6", "newer program", "invoked store restore"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    set_format(&source, FORMAT);
    let site = Site::open(&source).await;
    assert_eq!(back_up(&site.store, &backup).await.state, BackupState::Done);
    for (of, newer) in [("format", 2), ("store_format", FORMAT + 1)] {
        let manifest = fs::read_to_string(backup.join("manifest.json")).unwrap();
        let mut changed: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        changed[of] = newer.into();
        let changed = serde_json::to_string(&changed).unwrap();
        let sums = fs::read_to_string(backup.join("SHA256SUMS")).unwrap();
        let sum = |text: &str| {
            use sha2::Digest as _;
            crate::backup::hex(&sha2::Sha256::digest(text))
        };
        fs::write(backup.join("SHA256SUMS"), sums.replace(&sum(&manifest), &sum(&changed)))
            .unwrap();
        fs::write(backup.join("manifest.json"), changed).unwrap();
        let refused = restore(&backup, &FjallConfig::new(&target)).unwrap_err();
        assert!(
            matches!(&refused, RestoreError::Newer { found, .. } if *found == newer),
            "{refused}"
        );
        assert!(!target.exists());
        fs::write(backup.join("SHA256SUMS"), sums).unwrap();
        fs::write(backup.join("manifest.json"), manifest).unwrap();
    }
    assert!(restore(&backup, &FjallConfig::new(&target)).is_ok());
}
