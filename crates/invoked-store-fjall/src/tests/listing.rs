//! Pages of tasks over several buckets.

use std::collections::BTreeSet;

use bytes::Bytes;
use invoked_core::head::{Head, LaneId, Status};
use invoked_core::life::Outcome;
use invoked_core::limits::LIST_EXAMINED_MAX;
use invoked_core::shard::{BytesWanted, RowOp};
use invoked_core::time::Timestamp;
use invoked_store::{Order, Store, StoreError, TaskQuery};

use super::sample::*;
use crate::FjallConfig;
use crate::keys::{Table, due};
use crate::read::View;
use crate::tables::Tables;

pub(super) fn query() -> TaskQuery {
    TaskQuery {
        fn_id: FUNCTION,
        lanes: vec![FUNCTION],
        qualifier: None,
        status: None,
        prefix: String::new(),
        started_from: None,
        started_to: None,
        ended_from: Timestamp::MIN,
        order: Order::Ascending,
        limit: 3,
        after: None,
        with_payload: false,
    }
}

/// The ids on all pages, and the number of pages.
async fn ids(site: &Site, mut query: TaskQuery) -> (Vec<String>, usize) {
    let (mut ids, mut pages) = (Vec::new(), 0);
    loop {
        let page = site.store.tasks(&query).await.unwrap();
        pages += 1;
        let of_page = page.tasks.iter().filter_map(|view| view.head.task.as_ref());
        ids.extend(of_page.map(|task| task.id.as_str().to_owned()));
        query.after = page.next;
        if query.after.is_none() {
            return (ids, pages);
        }
    }
}

#[tokio::test]
async fn pages_go_on_over_buckets_in_either_order() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    // Four buckets; every other task is finished.
    let names: Vec<String> = (0..12u64).map(|n| format!("t_{n:02}")).collect();
    for (n, name) in (0u64..).zip(&names) {
        let head = task(name, n * 30_000);
        site.durable(vec![insert(&head)]).await;
        if n % 2 == 0 {
            site.durable(vec![finish(&head, Outcome::Failed)]).await;
        }
    }
    assert_eq!(ids(&site, query()).await, (names.clone(), 4));
    let mut backwards = names.clone();
    backwards.reverse();
    let descending = TaskQuery { order: Order::Descending, limit: 5, ..query() };
    assert_eq!(ids(&site, descending).await, (backwards, 3));

    let failed = TaskQuery { status: Some(Status::Failed), ..query() };
    let even: Vec<_> = names.iter().step_by(2).cloned().collect();
    assert_eq!(ids(&site, failed).await, (even, 2));
    let prefix = TaskQuery { prefix: "t_1".to_owned(), order: Order::Descending, ..query() };
    assert_eq!(ids(&site, prefix).await.0, ["t_11", "t_10"]);
    let of_another = TaskQuery { fn_id: invoked_core::id::FnId(2), ..query() };
    assert_eq!(ids(&site, of_another).await.0, [""; 0]);
}

#[tokio::test]
async fn a_task_is_listed_under_one_status() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let (head, next) = (task("moves", 0), retrying(&task("moves", 0)));
    let shown = async |status| {
        let page = site.store.tasks(&TaskQuery { status: Some(status), ..query() }).await.unwrap();
        page.tasks.len()
    };
    site.durable(vec![insert(&head)]).await;
    assert_eq!((shown(Status::Enqueued).await, shown(Status::Retrying).await), (1, 0));
    site.durable(vec![update(&head, &next)]).await;
    assert_eq!((shown(Status::Enqueued).await, shown(Status::Retrying).await), (0, 1));
    site.durable(vec![finish(&next, Outcome::Stopped)]).await;
    assert_eq!((shown(Status::Retrying).await, shown(Status::Stopped).await), (0, 1));
    // The index itself, not only what the filter leaves of it.
    let page = site.store.tasks(&TaskQuery { with_payload: true, ..query() }).await.unwrap();
    assert_eq!(page.tasks[0].payload, Some(payload(&head)));
    assert_eq!(page.tasks[0].result.as_deref(), Some(&b"answer"[..]));
}

#[tokio::test]
async fn what_waits_is_listed_in_the_order_of_acceptance_whenever_it_is_due() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let (first, third) = (task("first", 1), task("third", 3));
    // Delayed, so that it is due after the third.
    let second = Head { due: later(9), ..task("second", 2) };
    let (again, runs) = (task("again", 4), task("runs", 5));
    let heads = [&first, &second, &third, &again, &runs, &plain(6)];
    site.durable(heads.map(insert).to_vec()).await;
    site.durable(vec![update(&again, &retrying(&again)), update(&runs, &running(&runs))]).await;
    let waiting = TaskQuery { status: Some(Status::Enqueued), limit: 2, ..query() };
    assert_eq!(ids(&site, waiting.clone()).await.0, ["first", "second", "third"]);
    let newest = TaskQuery { order: Order::Descending, ..waiting.clone() };
    assert_eq!(ids(&site, newest).await.0, ["third", "second", "first"]);
    site.durable(vec![finish(&second, Outcome::Stopped)]).await;
    assert_eq!(ids(&site, waiting).await.0, ["first", "third"]);
}

