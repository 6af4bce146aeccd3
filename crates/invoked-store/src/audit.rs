//! The counts of a store against its rows: what `invoked store verify` does.
//!
//! Counts are maintained and never computed, so nothing else would notice if one were wrong. Every
//! live row is read once; nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use invoked_core::head::LaneId;
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::lane::Position;
use invoked_core::time::Timestamp;
use invoked_core::totals::{Gauge, Metric, Total};

use crate::store::{Store, StoreError};

/// Rows that are read at a time.
const PAGE: u32 = 1_024;
/// Problems that are told one by one.
const PROBLEMS_MAX: usize = 1_000;

/// What an audit has found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Audit {
    /// Live rows that were read.
    pub rows: u64,
    /// Counts that were compared.
    pub counts: u64,
    /// What does not agree, in words; at most a thousand.
    pub problems: Vec<String>,
    /// How many there are.
    pub wrong: u64,
}

/// What the rows of a shard come to.
#[derive(Debug, Default)]
struct Seen {
    /// Invocations that have not ended.
    live: BTreeMap<FnId, u64>,
    gauges: BTreeMap<(FnId, Gauge), u64>,
}

/// Reads every live row of a store and compares every count with them. Nobody may write meanwhile.
///
/// # Errors
/// The store did not answer, or a record does not read.
pub async fn audit(store: &dyn Store) -> Result<Audit, StoreError> {
    let mut audit = Audit::default();
    let names: BTreeMap<FnId, String> = store.names().await?.into_iter().collect();
    for shard in (0..store.caps().shards).map(ShardId) {
        let mut seen = Seen::default();
        for lane in store.lanes(shard).await? {
            audit.walk(store, shard, lane, &mut seen).await?;
        }
        audit.compare(&seen, &store.totals(shard).await?, &names);
    }
    let told = store.stats().await?.live_rows;
    audit.check("live rows of the store", told, audit.rows);
    Ok(audit)
}

impl Audit {
    async fn walk(
        &mut self,
        store: &dyn Store,
        shard: ShardId,
        lane: LaneId,
        seen: &mut Seen,
    ) -> Result<(), StoreError> {
        let mut after: Position = (Timestamp::MIN, InvKey::MIN);
        loop {
            let page = store.heads(shard, lane, after, PAGE).await?;
            for head in &page.heads {
                self.rows += 1;
                if head.slot().lane != lane || head.key.shard() != shard {
                    self.tell(format!("row {:?} stands in {lane:?} of {shard:?}", head.key));
                }
                if head.life.outcome().is_none() {
                    *seen.live.entry(head.fn_id).or_default() += 1;
                }
                if let Some(gauge) = head.gauge() {
                    *seen.gauges.entry(gauge).or_default() += 1;
                }
            }
            match page.heads.last() {
                _ if page.is_complete => return Ok(()),
                Some(last) => after = (last.due, last.key),
                None => {
                    self.tell(format!("{lane:?} of {shard:?} has places without rows"));
                    return Ok(());
                }
            }
        }
    }

    fn compare(&mut self, seen: &Seen, totals: &[Total], names: &BTreeMap<FnId, String>) {
        let mut accepted: BTreeMap<FnId, u64> = BTreeMap::new();
        let mut ended: BTreeMap<FnId, u64> = BTreeMap::new();
        let mut gauges: BTreeMap<(FnId, Gauge), u64> = BTreeMap::new();
        for Total { key, value } in totals {
            let id = key.fn_id;
            match key.metric {
                Metric::Accepted => *accepted.entry(id).or_default() += value,
                Metric::Ended(_) => *ended.entry(id).or_default() += value,
                Metric::Now(gauge) => *gauges.entry((id, gauge)).or_default() += value,
                Metric::CallbackDelivered(_)
                | Metric::CallbackFailed(_)
                | Metric::Redriven(_)
                | Metric::RedriveDelivered(_)
                | Metric::RedriveFailed(_) => {}
            }
        }
        let name = |id: &FnId| names.get(id).cloned().unwrap_or_else(|| format!("number {}", id.0));
        let of = |counts: &BTreeMap<FnId, u64>, id| counts.get(id).copied().unwrap_or_default();
        let ids: BTreeSet<_> =
            seen.live.keys().chain(accepted.keys()).chain(ended.keys()).copied().collect();
        for id in &ids {
            let live = of(&seen.live, id);
            let what = format!("{}: accepted less those that have ended", name(id));
            match of(&accepted, id).checked_sub(of(&ended, id)) {
                Some(left) => self.check(&what, left, live),
                None => self.tell(format!("{what}: more have ended than were accepted")),
            }
        }
        let stands: BTreeSet<_> = seen.gauges.keys().chain(gauges.keys()).copied().collect();
        for stand @ (id, gauge) in &stands {
            let of = |counts: &BTreeMap<_, u64>| counts.get(stand).copied().unwrap_or_default();
            self.check(&format!("{}: {gauge:?}", name(id)), of(&gauges), of(&seen.gauges));
        }
    }

    fn check(&mut self, what: &str, counted: u64, rows: u64) {
        self.counts += 1;
        if counted != rows {
            self.tell(format!("{what}: {counted} are counted, {rows} rows are there"));
        }
    }

    fn tell(&mut self, problem: String) {
        self.wrong += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}
