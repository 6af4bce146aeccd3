//! A store in memory that is naive, obviously right, and as unkind as it is told to be.
//!
//! There are two copies of everything: what is *volatile* (written, seen by every read) and what is
//! *durable* (synced). A commit travels, is applied to the volatile copy, and is synced; each takes
//! a part of an injected delay. [`MemStore::crash`] throws the volatile copy away and returns a
//! handle over the durable one; every older handle then answers [`StoreError::Closed`].
//!
//! Rows are kept in the bytes of the record codec, so that a run exercises it. [`Faults`] says what
//! goes wrong and how often, [`CommitFault`] scripts it, and a [`Lie`] makes the store break its
//! contract on purpose, so that a simulation can be seen to notice.
//!
//! It watches the engine too: every breach of the protocol of commits is in
//! [`MemStore::violations`].
//!
//! # Invariants
//!
//! - The same seed and the same calls give the same answers: there is no clock, no thread and no
//!   task in here, only [`tokio::time::sleep`].
//! - Batches become durable whole and in the order in which they were applied.
//! - Registry, names, submissions and epochs are durable as soon as they are written.

mod audit;
mod commit;
mod faults;
mod protocol;
mod query;
mod rows;
mod store;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use invoked_core::id::{Epoch, InvKey, ShardId};
use invoked_store::{NodeId, ShardWrite, StoreError, StoreStats};
use tokio::sync::Notify;

pub use audit::Evidence;
pub use faults::{CommitFault, Fate, Faults, Lie};
use protocol::Sent;
use rows::Rows;

use crate::rng::Rng;

/// How a store is made.
#[derive(Clone, Debug)]
pub struct MemStoreConfig {
    /// What its choices depend on.
    pub seed: u64,
    /// Shards.
    pub shards: u16,
    /// Batches that may be under way at a time.
    pub lanes: usize,
    /// What goes wrong.
    pub faults: Faults,
    /// The one thing it does wrong on purpose.
    pub lie: Option<Lie>,
}

impl Default for MemStoreConfig {
    /// One shard, one lane, at once and without a fault.
    fn default() -> Self {
        Self { seed: 0, shards: 1, lanes: 1, faults: Faults::default(), lie: None }
    }
}

/// A handle on a store in memory. Clones are the same handle; a crash outdates them all.
#[derive(Clone, Debug)]
pub struct MemStore {
    shared: Arc<Shared>,
    life: u64,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Notify,
    is_full: AtomicBool,
    has_no_room: AtomicBool,
    damaged: Mutex<BTreeSet<InvKey>>,
    shards: u16,
    lanes: usize,
    lie: Option<Lie>,
}

/// What is behind the lock.
#[derive(Debug)]
struct Inner {
    life: u64,
    condition: Condition,
    volatile: Rows,
    durable: Rows,
    /// Batches that are applied and not synced, in order.
    unsynced: BTreeMap<u64, Arc<Vec<ShardWrite>>>,
    /// Batches that are under way, with their lanes and rows.
    under_way: BTreeMap<u64, (usize, Vec<InvKey>)>,
    /// The batch each lane applied last, to know a repetition from a breach.
    applied_last: BTreeMap<usize, Sent>,
    owners: BTreeMap<ShardId, Owner>,
    next_batch: u64,
    rng: Rng,
    faults: Faults,
    script: VecDeque<CommitFault>,
    violations: Vec<String>,
    registry_writes: u64,
    stats: StoreStats,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Condition {
    Open,
    Closed,
    /// A sync failed.
    Poisoned,
    /// The process died with it.
    Dead,
}

#[derive(Clone, Debug, Default)]
struct Owner {
    node: Option<NodeId>,
    epoch: Epoch,
}

impl MemStore {
    /// An empty store.
    #[must_use]
    pub fn new(config: MemStoreConfig) -> Self {
        let inner = Inner {
            life: 0,
            condition: Condition::Open,
            volatile: Rows::default(),
            durable: Rows::default(),
            unsynced: BTreeMap::new(),
            under_way: BTreeMap::new(),
            applied_last: BTreeMap::new(),
            owners: BTreeMap::new(),
            next_batch: 0,
            rng: Rng::new(config.seed),
            faults: config.faults,
            script: VecDeque::new(),
            violations: Vec::new(),
            registry_writes: 0,
            stats: StoreStats::default(),
        };
        let shared = Shared {
            inner: Mutex::new(inner),
            changed: Notify::new(),
            is_full: AtomicBool::new(false),
            has_no_room: AtomicBool::new(false),
            damaged: Mutex::default(),
            shards: config.shards.max(1),
            lanes: config.lanes.max(1),
            lie: config.lie,
        };
        Self { shared: Arc::new(shared), life: 0 }
    }

    /// The power goes: what is not synced is lost, from some batch on that the seed decides. Commits
    /// under way answer [`invoked_store::CommitOutcome::Unknown`]. Returns the store as recovery
    /// finds it. Nobody owns a shard then; epochs stay.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut inner = self.lock();
        let room = u64::try_from(inner.unsynced.len()).unwrap_or(u64::MAX - 1);
        let survivors = match (self.shared.lie, inner.condition) {
            (Some(Lie::AckBeforeSync), _) | (_, Condition::Poisoned | Condition::Dead) => 0,
            (_, Condition::Open | Condition::Closed) => inner.rng.below(room + 1),
        };
        for _ in 0..survivors {
            inner.sync_first(self.shared.lie);
        }
        self.begin_life(inner)
    }

