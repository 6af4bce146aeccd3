//! Fenced: a batch counts only with the current epoch of every shard it touches.

use std::sync::Arc;

use invoked_core::id::ShardId;
use invoked_store::{CommitOutcome, Lease, NodeId, ShardWrite, StoreError};

use crate::bed::{Bed, SHARD, node, own, plain, write};

fn stranger() -> NodeId {
    NodeId("stranger".into())
}

async fn take(bed: &Bed, node: &NodeId) -> Option<Lease> {
    bed.store.acquire(node, SHARD).await.expect("an answer")
}

async fn is_fenced(bed: &Bed, batch: Arc<Vec<ShardWrite>>, expected: &[ShardId]) {
    match bed.store.commit(0, batch).await {
        CommitOutcome::Fenced { shards } => assert_eq!(shards, expected),
        outcome @ (CommitOutcome::Durable { .. }
        | CommitOutcome::Rejected(_)
        | CommitOutcome::Unknown(_)) => panic!("not fenced: {outcome:?}"),
    }
}

pub async fn a_shard_has_one_owner(bed: Bed) {
    assert_eq!(take(&bed, &stranger()).await, None);
    let reacquired = bed.store.reacquire(&stranger(), bed.lease).await.expect("an answer");
    assert_eq!(reacquired, None);
    bed.store.release(&node(), bed.lease).await.expect("an answer");
    let lease = take(&bed, &stranger()).await.expect("a shard that was given back");
    assert!(bed.lease.epoch < lease.epoch, "{:?} {lease:?}", bed.lease);
    is_fenced(&bed, write(bed.lease, vec![plain(1).insert(b"x")], Vec::new()), &[SHARD]).await;
    assert_eq!(bed.head(plain(1).head.key).await, None);
}

pub async fn reacquiring_raises_the_epoch_and_fences_the_old_lease(mut bed: Bed) {
    let lease = bed.store.reacquire(&node(), bed.lease).await.expect("an answer");
    let lease = lease.expect("a shard that is ours");
    assert!(bed.lease.epoch < lease.epoch);
    is_fenced(&bed, write(bed.lease, vec![plain(1).insert(b"x")], Vec::new()), &[SHARD]).await;
    bed.lease = lease;
    bed.commit(vec![plain(1).insert(b"x")]).await;
}

pub async fn a_lost_lease_gives_nothing_back(bed: Bed) {
    bed.store.release(&node(), bed.lease).await.expect("an answer");
    let lease = take(&bed, &stranger()).await.expect("a shard that was given back");
    bed.store.release(&node(), bed.lease).await.expect("an answer");
    assert_eq!(bed.store.reacquire(&node(), bed.lease).await.expect("an answer"), None);
    assert_eq!(take(&bed, &node()).await, None, "the stranger still has it");
    assert!(bed.store.reacquire(&stranger(), lease).await.expect("an answer").is_some());
}

pub async fn a_fenced_batch_applies_nothing_in_any_shard(bed: Bed) {
    let Some(other) = bed.lane_mates().next() else { return };
    let theirs = own(bed.store.as_ref(), other).await;
    let stale = bed.lease;
    bed.store.reacquire(&node(), stale).await.expect("an answer").expect("a shard of ours");
    let elsewhere = invoked_testkit::sample::Sample::plain(
        other,
        crate::bed::FUNCTION,
        2,
        std::time::Duration::ZERO,
    );
    let mut batch = write(theirs, vec![elsewhere.insert(b"x")], Vec::new()).to_vec();
    batch.extend(write(stale, vec![plain(1).insert(b"x")], Vec::new()).to_vec());
    is_fenced(&bed, Arc::new(batch), &[SHARD]).await;
    assert_eq!(bed.head(elsewhere.head.key).await, None);
    assert_eq!(bed.head(plain(1).head.key).await, None);
}

pub async fn a_restart_frees_every_shard_and_raises_its_epoch(mut bed: Bed) {
    let before = bed.lease;
    bed.reopen().await;
    assert!(before.epoch < bed.lease.epoch, "{before:?} {:?}", bed.lease);
    is_fenced(&bed, write(before, vec![plain(1).insert(b"x")], Vec::new()), &[SHARD]).await;
}

pub async fn a_closed_store_takes_nothing_more(bed: Bed) {
    bed.commit(vec![plain(1).insert(b"x")]).await;
    bed.store.close().await.expect("the store closes");
    let outcome = bed.store.commit(0, write(bed.lease, vec![], Vec::new())).await;
    assert!(
        matches!(
            outcome,
            CommitOutcome::Rejected(StoreError::Closed)
                | CommitOutcome::Unknown(StoreError::Closed)
        ),
        "{outcome:?}"
    );
    assert!(matches!(bed.store.intern("name").await, Err(StoreError::Closed)));
    assert!(matches!(bed.store.head(plain(1).head.key).await, Err(StoreError::Closed)));
}
