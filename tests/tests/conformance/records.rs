//! Records outlive their rows by the retention, in buckets that are dropped whole.

use std::time::Duration;

use bytes::Bytes;
use invoked_core::head::LaneId;
use invoked_core::id::{FnId, InvKey};
use invoked_core::life::Outcome;
use invoked_core::shard::{BytesWanted, KeptCallback, RowOp};
use invoked_core::time::Timestamp;
use invoked_store::Retention;
use invoked_testkit::sample::{NOON, Sample};

use crate::bed::{Bed, FUNCTION, START, plain, seconds, task};
use crate::tasks::{self, query};

const OTHERS: [Outcome; 4] =
    [Outcome::Failed, Outcome::Expired, Outcome::Stopped, Outcome::Invalid];
const DAY: u64 = 86_400;

/// Payload and result of a row.
async fn bytes(bed: &Bed, row: &Sample) -> (Option<Bytes>, Option<Bytes>) {
    let loaded = bed.bytes(row.bytes()).await;
    assert_eq!(loaded.key, row.head.key);
    (loaded.payload, loaded.result)
}

fn some(bytes: &'static [u8]) -> Option<Bytes> {
    Some(Bytes::from_static(bytes))
}

pub async fn a_plain_success_leaves_nothing(bed: Bed) {
    let mut row = plain(1);
    bed.commit(vec![row.insert(b"event")]).await;
    assert_eq!(bytes(&bed, &row).await, (some(b"event"), None));
    row.end(Outcome::Succeeded, seconds(1));
    bed.commit(vec![row.finish(None)]).await;
    assert_eq!(bed.head(row.head.key).await, None);
    assert_eq!(bytes(&bed, &row).await, (None, None));
}

pub async fn a_plain_invocation_that_did_not_succeed_leaves_its_record(mut bed: Bed) {
    let mut rows: Vec<_> = (1..).zip(OTHERS).map(|(number, _)| plain(number)).collect();
    bed.commit(rows.iter().map(|row| row.insert(b"event")).collect()).await;
    for (row, outcome) in rows.iter_mut().zip(OTHERS) {
        assert_eq!(bed.head(row.head.key).await, Some((row.head.clone(), false)));
        row.end(outcome, seconds(1));
    }
    bed.commit(rows.iter().map(|row| row.finish(None)).collect()).await;
    bed.reopen().await;
    for row in rows {
        assert_eq!(bed.head(row.head.key).await, Some((row.head, true)));
    }
    assert_eq!(bed.lane(FUNCTION).await, []);
}

pub async fn a_task_leaves_its_record_its_event_and_its_answer(mut bed: Bed) {
    let mut row = task("t", 1);
    bed.commit(vec![row.insert(b"event")]).await;
    row.start(seconds(1));
    bed.commit(vec![row.update()]).await;
    row.end(Outcome::Succeeded, seconds(2));
    bed.commit(vec![row.finish(Some(b"answer"))]).await;
    for _ in 0..2 {
        assert_eq!(bed.head(row.head.key).await, Some((row.head.clone(), true)));
        assert_eq!(bytes(&bed, &row).await, (some(b"event"), some(b"answer")));
        bed.reopen().await;
    }
}

pub async fn an_answer_stays_while_its_callback_is_owed(bed: Bed) {
    let mut rows = [plain(1).owing(FnId(7)), task("t", 2).owing(FnId(7))];
    bed.commit(rows.iter().map(|row| row.insert(b"event")).collect()).await;
    for row in &mut rows {
        row.end(Outcome::Succeeded, seconds(5));
        bed.commit(vec![row.update_with(Some(b"answer"))]).await;
        row.head.due = row.head.due.plus(seconds(30));
        bed.commit(vec![row.update()]).await;
        assert_eq!(bytes(&bed, row).await, (some(b"event"), some(b"answer")));
        row.deliver();
        bed.commit(vec![row.finish(None)]).await;
    }
    let [plain, task] = &rows;
    assert_eq!(bytes(&bed, plain).await, (None, None));
    assert_eq!(bytes(&bed, task).await, (some(b"event"), some(b"answer")));
}

pub async fn bytes_come_in_the_order_asked(bed: Bed) {
    let rows = [plain(1), task("t", 2), plain(3)];
    bed.commit(vec![rows[0].insert(b"1"), rows[1].insert(b"2"), rows[2].insert(b"")]).await;
    let unknown = plain(4);
    let wanted: Vec<_> =
        [&rows[2], &rows[1], &unknown, &rows[0], &rows[1]].map(|row| row.bytes()).to_vec();
    let loaded = bed.store.bytes(&wanted).await.expect("bytes");
    let asked: Vec<_> = wanted.iter().map(|wanted| wanted.key).collect();
    assert_eq!(loaded.iter().map(|loaded| loaded.key).collect::<Vec<_>>(), asked);
    let payloads: Vec<_> = loaded.into_iter().map(|loaded| loaded.payload).collect();
    assert_eq!(payloads, [some(b""), some(b"2"), None, some(b"1"), some(b"2")]);
    assert!(bed.store.bytes(&[]).await.expect("bytes").is_empty());
}

