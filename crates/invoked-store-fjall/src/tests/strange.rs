//! Backups that nobody of ours has written, and places that none may have.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use invoked_store::{BackupError, BackupPlace, BackupState, RestoreError, Store};
use sha2::Digest as _;

use super::backup::{ended_backup, wanted};
use super::sample::*;
use crate::backup::{MANIFEST, SUMS, hex};
use crate::{FjallConfig, check_backup, restore};

async fn write(site: &Site, to: &Path) -> Result<(), BackupError> {
    site.store.begin_backup(wanted(BackupPlace::At(to.to_owned()))).await?;
    assert_eq!(ended_backup(&site.store).await.state, BackupState::Done);
    Ok(())
}

/// Has the manifest call its first file so, with sums that fit.
fn rename_in_manifest(backup: &Path, name: &str) {
    let text = fs::read_to_string(backup.join(MANIFEST)).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let file = &mut manifest["files"][0];
    file["name"] = name.into();
    let of_file = file["sha256"].as_str().unwrap().to_owned();
    let text = manifest.to_string();
    let of_manifest = hex(&sha2::Sha256::digest(&text));
    fs::write(backup.join(MANIFEST), text).unwrap();
    let sums = format!("{of_file}  {name}\n{of_manifest}  {MANIFEST}\n");
    fs::write(backup.join(SUMS), sums).unwrap();
}

fn refusal(backup: &Path) -> String {
    check_backup(backup).unwrap_err().to_string()
}

#[tokio::test]
async fn a_manifest_names_no_file_outside_of_its_backup() {
    let directory = tempfile::tempdir().unwrap();
    let [source, backup, outside, target] =
        ["store", "backup", "outside", "target"].map(|name| directory.path().join(name));
    let site = Site::open(&source).await;
    site.durable(vec![insert(&plain(1))]).await;
    write(&site, &backup).await.unwrap();
    let rows = backup.join("rows-00001");
    fs::copy(&rows, &outside).unwrap();
    fs::create_dir(backup.join("sub")).unwrap();
    fs::copy(&rows, backup.join("sub/rows")).unwrap();
    let absolute = outside.display().to_string();
    for name in ["../outside", absolute.as_str(), "sub/rows", "./rows-00001", "rows-00001/", ""] {
        rename_in_manifest(&backup, name);
        let said = refusal(&backup);
        let named =
            format!("{MANIFEST} of the backup names a file {name:?}, which is no plain name");
        assert!(said.starts_with(&named), "{said}");
        assert!(restore(&backup, &FjallConfig::new(&target)).is_err() && !target.exists());
    }
    rename_in_manifest(&backup, "rows-00001");
    assert_eq!(check_backup(&backup).unwrap().live_rows, 1);
}

#[tokio::test]
async fn what_is_no_plain_file_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let (source, backup) = (directory.path().join("store"), directory.path().join("backup"));
    let site = Site::open(&source).await;
    write(&site, &backup).await.unwrap();
    let moved = directory.path().join("moved");
    for name in ["rows-00001", MANIFEST, SUMS] {
        let file = backup.join(name);
        fs::rename(&file, &moved).unwrap();
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &file, kind, rustix::fs::Mode::from(0o600), 0)
            .unwrap();
        let said = refusal(&backup);
        assert!(said.contains(name) && said.contains("it is not a plain file"), "{said}");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(refusal(&backup).contains("it is not a plain file"), "{name}");
        fs::remove_dir(&file).unwrap();
        symlink(&moved, &file).unwrap();
        let said = refusal(&backup);
        assert!(said.contains(name) && said.contains("symbolic link"), "{said}");
        fs::remove_file(&file).unwrap();
        fs::rename(&moved, &file).unwrap();
    }
    assert!(check_backup(&backup).is_ok());
    // The backup itself may be reached by a link.
    symlink(&backup, &moved).unwrap();
    assert!(check_backup(&moved).is_ok());
    fs::remove_dir_all(&backup).unwrap();
    assert!(matches!(check_backup(&moved), Err(RestoreError::NoBackup { .. })));
}

#[tokio::test]
async fn no_backup_is_written_into_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let site = Site::open(&store).await;
    let link = directory.path().join("link");
    symlink(&store, &link).unwrap();
    let around = directory.path().join("missing/../store/x");
    let behind = directory.path().join("missing/../link/x");
    for inside in [store.join("x"), store.join("deep/er/x"), link.join("x"), around, behind] {
        let refused = write(&site, &inside).await.unwrap_err();
        assert!(matches!(refused, BackupError::InStore { .. }), "{refused}");
        let said = refused.to_string();
        let paths =
            [&inside, &store.canonicalize().unwrap()].map(|path| path.display().to_string());
        assert!(paths.iter().all(|path| said.contains(path)), "{said}");
        assert!(!inside.exists());
    }
    let config = FjallConfig {
        backup_path: Some(directory.path().join("other/backups")),
        ..FjallConfig::new(directory.path().join("other"))
    };
    let other = Site::with(config).await;
    let place = BackupPlace::Named("nightly".to_owned());
    let refused = other.store.begin_backup(wanted(place)).await;
    assert!(matches!(refused, Err(BackupError::InStore { .. })), "{refused:?}");
    // A name that only begins alike, and a place that is to be made, are elsewhere.
    for outside in ["store-backups", "new/backup", "store/../beside"] {
        write(&site, &directory.path().join(outside)).await.unwrap();
    }
}
