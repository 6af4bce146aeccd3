//! A store that runs: what survives, what is refused.

use invoked_core::head::LaneId;
use invoked_core::id::InvKey;
use invoked_core::life::Outcome;
use invoked_core::name::Qualifier;
use invoked_core::shard::{BytesWanted, Commit, RowOp};
use invoked_core::time::Timestamp;
use invoked_core::totals::{Metric, Total, TotalKey};
use invoked_store::{
    CommitOutcome, RegistryEntry, RegistryKind, Retention, Store, StoreError, Submission,
};

use super::sample::*;
use crate::apply::apply;
use crate::directory;
use crate::keys::{Table, number};
use crate::staged::Staged;
use crate::store::Shared;
use crate::tables::Tables;
use crate::{FjallConfig, FjallStore};

const LANE: LaneId = LaneId::Function(FUNCTION);
const START: (Timestamp, InvKey) = (Timestamp::MIN, InvKey::MIN);

#[tokio::test]
async fn everything_survives_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let (waiting, failed, done) = (plain(1), plain(2), task("done", 3));
    let kept = kept_callback(&failed);
    let total = Total {
        key: TotalKey { fn_id: FUNCTION, qualifier: Qualifier::LATEST, metric: Metric::Accepted },
        value: 3,
    };
    let ops = vec![insert(&waiting), insert(&failed), insert(&done)];
    site.write(Commit { ops, totals: vec![total.clone()] }).await;
    let RowOp::Finish { head, was, result, .. } = finish(&failed, Outcome::Failed) else {
        unreachable!("that is what finishing makes")
    };
    let failed_callback = Some(Box::new(kept.clone()));
    let given_up = RowOp::Finish { head, was, result, failed_callback };
    site.durable(vec![given_up, finish(&done, Outcome::Succeeded)]).await;
    let name = site.store.intern("function").await.unwrap();
    let entry = RegistryEntry { kind: RegistryKind::Function, name: "f".into(), value: None };
    site.store.put_registry(std::slice::from_ref(&entry)).await.unwrap();
    let stop = Submission::Stop { key: waiting.key };
    site.store.submit(&[stop.clone(), stop.clone()]).await.unwrap();
    site.store.acknowledge(SHARD, &[1]).await.unwrap();
    let epoch = site.lease.epoch;
    site.store.close().await.unwrap();
    assert!(matches!(site.store.names().await, Err(StoreError::Closed)));

    let site = Site::open(directory.path()).await;
    let store = &site.store;
    assert!(epoch < site.lease.epoch);
    assert_eq!(site.live_rows().await, 1);
    assert_eq!(store.lanes(SHARD).await.unwrap(), [LANE]);
    let heads = store.heads(SHARD, LANE, START, 10).await.unwrap();
    assert_eq!((heads.heads, heads.is_complete), (vec![waiting.clone()], true));
    let wanted = [BytesWanted::from(&waiting), BytesWanted::from(&done)];
    let bytes = store.bytes(&wanted).await.unwrap();
    assert_eq!(bytes[0].payload, Some(payload(&waiting)));
    assert_eq!(bytes[1].payload, Some(payload(&done)));
    assert_eq!(bytes[1].result.as_deref(), Some(&b"answer"[..]));
    let found = store.head(done.key).await.unwrap().unwrap();
    assert_eq!((found.head, found.is_kept), (ended(&done, Outcome::Succeeded), true));
    assert!(store.head(failed.key).await.unwrap().unwrap().is_kept);
    assert_eq!(store.kept_callbacks(None, 10).await.unwrap(), [kept]);
    assert_eq!(store.totals(SHARD).await.unwrap(), [total]);
    assert_eq!(store.names().await.unwrap(), [(name, "function".to_owned())]);
    assert_eq!(store.registry().await.unwrap(), [entry]);
    assert_eq!(store.submissions(SHARD).await.unwrap(), [(2, stop)]);
}

