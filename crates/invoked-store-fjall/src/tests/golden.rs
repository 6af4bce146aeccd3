//! A store that an earlier program wrote opens and reads the same: one directory for each format in
//! `tests/fixtures/store`, and one for rows in lanes of qualifiers, never edited. To write that of a new format, run
//!
//! ```text
//! INVOKED_GOLDEN=write cargo test -p invoked-store-fjall golden
//! ```

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use invoked_core::head::{Head, LaneId, Status};
use invoked_core::id::{FnId, InvKey};
use invoked_core::life::Outcome;
use invoked_core::name::Qualifier;
use invoked_core::shard::{BytesWanted, Commit, RowOp};
use invoked_core::terms::Terms;
use invoked_core::time::Timestamp;
use invoked_core::totals::{Gauge, Metric, Total, TotalKey};
use invoked_store::{Order, RegistryEntry, RegistryKind, Store, Submission, TaskQuery};

use super::sample::*;
use crate::apply::apply;
use crate::keys::{SENTINEL, Table, number, status};
use crate::log::scan;
use crate::packs;
use crate::staged::Staged;
use crate::tables::Tables;
use crate::{FjallConfig, directory, journal};

pub(super) fn fixture(format: u32) -> PathBuf {
    named_fixture(&format!("v{format}"))
}

fn named_fixture(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/store");
    fixtures.join(name)
}

fn total() -> Total {
    let qualifier = Qualifier::parse("prod").unwrap();
    let key = TotalKey { fn_id: FUNCTION, qualifier, metric: Metric::Ended(Outcome::Failed) };
    Total { key, value: 300 }
}

fn running_now() -> Total {
    let metric = Metric::Now(Gauge::Running);
    let key = TotalKey { fn_id: FUNCTION, qualifier: Qualifier::LATEST, metric };
    Total { key, value: 1 }
}

fn entry() -> RegistryEntry {
    let value = Some(Bytes::from_static(b"{}"));
    RegistryEntry { kind: RegistryKind::Function, name: "hello".to_owned(), value }
}

/// An event that stands apart from its key.
fn large() -> Bytes {
    Bytes::from(vec![b'e'; 300])
}

pub(super) async fn write(path: &Path) {
    drop(fs::remove_dir_all(path));
    let site = Site::open(path).await;
    let (waits, listed, failed) = (plain(1), task("listed", 2), plain(3));
    let ops = vec![insert(&waits), insert(&listed), insert(&failed)];
    site.write(Commit { ops, totals: vec![total()] }).await;
    let failed_callback = Some(Box::new(kept_callback(&failed)));
    let (head, was) = (Box::new(ended(&failed, Outcome::Failed)), failed.slot());
    site.durable(vec![
        RowOp::Finish { head, was, result: None, failed_callback },
        finish(&listed, Outcome::Succeeded),
    ])
    .await;
    let own = own_task(4);
    site.durable(vec![RowOp::Insert { head: Box::new(own.clone()), payload: large() }]).await;
    site.write(Commit { ops: vec![update(&own, &running(&own))], totals: vec![running_now()] })
        .await;
    site.durable(vec![insert(&traced(5))]).await;
    site.store.close().await.unwrap();
    flush(path);
    let site = Site::open(path).await;
    site.store.intern("hello").await.unwrap();
    site.store.put_registry(&[entry()]).await.unwrap();
    site.store.submit(&[Submission::Stop { key: waits.key }]).await.unwrap();
    // As a crash would leave it: this stands in the log alone.
    let image = image_of(path);
    drop(site);
    fs::remove_dir_all(path).unwrap();
    copy(image.path(), path);
    cut(path);
}

/// Cuts what fjall reserves behind the last batch off.
fn cut(path: &Path) {
    let active = directory::active_journal(path).unwrap().unwrap();
    let end = journal::scan(&active, None).unwrap().end;
    File::options().write(true).open(active).unwrap().set_len(end).unwrap();
}

/// Brings everything from the journal into tables, so that none of their directories is empty.
pub(super) fn flush(path: &Path) {
    let tables = Tables::open(&FjallConfig::new(path)).unwrap();
    let mut keyspaces = tables.fixed();
    for day in tables.days() {
        let buckets = [Table::Records(day), Table::Bodies(day)];
        keyspaces.extend(buckets.into_iter().filter_map(|table| tables.existing(table)));
    }
    for keyspace in keyspaces {
        keyspace.insert(SENTINEL, []).unwrap();
        keyspace.rotate_memtable_and_wait().unwrap();
    }
}

fn query(status: Option<Status>, prefix: &str) -> TaskQuery {
    TaskQuery {
        fn_id: FUNCTION,
        lanes: vec![FUNCTION],
        qualifier: None,
        status,
        prefix: prefix.to_owned(),
        started_from: None,
        started_to: None,
        ended_from: Timestamp::MIN,
        order: Order::Descending,
        limit: 9,
        after: None,
        with_payload: true,
    }
}

