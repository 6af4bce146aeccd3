//! The way of a commit: it travels, is applied, and is synced; and what can become of it there.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use invoked_core::id::{InvKey, ShardId};
use invoked_store::{CommitOutcome, Lease, ShardWrite, StoreError};

use super::faults::{CommitFault, Fate, Lie};
use super::protocol::{Sent, breaches, keys, one_commit_per_row};
use super::{Condition, Inner, MemStore, pause};
use crate::rng::PerMille;

/// What is decided about a commit when it comes in.
struct Plan {
    number: u64,
    travel: Duration,
    sync: Duration,
    fault: CommitFault,
}

/// A commit whose future may be dropped at any await.
struct UnderWay<'a> {
    store: &'a MemStore,
    number: u64,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut inner = self.store.lock();
        if inner.life == self.store.life {
            inner.under_way.remove(&self.number);
        }
        drop(inner);
        self.store.shared.changed.notify_waiters();
    }
}

impl MemStore {
    pub(super) async fn commit_batch(
        &self,
        lane: usize,
        batch: Arc<Vec<ShardWrite>>,
    ) -> CommitOutcome {
        let plan = match self.open() {
            Ok(mut inner) => inner.plan(lane, self.shared.lanes, &batch),
            // Sending it again would come to the same, so this is not a rejection.
            Err(error) => return CommitOutcome::Unknown(error),
        };
        let _under_way = UnderWay { store: self, number: plan.number };
        pause(plan.travel).await;
        let conflicts = match self.arrive(lane, &plan, &batch) {
            Ok(conflicts) => conflicts,
            Err(outcome) => return outcome,
        };
        if self.shared.lie == Some(Lie::AckBeforeSync) {
            self.lock().sync_upto(plan.number - 1, self.shared.lie);
            return CommitOutcome::Durable { conflicts };
        }
        pause(plan.sync).await;
        self.sync(&plan, conflicts)
    }

    /// The batch has reached the store: fences and refusals come before anything is applied.
    fn arrive(
        &self,
        lane: usize,
        plan: &Plan,
        batch: &Arc<Vec<ShardWrite>>,
    ) -> Result<Vec<InvKey>, CommitOutcome> {
        let lie = self.shared.lie;
        let mut inner = self.still_here().map_err(CommitOutcome::Unknown)?;
        if plan.fault == CommitFault::Fence {
            for write in batch.iter() {
                inner.usurp(write.lease.shard, lie);
            }
        }
        let lost = inner.lost_shards(batch);
        if !lost.is_empty() {
            return Err(CommitOutcome::Fenced { shards: lost });
        }
        if plan.fault == CommitFault::Reject || self.shared.has_no_room.load(Ordering::Relaxed) {
            return Err(CommitOutcome::Rejected(StoreError::Full));
        }
        let sent = Sent::of(batch);
        if inner.applied_last.get(&lane) != Some(&sent) {
            let found = breaches(&inner.volatile, batch);
            inner.violations.extend(found);
        }
        inner.applied_last.insert(lane, sent);
        let conflicts = inner.volatile.apply(batch, lie);
        inner.unsynced.insert(plan.number, Arc::clone(batch));
        inner.stats.batches += 1;
        inner.stats.operations += u64::try_from(keys(batch).len()).unwrap_or(u64::MAX);
        Ok(conflicts)
    }

    fn sync(&self, plan: &Plan, conflicts: Vec<InvKey>) -> CommitOutcome {
        let lie = self.shared.lie;
        let mut inner = match self.still_here() {
            Ok(inner) => inner,
            Err(error) => return CommitOutcome::Unknown(error),
        };
        // A takeover may have synced it already; then it is safe, whatever happens.
        let is_synced = !inner.unsynced.contains_key(&plan.number);
        match plan.fault {
            CommitFault::FailSync(_) if lie == Some(Lie::RetryFailedSync) => {
                inner.unsynced.remove(&plan.number);
            }
            CommitFault::FailSync(fate) if !is_synced => {
                inner.decide(plan.number, fate, lie);
                inner.condition = Condition::Poisoned;
                drop(inner);
                self.shared.changed.notify_waiters();
                return CommitOutcome::Unknown(StoreError::Poisoned);
            }
            CommitFault::Die(fate) if !is_synced => {
                inner.decide(plan.number, fate, lie);
                inner.condition = Condition::Dead;
                drop(inner);
                self.shared.changed.notify_waiters();
                return CommitOutcome::Unknown(StoreError::Closed);
            }
            CommitFault::Nothing
            | CommitFault::Slow(_)
            | CommitFault::Reject
            | CommitFault::Fence
            | CommitFault::FailSync(_)
            | CommitFault::Die(_) => inner.sync_upto(plan.number, lie),
        }
        CommitOutcome::Durable { conflicts }
    }

