//! Listing tasks: every filter, both orders, and pages that join up whatever happens between them.

use invoked_core::head::{Head, Status};
use invoked_core::id::FnId;
use invoked_core::life::Outcome;
use invoked_core::limits::LIST_EXAMINED_MAX;
use invoked_core::name::Qualifier;
use invoked_core::time::Timestamp;
use invoked_store::{Order, TaskQuery, TaskView};
use invoked_testkit::sample::{NOON, Sample};

use crate::bed::{Bed, FUNCTION, SHARD, keys, own, plain, seconds, task, write};

/// The lane of the function's qualifier.
const LANE: FnId = FnId(3);

/// Narrows a query.
type Filter = Box<dyn Fn(&mut TaskQuery)>;

/// Every task of the function, oldest first.
pub fn query() -> TaskQuery {
    TaskQuery {
        fn_id: FUNCTION,
        lanes: vec![FUNCTION, LANE],
        qualifier: None,
        status: None,
        prefix: String::new(),
        started_from: None,
        started_to: None,
        ended_from: Timestamp::MIN,
        order: Order::Ascending,
        limit: 100,
        after: None,
        with_payload: false,
    }
}

/// One page, and where the next begins.
async fn page(bed: &Bed, query: &mut TaskQuery) -> Vec<TaskView> {
    let page = bed.store.tasks(query).await.expect("a page");
    assert!(page.tasks.len() <= query.limit, "{} tasks on a page", page.tasks.len());
    query.after = page.next;
    page.tasks
}

/// All pages together.
pub async fn all(bed: &Bed, query: &TaskQuery) -> Vec<Head> {
    let mut query = query.clone();
    let mut tasks = Vec::new();
    for _ in 0..2_000 {
        tasks.extend(page(bed, &mut query).await.into_iter().map(|task| task.head));
        if query.after.is_none() {
            return tasks;
        }
    }
    panic!("the listing does not end");
}

/// Tasks in every stage, with two qualifiers and two beginnings of ids, oldest first.
async fn variety(bed: &Bed) -> Vec<Head> {
    let stages: [fn(&mut Sample); 7] = [
        |_| {},
        |row| row.start(seconds(10)),
        |row| row.retry(seconds(20)),
        |row| row.end(Outcome::Succeeded, seconds(30)),
        |row| row.end(Outcome::Failed, seconds(40)),
        |row| row.end(Outcome::Expired, seconds(50)),
        |row| row.end(Outcome::Stopped, seconds(60)),
    ];
    let mut heads = Vec::new();
    let each = stages.iter().flat_map(|stage| {
        let names = [("a", ""), ("a", "prod"), ("b", ""), ("b", "prod")];
        names.map(|(prefix, qualifier)| (stage, prefix, qualifier))
    });
    for (number, (stage, prefix, qualifier)) in (0..).zip(each) {
        // Ids are not in the order of acceptance.
        let id = format!("{prefix}-{}", (number * 11) % 28);
        let mut row = task(&id, number).of_qualifier(qualifier);
        if !qualifier.is_empty() {
            row = row.in_lane(LANE);
        }
        bed.commit(vec![row.insert(b"x")]).await;
        if number % 3 == 0 {
            row.start(seconds(5));
            bed.commit(vec![row.update()]).await;
        }
        stage(&mut row);
        let op = if row.head.is_finished() { row.finish(None) } else { row.update() };
        bed.commit(vec![op]).await;
        heads.push(row.head);
    }
    bed.commit(vec![plain(99).insert(b"not a task")]).await;
    let mut ended = plain(98);
    bed.commit(vec![ended.insert(b"not a task")]).await;
    ended.end(Outcome::Failed, seconds(1));
    bed.commit(vec![ended.finish(None)]).await;
    let another = Sample::task(SHARD, FnId(2), "a-another-function", seconds(3));
    bed.commit(vec![another.insert(b"x")]).await;
    heads
}

fn ids(heads: &[Head]) -> Vec<&str> {
    heads.iter().filter_map(|head| head.task.as_ref()).map(|task| task.id.as_str()).collect()
}

