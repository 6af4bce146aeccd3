//! A store under test: opened, with shard 0 owned, and the calls that most clauses make.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use invoked_core::head::{Head, LaneId};
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::lane::Position;
use invoked_core::shard::{BytesWanted, Commit, LoadedBytes, RowOp};
use invoked_core::time::Timestamp;
use invoked_core::totals::Total;
use invoked_store::{CommitOutcome, Heads, Lease, NodeId, ShardWrite, Store};
use invoked_store_fjall::{FjallConfig, FjallStore};
use invoked_testkit::mem_store::{MemStore, MemStoreConfig};
use invoked_testkit::sample::Sample;
use tempfile::TempDir;

/// The shard that every bed owns.
pub const SHARD: ShardId = ShardId(0);
/// The function of [`plain`] and [`task`].
pub const FUNCTION: FnId = FnId(1);
/// Before every row.
pub const START: Position = (Timestamp::MIN, InvKey::MIN);

/// Where a store lives: it can be closed and opened again.
#[async_trait]
pub trait Home: Send {
    /// Opens what is there. What was opened before is closed.
    async fn open(&mut self) -> Arc<dyn Store>;
}

/// The store in memory. It has several shards, so that clauses about them are not skipped.
pub struct MemHome(MemStore);

impl MemHome {
    pub fn new() -> Self {
        let config = MemStoreConfig { shards: 4, lanes: 2, ..MemStoreConfig::default() };
        Self(MemStore::new(config))
    }
}

#[async_trait]
impl Home for MemHome {
    async fn open(&mut self) -> Arc<dyn Store> {
        self.0 = self.0.reopen();
        Arc::new(self.0.clone())
    }
}

/// The embedded store, in a directory of its own. It too has several shards.
pub struct FjallHome(TempDir);

impl FjallHome {
    pub fn new() -> Self {
        Self(TempDir::with_prefix("invoked-conformance-").expect("a temporary directory"))
    }
}

#[async_trait]
impl Home for FjallHome {
    async fn open(&mut self) -> Arc<dyn Store> {
        let config = FjallConfig { shards: 4, ..FjallConfig::new(self.0.path()) };
        Arc::new(FjallStore::open(config).expect("the store opens"))
    }
}

/// A store under test.
pub struct Bed {
    home: Box<dyn Home>,
    pub store: Arc<dyn Store>,
    /// The right to write shard 0.
    pub lease: Lease,
}

/// The process that owns the shards of a bed.
pub fn node() -> NodeId {
    NodeId("bed".into())
}

impl Bed {
    pub async fn new(home: impl Home + 'static) -> Self {
        let mut home = Box::new(home);
        let store = home.open().await;
        let lease = own(store.as_ref(), SHARD).await;
        Self { home, store, lease }
    }

    /// Closes the store and opens it again, as a restart does.
    pub async fn reopen(&mut self) {
        self.store.close().await.expect("the store closes");
        self.store = self.home.open().await;
        self.lease = own(self.store.as_ref(), SHARD).await;
    }

    /// The other shards whose commits are in the same lane as those of shard 0.
    pub fn lane_mates(&self) -> impl Iterator<Item = ShardId> + use<> {
        let caps = self.store.caps();
        (1..caps.shards).filter(move |shard| usize::from(*shard) % caps.lanes == 0).map(ShardId)
    }

    /// Makes a batch of rows of shard 0 durable.
    pub async fn commit(&self, ops: Vec<RowOp>) {
        self.commit_with(ops, Vec::new()).await;
    }

    /// Makes a batch of rows and counts of shard 0 durable.
    pub async fn commit_with(&self, ops: Vec<RowOp>, totals: Vec<Total>) {
        let conflicts = self.write(write(self.lease, ops, totals)).await;
        assert_eq!(conflicts, [], "every key is free");
    }

    /// Makes a batch of lane 0 durable and returns the conflicts.
    pub async fn write(&self, batch: Arc<Vec<ShardWrite>>) -> Vec<InvKey> {
        match self.store.commit(0, batch).await {
            CommitOutcome::Durable { conflicts } => conflicts,
            outcome @ (CommitOutcome::Fenced { .. }
            | CommitOutcome::Rejected(_)
            | CommitOutcome::Unknown(_)) => panic!("not durable: {outcome:?}"),
        }
    }

    /// The whole lane of a function of shard 0.
    pub async fn lane(&self, fn_id: FnId) -> Vec<Head> {
        self.heads(LaneId::Function(fn_id), START, 10_000).await.heads
    }

    pub async fn heads(&self, lane: LaneId, after: Position, limit: u32) -> Heads {
        self.store.heads(SHARD, lane, after, limit).await.expect("heads")
    }

    /// The row with this key, and whether it is a finished record.
    pub async fn head(&self, key: InvKey) -> Option<(Head, bool)> {
        let found = self.store.head(key).await.expect("a head");
        found.map(|found| (found.head, found.is_kept))
    }

    /// Event and answer of a row.
    pub async fn bytes(&self, wanted: BytesWanted) -> LoadedBytes {
        let loaded = self.store.bytes(&[wanted]).await.expect("bytes");
        let [loaded] = <[_; 1]>::try_from(loaded).expect("one answer to one question");
        loaded
    }
}

/// Takes a shard that is free.
pub async fn own(store: &dyn Store, shard: ShardId) -> Lease {
    store.acquire(&node(), shard).await.expect("an answer").expect("a shard that nobody has")
}

/// A batch of one shard.
pub fn write(lease: Lease, ops: Vec<RowOp>, totals: Vec<Total>) -> Arc<Vec<ShardWrite>> {
    Arc::new(vec![ShardWrite { lease, commit: Commit { ops, totals } }])
}

/// A plain invocation, different for every number; accepted so many seconds after the first.
pub fn plain(number: u64) -> Sample {
    Sample::plain(SHARD, FUNCTION, number, seconds(number))
}

/// A task, accepted so many seconds after the first.
pub fn task(id: &str, after: u64) -> Sample {
    Sample::task(SHARD, FUNCTION, id, seconds(after))
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The keys of rows, in their order.
pub fn keys(heads: &[Head]) -> Vec<InvKey> {
    heads.iter().map(|head| head.key).collect()
}