#[tokio::test]
async fn a_batch_sent_twice_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let (row, listed) = (plain(1), task("twice", 2));
    let next = retrying(&listed);
    let batches = [
        vec![insert(&row), insert(&listed)],
        vec![update(&listed, &next)],
        vec![finish(&next, Outcome::Failed), finish(&row, Outcome::Succeeded)],
    ];
    let mut counts = Vec::new();
    for batch in batches {
        for _ in 0..2 {
            site.durable(batch.clone()).await;
            counts.push(site.live_rows().await);
        }
    }
    assert_eq!(counts, [2, 2, 2, 2, 0, 0]);
    assert_eq!(site.store.lanes(SHARD).await.unwrap(), []);
    let taken = task("twice", 7);
    let outcome = site.commit(vec![insert(&taken)]).await;
    let CommitOutcome::Durable { conflicts } = outcome else { panic!("{outcome:?}") };
    assert_eq!(conflicts, [taken.key]);
    assert_eq!(site.live_rows().await, 0);
}

#[tokio::test]
async fn a_stale_lease_is_fenced_and_applies_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path()).await;
    let node = invoked_store::NodeId("node".into());
    let lease = site.store.reacquire(&node, site.lease).await.unwrap().unwrap();
    let outcome = site.commit(vec![insert(&plain(1))]).await;
    assert!(matches!(outcome, CommitOutcome::Fenced { shards } if shards == [SHARD]));
    assert_eq!(site.live_rows().await, 0);
    site.lease = lease;
    site.durable(vec![insert(&plain(1))]).await;
    assert_eq!(site.live_rows().await, 1);
}

#[tokio::test]
async fn a_failed_write_poisons_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    site.durable(vec![insert(&plain(1))]).await;
    site.store.fail_writes();
    let outcome = site.commit(vec![insert(&plain(2))]).await;
    assert!(matches!(outcome, CommitOutcome::Unknown(StoreError::Poisoned)), "{outcome:?}");
    let outcome = site.commit(vec![insert(&plain(3))]).await;
    assert!(matches!(outcome, CommitOutcome::Unknown(StoreError::Poisoned)), "{outcome:?}");
    assert!(matches!(site.store.head(plain(1).key).await, Err(StoreError::Poisoned)));
    assert!(matches!(site.store.intern("f").await, Err(StoreError::Poisoned)));
    assert!(site.store.close().await.is_err());
    let site = Site::open(directory.path()).await;
    assert_eq!(site.live_rows().await, 1);
}

#[tokio::test]
async fn an_applier_that_is_gone_poisons_and_nothing_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    site.durable(vec![insert(&plain(1))]).await;
    site.store.panic_when_applying();
    assert!(matches!(site.store.names().await, Err(StoreError::Poisoned)));
    assert!(matches!(site.store.head(plain(1).key).await, Err(StoreError::Poisoned)));
    let outcome = site.commit(vec![insert(&plain(2))]).await;
    assert!(matches!(outcome, CommitOutcome::Unknown(StoreError::Poisoned)), "{outcome:?}");
    assert!(site.store.purge(NOON, Retention::of_all(std::time::Duration::ZERO)).await.is_err());
    assert!(site.store.close().await.is_err());
    assert_eq!(Site::open(directory.path()).await.live_rows().await, 1);
}

#[tokio::test]
async fn with_little_room_the_store_says_so_and_takes_what_comes_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    site.durable(vec![insert(&plain(1))]).await;
    site.store.close().await.unwrap();

    let free = directory::free(directory.path()).unwrap();
    let config = FjallConfig::new(directory.path());
    let site = Site::with(FjallConfig { free_bytes_min: free * 2, ..config.clone() }).await;
    site.durable(vec![insert(&plain(2)), finish(&plain(1), Outcome::Failed)]).await;
    assert!(site.store.is_full());
    assert_eq!(site.live_rows().await, 1);
    site.store.close().await.unwrap();

    let none_left = FjallConfig { free_bytes_min: free * 100, ..config };
    let store = FjallStore::open(none_left).unwrap();
    assert!(matches!(store.intern("f").await, Err(StoreError::Full)));
    assert!(store.is_full());
}