async fn selects(bed: &Bed, heads: &[Head], query: &TaskQuery) {
    let mut expected: Vec<_> = heads.iter().filter(|head| query.may_match(head)).cloned().collect();
    if query.order == Order::Descending {
        expected.reverse();
    }
    let found = all(bed, query).await;
    assert_eq!(ids(&found), ids(&expected), "{query:?}");
    assert!(found == expected, "rows are whole: {query:?}");
}

pub async fn tasks_are_listed_by_acceptance_in_both_orders(mut bed: Bed) {
    let heads = variety(&bed).await;
    bed.reopen().await;
    for order in [Order::Ascending, Order::Descending] {
        selects(&bed, &heads, &TaskQuery { order, ..query() }).await;
    }
    assert_eq!(all(&bed, &query()).await.len(), heads.len());
}

pub async fn every_filter_and_every_pair_of_filters_selects_what_matches(bed: Bed) {
    let heads = variety(&bed).await;
    let prod = Qualifier::parse("prod").expect("a qualifier");
    let started = heads.iter().filter_map(|head| head.first_started_at).nth(2);
    let id = heads[5].task.as_ref().expect("a task").id.as_str().to_owned();
    let mut filters: Vec<Filter> = vec![
        Box::new(|_| {}),
        Box::new(|query| query.qualifier = Some(Qualifier::LATEST)),
        Box::new(move |query| query.qualifier = Some(prod.clone())),
        Box::new(|query| query.prefix = "b-".to_owned()),
        Box::new(|query| query.prefix = "a-1".to_owned()),
        Box::new(move |query| query.prefix.clone_from(&id)),
        Box::new(|query| query.prefix = "nobody".to_owned()),
        Box::new(move |query| query.started_from = started),
        Box::new(move |query| query.started_to = started),
        Box::new(|query| query.ended_from = NOON.plus(seconds(65))),
        Box::new(|query| query.order = Order::Descending),
        Box::new(|query| query.limit = 3),
    ];
    for status in Status::ALL {
        filters.push(Box::new(move |query| query.status = Some(status)));
    }
    for one in &filters {
        for other in &filters {
            let mut query = query();
            one(&mut query);
            other(&mut query);
            selects(&bed, &heads, &query).await;
        }
    }
}

pub async fn records_past_their_retention_are_not_shown(bed: Bed) {
    let [mut old, mut new, live] = [task("old", 1), task("new", 2), task("live", 3)];
    bed.commit([&old, &new, &live].map(|row| row.insert(b"x")).to_vec()).await;
    old.end(Outcome::Succeeded, seconds(10));
    new.end(Outcome::Succeeded, seconds(10));
    bed.commit(vec![old.finish(None), new.finish(None)]).await;
    let ended_from = new.head.ended_at().expect("it has ended");
    let shown = all(&bed, &TaskQuery { ended_from, ..query() }).await;
    assert_eq!(shown, [new.head, live.head]);
}

pub async fn pages_of_any_size_join_up(bed: Bed) {
    let heads = variety(&bed).await;
    for order in [Order::Ascending, Order::Descending] {
        for limit in [1, 2, 3, 5, heads.len() - 1, heads.len(), heads.len() + 1] {
            selects(&bed, &heads, &TaskQuery { order, limit, ..query() }).await;
        }
    }
    let none = bed.store.tasks(&TaskQuery { fn_id: FnId(3), ..query() }).await.expect("a page");
    assert!(none.tasks.is_empty() && none.next.is_none());
}

