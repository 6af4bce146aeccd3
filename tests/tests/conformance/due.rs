//! One position: a live row stands once in the order of due work.

use invoked_core::head::LaneId;
use invoked_core::id::{FnId, InvKey};
use invoked_core::life::Outcome;
use invoked_testkit::sample::Sample;

use crate::bed::{Bed, FUNCTION, SHARD, START, keys, own, plain, seconds, write};

/// Five rows; the second and the third are due at the same time.
fn rows() -> Vec<Sample> {
    let [first, second, third, fourth, last] = [5, 1, 2, 3, 4].map(plain);
    let mut rows = vec![
        first,
        second.due_after(seconds(9)),
        third.due_after(seconds(8)),
        fourth.due_after(seconds(60)),
        last.due_after(seconds(3_599)),
    ];
    assert!(rows.is_sorted_by_key(|row| (row.head.due, row.head.key)));
    rows.swap(0, 3);
    rows
}

fn in_order() -> Vec<InvKey> {
    let mut rows = rows();
    rows.sort_by_key(|row| (row.head.due, row.head.key));
    rows.iter().map(|row| row.head.key).collect()
}

async fn filled(bed: &Bed) {
    bed.commit(rows().iter().map(|row| row.insert(b"x")).collect()).await;
}

pub async fn rows_come_in_order_of_due_and_key(mut bed: Bed) {
    filled(&bed).await;
    assert_eq!(keys(&bed.lane(FUNCTION).await), in_order());
    bed.reopen().await;
    let lane = bed.lane(FUNCTION).await;
    assert_eq!(keys(&lane), in_order());
    assert!(rows().iter().all(|row| lane.contains(&row.head)), "rows are whole");
}

pub async fn a_page_begins_behind_its_position_and_ends_at_its_limit(bed: Bed) {
    filled(&bed).await;
    for limit in 1..=6 {
        let (mut after, mut seen) = (START, Vec::new());
        loop {
            let page = bed.heads(LaneId::Function(FUNCTION), after, limit).await;
            assert!(page.heads.len() <= limit as usize);
            seen.extend(keys(&page.heads));
            assert_eq!(page.is_complete, seen.len() == 5, "limit {limit}, seen {}", seen.len());
            if page.is_complete {
                break;
            }
            after = page.heads.last().map(|last| (last.due, last.key)).expect("a full page");
        }
        assert_eq!(seen, in_order(), "limit {limit}");
    }
    let due = plain(5).head.due;
    let behind = bed.heads(LaneId::Function(FUNCTION), (due, InvKey::MAX), 9).await;
    assert_eq!(keys(&behind.heads), in_order()[1..]);
}

pub async fn an_update_moves_a_row_to_its_one_new_position(bed: Bed) {
    let [mut row, other] = [plain(1), plain(2)];
    bed.commit(vec![row.insert(b"x"), other.insert(b"y")]).await;
    assert_eq!(keys(&bed.lane(FUNCTION).await), [row.head.key, other.head.key]);
    row.start(seconds(1));
    bed.commit(vec![row.update()]).await;
    assert_eq!(bed.lane(FUNCTION).await, [row.head.clone(), other.head.clone()], "not moved");
    row.retry(seconds(30));
    bed.commit(vec![row.update()]).await;
    assert_eq!(bed.lane(FUNCTION).await, [other.head.clone(), row.head.clone()], "later");
    row.retry(seconds(0));
    bed.commit(vec![row.update()]).await;
    assert_eq!(bed.lane(FUNCTION).await, [row.head, other.head], "earlier");
}

pub async fn a_row_that_owes_a_callback_waits_in_the_lane_of_its_destination(bed: Bed) {
    // The destination has the number of the function: the lanes are two all the same.
    let mut row = plain(1).owing(FUNCTION);
    let destination = LaneId::Destination(FUNCTION);
    bed.commit(vec![row.insert(b"x"), plain(2).insert(b"y")]).await;
    assert_eq!(bed.heads(destination, START, 9).await.heads, []);
    row.end(Outcome::Failed, seconds(5));
    bed.commit(vec![row.update_with(Some(b"answer"))]).await;
    assert_eq!(bed.lane(FUNCTION).await, [plain(2).head]);
    let owing = bed.heads(destination, START, 9).await;
    assert_eq!((owing.heads, owing.is_complete), (vec![row.head.clone()], true));
    row.deliver();
    bed.commit(vec![row.finish(None)]).await;
    assert_eq!(bed.heads(destination, START, 9).await.heads, []);
}

pub async fn lanes_are_those_with_live_rows_and_do_not_mix(bed: Bed) {
    let lanes = async || {
        let mut lanes = bed.store.lanes(SHARD).await.expect("lanes");
        lanes.sort();
        lanes
    };
    assert_eq!(lanes().await, []);
    let ids = [FnId(1), FnId(2), FnId(255), FnId(256), FnId(70_000)];
    let mut rows = ids.map(|id| {
        let row = Sample::plain(SHARD, id, u64::from(id.0), seconds(0));
        if id == FnId(2) { row.owing(FnId(3)) } else { row }
    });
    bed.commit(rows.iter().map(|row| row.insert(b"x")).collect()).await;
    assert_eq!(lanes().await, ids.map(LaneId::Function));
    for row in &rows {
        assert_eq!(bed.lane(row.head.fn_id).await, std::slice::from_ref(&row.head));
    }
    let [ended, owing, ..] = &mut rows;
    ended.end(Outcome::Succeeded, seconds(1));
    owing.end(Outcome::Succeeded, seconds(1));
    bed.commit(vec![ended.finish(None), owing.update()]).await;
    let [_, _, rest @ ..] = ids.map(LaneId::Function);
    assert_eq!(lanes().await, [&rest[..], &[LaneId::Destination(FnId(3))]].concat());
}

pub async fn shards_do_not_mix(bed: Bed) {
    let Some(other) = bed.lane_mates().next() else { return };
    let lease = own(bed.store.as_ref(), other).await;
    let theirs = Sample::plain(other, FUNCTION, 2, seconds(0));
    bed.commit(vec![plain(1).insert(b"x")]).await;
    bed.write(write(lease, vec![theirs.insert(b"y")], Vec::new())).await;
    assert_eq!(bed.lane(FUNCTION).await, [plain(1).head]);
    let lane = LaneId::Function(FUNCTION);
    let page = bed.store.heads(other, lane, START, 9).await.expect("heads");
    assert_eq!((page.heads, page.is_complete), (vec![theirs.head], true));
}

pub async fn a_finished_row_waits_nowhere(bed: Bed) {
    let mut row = plain(1);
    bed.commit(vec![row.insert(b"x"), plain(2).insert(b"y")]).await;
    row.end(Outcome::Stopped, seconds(2));
    bed.commit(vec![row.finish(None)]).await;
    assert_eq!(bed.lane(FUNCTION).await, [plain(2).head]);
}