/// Opens a copy of a format's directory and reads what every format has.
async fn read(format: u32, directory: &Path) -> Site {
    copy(&fixture(format), directory);
    let site = Site::open(directory).await;
    let store = &site.store;
    let (waits, listed, failed) = (plain(1), task("listed", 2), plain(3));
    let lane = LaneId::Function(FUNCTION);
    let heads = store.heads(SHARD, lane, (Timestamp::MIN, InvKey::MIN), 1).await.unwrap();
    assert_eq!(heads.heads, std::slice::from_ref(&waits));
    let wanted = [BytesWanted::from(&waits), BytesWanted::from(&listed)];
    let bytes = store.bytes(&wanted).await.unwrap();
    assert_eq!(bytes[0].payload, Some(payload(&waits)));
    assert_eq!(bytes[1].payload, Some(payload(&listed)));
    assert_eq!(
        store.head(failed.key).await.unwrap().unwrap().head,
        ended(&failed, Outcome::Failed)
    );
    assert_eq!(store.kept_callbacks(None, 9).await.unwrap(), [kept_callback(&failed)]);
    let mut totals = store.totals(SHARD).await.unwrap();
    totals.retain(|total| !matches!(total.key.metric, Metric::Now(_)));
    assert_eq!(totals, [total()]);
    assert_eq!(store.names().await.unwrap(), [(FUNCTION, "hello".to_owned())]);
    assert_eq!(store.registry().await.unwrap(), [entry()]);
    let stop = Submission::Stop { key: waits.key };
    assert_eq!(store.submissions(SHARD).await.unwrap(), [(1, stop)]);
    let page = store.tasks(&query(None, "list")).await.unwrap();
    assert_eq!(page.tasks[0].head, ended(&listed, Outcome::Succeeded));
    assert_eq!(page.tasks[0].result.as_deref(), Some(&b"answer"[..]));
    // It was opened twice to be written.
    assert_eq!(site.lease.epoch.0, 3);
    site
}

#[tokio::test]
async fn golden_v1_reads_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let site = read(1, directory.path()).await;
    assert_eq!(site.live_rows().await, 1);
    let page = site.store.tasks(&query(None, "")).await.unwrap();
    assert_eq!(page.tasks.len(), 1);
}

#[tokio::test]
async fn golden_v2_reads_as_it_was_written() {
    reads_as_since_format_2(2).await;
}

#[tokio::test]
async fn golden_v3_reads_as_it_was_written() {
    reads_as_since_format_2(3).await;
}

#[tokio::test]
async fn golden_v4_reads_as_it_was_written() {
    reads_as_since_format_4(4).await;
}

#[tokio::test]
async fn golden_v5_reads_as_it_was_written() {
    reads_as_since_format_5(5).await;
}

#[tokio::test]
async fn golden_v6_reads_as_it_was_written() {
    if std::env::var_os("INVOKED_GOLDEN").is_some() {
        write(&fixture(6)).await;
    }
    let packs = fixture(6).join(packs::DIRECTORY);
    assert!(directory::allocated(&packs).unwrap() > 0, "it has a pack");
    reads_as_since_format_5(6).await;
}

async fn reads_as_since_format_5(format: u32) {
    let rows = scan::scan(&fixture(format)).unwrap();
    assert!(rows.behind(0).count() > 3, "the log has batches");
    reads_as_since_format_4(format).await;
}

async fn reads_as_since_format_4(format: u32) {
    let directory = tempfile::tempdir().unwrap();
    let site = read(format, directory.path()).await;
    reads_since_format_2(&site).await;
    assert_eq!(site.live_rows().await, 3);
    assert_eq!(site.store.head(traced(5).key).await.unwrap().unwrap().head, traced(5));
}

/// The lane of the function's qualifier in the directory of lanes.
const LANE: FnId = FnId(2);

/// A row in a lane of its qualifier, which is written in the fourth version of the record.
fn in_lane(mut head: Head) -> Head {
    let qualifier = Qualifier::parse("prod").unwrap();
    head.terms = Arc::new(Terms { qualifier, lane: Some(LANE), ..(*head.terms).clone() });
    head
}

/// Waits in its lane, runs, and has ended as a task.
fn rows_of_a_lane() -> [Head; 3] {
    [in_lane(plain(1)), in_lane(task("runs", 2)), in_lane(task("done", 3))]
}

