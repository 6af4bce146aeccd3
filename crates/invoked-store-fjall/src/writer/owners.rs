//! Who has which shard. One process has the store, so owners live in memory; epochs are durable, so
//! that nothing of an earlier process can count.

use invoked_core::id::{Epoch, ShardId};
use invoked_store::{Lease, NodeId, ShardWrite};

use super::{Owner, Writer};
use crate::keys::{Table, epoch};
use crate::staged::Layer;

impl Writer {
    pub(super) fn acquire(
        &mut self,
        layer: &mut Layer<'_>,
        node: NodeId,
        shard: ShardId,
    ) -> Option<Lease> {
        if shard.0 >= self.shards || self.owners.contains_key(&shard) {
            return None;
        }
        Some(self.lend(layer, node, shard))
    }

    pub(super) fn reacquire(
        &mut self,
        layer: &mut Layer<'_>,
        node: &NodeId,
        lease: Lease,
    ) -> Option<Lease> {
        self.has(node, lease).then(|| self.lend(layer, node.clone(), lease.shard))
    }

    pub(super) fn release(&mut self, node: &NodeId, lease: Lease) {
        if self.has(node, lease) {
            self.owners.remove(&lease.shard);
        }
    }

    /// Shards of a batch whose lease is not the current one.
    pub(super) fn lost(&self, batch: &[ShardWrite]) -> Vec<ShardId> {
        let is_current = |lease: Lease| {
            self.owners.get(&lease.shard).is_some_and(|owner| owner.epoch == lease.epoch)
        };
        let lost = batch.iter().map(|write| write.lease).filter(|lease| !is_current(*lease));
        let mut shards: Vec<_> = lost.map(|lease| lease.shard).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    fn has(&self, node: &NodeId, lease: Lease) -> bool {
        let owner = self.owners.get(&lease.shard);
        owner.is_some_and(|owner| owner.node == *node && owner.epoch == lease.epoch)
    }

    fn lend(&mut self, layer: &mut Layer<'_>, node: NodeId, shard: ShardId) -> Lease {
        let epoch = Epoch(self.epochs.get(&shard).map_or(0, |epoch| epoch.0) + 1);
        layer.put(Table::Meta, &epoch::encode_key(shard), epoch::encode_value(epoch));
        self.epochs.insert(shard, epoch);
        self.owners.insert(shard, Owner { node, epoch });
        Lease { shard, epoch }
    }
}
