//! Rows that get files of their own, before the batch that says so.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use invoked_core::head::Head;
use invoked_core::life::Outcome;
use invoked_core::shard::BytesWanted;
use invoked_store::{Store as _, TaskQuery};

use super::sample::*;
use crate::FjallConfig;
use crate::apply::apply;
use crate::journal;
use crate::keys::Table;
use crate::read::View;
use crate::staged::Staged;
use crate::tables::Tables;

const ROWS: u64 = 20;

fn records() -> Table {
    Table::Records(NOON.day())
}

fn counts(tables: &Tables) -> (usize, usize) {
    let view = View::new(tables);
    (view.all(Table::Live).count(), view.all(records()).count())
}

/// Live rows, or what takes their place.
fn staged(table: Table, value: &[u8]) -> Staged {
    let mut staged = Staged::default();
    for number in 0..ROWS {
        staged.put_small(table, &number.to_be_bytes(), value);
        if table != Table::Live {
            staged.remove(Table::Live, &number.to_be_bytes());
        }
    }
    staged
}

#[test]
fn nobody_sees_a_part_of_a_batch() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Arc::new(Tables::open(&FjallConfig::new(directory.path())).unwrap());
    let rows = usize::try_from(ROWS).unwrap();
    apply(&staged(Table::Live, b"waits"), &tables).unwrap();
    assert_eq!(counts(&tables), (rows, 0));
    let seen = Arc::new(Mutex::new(None));
    let (theirs, weak) = (Arc::clone(&seen), Arc::downgrade(&tables));
    *tables.in_between.lock().unwrap() = Some(Box::new(move || {
        let tables = weak.upgrade().unwrap();
        assert_eq!(tables.existing(records()).unwrap().len().unwrap(), rows, "there already");
        *theirs.lock().unwrap() = Some(counts(&tables));
    }));
    apply(&staged(records(), &[7; 200]), &tables).unwrap();
    assert_eq!(seen.lock().unwrap().take(), Some((rows, 0)));
    assert_eq!(counts(&tables), (0, rows));
}

#[test]
fn rows_with_files_of_their_own_do_not_go_through_the_journal_and_can_be_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    let value = vec![7; 20_000];
    apply(&staged(records(), &value), &tables).unwrap();
    let journal = journal::list(directory.path()).unwrap().pop().unwrap();
    let bytes = std::fs::read(&journal).unwrap();
    assert!(!bytes.windows(100).any(|part| part == &value[..100]));

    let one = |key: u64, value: Option<&[u8]>| {
        let mut staged = Staged::default();
        match value {
            Some(value) => staged.put_small(records(), &key.to_be_bytes(), value),
            None => staged.remove(records(), &key.to_be_bytes()),
        }
        staged
    };
    // Through the write buffer, and then past it: the later word counts.
    apply(&one(3, Some(b"three")), &tables).unwrap();
    apply(&one(4, None), &tables).unwrap();
    apply(&one(5, None), &tables).unwrap();
    let mut much = one(4, Some(&[4; 600]));
    much.absorb(one(6, None));
    apply(&much, &tables).unwrap();
    let check = |tables: &Tables| {
        let row = |key: u64| View::new(tables).get(records(), key.to_be_bytes()).unwrap();
        assert_eq!(row(2).as_deref(), Some(&value[..]));
        assert_eq!(row(3).as_deref(), Some(&b"three"[..]));
        assert_eq!(row(4).as_deref(), Some(&[4; 600][..]));
        assert_eq!((row(5), row(6)), (None, None));
    };
    check(&tables);
    drop(tables);
    check(&Tables::open(&FjallConfig::new(directory.path())).unwrap());
}

/// A crash behind the files and before the batch.
#[tokio::test]
async fn a_start_brings_once_more_what_was_brought_in_part() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let tasks: Vec<Head> = (1..=ROWS)
        .map(|seconds| match seconds % 2 {
            0 => own_task(seconds),
            _ => task(&format!("task-{seconds}"), seconds),
        })
        .collect();
    for task in &tasks {
        site.durable(vec![insert(task)]).await;
    }
    let (ended, waiting) = tasks.split_at(15);
    site.store.names().await.unwrap();
    for task in ended {
        site.durable(vec![finish(task, Outcome::Succeeded)]).await;
    }
    let image = Arc::new(Mutex::new(None));
    let (theirs, path) = (Arc::clone(&image), directory.path().to_owned());
    *site.store.tables().await.in_between.lock().unwrap() = Some(Box::new(move || {
        *theirs.lock().unwrap() = Some(image_of(&path));
    }));
    site.store.names().await.unwrap();
    site.store.close().await.unwrap();
    drop(site);

    let image = image.lock().unwrap().take().expect("it was brought in parts");
    // There is something in part.
    let looked_at = image_of(image.path());
    let tables = Tables::open(&FjallConfig::new(looked_at.path())).unwrap();
    let in_part = (counts(&tables).0, counts(&tables).1 > tasks.len());
    assert_eq!(in_part, (tasks.len(), true));
    drop(tables);
    let site = Site::open(image.path()).await;
    assert_eq!(site.live_rows().await, waiting.len() as u64);
    assert_eq!(site.store.verify_rows().await.unwrap().problems, Vec::<String>::new());
    let query = TaskQuery { limit: 100, ..super::listing::query() };
    let page = site.store.tasks(&query).await.unwrap();
    assert_eq!(page.tasks.len(), tasks.len());
    for task in &tasks {
        let wanted = [BytesWanted::from(task)];
        let bytes = site.store.bytes(&wanted).await.unwrap().remove(0);
        assert_eq!(bytes.payload, Some(payload(task)));
    }
    for task in ended {
        assert!(site.store.head(task.key).await.unwrap().unwrap().is_kept);
        let wanted = [BytesWanted::from(task)];
        let bytes = site.store.bytes(&wanted).await.unwrap().remove(0);
        assert_eq!(bytes.result, Some(Bytes::from_static(b"answer")));
    }
    site.store.close().await.unwrap();
}