    /// Whether no commit is under way; then everything is durable.
    pub(super) fn has_settled(&self) -> Result<bool, StoreError> {
        let mut inner = self.still_here()?;
        let has_settled = inner.under_way.is_empty();
        if has_settled {
            inner.sync_upto(u64::MAX, self.shared.lie);
        }
        Ok(has_settled)
    }

    /// Locks the store for a commit under way: closing lets it go on, nothing else does.
    fn still_here(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let inner = self.lock();
        match inner.condition {
            _ if inner.life != self.life => Err(StoreError::Closed),
            Condition::Dead => Err(StoreError::Closed),
            Condition::Poisoned => Err(StoreError::Poisoned),
            Condition::Open | Condition::Closed => Ok(inner),
        }
    }
}

impl Inner {
    fn plan(&mut self, lane: usize, lanes: usize, batch: &[ShardWrite]) -> Plan {
        if self.under_way.values().any(|(busy, _)| *busy == lane) {
            self.violations.push(format!("two commits of lane {lane} at a time"));
        }
        for shard in batch.iter().map(|write| write.lease.shard) {
            if usize::from(shard.0) % lanes != lane {
                self.violations.push(format!("{shard:?} does not belong to lane {lane}"));
            }
        }
        let found =
            one_commit_per_row(batch, self.under_way.values().flat_map(|(_, keys)| keys.iter()));
        self.violations.extend(found);
        self.next_batch += 1;
        let number = self.next_batch;
        self.under_way.insert(number, (lane, keys(batch)));
        let delay = self.faults.commit_delay.clone();
        let drawn = self.rng.span(&delay);
        let fault = self.next_fault();
        let whole = if let CommitFault::Slow(whole) = fault { whole } else { drawn };
        let travel = self.rng.span(&(Duration::ZERO..=whole));
        Plan { number, travel, sync: whole.saturating_sub(travel), fault }
    }

    fn next_fault(&mut self) -> CommitFault {
        let mut happens = |chance: PerMille| self.rng.happens(chance);
        // Every die is thrown every time, so that one more fault does not change all others.
        let dice = [
            (happens(self.faults.died), CommitFault::Die(Fate::Chance)),
            (happens(self.faults.sync_failed), CommitFault::FailSync(Fate::Chance)),
            (happens(self.faults.rejected), CommitFault::Reject),
        ];
        let by_chance = dice.into_iter().find(|(happened, _)| *happened).map(|(_, fault)| fault);
        self.script.pop_front().or(by_chance).unwrap_or(CommitFault::Nothing)
    }

    fn lost_shards(&self, batch: &[ShardWrite]) -> Vec<ShardId> {
        let leases = batch.iter().map(|write| write.lease);
        let is_lost = |lease: &Lease| {
            self.owners
                .get(&lease.shard)
                .is_none_or(|owner| owner.node.is_none() || owner.epoch != lease.epoch)
        };
        leases.filter(is_lost).map(|lease| lease.shard).collect()
    }

    /// What is left of a batch whose sync did not end well. Batches before it share its fate.
    fn decide(&mut self, batch: u64, fate: Fate, lie: Option<Lie>) {
        let is_kept = match fate {
            Fate::Kept => true,
            Fate::Lost => false,
            Fate::Chance => self.rng.happens(PerMille(500)),
        };
        if is_kept {
            self.sync_upto(batch, lie);
        } else {
            self.unsynced.remove(&batch);
        }
    }
}
