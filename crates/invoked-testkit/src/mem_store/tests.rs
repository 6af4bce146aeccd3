use std::time::Duration;

use invoked_core::id::FnId;
use invoked_core::life::Outcome;
use invoked_core::name::Qualifier;
use invoked_core::shard::{Commit, RowOp};
use invoked_core::totals::{Metric, Total, TotalKey};
use invoked_store::{CommitOutcome, Lease, Store, StoreError};

use super::*;
use crate::rng::PerMille;
use crate::sample::Sample;

const SHARD: ShardId = ShardId(0);
const SECOND: Duration = Duration::from_secs(1);

fn store(faults: Faults, lie: Option<Lie>) -> MemStore {
    MemStore::new(MemStoreConfig { seed: 1, shards: 2, lanes: 2, faults, lie })
}

fn slow() -> Faults {
    Faults { commit_delay: SECOND..=SECOND, ..Faults::default() }
}

async fn lease(store: &MemStore) -> Lease {
    let node = NodeId("a".into());
    store.acquire(&node, SHARD).await.unwrap().expect("a shard that nobody has")
}

fn sample(random: u64) -> Sample {
    Sample::plain(SHARD, FnId(1), random, Duration::ZERO)
}

fn batch(lease: Lease, ops: Vec<RowOp>) -> Arc<Vec<ShardWrite>> {
    Arc::new(vec![ShardWrite { lease, commit: Commit { ops, totals: Vec::new() } }])
}

fn total(metric: Metric, value: u64) -> Total {
    Total { key: TotalKey { fn_id: FnId(1), qualifier: Qualifier::LATEST, metric }, value }
}

async fn write(store: &MemStore, lease: Lease, op: RowOp) -> CommitOutcome {
    store.commit(0, batch(lease, vec![op])).await
}

async fn is_there(store: &MemStore, sample: &Sample) -> bool {
    store.head(sample.head.key).await.unwrap().is_some()
}

