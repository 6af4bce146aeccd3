//! The contract's face: each call is a read, a small write, or a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::head::LaneId;
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::lane::Position;
use invoked_core::shard::{BytesWanted, KeptCallback, LoadedBytes};
use invoked_core::time::Timestamp;
use invoked_core::totals::Total;
use invoked_store::codec::DecodeError;
use invoked_store::record::submission;
use invoked_store::{
    Caps, CommitOutcome, Found, Heads, Lease, NodeId, Reads, RegistryEntry, Retention, ShardWrite,
    Store, StoreError, StoreStats, Submission, TaskPage, TaskQuery,
};

use super::rows::Rows;
use super::{Condition, MemStore, pause};

#[async_trait]
impl Store for MemStore {
    fn caps(&self) -> Caps {
        Caps {
            lanes: self.shared.lanes,
            reads: Reads::OwnerOnly,
            shared: false,
            shards: self.shared.shards,
        }
    }

    fn is_full(&self) -> bool {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        is(&self.shared.is_full) || is(&self.shared.has_no_room)
    }

    async fn acquire(&self, node: &NodeId, shard: ShardId) -> Result<Option<Lease>, StoreError> {
        self.read(|_| ()).await?;
        let mut inner = self.open()?;
        if shard.0 >= self.shared.shards {
            return Ok(None);
        }
        if inner.owners.get(&shard).is_some_and(|owner| owner.node.is_some()) {
            return Ok(None);
        }
        let epoch = inner.usurp(shard, self.shared.lie);
        inner.owners.entry(shard).or_default().node = Some(node.clone());
        Ok(Some(Lease { shard, epoch }))
    }

    async fn reacquire(&self, node: &NodeId, lease: Lease) -> Result<Option<Lease>, StoreError> {
        self.read(|_| ()).await?;
        let mut inner = self.open()?;
        let is_ours = inner
            .owners
            .get(&lease.shard)
            .is_some_and(|owner| owner.node.as_ref() == Some(node) && owner.epoch == lease.epoch);
        if !is_ours {
            return Ok(None);
        }
        let epoch = inner.usurp(lease.shard, self.shared.lie);
        inner.owners.entry(lease.shard).or_default().node = Some(node.clone());
        Ok(Some(Lease { shard: lease.shard, epoch }))
    }

    async fn release(&self, node: &NodeId, lease: Lease) -> Result<(), StoreError> {
        self.read(|_| ()).await?;
        let mut inner = self.open()?;
        let owner = inner.owners.entry(lease.shard).or_default();
        if owner.node.as_ref() == Some(node) && owner.epoch == lease.epoch {
            owner.node = None;
        }
        Ok(())
    }

    async fn commit(&self, lane: usize, batch: Arc<Vec<ShardWrite>>) -> CommitOutcome {
        self.commit_batch(lane, batch).await
    }

    async fn lanes(&self, shard: ShardId) -> Result<Vec<LaneId>, StoreError> {
        self.read(|rows| rows.lanes(shard)).await
    }

    async fn heads(
        &self,
        shard: ShardId,
        lane: LaneId,
        after: Position,
        limit: u32,
    ) -> Result<Heads, StoreError> {
        self.read(|rows| rows.heads(shard, lane, after, limit)).await
    }

    async fn rows(&self, keys: &[InvKey]) -> Result<Vec<Option<Found>>, StoreError> {
        let find = |rows: &Rows, key: &InvKey| {
            rows.head(*key).map(|(head, is_kept)| Found { head, is_kept })
        };
        let found = self.read(|rows| keys.iter().map(|key| find(rows, key)).collect()).await?;
        match keys.iter().find(|key| self.is_damaged(**key)) {
            Some(key) => Err(StoreError::Corrupt {
                what: format!("{key:?}"),
                source: DecodeError::Short { field: "what was damaged" },
            }),
            None => Ok(found),
        }
    }

