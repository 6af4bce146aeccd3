//! Looking at what is durable from outside, as `invoked store verify` would.

use std::collections::{BTreeMap, BTreeSet};

use invoked_core::head::Head;
use invoked_core::id::{FnId, ShardId};
use invoked_core::invariant;
use invoked_core::shard::KeptCallback;
use invoked_core::totals::{Gauge, Metric, Total, Totals};

use super::MemStore;

/// What is durable about the invocations: what a judgement needs from the daemon's own records.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Rows that owe something.
    pub live: Vec<Head>,
    /// Records of what has ended. A plain invocation that succeeded leaves none.
    pub kept: Vec<Head>,
    /// What was purged and left no record.
    pub purged: Vec<Head>,
    /// Callbacks that were given up.
    pub failed_callbacks: Vec<KeptCallback>,
}

impl MemStore {
    /// What is durable now.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let inner = self.lock();
        Evidence {
            live: inner.durable.live_heads().collect(),
            kept: inner.durable.kept_heads().collect(),
            purged: inner.durable.purged_heads().collect(),
            failed_callbacks: inner.durable.callbacks().collect(),
        }
    }

    /// `every_202_has_a_fate`, from what is durable: what was accepted is live or ended, per shard
    /// and function. Holds at every instant.
    ///
    /// # Errors
    /// Says which books do not balance.
    pub fn every_202_has_a_fate(&self) -> Result<(), Vec<String>> {
        let inner = self.lock();
        let mut live: BTreeMap<(ShardId, FnId), u64> = BTreeMap::new();
        for head in inner.durable.live_heads().filter(|head| head.life.outcome().is_none()) {
            *live.entry((head.key.shard(), head.fn_id)).or_default() += 1;
        }
        let mut wrong = Vec::new();
        for shard in (0..self.shared.shards).map(ShardId) {
            let totals = Totals::restored(inner.durable.totals(shard).collect());
            let counted = totals.iter().map(|(key, _)| key.fn_id);
            let seen = live.keys().filter(|(of, _)| *of == shard).map(|(_, id)| *id);
            for fn_id in counted.chain(seen).collect::<BTreeSet<_>>() {
                let live = live.get(&(shard, fn_id)).copied().unwrap_or_default();
                let books = invariant::every_202_has_a_fate(&totals, fn_id, live);
                wrong.extend(books.err().map(|why| format!("{shard:?}: {why}")));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// `gauges_equal_rows`, from what is durable: the counts of where live rows stand are those of the
    /// rows, per shard. Holds at every instant.
    ///
    /// # Errors
    /// Says which counts are not.
    pub fn gauges_equal_rows(&self) -> Result<(), Vec<String>> {
        let inner = self.lock();
        let mut rows: BTreeMap<(ShardId, FnId, Gauge), u64> = BTreeMap::new();
        for head in inner.durable.live_heads() {
            if let Some((id, gauge)) = head.gauge() {
                *rows.entry((head.key.shard(), id, gauge)).or_default() += 1;
            }
        }
        let mut wrong = Vec::new();
        for shard in (0..self.shared.shards).map(ShardId) {
            for Total { key, value } in inner.durable.totals(shard) {
                let Metric::Now(gauge) = key.metric else { continue };
                let seen = rows.remove(&(shard, key.fn_id, gauge)).unwrap_or_default();
                if seen != value {
                    wrong.push(format!("{shard:?} {:?} {gauge:?}: {value}, {seen}", key.fn_id));
                }
            }
        }
        wrong.extend(rows.into_iter().map(|uncounted| format!("not counted: {uncounted:?}")));
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// A number that stands for everything durable: two runs of a seed end with the same one.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let text = format!("{:?}", self.lock().durable);
        // FNV-1a.
        text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
    }
}