#[tokio::test]
async fn golden_lanes_read_as_they_were_written() {
    let directory = tempfile::tempdir().unwrap();
    copy(&named_fixture("v4-lanes"), directory.path());
    let site = Site::open(directory.path()).await;
    let names = site.store.names().await.unwrap();
    assert_eq!(names[1], (LANE, "lane:1/prod".to_owned()));
    let [waits, runs, done] = rows_of_a_lane();
    let (runs, done) = (running(&runs), ended(&done, Outcome::Succeeded));
    let lane = async |id| {
        let start = (Timestamp::MIN, InvKey::MIN);
        site.store.heads(SHARD, LaneId::Function(id), start, 9).await.unwrap().heads
    };
    assert_eq!(lane(LANE).await, [waits, runs.clone()]);
    assert_eq!(lane(FUNCTION).await, [plain(4)], "the function's own lane");
    let wanted = TaskQuery { lanes: vec![FUNCTION, LANE], ..query(None, "") };
    let page = site.store.tasks(&wanted).await.unwrap();
    let heads: Vec<_> = page.tasks.into_iter().map(|view| view.head).collect();
    assert_eq!(heads, [done, runs]);
}

async fn reads_as_since_format_2(format: u32) {
    let directory = tempfile::tempdir().unwrap();
    let site = read(format, directory.path()).await;
    reads_since_format_2(&site).await;
    assert_eq!(site.live_rows().await, 2);
}

async fn reads_since_format_2(site: &Site) {
    // An earlier store is counted when it is opened.
    assert!(site.store.totals(SHARD).await.unwrap().contains(&running_now()));
    let own = running(&own_task(4));
    let page = site.store.tasks(&query(Some(Status::Running), "")).await.unwrap();
    let heads: Vec<_> = page.tasks.into_iter().map(|view| view.head).collect();
    assert_eq!(heads, std::slice::from_ref(&own));
    let page =
        site.store.tasks(&query(None, own.task.as_ref().unwrap().id.as_str())).await.unwrap();
    assert_eq!(page.tasks[0].payload, Some(large()));
    let page = site.store.tasks(&query(None, "")).await.unwrap();
    assert_eq!(page.tasks.len(), 2);
}

/// Format 2 did not index by its status what was under way, and what had waited for it.
#[tokio::test]
async fn what_was_under_way_in_format_2_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let again = retrying(&task("again", 1));
    let runs = running(&again);
    site.durable(vec![insert(&task("again", 1))]).await;
    site.durable(vec![update(&task("again", 1), &again)]).await;
    site.durable(vec![update(&again, &runs)]).await;
    site.store.close().await.unwrap();
    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    let mut staged = Staged::default();
    let entry = status::encode_key(FUNCTION, Status::Running, runs.accepted_at, runs.key);
    staged.remove(Table::Records(runs.bucket()), &entry);
    staged.put(Table::Meta, &number::FORMAT, number::encode_value(2));
    apply(&staged, &tables).unwrap();
    drop(tables);

    let site = Site::open(directory.path()).await;
    for status in [None, Some(Status::Running)] {
        let page = site.store.tasks(&query(status, "")).await.unwrap();
        let heads: Vec<_> = page.tasks.into_iter().map(|view| view.head).collect();
        assert_eq!(heads, std::slice::from_ref(&runs));
    }
}

/// Format 1 indexed a task by its status from its acceptance on.
#[tokio::test]
async fn what_waited_in_format_1_is_listed_once() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let (runs, waits, done) = (task("runs", 1), task("waits", 2), task("done", 3));
    site.durable(vec![insert(&runs), insert(&waits), insert(&done)]).await;
    let ops = vec![update(&runs, &running(&runs)), finish(&done, Outcome::Succeeded)];
    site.durable(ops).await;
    site.store.close().await.unwrap();
    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    let mut staged = Staged::default();
    let entry = status::encode_key(FUNCTION, Status::Enqueued, waits.accepted_at, waits.key);
    staged.put(Table::Records(waits.bucket()), &entry, Bytes::new());
    staged.put(Table::Meta, &number::FORMAT, number::encode_value(1));
    apply(&staged, &tables).unwrap();
    drop(tables);

    let shown = async |site: &Site, status| {
        let page = site.store.tasks(&query(status, "")).await.unwrap();
        page.tasks.into_iter().map(|view| view.head).collect::<Vec<_>>()
    };
    let done = ended(&done, Outcome::Succeeded);
    for _ in 0..2 {
        let site = Site::open(directory.path()).await;
        assert_eq!(shown(&site, Some(Status::Enqueued)).await, std::slice::from_ref(&waits));
        assert_eq!(shown(&site, Some(Status::Running)).await, [running(&runs)]);
        assert_eq!(shown(&site, None).await, [done.clone(), waits.clone(), running(&runs)]);
        site.store.close().await.unwrap();
    }
    let site = Site::open(directory.path()).await;
    site.durable(vec![finish(&waits, Outcome::Stopped)]).await;
    assert_eq!(shown(&site, Some(Status::Enqueued)).await, []);
}