/// Rows whose callbacks were given up, in the order in which that happened.
async fn given_up(bed: &Bed) -> Vec<Sample> {
    let mut rows: Vec<_> = (1..=4).map(|number| plain(number).owing(FnId(7))).collect();
    bed.commit(rows.iter().map(|row| row.insert(b"x")).collect()).await;
    for (row, after) in rows.iter_mut().zip([40, 30, 20, 10]) {
        row.end(Outcome::Succeeded, seconds(5));
        row.give_up(seconds(after));
    }
    bed.commit(rows.iter().map(|row| row.finish(None)).collect()).await;
    rows.reverse();
    rows
}

pub async fn given_up_callbacks_are_paged_oldest_first(mut bed: Bed) {
    let rows = given_up(&bed).await;
    let expected: Vec<_> = rows
        .iter()
        .filter_map(|row| match row.finish(None) {
            RowOp::Finish { failed_callback, .. } => failed_callback.map(|kept| *kept),
            RowOp::Insert { .. } | RowOp::Redrive { .. } | RowOp::Update { .. } => None,
        })
        .collect();
    assert_eq!(expected.len(), 4);
    bed.reopen().await;
    for limit in 1..=5 {
        let mut seen: Vec<KeptCallback> = Vec::new();
        // A store that repeats itself fails here instead of going round for ever.
        for _ in 0..=expected.len() {
            let after = seen.last().map(|kept| (kept.failed_at, kept.key));
            let page = bed.store.kept_callbacks(after, limit).await.expect("callbacks");
            assert!(page.len() <= limit);
            seen.extend(page);
        }
        assert_eq!(seen, expected, "limit {limit}");
    }
    assert_eq!(bed.head(rows[0].head.key).await, None, "a plain success leaves no record");
    for kept in expected {
        let found = bed.store.kept_callback(kept.key).await.expect("a callback");
        assert_eq!(found, Some(kept));
    }
    assert_eq!(bed.store.kept_callback(InvKey::MAX).await.expect("an answer"), None);
}

pub async fn a_bucket_is_dropped_whole_when_its_retention_is_over(mut bed: Bed) {
    let mut failed = plain(1);
    let [mut finished, mut tomorrow] = [task("t", 2), task("u", DAY)];
    let inserts = [&failed, &finished, &tomorrow].map(|row| row.insert(b"event"));
    bed.commit(inserts.to_vec()).await;
    for row in [&mut failed, &mut finished, &mut tomorrow] {
        row.end(Outcome::Failed, seconds(5));
    }
    let finishes = [&failed, &finished, &tomorrow].map(|row| row.finish(Some(b"answer")));
    bed.commit(finishes.to_vec()).await;
    given_up(&bed).await;

    let retention = seconds(7 * DAY);
    let over = NOON.plus(seconds(DAY / 2)).plus(retention);
    assert_eq!(bed.store.purge(over.just_before(), all(retention)).await.expect("a purge"), 0);
    assert_eq!(bed.head(finished.head.key).await, Some((finished.head.clone(), true)));
    assert_eq!(bytes(&bed, &finished).await, (some(b"event"), some(b"answer")));

    let late = over.plus(seconds(DAY)).just_before();
    assert!(bed.store.purge(late, all(retention)).await.expect("a purge") > 0);
    assert_eq!(bed.store.purge(late, all(retention)).await.expect("a purge"), 0, "once is enough");
    bed.reopen().await;
    assert_eq!(bed.head(failed.head.key).await, None);
    assert_eq!(bed.head(finished.head.key).await, None);
    assert_eq!(bytes(&bed, &finished).await, (None, None));
    assert_eq!(bed.head(tomorrow.head.key).await, Some((tomorrow.head.clone(), true)));
    assert_eq!(bytes(&bed, &tomorrow).await, (some(b"event"), some(b"answer")));

    assert!(bed.store.purge(Timestamp::MAX, all(retention)).await.expect("a purge") > 0);
    assert_eq!(bed.head(tomorrow.head.key).await, None);
    assert!(bed.store.kept_callbacks(None, 9).await.expect("callbacks").is_empty());
    bed.commit(vec![task("t", 2).insert(b"the id is free again")]).await;
}

