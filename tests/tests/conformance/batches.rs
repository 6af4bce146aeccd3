//! Durable, atomic, idempotent: what a batch does.

use invoked_core::head::LaneId;
use invoked_core::id::FnId;
use invoked_core::life::Outcome;
use invoked_core::name::Qualifier;
use invoked_core::totals::{Metric, Total, TotalKey};

use crate::bed::{Bed, FUNCTION, SHARD, START, own, plain, seconds, task, write};
use crate::tasks::{all, query};

fn total(qualifier: &str, metric: Metric, value: u64) -> Total {
    let qualifier = Qualifier::parse(qualifier).expect("a qualifier");
    Total { key: TotalKey { fn_id: FUNCTION, qualifier, metric }, value }
}

async fn totals(bed: &Bed) -> Vec<Total> {
    let mut totals = bed.store.totals(SHARD).await.expect("totals");
    totals.sort_by(|one, other| one.key.cmp(&other.key));
    totals
}

pub async fn what_is_durable_is_there_after_a_restart(mut bed: Bed) {
    let mut row = plain(1);
    bed.commit(vec![row.insert(b"event"), task("t", 2).insert(b"other")]).await;
    row.retry(seconds(9));
    bed.commit(vec![row.update()]).await;
    bed.reopen().await;
    assert_eq!(bed.head(row.head.key).await, Some((row.head.clone(), false)));
    assert_eq!(bed.bytes(row.bytes()).await.payload.as_deref(), Some(&b"event"[..]));
    assert_eq!(bed.bytes(task("t", 2).bytes()).await.payload.as_deref(), Some(&b"other"[..]));
    assert_eq!(bed.lane(FUNCTION).await, [task("t", 2).head, row.head]);
}

/// Everything that a batch can change, as text.
async fn everything(bed: &Bed) -> String {
    let mut heads = Vec::new();
    let mut lanes = bed.store.lanes(SHARD).await.expect("lanes");
    lanes.sort();
    for lane in &lanes {
        heads.push(bed.heads(*lane, START, 100).await);
    }
    let callbacks = bed.store.kept_callbacks(None, 100).await.expect("callbacks");
    let tasks = all(bed, &query()).await;
    let live = bed.store.stats().await.expect("figures").live_rows;
    format!("{lanes:?} {heads:?} {:?} {callbacks:?} {tasks:?} {live}", totals(bed).await)
}

pub async fn a_batch_sent_twice_changes_nothing(bed: Bed) {
    let [mut moved, mut ended] = [plain(1), plain(2)];
    let mut finished = task("t", 3).owing(FnId(7));
    bed.commit(vec![moved.insert(b"1"), ended.insert(b"2"), finished.insert(b"3")]).await;
    moved.retry(seconds(60));
    ended.end(Outcome::Succeeded, seconds(5));
    finished.end(Outcome::Failed, seconds(5));
    finished.give_up(seconds(6));
    let ops = vec![
        plain(4).insert(b"4"),
        moved.update(),
        ended.finish(None),
        finished.finish(Some(b"answer")),
    ];
    let batch = write(bed.lease, ops, vec![total("", Metric::Accepted, 4)]);
    assert_eq!(bed.write(batch.clone()).await, []);
    let once = everything(&bed).await;
    assert_eq!(bed.write(batch).await, []);
    assert_eq!(everything(&bed).await, once);
    assert_eq!(bed.bytes(plain(4).bytes()).await.payload.as_deref(), Some(&b"4"[..]));
}

pub async fn a_key_taken_by_the_same_token_is_the_same_insert(bed: Bed) {
    let mut row = task("t", 1);
    let insert = row.insert(b"event");
    bed.commit(vec![insert.clone()]).await;
    row.start(seconds(2));
    bed.commit(vec![row.update()]).await;
    bed.commit(vec![insert]).await;
    assert_eq!(bed.head(row.head.key).await, Some((row.head.clone(), false)));
    assert_eq!(bed.lane(FUNCTION).await, [row.head]);
}

pub async fn a_key_taken_by_another_token_is_named_and_not_inserted(bed: Bed) {
    let row = task("t", 1);
    bed.commit(vec![row.insert(b"event")]).await;
    let mut other = task("t", 2);
    other.head.token += 1;
    let ops = vec![other.insert(b"other"), plain(3).insert(b"x")];
    let conflicts = bed.write(write(bed.lease, ops, Vec::new())).await;
    assert_eq!(conflicts, [row.head.key]);
    assert_eq!(bed.head(row.head.key).await, Some((row.head.clone(), false)));
    assert_eq!(bed.bytes(row.bytes()).await.payload.as_deref(), Some(&b"event"[..]));
    assert_eq!(bed.lane(FUNCTION).await, [row.head, plain(3).head], "the others are inserted");
}

pub async fn a_kept_record_keeps_its_key_taken(bed: Bed) {
    let mut row = task("t", 1);
    let insert = row.insert(b"event");
    bed.commit(vec![insert.clone()]).await;
    row.end(Outcome::Succeeded, seconds(2));
    bed.commit(vec![row.finish(None)]).await;
    let mut other = task("t", 3);
    other.head.token += 1;
    let batch = write(bed.lease, vec![other.insert(b"other")], Vec::new());
    assert_eq!(bed.write(batch).await, [row.head.key]);
    bed.commit(vec![insert]).await;
    assert_eq!(bed.head(row.head.key).await, Some((row.head, true)));
    assert_eq!(bed.lane(FUNCTION).await, []);
}

pub async fn counts_are_written_whole_and_kept_by_shard(mut bed: Bed) {
    let accepted = |value| total("", Metric::Accepted, value);
    let prod = total("prod", Metric::Accepted, 5);
    let ended = total("", Metric::Ended(Outcome::Expired), 1);
    bed.commit_with(Vec::new(), vec![accepted(1), prod.clone(), ended.clone()]).await;
    bed.commit_with(Vec::new(), vec![accepted(9)]).await;
    let expected = vec![accepted(9), ended, prod];
    assert_eq!(totals(&bed).await, expected);
    if let Some(other) = bed.lane_mates().next() {
        let lease = own(bed.store.as_ref(), other).await;
        bed.write(write(lease, Vec::new(), vec![accepted(2)])).await;
        assert_eq!(bed.store.totals(other).await.expect("totals"), [accepted(2)]);
    }
    bed.reopen().await;
    assert_eq!(totals(&bed).await, expected);
}

pub async fn an_empty_commit_is_durable(bed: Bed) {
    bed.commit(Vec::new()).await;
    assert_eq!(bed.store.lanes(SHARD).await.expect("lanes"), Vec::<LaneId>::new());
}
