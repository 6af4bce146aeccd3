//! What stands in the log and not yet in the tables: it is seen, survives, and what comes and goes
//! meanwhile gets no further.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use invoked_core::head::Head;
use invoked_core::id::InvKey;
use invoked_core::life::{Life, Outcome};
use invoked_core::shard::{BytesWanted, RowOp};
use invoked_store::Store as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::sample::*;
use crate::FjallConfig;
use crate::keys::{BodyKind, SENTINEL, Table, body};
use crate::read::View;
use crate::staged::Staged;
use crate::tables::Tables;

fn one(fill: impl FnOnce(&mut Staged)) -> Staged {
    let mut staged = Staged::default();
    fill(&mut staged);
    staged
}

#[test]
fn what_is_new_and_goes_again_leaves_nothing_and_what_was_below_a_removal() {
    let (table, key) = (Table::Live, b"key");
    let value = |rows: &Staged| {
        let value = rows.get(table, key)?;
        Some(value.as_ref().map(|value| value.read().unwrap()))
    };
    let mut rows = Staged::default();
    rows.fold(one(|staged| staged.put_new(table, key, Bytes::from_static(b"a"))));
    rows.fold(one(|staged| staged.put(table, key, Bytes::from_static(b"bb"))));
    assert_eq!(value(&rows), Some(Some(Bytes::from_static(b"bb"))));
    rows.fold(one(|staged| staged.remove(table, key)));
    assert!(rows.is_empty());
    assert_eq!(rows.bytes(), 0);
    // One batch does both.
    rows.fold(one(|staged| {
        staged.put_new(table, key, Bytes::from_static(b"a"));
        staged.remove(table, key);
    }));
    assert!(rows.is_empty());
    // What stands below has to go.
    rows.fold(one(|staged| staged.remove(table, key)));
    assert_eq!(value(&rows), Some(None));
    // Whoever sees the removal calls the key new; below it is not.
    rows.fold(one(|staged| staged.put_new(table, key, Bytes::from_static(b"c"))));
    rows.fold(one(|staged| staged.remove(table, key)));
    assert_eq!(value(&rows), Some(None));
    assert_eq!((rows.len(), rows.removed()), (1, 1));
}

fn entries(path: &Path, table: Table) -> u64 {
    let tables = Tables::open(&FjallConfig::new(path)).unwrap();
    View::new(&tables).figures(table).unwrap().entries
}

#[tokio::test]
async fn an_invocation_that_ends_soon_never_reaches_the_tables() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    for seconds in 1..=50 {
        site.durable(vec![insert(&plain(seconds))]).await;
        site.durable(vec![finish(&plain(seconds), Outcome::Succeeded)]).await;
    }
    // Nor does one that is looked up.
    site.durable(vec![insert(&plain(98))]).await;
    assert_looks(&site, &plain(98), live(&plain(98))).await;
    site.durable(vec![finish(&plain(98), Outcome::Succeeded)]).await;
    assert_looks(&site, &plain(98), Expected::default()).await;
    // One that is there when somebody reads a range gets there, and its removal too.
    site.durable(vec![insert(&plain(99))]).await;
    assert!(site.store.names().await.unwrap().is_empty());
    assert!(site.store.head(plain(99).key).await.unwrap().is_some());
    site.durable(vec![finish(&plain(99), Outcome::Succeeded)]).await;
    assert!(site.store.head(plain(99).key).await.unwrap().is_none());
    site.store.close().await.unwrap();
    drop(site);
    for table in [Table::Live, Table::Pay, Table::Due] {
        assert_eq!(entries(directory.path(), table), 2, "{table}");
    }
}

/// A row as it should be found by its key, and its bytes.
#[derive(Default)]
struct Expected<'a> {
    head: Option<&'a Head>,
    has_event: bool,
    has_answer: bool,
}

/// Looks up a row that was like this when it was accepted.
async fn assert_looks(site: &Site, accepted: &Head, expected: Expected<'_>) {
    let Expected { head, has_event, has_answer } = expected;
    let rows = site.store.rows(&[InvKey::MAX, accepted.key]).await.unwrap();
    assert!(rows[0].is_none());
    assert_eq!(rows[1].as_ref().map(|row| &row.head), head);
    let is_kept = head.is_some_and(|head| matches!(head.life, Life::Ended { .. }));
    assert_eq!(rows[1].as_ref().is_some_and(|row| row.is_kept), is_kept);
    let bytes = site.store.bytes(&[BytesWanted::from(accepted)]).await.unwrap().remove(0);
    assert_eq!(bytes.payload, has_event.then(|| payload(accepted)), "{head:?}");
    assert_eq!(bytes.result, has_answer.then(|| Bytes::from_static(b"answer")), "{head:?}");
}

