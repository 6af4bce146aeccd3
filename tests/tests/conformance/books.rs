//! Names, registry, submissions and figures: what is written outside of batches.

use std::time::Duration;

use bytes::Bytes;
use invoked_core::fault::Fault;
use invoked_core::id::{Attempt, FnId, InvKey};
use invoked_core::life::{Life, Outcome};
use invoked_core::name::Qualifier;
use invoked_core::shard::{BytesWanted, RowOp};
use invoked_core::totals::{Gauge, Metric, Total, TotalKey};
use invoked_store::{RegistryEntry, RegistryKind, Submission};

use crate::bed::{Bed, FUNCTION, SHARD, plain};

pub async fn a_name_has_one_number_for_ever(mut bed: Bed) {
    let intern = async |bed: &Bed, name: &str| bed.store.intern(name).await.expect("a number");
    let names = ["f", "acs:mns:::/queues/q/messages", "g$f", "F"];
    let mut numbers = Vec::new();
    for name in names {
        numbers.push(intern(&bed, name).await);
    }
    bed.reopen().await;
    let new = intern(&bed, "later").await;
    for (name, number) in names.into_iter().zip(&numbers) {
        assert_eq!(intern(&bed, name).await, *number, "{name}");
    }
    let mut known = bed.store.names().await.expect("names");
    known.sort();
    let mut expected: Vec<(FnId, String)> =
        numbers.into_iter().zip(names.map(str::to_owned)).collect();
    expected.push((new, "later".to_owned()));
    expected.sort();
    assert_eq!(known, expected);
    known.dedup_by_key(|(number, _)| *number);
    assert_eq!(known.len(), 5, "no two names share a number");
}

pub async fn registry_entries_are_overwritten_and_deletions_remembered(mut bed: Bed) {
    let entry = |kind, name: &str, value: Option<&'static [u8]>| RegistryEntry {
        kind,
        name: name.to_owned(),
        value: value.map(Bytes::from_static),
    };
    let (function, config) = (RegistryKind::Function, RegistryKind::AsyncConfig);
    let first = [
        entry(function, "f", Some(b"1")),
        entry(config, "f", Some(b"2")),
        entry(function, "g", Some(b"3")),
    ];
    bed.store.put_registry(&first).await.expect("written");
    let second = [
        entry(function, "f", None),
        entry(function, "g", Some(b"4")),
        entry(RegistryKind::BulkCursor, "never there", None),
        entry(RegistryKind::LaneState, "lane", Some(b"")),
    ];
    bed.store.put_registry(&second).await.expect("written");
    for _ in 0..2 {
        let mut registry = bed.store.registry().await.expect("the registry");
        registry.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
        let expected = [
            entry(function, "f", None),
            entry(function, "g", Some(b"4")),
            entry(config, "f", Some(b"2")),
            entry(RegistryKind::LaneState, "lane", Some(b"")),
            entry(RegistryKind::BulkCursor, "never there", None),
        ];
        assert_eq!(registry, expected);
        bed.reopen().await;
    }
}

pub async fn submissions_are_acknowledged_by_their_exact_numbers(mut bed: Bed) {
    let stop = |number| Submission::Stop { key: plain(number).head.key };
    let pending = async |bed: &Bed| bed.store.submissions(SHARD).await.expect("submissions");
    bed.store.submit(&[stop(1), stop(2), stop(3)]).await.expect("taken");
    bed.reopen().await;
    let [one, two, three] = <[_; 3]>::try_from(pending(&bed).await).expect("three submissions");
    assert_eq!([&one.1, &two.1, &three.1], [&stop(1), &stop(2), &stop(3)], "in their order");
    if let Some(other) = bed.lane_mates().next() {
        let mut key = InvKey::MAX;
        key.0[..2].copy_from_slice(&other.0.to_be_bytes());
        bed.store.submit(&[Submission::Stop { key }]).await.expect("taken");
        assert_eq!(pending(&bed).await.len(), 3, "shards do not mix");
        assert_eq!(bed.store.submissions(other).await.expect("submissions").len(), 1);
        bed.store.acknowledge(other, &[one.0]).await.expect("forgotten");
    }
    bed.store.acknowledge(SHARD, &[one.0, three.0]).await.expect("forgotten");
    assert_eq!(pending(&bed).await, std::slice::from_ref(&two));
    bed.store.acknowledge(SHARD, &[one.0]).await.expect("again changes nothing");
    bed.store.submit(&[stop(4)]).await.expect("taken");
    let now = pending(&bed).await;
    assert_eq!(now.len(), 2);
    assert!(now.iter().all(|(number, _)| ![one.0, three.0].contains(number)), "numbers are new");
    bed.reopen().await;
    assert_eq!(pending(&bed).await, now);
}

pub async fn the_figures_count_live_rows_and_batches(bed: Bed) {
    let before = bed.store.stats().await.expect("figures");
    let mut row = plain(1);
    bed.commit(vec![row.insert(b"x"), plain(2).insert(b"y")]).await;
    row.end(Outcome::Failed, Duration::ZERO);
    bed.commit(vec![row.finish(None)]).await;
    let after = bed.store.stats().await.expect("figures");
    assert_eq!((before.live_rows, after.live_rows), (0, 1));
    assert_eq!(after.batches - before.batches, 2);
    assert_eq!(after.operations - before.operations, 3);
}

pub async fn an_audit_finds_what_is_not_counted(bed: Bed) {
    let count = |metric, value| {
        let key = TotalKey { fn_id: FUNCTION, qualifier: Qualifier::LATEST, metric };
        Total { key, value }
    };
    let audit = async |bed: &Bed| invoked_store::audit(bed.store.as_ref()).await.expect("an audit");
    let mut retrying = plain(1);
    let insert = [retrying.insert(b"x"), plain(2).insert(b"y")];
    bed.commit_with(insert.into(), vec![count(Metric::Accepted, 2)]).await;
    let found = audit(&bed).await;
    assert_eq!((found.rows, found.wrong, found.problems), (2, 0, vec![]));

    let was = retrying.head.slot();
    retrying.head.life = Life::Retrying { failed: Attempt(1) };
    let update = RowOp::Update { head: Box::new(retrying.head), was, result: None };
    bed.commit(vec![update]).await;
    let found = audit(&bed).await;
    assert_eq!(found.wrong, 1);
    assert!(found.problems[0].contains("Retrying: 0 are counted, 1 rows"), "{found:?}");
    bed.commit_with(Vec::new(), vec![count(Metric::Now(Gauge::Retrying), 1)]).await;
    assert_eq!(audit(&bed).await.wrong, 0);
    bed.commit_with(Vec::new(), vec![count(Metric::Accepted, 3)]).await;
    assert_eq!(audit(&bed).await.wrong, 1, "one is missing");
}

pub async fn a_purged_plain_invocation_leaves_nothing(mut bed: Bed) {
    let mut row = plain(1);
    bed.commit(vec![row.insert(b"x")]).await;
    row.head.fault = Some(Fault::purged());
    row.end(Outcome::Stopped, Duration::ZERO);
    bed.commit(vec![row.finish(None)]).await;
    for _ in 0..2 {
        assert_eq!(bed.head(row.head.key).await, None);
        assert_eq!(bed.bytes(BytesWanted::from(&row.head)).await.payload, None);
        bed.reopen().await;
    }
}
