//! A bit that is not as it was written, anywhere in a store: it is found, and nothing panics or is
//! lost in silence.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use invoked_core::life::Outcome;
use invoked_core::shard::RowOp;
use invoked_store::{Audit, Store as _, audit};
use tempfile::TempDir;

use super::golden;
use super::overlay::body_of;
use super::sample::*;
use crate::keys::{Table, number};
use crate::log::{NAMES, scan};
use crate::packs;
use crate::tables::Tables;
use crate::{FjallConfig, FjallStore, Verified, directory, journal, verify_files};

/// Bytes of the smallest files that are tried one by one.
const SMALL_BYTES: usize = 256;
/// Places of a larger one.
const PLACES: usize = 48;

/// What a crash leaves of a store with every kind of row, in tables, blobs, journals and the log.
async fn store() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    golden::write(path).await;
    let site = Site::open(path).await;
    let apart = own_task(9);
    site.durable(vec![RowOp::Insert { head: Box::new(apart), payload: vec![9; 200].into() }]).await;
    site.store.close().await.unwrap();
    drop(site);
    golden::flush(path);
    let site = Site::open(path).await;
    for seconds in 10..20 {
        let head = plain(seconds);
        site.durable(vec![insert(&head), insert(&task(&format!("more-{seconds}"), seconds))]).await;
    }
    let failed = plain(10);
    let failed_callback = Some(Box::new(kept_callback(&failed)));
    let (head, was) = (Box::new(ended(&failed, Outcome::Failed)), failed.slot());
    site.durable(vec![RowOp::Finish { head, was, result: None, failed_callback }]).await;
    // The tables get this; what comes behind it stands in the log alone.
    site.store.names().await.unwrap();
    for seconds in 20..25 {
        site.durable(vec![insert(&plain(seconds)), insert(&own_task(seconds))]).await;
    }
    let image = image_of(path);
    trim(image.path());
    image
}

/// Whether nothing depends on a byte of the log: it stands behind the records, or the tables have what it
/// is of.
fn is_done_with(path: &Path, file: &Path, at: usize) -> bool {
    let journals = journal::scan_all(path).unwrap();
    let applied = journals.scan.last.unwrap().number;
    let scan = scan::scan(path).unwrap();
    !scan.behind(applied).any(|record| {
        let start = usize::try_from(record.position).unwrap();
        let end = (start + record.length).next_multiple_of(4_096);
        // Without its first record a file has none.
        record.path == file && ((start..end).contains(&at) || at < 4_096)
    })
}

/// Whether the log has every batch behind the last whole one of the journal.
fn is_had(path: &Path) -> bool {
    let found = journal::scan_all(path).unwrap().scan.last.map(|last| last.applied);
    let log = scan::scan(path).unwrap();
    let numbers: Vec<u64> = log.behind(0).map(|record| record.number).collect();
    let newest = numbers.iter().max().copied().unwrap_or(0);
    found.is_some_and(|found| {
        found < newest && (found + 1..=newest).all(|number| numbers.contains(&number))
    })
}

/// Leaves a little of what fjall reserves behind the last batch.
fn trim(path: &Path) {
    let active = directory::active_journal(path).unwrap().unwrap();
    let end = journal::scan(&active, None).unwrap().end;
    journal::cut(&active, end + 64).unwrap();
}