/// What is there of a row that is live.
fn live(head: &Head) -> Expected<'_> {
    Expected { head: Some(head), has_event: true, has_answer: false }
}

/// What is there of a row that ended so.
fn kept(head: &Head) -> Expected<'_> {
    let is_task = head.task.is_some();
    let head = head.leaves_record().then_some(head);
    Expected { head, has_event: is_task, has_answer: is_task }
}

/// Whoever reads sees what he was told, at every moment of its way into the tables.
#[tokio::test]
async fn many_who_write_and_read_at_once_see_what_they_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let site = Arc::new(Site::open(directory.path()).await);
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..32 {
        let site = Arc::clone(&site);
        callers.spawn(async move {
            for turn in 0..20 {
                let seconds = caller * 100 + turn;
                for head in [plain(seconds), task(&format!("t-{seconds}"), seconds)] {
                    assert_looks(&site, &head, Expected::default()).await;
                    site.durable(vec![insert(&head)]).await;
                    assert_looks(&site, &head, live(&head)).await;
                    let next = running(&head);
                    site.durable(vec![update(&head, &next)]).await;
                    assert_looks(&site, &head, live(&next)).await;
                    site.durable(vec![finish(&next, Outcome::Succeeded)]).await;
                    assert_looks(&site, &head, kept(&ended(&next, Outcome::Succeeded))).await;
                }
            }
        });
    }
    // Meanwhile the tables are brought further all the time.
    let mut times = 0;
    while !callers.is_empty() {
        site.store.names().await.unwrap();
        times += 1;
        while let Some(ended) = callers.try_join_next() {
            ended.unwrap();
        }
    }
    assert!(times > 20);
    site.store.close().await.unwrap();
}

/// The second is never there without the first: they go together, the one out of the tables.
#[tokio::test]
async fn what_is_looked_up_at_once_is_of_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let (first, second) = (plain(1), plain(2));
    let is_over = std::cell::Cell::new(false);
    let writes = async {
        for _ in 0..150 {
            site.durable(vec![insert(&first)]).await;
            site.store.names().await.unwrap();
            site.durable(vec![insert(&second)]).await;
            site.durable(vec![
                finish(&first, Outcome::Succeeded),
                finish(&second, Outcome::Succeeded),
            ])
            .await;
        }
        is_over.set(true);
    };
    let further = async {
        while !is_over.get() {
            site.store.names().await.unwrap();
        }
    };
    let reads = async {
        while !is_over.get() {
            let rows = site.store.rows(&[first.key, second.key]).await.unwrap();
            assert!(rows[1].is_none() || rows[0].is_some());
        }
    };
    tokio::join!(writes, further, reads);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize),
    Start(usize),
    Retry(usize),
    Finish(usize, bool),
    /// Has the tables brought further.
    Read,
    Crash,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let row = 0..ROWS;
    prop_oneof![
        4 => row.clone().prop_map(Step::Insert),
        2 => row.clone().prop_map(Step::Start),
        2 => row.clone().prop_map(Step::Retry),
        4 => (row, any::<bool>()).prop_map(|(row, keeps)| Step::Finish(row, keeps)),
        1 => Just(Step::Read),
        1 => Just(Step::Crash),
        1 => Just(Step::Close),
    ]
}

const ROWS: usize = 6;

/// As it is accepted: plain, a task with an id of its own, or one with an id of ours.
fn accepted(row: usize) -> Head {
    let seconds = row as u64 + 1;
    match row % 3 {
        0 => plain(seconds),
        1 => task(&format!("task-{row}"), seconds),
        _ => own_task(seconds),
    }
}

/// What a step does to a row, and what the row is then.
fn op(
    step: &Step,
    rows: &mut [Option<Head>; ROWS],
    ended: &mut [Option<Head>; ROWS],
) -> Option<RowOp> {
    match *step {
        Step::Insert(row) => {
            let head = accepted(row);
            // The id of a task is taken once it has run.
            if rows[row].is_some() || (head.key.is_chosen() && ended[row].is_some()) {
                return None;
            }
            rows[row] = Some(head.clone());
            Some(insert(&head))
        }
        Step::Start(row) => {
            let head = rows[row].clone()?;
            let next = running(&head);
            rows[row] = Some(next.clone());
            Some(update(&head, &next))
        }
        Step::Retry(row) => {
            let head = rows[row].clone()?;
            let next = retrying(&head);
            rows[row] = Some(next.clone());
            Some(update(&head, &next))
        }
        Step::Finish(row, keeps) => {
            let head = rows[row].take()?;
            let kept = keeps.then(|| Box::new(kept_callback(&head)));
            let RowOp::Finish { head, was, result, .. } = finish(&head, Outcome::Failed) else {
                unreachable!("that is what finishing makes")
            };
            ended[row] = Some((*head).clone());
            Some(RowOp::Finish { head, was, result, failed_callback: kept })
        }
        Step::Read | Step::Crash | Step::Close => None,
    }
}