/// Else a page costs what a burst has left there.
#[tokio::test]
async fn a_page_reads_the_order_of_due_work_as_far_as_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    for n in 0..5 {
        let head = own_task(n);
        site.durable(vec![insert(&head)]).await;
        site.durable(vec![finish(&head, Outcome::Succeeded)]).await;
    }
    site.store.close().await.unwrap();
    drop(site);
    let tables = Tables::open(&FjallConfig::new(directory.path())).unwrap();
    let lane = due::encode_prefix(SHARD, LaneId::Function(FUNCTION));
    for (order, end) in [(Order::Ascending, 0xff), (Order::Descending, 0)] {
        // A row at the far end that fails whoever comes to it.
        let (due, key) = (tables.existing(Table::Due).unwrap(), [&lane[..], &[end]].concat());
        due.insert(&key, []).unwrap();
        let view = View::new(&tables);
        let page = view.tasks(&TaskQuery { order, ..query() }).unwrap();
        assert_eq!((page.tasks.len(), page.next.is_some()), (3, true));
        let rest = TaskQuery { order, after: page.next, ..query() };
        assert!(matches!(view.tasks(&rest), Err(StoreError::Corrupt { .. })));
        due.remove(&key).unwrap();
    }
}

#[tokio::test]
async fn an_answer_is_read_back_whatever_its_size() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    for (n, size) in (0u64..).zip([0, 1, 256, 257, 100_000]) {
        let head = task(&format!("of_{size}"), n);
        let answer = Bytes::from(vec![b'a'; size]);
        site.durable(vec![insert(&head)]).await;
        let RowOp::Finish { head: end, was, .. } = finish(&head, Outcome::Succeeded) else {
            unreachable!("that is what finishing makes")
        };
        // Whoever writes the end again without the answer does not take it away.
        for result in [Some(answer.clone()), None] {
            let head = end.clone();
            let again = RowOp::Finish { head, was, result, failed_callback: None };
            site.durable(vec![again]).await;
            let bytes = site.store.bytes(&[BytesWanted::from(&*end)]).await.unwrap();
            assert_eq!(bytes[0].result.as_ref(), Some(&answer));
            assert_eq!(site.store.head(end.key).await.unwrap().unwrap().head, *end);
        }
    }
}

#[tokio::test]
async fn ids_that_the_daemon_chose_are_found_by_their_beginning() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let (waits, done, named) = (own_task(1), own_task(2), task("00000-named", 3));
    let of_another = Head { fn_id: invoked_core::id::FnId(2), ..own_task(4) };
    let heads = [&waits, &done, &named, &of_another, &plain(5)];
    site.durable(heads.map(insert).to_vec()).await;
    site.durable(vec![finish(&done, Outcome::Succeeded)]).await;
    let beginning = async |prefix: &str| {
        let prefix = prefix.to_owned();
        ids(&site, TaskQuery { prefix, ..query() }).await.0
    };
    let id = |head: &Head| head.task.as_ref().unwrap().id.as_str().to_owned();
    assert_eq!(beginning("0000").await, [id(&waits), id(&done), id(&named)]);
    assert_eq!(beginning("00000-").await, [id(&named)]);
    let own = id(&done);
    let (most, _) = own.split_at(23);
    for prefix in [&own, most] {
        assert_eq!(beginning(prefix).await, std::slice::from_ref(&own));
    }
    assert_eq!(beginning(&id(&of_another)).await, [""; 0]);
    assert_eq!(beginning("0000-").await, [""; 0]);
}

#[tokio::test]
async fn a_page_examines_a_bounded_number_and_may_come_back_short() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let count = LIST_EXAMINED_MAX + 100;
    let tasks: Vec<_> = (0..count).map(|n| task(&format!("a_{n}"), n as u64)).collect();
    site.durable(tasks.iter().map(insert).collect()).await;
    let last = TaskQuery {
        qualifier: Some(invoked_core::name::Qualifier::parse("no").unwrap()),
        ..query()
    };
    let page = site.store.tasks(&last).await.unwrap();
    assert!(page.tasks.is_empty() && page.next.is_some());
    assert_eq!(ids(&site, last).await, (Vec::new(), 2));
    // More begin so than are sorted at once.
    let many = TaskQuery { prefix: "a_".to_owned(), limit: 100, ..query() };
    let (found, _) = ids(&site, many).await;
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), count);
    assert_eq!(found.len(), count);
}