fn is_durable(outcome: &CommitOutcome) -> bool {
    matches!(outcome, CommitOutcome::Durable { .. })
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_survives_a_crash_and_old_handles_are_closed() {
    let store = store(slow(), None);
    let lease = lease(&store).await;
    let row = sample(1);
    assert!(is_durable(&write(&store, lease, row.insert(b"x")).await));
    let recovered = store.crash();
    assert!(is_there(&recovered, &row).await);
    assert!(matches!(store.head(row.head.key).await, Err(StoreError::Closed)));
    let late = write(&store, lease, sample(2).insert(b"x")).await;
    assert!(matches!(late, CommitOutcome::Unknown(StoreError::Closed)));
    let fenced = write(&recovered, lease, sample(2).insert(b"x")).await;
    assert!(matches!(fenced, CommitOutcome::Fenced { .. }), "{fenced:?}");
}

#[tokio::test(start_paused = true)]
async fn a_crash_leaves_a_commit_under_way_whole_or_not_at_all() {
    let (mut whole, mut nothing) = (0, 0);
    for seed in 0..64 {
        let store =
            MemStore::new(MemStoreConfig { seed, faults: slow(), ..MemStoreConfig::default() });
        let lease = lease(&store).await;
        let rows = [sample(1), sample(2)];
        let ops = rows.iter().map(|row| row.insert(b"x")).collect();
        let commit = store.commit(0, batch(lease, ops));
        assert!(tokio::time::timeout(SECOND / 2, commit).await.is_err());
        let recovered = store.crash();
        match [is_there(&recovered, &rows[0]).await, is_there(&recovered, &rows[1]).await] {
            [true, true] => whole += 1,
            [false, false] => nothing += 1,
            torn => panic!("seed {seed}: {torn:?}"),
        }
    }
    assert!(whole > 0 && nothing > 0, "{whole} whole, {nothing} not at all");
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_poisons_until_recovery() {
    for (fate, survives) in [(Fate::Kept, true), (Fate::Lost, false)] {
        let store = store(slow(), None);
        let lease = lease(&store).await;
        store.script([CommitFault::Nothing, CommitFault::FailSync(fate)]);
        let (first, second) = (sample(1), sample(2));
        assert!(is_durable(&write(&store, lease, first.insert(b"x")).await));
        let unknown = write(&store, lease, second.insert(b"x")).await;
        assert!(matches!(unknown, CommitOutcome::Unknown(StoreError::Poisoned)));
        store.ended().await;
        assert!(matches!(store.lanes(SHARD).await, Err(StoreError::Poisoned)));
        let again = write(&store, lease, second.insert(b"x")).await;
        assert!(matches!(again, CommitOutcome::Unknown(StoreError::Poisoned)));
        let recovered = store.crash();
        assert!(is_there(&recovered, &first).await);
        assert_eq!(is_there(&recovered, &second).await, survives);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_batch_is_not_applied_and_may_be_sent_again() {
    let store = store(slow(), None);
    let lease = lease(&store).await;
    store.script([CommitFault::Reject]);
    let row = sample(1);
    let rejected = write(&store, lease, row.insert(b"x")).await;
    assert!(matches!(rejected, CommitOutcome::Rejected(StoreError::Full)));
    assert!(!is_there(&store, &row).await);
    assert!(is_durable(&write(&store, lease, row.insert(b"x")).await));
    assert!(is_durable(&write(&store, lease, row.insert(b"x")).await), "sent twice");
    assert_eq!(store.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_a_commit_says_so() {
    let store = store(slow(), None);
    let lease = lease(&store).await;
    store.script([CommitFault::Die(Fate::Lost)]);
    assert!(!store.has_ended());
    let row = sample(1);
    let outcome = write(&store, lease, row.insert(b"x")).await;
    assert!(matches!(outcome, CommitOutcome::Unknown(StoreError::Closed)));
    store.ended().await;
    assert!(!is_there(&store.crash(), &row).await);
}

#[tokio::test(start_paused = true)]
async fn nothing_sent_before_a_takeover_counts_after_it() {
    let store = store(slow(), None);
    let held = lease(&store).await;
    store.script([CommitFault::Fence]);
    let row = sample(1);
    let fenced = write(&store, held, row.insert(b"x")).await;
    assert!(matches!(fenced, CommitOutcome::Fenced { shards } if shards == [SHARD]));
    assert!(!is_there(&store, &row).await);
    let now = lease(&store).await;
    assert!(held.epoch < now.epoch);
    assert!(is_durable(&write(&store, now, row.insert(b"x")).await));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_is_under_way() {
    let store = store(slow(), None);
    let lease = lease(&store).await;
    let row = sample(1);
    let (outcome, closed) = tokio::join!(write(&store, lease, row.insert(b"x")), store.close());
    assert!(is_durable(&outcome) && closed.is_ok(), "{outcome:?} {closed:?}");
    assert!(matches!(store.head(row.head.key).await, Err(StoreError::Closed)));
    assert!(is_there(&store.reopen(), &row).await);
}

#[tokio::test(start_paused = true)]
async fn a_seed_repeats_its_faults_and_its_delays() {
    let run = async |seed| {
        let faults = Faults {
            commit_delay: Duration::ZERO..=SECOND,
            rejected: PerMille(300),
            sync_failed: PerMille(50),
            ..Faults::default()
        };
        let store = MemStore::new(MemStoreConfig { seed, faults, ..MemStoreConfig::default() });
        let lease = lease(&store).await;
        let timeline = crate::timeline::Timeline::starting_at(crate::sample::NOON);
        let mut log = Vec::new();
        for random in 0..40 {
            let outcome = write(&store, lease, sample(random).insert(b"x")).await;
            log.push((format!("{outcome:?}"), timeline.elapsed()));
        }
        (log, store.crash().digest())
    };
    assert_eq!(run(3).await, run(3).await);
    assert_ne!(run(3).await, run(4).await);
}

#[tokio::test(start_paused = true)]
async fn an_early_acknowledgement_loses_rows_in_a_crash() {
    let store = store(slow(), Some(Lie::AckBeforeSync));
    let lease = lease(&store).await;
    let rows = [sample(1), sample(2)];
    for row in &rows {
        assert!(is_durable(&write(&store, lease, row.insert(b"x")).await));
    }
    let recovered = store.crash();
    assert!(is_there(&recovered, &rows[0]).await, "the next batch synced it");
    assert!(!is_there(&recovered, &rows[1]).await);
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_is_tried_again_loses_rows_in_a_crash() {
    let store = store(slow(), Some(Lie::RetryFailedSync));
    let lease = lease(&store).await;
    store.script([CommitFault::FailSync(Fate::Kept)]);
    let row = sample(1);
    assert!(is_durable(&write(&store, lease, row.insert(b"x")).await));
    assert!(is_there(&store, &row).await);
    assert!(!is_there(&store.crash(), &row).await);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_callback_is_gone_when_the_row_is_read_again() {
    let store = store(slow(), Some(Lie::DropOwedCallback));
    let lease = lease(&store).await;
    let mut row = sample(1).owing(FnId(7));
    assert!(is_durable(&write(&store, lease, row.insert(b"x")).await));
    row.end(Outcome::Failed, SECOND);
    assert!(is_durable(&write(&store, lease, row.update()).await));
    let found = store.head(row.head.key).await.unwrap().expect("the row");
    assert!(!found.head.callback.is_owed());
    row.deliver();
    assert!(is_durable(&write(&store, lease, row.finish(None)).await));
    assert_eq!(store.violations(), Vec::<String>::new(), "the engine is not to blame");
}

#[tokio::test(start_paused = true)]
async fn breaches_of_the_protocol_are_noted() {
    let store = store(slow(), None);
    let lease = lease(&store).await;
    let check = async |ops: Vec<RowOp>, claim: &str| {
        let before = store.violations().len();
        store.commit(0, batch(lease, ops)).await;
        let found = store.violations().split_off(before);
        assert!(found.iter().any(|violation| violation.contains(claim)), "{claim}: {found:?}");
    };
    let mut row = sample(1).owing(FnId(7));
    check(vec![row.insert(b"x"), row.clone().update()], "one_commit_per_row").await;
    check(vec![sample(2).update()], "no such row is live").await;
    let mut moved = row.clone();
    moved.was.due = crate::sample::NOON.plus(SECOND);
    check(vec![moved.update()], "one_due").await;
    row.start(SECOND);
    write(&store, lease, row.update()).await;
    let mut back = row.clone();
    back.head.attempts = invoked_core::id::Attempt::NONE;
    check(vec![back.update()], "goes back from attempt 1 to 0").await;
    row.end(Outcome::Failed, SECOND);
    check(vec![row.clone().finish(None)], "something is owed").await;
    let mut settled = sample(3);
    settled.end(Outcome::Failed, SECOND);
    check(vec![settled.insert(b"x")], "something else than new").await;
    settled.end(Outcome::Stopped, SECOND);
    check(vec![settled.finish(None)], "ended_is_final").await;
    let mut unowed = sample(4).owing(FnId(7));
    unowed.end(Outcome::Failed, SECOND);
    unowed.head.callback = invoked_core::callback::Callback::None;
    check(vec![unowed.update()], "callback does not fit the outcome").await;
    check(vec![Sample::plain(ShardId(1), FnId(1), 5, SECOND).insert(b"x")], "another shard").await;
}

#[tokio::test(start_paused = true)]
async fn a_row_and_a_lane_are_in_one_commit_at_a_time() {
    let store = store(slow(), None);
    let lease = lease(&store).await;
    let row = sample(1);
    let one = store.commit(0, batch(lease, vec![row.insert(b"x")]));
    let other = store.commit(1, batch(lease, vec![row.insert(b"x")]));
    tokio::join!(one, other);
    let violations = store.violations().join("; ");
    assert!(violations.contains("one_commit_per_row"), "{violations}");
    assert!(violations.contains("does not belong to lane 1"), "{violations}");
    tokio::join!(
        write(&store, lease, sample(2).insert(b"")),
        write(&store, lease, sample(3).insert(b""))
    );
    assert!(store.violations().join("; ").contains("two commits of lane 0"));
}

#[tokio::test(start_paused = true)]
async fn the_books_balance_at_every_instant_or_the_audit_says_how_not() {
    let store = store(slow(), None);
    let lease = lease(&store).await;
    let mut row = sample(1);
    let commit = async |ops, totals| {
        let write = ShardWrite { lease, commit: Commit { ops, totals } };
        assert!(is_durable(&store.commit(0, Arc::new(vec![write])).await));
    };
    commit(vec![row.insert(b"x")], vec![total(Metric::Accepted, 1)]).await;
    assert_eq!(store.every_202_has_a_fate(), Ok(()));
    row.end(Outcome::Failed, SECOND);
    commit(vec![row.finish(None)], vec![total(Metric::Ended(Outcome::Failed), 1)]).await;
    assert_eq!(store.every_202_has_a_fate(), Ok(()));
    let evidence = store.evidence();
    assert_eq!((evidence.live.len(), evidence.kept.len()), (0, 1));
    commit(Vec::new(), vec![total(Metric::Accepted, 2)]).await;
    assert!(store.every_202_has_a_fate().is_err());
    commit(Vec::new(), vec![total(Metric::Accepted, 1)]).await;
    assert!(store.violations().join("; ").contains("counted_once"));
}