/// Every row of every table that does not say how it came there.
fn contents(path: &Path) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let tables = Tables::open(&FjallConfig::new(path)).unwrap();
    let view = View::new(&tables);
    let mut found = Vec::new();
    for table in view.tables() {
        for row in view.all(table) {
            let (key, value) = row.unwrap();
            let is_ours = key.as_ref() != SENTINEL;
            // How often it was opened, and in how many batches it was written.
            let is_of_this_run = table == Table::Meta && matches!(key.first(), Some(2 | 3 | 12));
            if is_ours && !is_of_this_run {
                found.push(body_of(&view, table, &key, &value));
            }
        }
    }
    // A body may be in a pack, and with its row as well.
    found.sort();
    found.dedup();
    found
}

/// The row as it is where bodies stand with their rows.
pub(super) fn body_of(
    view: &View<'_>,
    table: Table,
    key: &[u8],
    value: &[u8],
) -> (Table, Vec<u8>, Vec<u8>) {
    let kinds = [BodyKind::Payload, BodyKind::Result];
    let own = kinds.into_iter().find_map(|kind| {
        let inv = InvKey(key.get(1..)?.try_into().ok()?);
        (body::encode_packed_key(kind, inv) == key).then(|| body::encode_key(kind, inv))
    });
    match (table, own) {
        (Table::Bodies(day), Some(own)) => {
            let bytes = view.unpacked(day, key, value).unwrap().unwrap();
            (table, own.to_vec(), bytes.to_vec())
        }
        _ => (table, key.to_vec(), value.to_vec()),
    }
}

/// Every row is found as it is by its key, and so are its bytes.
async fn assert_looks_like(site: &Site, rows: &[Option<Head>; ROWS], ended: &[Option<Head>; ROWS]) {
    for (row, now) in rows.iter().enumerate() {
        let before = ended[row].as_ref().map_or_else(Expected::default, kept);
        let expected = match now {
            // The record is still below.
            Some(head) => Expected { has_answer: before.has_answer, ..live(head) },
            None => before,
        };
        assert_looks(site, &accepted(row), expected).await;
    }
}

/// Runs the steps; `settles`: brings the tables further behind every step, and never crashes.
async fn run(steps: &[Step], settles: bool) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let mut directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path()).await;
    let (mut rows, mut ended) = ([const { None }; ROWS], [const { None }; ROWS]);
    for step in steps {
        if let Some(op) = op(step, &mut rows, &mut ended) {
            site.durable(vec![op]).await;
        }
        match step {
            Step::Read => drop(site.store.names().await.unwrap()),
            Step::Crash if !settles => {
                let image = image_of(directory.path());
                drop(site);
                directory = image;
                site = Site::open(directory.path()).await;
            }
            Step::Close if !settles => {
                site.store.close().await.unwrap();
                drop(site);
                site = Site::open(directory.path()).await;
            }
            Step::Insert(_)
            | Step::Start(_)
            | Step::Retry(_)
            | Step::Finish(..)
            | Step::Crash
            | Step::Close => {}
        }
        if settles {
            site.store.names().await.unwrap();
        }
        assert_looks_like(&site, &rows, &ended).await;
    }
    let live = site.live_rows().await;
    assert_eq!(live, rows.iter().flatten().count() as u64);
    assert_eq!(site.store.verify_rows().await.unwrap().problems, Vec::<String>::new());
    site.store.close().await.unwrap();
    drop(site);
    contents(directory.path())
}

/// Whenever the tables are brought further, and wherever it crashes, they are the same in the end.
#[test]
fn the_tables_are_the_same_however_often_they_are_brought_further() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let steps = prop::collection::vec(step(), 1..40);
    let checked = runner.run(&steps, |steps| {
        let lazy = runtime.block_on(run(&steps, false));
        let eager = runtime.block_on(run(&steps, true));
        prop_assert_eq!(lazy, eager);
        Ok(())
    });
    checked.unwrap();
}
