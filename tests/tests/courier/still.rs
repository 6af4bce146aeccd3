//! The real store on virtual time: time stands still while the store works.
//!
//! Paused time of tokio jumps to the next timer whenever the runtime has nothing to do. The store
//! writes on a thread of its own, which the runtime does not know of, so it would jump to the
//! deadline of whoever waits for a write. It does not jump while a blocking task is under way; so
//! one is, for as long as a write is, and a read, which may wait for the writer.

use std::sync::{Arc, mpsc};

use async_trait::async_trait;
use invoked_core::head::LaneId;
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::lane::Position;
use invoked_core::shard::{BytesWanted, KeptCallback, LoadedBytes};
use invoked_core::time::Timestamp;
use invoked_core::totals::Total;
use invoked_store::{
    Caps, CommitOutcome, Found, Heads, Lease, NodeId, RegistryEntry, Retention, ShardWrite, Store,
    StoreError, StoreStats, Submission, TaskPage, TaskQuery,
};
use tokio::task::spawn_blocking;

pub struct Still<S>(pub S);

/// Does `work` with time standing still.
async fn still<T>(work: impl Future<Output = T>) -> T {
    let (done, ended) = mpsc::channel::<()>();
    let stands = spawn_blocking(move || assert!(ended.recv().is_err(), "nobody sends"));
    let result = work.await;
    drop(done);
    stands.await.expect("it only waits");
    result
}

#[async_trait]
impl<S: Store> Store for Still<S> {
    fn caps(&self) -> Caps {
        self.0.caps()
    }

    fn is_full(&self) -> bool {
        self.0.is_full()
    }

    async fn acquire(&self, node: &NodeId, shard: ShardId) -> Result<Option<Lease>, StoreError> {
        still(self.0.acquire(node, shard)).await
    }

    async fn reacquire(&self, node: &NodeId, lease: Lease) -> Result<Option<Lease>, StoreError> {
        still(self.0.reacquire(node, lease)).await
    }

    async fn release(&self, node: &NodeId, lease: Lease) -> Result<(), StoreError> {
        still(self.0.release(node, lease)).await
    }

    async fn commit(&self, lane: usize, batch: Arc<Vec<ShardWrite>>) -> CommitOutcome {
        still(self.0.commit(lane, batch)).await
    }

    async fn lanes(&self, shard: ShardId) -> Result<Vec<LaneId>, StoreError> {
        still(self.0.lanes(shard)).await
    }

    async fn heads(
        &self,
        shard: ShardId,
        lane: LaneId,
        after: Position,
        limit: u32,
    ) -> Result<Heads, StoreError> {
        still(self.0.heads(shard, lane, after, limit)).await
    }

    async fn rows(&self, keys: &[InvKey]) -> Result<Vec<Option<Found>>, StoreError> {
        still(self.0.rows(keys)).await
    }

    async fn bytes(&self, wanted: &[BytesWanted]) -> Result<Vec<LoadedBytes>, StoreError> {
        still(self.0.bytes(wanted)).await
    }

    async fn totals(&self, shard: ShardId) -> Result<Vec<Total>, StoreError> {
        still(self.0.totals(shard)).await
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        still(self.0.tasks(query)).await
    }

    async fn kept_callbacks(
        &self,
        after: Option<(Timestamp, InvKey)>,
        limit: usize,
    ) -> Result<Vec<KeptCallback>, StoreError> {
        still(self.0.kept_callbacks(after, limit)).await
    }

    async fn kept_callback(&self, key: InvKey) -> Result<Option<KeptCallback>, StoreError> {
        still(self.0.kept_callback(key)).await
    }

    async fn submit(&self, submissions: &[Submission]) -> Result<(), StoreError> {
        still(self.0.submit(submissions)).await
    }

    async fn submissions(&self, shard: ShardId) -> Result<Vec<(u64, Submission)>, StoreError> {
        still(self.0.submissions(shard)).await
    }

    async fn acknowledge(&self, shard: ShardId, numbers: &[u64]) -> Result<(), StoreError> {
        still(self.0.acknowledge(shard, numbers)).await
    }

    async fn intern(&self, name: &str) -> Result<FnId, StoreError> {
        still(self.0.intern(name)).await
    }

    async fn names(&self) -> Result<Vec<(FnId, String)>, StoreError> {
        still(self.0.names()).await
    }

    async fn put_registry(&self, entries: &[RegistryEntry]) -> Result<(), StoreError> {
        still(self.0.put_registry(entries)).await
    }

    async fn registry(&self) -> Result<Vec<RegistryEntry>, StoreError> {
        still(self.0.registry()).await
    }

    async fn purge(&self, now: Timestamp, retention: Retention) -> Result<u64, StoreError> {
        still(self.0.purge(now, retention)).await
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        still(self.0.stats()).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        still(self.0.close()).await
    }
}