    /// Ends the store in order and opens it again: nothing is lost.
    #[must_use]
    pub fn reopen(&self) -> Self {
        let mut inner = self.lock();
        inner.sync_upto(u64::MAX, self.shared.lie);
        self.begin_life(inner)
    }

    /// Waits until a [`CommitFault::Die`] or a failed sync has ended the store. The world then
    /// drops the node and calls [`MemStore::crash`].
    pub async fn ended(&self) {
        loop {
            let changed = self.shared.changed.notified();
            if self.has_ended() {
                return;
            }
            changed.await;
        }
    }

    /// Whether the store takes nothing more, because it died, was poisoned, or has crashed since.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let inner = self.lock();
        inner.life != self.life || matches!(inner.condition, Condition::Poisoned | Condition::Dead)
    }

    /// From now on, this goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Whether the store says that it has no room for new work. It takes everything all the same.
    pub fn set_full(&self, is_full: bool) {
        self.shared.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Whether nothing at all can be written: every write and every commit is refused, and certainly not applied.
    pub fn set_no_room(&self, has_no_room: bool) {
        self.shared.has_no_room.store(has_no_room, Ordering::Relaxed);
    }

    /// Rows that do not read by their keys from now on.
    pub fn set_damaged(&self, keys: impl IntoIterator<Item = InvKey>) {
        let mut damaged = self.shared.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        *damaged = keys.into_iter().collect();
    }

    fn is_damaged(&self, key: InvKey) -> bool {
        self.shared.damaged.lock().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }

    /// What happens to the next commits, one entry each, before chance has a say again.
    pub fn script(&self, faults: impl IntoIterator<Item = CommitFault>) {
        self.lock().script.extend(faults);
    }

    /// Somebody else takes the shard: its owner is fenced from now on.
    pub fn usurp(&self, shard: ShardId) {
        self.lock().usurp(shard, self.shared.lie);
    }

    /// Every breach of the protocol so far, those before a crash included.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// How often the registry was written so far, before a crash too.
    #[must_use]
    pub fn registry_writes(&self) -> u64 {
        self.lock().registry_writes
    }

    fn begin_life(&self, mut inner: MutexGuard<'_, Inner>) -> Self {
        inner.life += 1;
        inner.condition = Condition::Open;
        inner.volatile = inner.durable.clone();
        inner.unsynced.clear();
        inner.under_way.clear();
        inner.applied_last.clear();
        for owner in inner.owners.values_mut() {
            owner.node = None;
        }
        let life = inner.life;
        drop(inner);
        self.shared.changed.notify_waiters();
        Self { shared: Arc::clone(&self.shared), life }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the store for a request that came in just now.
    fn open(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let inner = self.lock();
        match inner.condition {
            _ if inner.life != self.life => Err(StoreError::Closed),
            Condition::Closed | Condition::Dead => Err(StoreError::Closed),
            Condition::Poisoned => Err(StoreError::Poisoned),
            Condition::Open => Ok(inner),
        }
    }

    /// A read that takes its time before and after it looks: the answer may be stale on arrival.
    async fn read<T>(&self, look: impl FnOnce(&Rows) -> T + Send) -> Result<T, StoreError> {
        let (there, back) = self.open()?.read_delays();
        pause(there).await;
        let found = look(&self.open()?.volatile);
        pause(back).await;
        drop(self.open()?);
        Ok(found)
    }

    /// A small write outside of the batches. It touches nothing that batches touch.
    async fn write<T>(&self, change: impl Fn(&mut Rows) -> T + Send) -> Result<T, StoreError> {
        let (there, back) = self.open()?.read_delays();
        pause(there).await;
        let changed = {
            let mut inner = self.open()?;
            if self.shared.has_no_room.load(Ordering::Relaxed) {
                return Err(StoreError::Full);
            }
            change(&mut inner.durable);
            change(&mut inner.volatile)
        };
        pause(back).await;
        Ok(changed)
    }
}

impl Inner {
    fn read_delays(&mut self) -> (Duration, Duration) {
        let range = self.faults.read_delay.clone();
        let whole = self.rng.span(&range);
        let there = self.rng.span(&(Duration::ZERO..=whole));
        (there, whole.saturating_sub(there))
    }

    /// Makes the oldest batch durable that is not.
    fn sync_first(&mut self, lie: Option<Lie>) {
        if let Some((_, batch)) = self.unsynced.pop_first() {
            self.durable.apply(&batch, lie);
        }
    }

    /// Makes batches durable, this one the last.
    fn sync_upto(&mut self, batch: u64, lie: Option<Lie>) {
        while self.unsynced.first_key_value().is_some_and(|(number, _)| *number <= batch) {
            self.sync_first(lie);
        }
    }

    /// Raises the epoch, once what was applied under the old one is durable.
    fn usurp(&mut self, shard: ShardId, lie: Option<Lie>) -> Epoch {
        self.sync_upto(u64::MAX, lie);
        let owner = self.owners.entry(shard).or_default();
        owner.epoch = Epoch(owner.epoch.0 + 1);
        owner.node = None;
        owner.epoch
    }
}

async fn pause(span: Duration) {
    if !span.is_zero() {
        tokio::time::sleep(span).await;
    }
}