pub async fn pages_join_up_while_tasks_finish(bed: Bed) {
    let orders = [Order::Ascending, Order::Descending];
    for (order, is_looked_up) in
        orders.into_iter().flat_map(|order| [(order, true), (order, false)])
    {
        let own = format!("{order:?}-{is_looked_up}");
        let name = |number| format!("{own}-{number}");
        let mut rows: Vec<_> = (0..12).map(|number| task(&name(number), number)).collect();
        bed.commit(rows.iter().map(|row| row.insert(b"x")).collect()).await;
        // Few ids that begin so are looked up; else the index is walked, over those of earlier rounds too.
        let prefix = if is_looked_up { own.clone() } else { String::new() };
        let mut query = TaskQuery { order, limit: 2, prefix, ..query() };
        let mut seen = Vec::new();
        for index in (0..rows.len()).cycle().step_by(5) {
            let heads = page(&bed, &mut query).await.into_iter().map(|task| task.head);
            let is_own = |head: &Head| ids(std::slice::from_ref(head))[0].starts_with(&own);
            seen.extend(keys(&heads.filter(is_own).collect::<Vec<_>>()));
            if query.after.is_none() {
                break;
            }
            let row = &mut rows[index];
            if row.head.life.outcome().is_none() {
                row.end(Outcome::Failed, seconds(90));
                bed.commit(vec![row.finish(None)]).await;
            }
        }
        let mut expected: Vec<_> = rows.iter().map(|row| row.head.key).collect();
        if order == Order::Descending {
            expected.reverse();
        }
        assert_eq!(seen, expected, "{own}");
        assert!(rows.iter().any(|row| row.head.is_finished()), "some finished meanwhile");
    }
}

pub async fn a_page_examines_a_thousand_entries_at_most(bed: Bed) {
    let last = LIST_EXAMINED_MAX as u64 + 200;
    let mut rows: Vec<_> = (0..=last).map(|number| task(&format!("t{number}"), number)).collect();
    for rows in rows.chunks(100) {
        bed.commit(rows.iter().map(|row| row.insert(b"x")).collect()).await;
    }
    let mut everything = TaskQuery { limit: 5_000, ..query() };
    let first = page(&bed, &mut everything).await.len();
    assert!(first <= LIST_EXAMINED_MAX, "{first} tasks on a page");
    assert!(everything.after.is_some(), "a short page has a token");
    assert_eq!(all(&bed, &TaskQuery { limit: 5_000, ..query() }).await.len(), rows.len());
    // A page that found nothing goes on where it stopped.
    let needle = rows.last_mut().expect("rows");
    needle.retry(seconds(9));
    bed.commit(vec![needle.update()]).await;
    let retrying = TaskQuery { status: Some(Status::Retrying), ..query() };
    assert_eq!(all(&bed, &retrying).await, std::slice::from_ref(&needle.head));
}

pub async fn events_and_answers_come_only_when_asked_for(bed: Bed) {
    let [mut done, waiting] = [task("done", 1), task("waiting", 2)];
    bed.commit(vec![done.insert(b"event"), waiting.insert(b"other")]).await;
    done.end(Outcome::Succeeded, seconds(5));
    bed.commit(vec![done.finish(Some(b"answer"))]).await;
    let bytes = async |with_payload| -> Vec<_> {
        let page = page(&bed, &mut TaskQuery { with_payload, ..query() }).await;
        page.into_iter().map(|task| (task.payload, task.result)).collect()
    };
    assert_eq!(bytes(false).await, [(None, None), (None, None)]);
    let some = |bytes: &'static [u8]| Some(bytes::Bytes::from_static(bytes));
    assert_eq!(bytes(true).await, [(some(b"event"), some(b"answer")), (some(b"other"), None)]);
}

pub async fn tasks_of_all_shards_are_listed(bed: Bed) {
    let mut heads = Vec::new();
    for (number, shard) in (1..).zip([SHARD].into_iter().chain(bed.lane_mates())) {
        let lease = if shard == SHARD { bed.lease } else { own(bed.store.as_ref(), shard).await };
        for after in [number, 100 - number] {
            let row = Sample::task(shard, FUNCTION, &format!("t{after}"), seconds(after));
            bed.write(write(lease, vec![row.insert(b"x")], Vec::new())).await;
            heads.push(row.head);
        }
    }
    heads.sort_by_key(|head| (head.accepted_at, head.key));
    for limit in [1, 2, 100] {
        selects(&bed, &heads, &TaskQuery { limit, ..query() }).await;
    }
}