fn files(path: &Path) -> Vec<PathBuf> {
    let (mut open, mut found) = (vec![path.to_owned()], Vec::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if fs::metadata(&path).unwrap().len() > 0 && !is_old_list(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether this is a list of tables that a later one has replaced, and that nobody reads: fjall removes it with the
/// next compaction.
fn is_old_list(path: &Path) -> bool {
    let id = path.file_name().and_then(|name| name.to_str()?.strip_prefix('v')?.parse().ok());
    let current = fs::read(path.with_file_name("current")).unwrap_or_default();
    let last = current.first_chunk().map(|id| u64::from_le_bytes(*id));
    id.zip(last).is_some_and(|(id, last): (u64, u64)| id < last)
}

/// Places of a file: all bytes of a small one; of a larger one its ends, and some that a seed picks.
fn places(bytes: usize, seed: u64) -> Vec<(usize, u8)> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let offsets: Vec<usize> = if bytes <= SMALL_BYTES {
        (0..bytes).collect()
    } else {
        let ends = [0, 1, bytes - 2, bytes - 1];
        ends.into_iter().chain((0..PLACES).map(|_| random(bytes))).collect()
    };
    offsets.into_iter().map(|at| (at, 1 << random(8))).collect()
}

/// Sequence numbers of the batch that begins here may be any that keep the order: nothing depends on
/// which.
fn is_stamp(journal: &[u8], at: usize) -> bool {
    // 01 | items u32 | seqno u64, then 02 or 04, behind the trailer of another or at the beginning.
    (0..8).any(|into| {
        let Some(start) = at.checked_sub(5 + into) else { return false };
        let begins = start == 0 || journal[..start].ends_with(b"FJL\x03");
        begins && journal[start] == 1 && matches!(journal.get(start + 13), Some(2 | 4))
    })
}

#[tokio::test]
async fn a_flipped_bit_is_found_wherever_it_is() {
    let directory = store().await;
    let whole = verify_files(directory.path()).unwrap();
    assert_eq!(whole.problems, Vec::<String>::new());
    let files = files(directory.path());
    assert!(files.iter().any(|file| file.parent().unwrap().ends_with("blobs")), "{files:?}");
    let is_pack = |file: &PathBuf| file.starts_with(directory.path().join(packs::DIRECTORY));
    assert!(files.iter().any(is_pack), "{files:?}");
    assert!(files.iter().any(|file| file.extension().is_some_and(|of| of == "jnl")));
    let (mut tried, mut in_log, mut missed) = (0, 0, Vec::new());
    for (file, seed) in files.iter().zip(1..) {
        let before = fs::read(file).unwrap();
        let is_journal = file.extension().is_some_and(|of| of == "jnl");
        let is_log = NAMES.iter().any(|name| file.ends_with(name));
        in_log += u32::from(is_log);
        for (at, bit) in places(before.len(), seed) {
            if is_journal && is_stamp(&before, at) {
                continue;
            }
            if is_log && is_done_with(directory.path(), file, at) {
                continue;
            }
            let mut damaged = before.clone();
            damaged[at] ^= bit;
            fs::write(file, damaged).unwrap();
            tried += 1;
            // What ends too soon is what a crash leaves, if the log has the rows of what comes behind.
            let is_had = is_journal && is_had(directory.path());
            if verify_files(directory.path()).is_ok_and(|found| found.wrong == 0) && !is_had {
                missed.push(format!("{}: {bit:#x} of byte {at}", file.display()));
            }
        }
        fs::write(file, before).unwrap();
    }
    assert_eq!(missed, Vec::<String>::new());
    assert!(tried > 1_000, "{tried}");
    assert_eq!(in_log, 1);
    assert_eq!(verify_files(directory.path()).unwrap(), whole, "all is as it was");
}

type Contents = (Verified, Audit, Vec<(Vec<u8>, Vec<u8>)>);

/// Everything that can be read of a store, or that it does not read.
async fn read(path: &Path) -> Option<Contents> {
    let opened = catch_unwind(AssertUnwindSafe(|| FjallStore::open(FjallConfig::new(path))));
    let store = opened.expect("opening panics").ok()?;
    let verified = store.verify_rows().await.ok()?;
    let audited = audit(&store).await.ok()?;
    store.close().await.ok()?;
    drop(store);
    if verified.wrong > 0 {
        return None;
    }
    let tables = Tables::open(&FjallConfig::new(path)).ok()?;
    let view = crate::read::View::new(&tables);
    let mut rows = Vec::new();
    for table in view.tables() {
        for row in view.all(table) {
            let (key, value) = row.ok()?;
            // A body that is brought once more is in another pack. In how many batches the tables got it all is nothing to compare.
            if (table, key.as_ref()) != (Table::Meta, &number::BATCH) {
                let (_, key, value) = body_of(&view, table, &key, &value);
                rows.push((key, value));
            }
        }
    }
    Some((verified, audited, rows))
}

#[tokio::test]
async fn a_store_with_a_flipped_bit_says_so_or_has_every_row() {
    let directory = store().await;
    let scratch = tempfile::tempdir().unwrap();
    let copy_to = |name: &str| {
        let to = scratch.path().join(name);
        copy(directory.path(), &to);
        to
    };
    let whole = read(&copy_to("whole")).await.unwrap();
    assert!(whole.2.len() > 50);
    let (mut refused, mut read_whole) = (0, 0);
    for (file, seed) in files(directory.path()).iter().zip(1_000..) {
        let before = fs::read(file).unwrap();
        // The small lists are tried whole above; here a few places of each file.
        let places = places(before.len(), seed);
        let step = places.len().div_ceil(6).max(1);
        for (at, bit) in places.into_iter().step_by(step) {
            let mut damaged = before.clone();
            damaged[at] ^= bit;
            fs::write(file, damaged).unwrap();
            let to = copy_to("flipped");
            match read(&to).await {
                None => refused += 1,
                Some(found) => {
                    read_whole += 1;
                    assert!(found == whole, "{}: {bit:#x} of byte {at}", file.display());
                }
            }
            fs::remove_dir_all(to).unwrap();
        }
        fs::write(file, before).unwrap();
    }
    assert!(refused > 50 && read_whole > 0, "{refused} refused, {read_whole} whole");
}