pub async fn a_bucket_is_not_dropped_under_a_live_row(mut bed: Bed) {
    let [mut live, plain] = [task("t", 1), plain(2)];
    bed.commit(vec![live.insert(b"event"), plain.insert(b"other")]).await;
    bed.store.purge(Timestamp::MAX, all(seconds(DAY))).await.expect("a purge");
    bed.reopen().await;
    assert_eq!(bytes(&bed, &live).await, (some(b"event"), None));
    assert_eq!(bytes(&bed, &plain).await, (some(b"other"), None));
    assert_eq!(bed.lane(FUNCTION).await.len(), 2);
    live.end(Outcome::Expired, seconds(DAY));
    bed.commit(vec![live.finish(None)]).await;
    let mut plain = plain;
    plain.end(Outcome::Expired, seconds(DAY));
    bed.commit(vec![plain.finish(None)]).await;
    assert!(bed.store.purge(Timestamp::MAX, all(seconds(DAY))).await.expect("a purge") > 0);
    assert_eq!(bed.head(live.head.key).await, None);
    assert_eq!(bed.bytes(BytesWanted::from(&live.head)).await.payload, None);
}

fn all(span: Duration) -> Retention {
    Retention::of_all(span)
}

pub async fn given_up_callbacks_have_a_retention_of_their_own(bed: Bed) {
    let mut failed = plain(1);
    bed.commit(vec![failed.insert(b"event")]).await;
    failed.end(Outcome::Failed, seconds(5));
    bed.commit(vec![failed.finish(None)]).await;
    given_up(&bed).await;
    let kept = async |bed: &Bed| bed.store.kept_callbacks(None, 9).await.expect("callbacks").len();
    let over = NOON.plus(seconds(DAY / 2)).plus(seconds(DAY));

    let longer = Retention { records: seconds(DAY), callbacks: seconds(3 * DAY) };
    assert!(bed.store.purge(over.plus(seconds(DAY)), longer).await.expect("a purge") > 0);
    assert_eq!((bed.head(failed.head.key).await, kept(&bed).await), (None, 4));
    let past = over.plus(seconds(2 * DAY));
    assert_eq!(bed.store.purge(past.just_before(), longer).await.expect("a purge"), 0);
    assert_eq!(bed.store.purge(past, longer).await.expect("a purge"), 1);
    assert_eq!(kept(&bed).await, 0);
}

pub async fn a_redrive_makes_the_row_live_and_keeps_the_callback_no_longer(mut bed: Bed) {
    let mut rows = [plain(1).owing(FnId(7)), task("t", 2).owing(FnId(7))];
    bed.commit(rows.iter().map(|row| row.insert(b"event")).collect()).await;
    for row in &mut rows {
        row.end(Outcome::Succeeded, seconds(5));
        row.give_up(seconds(9));
    }
    bed.commit(rows.iter().map(|row| row.finish(Some(b"answer"))).collect()).await;
    let before = bed.store.stats().await.expect("figures").live_rows;
    let mut redrives = Vec::new();
    for row in &mut rows {
        redrives.push(row.redrive(seconds(3_600), b"message"));
    }
    bed.commit(redrives.clone()).await;
    bed.commit(redrives).await;
    bed.reopen().await;

    assert_eq!(bed.store.stats().await.expect("figures").live_rows, before + 2);
    let owed = bed.heads(LaneId::Destination(FnId(7)), START, 9).await.heads;
    let mut expected: Vec<_> = rows.iter().map(|row| row.head.clone()).collect();
    expected.sort_by_key(|head| (head.due, head.key));
    assert_eq!(owed, expected);
    for row in &rows {
        assert_eq!(bed.head(row.head.key).await, Some((row.head.clone(), false)));
        let loaded = bed.bytes(BytesWanted::message(&row.head)).await;
        assert_eq!((loaded.payload, loaded.result), (some(b"message"), None));
        assert_eq!(bed.store.kept_callback(row.head.key).await.expect("an answer"), None);
    }
    assert_eq!(bytes(&bed, &rows[1]).await, (some(b"event"), some(b"answer")), "of the task");
    assert!(bed.store.kept_callbacks(None, 9).await.expect("callbacks").is_empty());
    assert_eq!(tasks::all(&bed, &query()).await, [rows[1].head.clone()], "the task is listed once");

    // One is delivered, the other is given up again.
    let [plain, task] = &mut rows;
    plain.give_up(seconds(3_700));
    plain.head.due = plain.was.due;
    task.deliver();
    bed.commit(vec![plain.finish(None), task.finish(None)]).await;
    bed.reopen().await;
    assert_eq!(bed.store.stats().await.expect("figures").live_rows, before);
    let kept = bed.store.kept_callbacks(None, 9).await.expect("callbacks");
    assert_eq!(kept.iter().map(|kept| kept.key).collect::<Vec<_>>(), [plain.head.key]);
    assert_eq!(kept[0].redrives, plain.head.redrives);
    assert_eq!(bed.head(plain.head.key).await, None, "a plain success leaves no record");
    assert_eq!(bed.head(task.head.key).await, Some((task.head.clone(), true)));
    for row in &rows {
        let loaded = bed.bytes(BytesWanted::message(&row.head)).await;
        assert_eq!((loaded.payload, loaded.result), (None, None));
    }
    assert_eq!(bytes(&bed, &rows[1]).await, (some(b"event"), some(b"answer")));
}