#[tokio::test]
async fn a_batch_that_would_not_fit_is_rejected_and_the_store_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let free = directory::free(directory.path()).unwrap();
    // A floor (an eighth of it) of a little less than what is free: some megabytes fit, more do not.
    let config = FjallConfig::new(directory.path());
    let site = Site::with(FjallConfig { free_bytes_min: (free - free / 16) * 8, ..config }).await;
    let payload = bytes::Bytes::from(vec![0; usize::try_from(free / 64).unwrap().min(64 << 20)]);
    let large = |seed| {
        let RowOp::Insert { head, .. } = insert(&plain(seed)) else {
            unreachable!("that is what inserting makes")
        };
        RowOp::Insert { head, payload: payload.clone() }
    };
    let many = free / 16 / u64::try_from(payload.len()).unwrap() + 1;
    let batch = (0..many).map(large).collect();
    let outcome = site.commit(batch).await;
    assert!(matches!(outcome, CommitOutcome::Rejected(StoreError::Full)), "{outcome:?}");
    assert_eq!(site.live_rows().await, 0);
    site.durable(vec![insert(&plain(1))]).await;
    assert_eq!(site.live_rows().await, 1);
}

#[test]
fn room_that_was_short_is_enough_again_with_an_eighth_more() {
    let shared = Shared::default();
    let tight = [80, 79, 80, 89, 90, 89, 80, 79].map(|free| shared.note_free(free, 80));
    assert_eq!(tight, [false, true, true, true, false, false, false, true]);
    let (floor, more) = (1 << 40, 64 << 20);
    assert!(shared.note_free(floor + more - 1, floor) && !shared.note_free(floor + more, floor));
}

#[tokio::test]
async fn a_bucket_goes_when_nothing_waits_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path()).await;
    let (gone, awaited) = (task("gone", 0), task("awaited", 3 * 86_400));
    site.durable(vec![insert(&gone), insert(&awaited)]).await;
    site.durable(vec![finish(&gone, Outcome::Succeeded)]).await;
    let retention = std::time::Duration::from_secs(86_400);
    let midnight = Timestamp::from_millis(NOON.millis() + 43_200_000);
    let purged =
        async |at: Timestamp| site.store.purge(at, Retention::of_all(retention)).await.unwrap();
    assert_eq!(purged(midnight.plus(retention).just_before()).await, 0);
    assert_eq!(purged(midnight.plus(retention)).await, 1);
    assert!(site.store.head(gone.key).await.unwrap().is_none());
    let much_later = later(100 * 86_400);
    assert_eq!(purged(much_later).await, 0, "a live row waits for its bucket");
    let bytes = site.store.bytes(&[BytesWanted::from(&awaited)]).await.unwrap();
    assert_eq!(bytes[0].payload, Some(payload(&awaited)));
    site.durable(vec![finish(&awaited, Outcome::Succeeded)]).await;
    assert_eq!(purged(much_later).await, 1);
    // A row may come into a day whose bucket is gone, and the store opens behind all this.
    site.durable(vec![insert(&gone)]).await;
    site.store.close().await.unwrap();
    let site = Site::open(directory.path()).await;
    assert!(!site.store.head(gone.key).await.unwrap().unwrap().is_kept);
    assert!(site.store.head(awaited.key).await.unwrap().is_none());
}

#[tokio::test]
async fn a_newer_format_is_named() {
    let directory = tempfile::tempdir().unwrap();
    Site::open(directory.path()).await.store.close().await.unwrap();
    let config = FjallConfig::new(directory.path());
    let tables = Tables::open(&config).unwrap();
    let mut staged = Staged::default();
    staged.put(Table::Meta, &number::FORMAT, number::encode_value(99));
    apply(&staged, &tables).unwrap();
    drop(tables);
    let refused = FjallStore::open(config);
    assert!(matches!(refused, Err(StoreError::Newer { found: 99, known: 6 })), "{refused:?}");
}