    async fn bytes(&self, wanted: &[BytesWanted]) -> Result<Vec<LoadedBytes>, StoreError> {
        let load = |rows: &Rows| {
            let blobs = wanted.iter().map(|wanted| (wanted.key, rows.bytes(*wanted)));
            let loaded = blobs.map(|(key, blob)| LoadedBytes {
                key,
                payload: blob.payload,
                result: blob.result,
            });
            loaded.collect()
        };
        self.read(load).await
    }

    async fn totals(&self, shard: ShardId) -> Result<Vec<Total>, StoreError> {
        self.read(|rows| rows.totals(shard).collect()).await
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        self.read(|rows| rows.tasks(query)).await
    }

    async fn kept_callbacks(
        &self,
        after: Option<(Timestamp, InvKey)>,
        limit: usize,
    ) -> Result<Vec<KeptCallback>, StoreError> {
        let is_behind =
            |kept: &KeptCallback| after.is_none_or(|at| at < (kept.failed_at, kept.key));
        self.read(|rows| rows.callbacks().filter(is_behind).take(limit).collect()).await
    }

    async fn kept_callback(&self, key: InvKey) -> Result<Option<KeptCallback>, StoreError> {
        self.read(|rows| rows.callbacks().find(|kept| kept.key == key)).await
    }

    async fn submit(&self, submissions: &[Submission]) -> Result<(), StoreError> {
        self.write(|rows| submissions.iter().for_each(|submission| rows.submit(submission))).await
    }

    async fn submissions(&self, shard: ShardId) -> Result<Vec<(u64, Submission)>, StoreError> {
        let load = |rows: &Rows| {
            let of_shard = rows.submissions.iter().filter(|((of, _), _)| *of == shard);
            let decoded = of_shard.map(|((_, number), record)| {
                let stored = submission::decode(record);
                (*number, stored.expect("the store wrote the record itself"))
            });
            decoded.collect()
        };
        self.read(load).await
    }

    async fn acknowledge(&self, shard: ShardId, numbers: &[u64]) -> Result<(), StoreError> {
        let forget = |rows: &mut Rows| {
            for number in numbers {
                rows.submissions.remove(&(shard, *number));
            }
        };
        self.write(forget).await
    }

    async fn intern(&self, name: &str) -> Result<FnId, StoreError> {
        self.write(|rows| rows.intern(name)).await
    }

    async fn names(&self) -> Result<Vec<(FnId, String)>, StoreError> {
        self.read(|rows| rows.names.iter().map(|(name, id)| (*id, name.clone())).collect()).await
    }

    async fn put_registry(&self, entries: &[RegistryEntry]) -> Result<(), StoreError> {
        self.write(|rows| entries.iter().for_each(|entry| rows.register(entry))).await?;
        self.lock().registry_writes += 1;
        Ok(())
    }

    async fn registry(&self) -> Result<Vec<RegistryEntry>, StoreError> {
        let entry = |((kind, name), value): (&(_, String), &Option<Bytes>)| RegistryEntry {
            kind: *kind,
            name: name.clone(),
            value: value.clone(),
        };
        self.read(|rows| rows.registry.iter().map(entry).collect()).await
    }

    async fn purge(&self, now: Timestamp, retention: Retention) -> Result<u64, StoreError> {
        let (there, _) = self.open()?.read_delays();
        pause(there).await;
        let mut inner = self.open()?;
        // Both copies drop the same buckets only when they hold the same rows.
        inner.sync_upto(u64::MAX, self.shared.lie);
        inner.durable.purge(now, retention);
        Ok(inner.volatile.purge(now, retention))
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let live = self.read(Rows::live_len).await?;
        let live_rows = u64::try_from(live).unwrap_or(u64::MAX);
        Ok(StoreStats { live_rows, ..self.open()?.stats })
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.open()?.condition = Condition::Closed;
        loop {
            let changed = self.shared.changed.notified();
            if self.has_settled()? {
                return Ok(());
            }
            changed.await;
        }
    }
}
