//! What the engine must keep to, checked on every batch before it is applied.

use std::collections::BTreeSet;

use bytes::Bytes;
use invoked_core::head::{Head, Slot};
use invoked_core::id::{Attempt, InvKey};
use invoked_core::invariant;
use invoked_core::life::Life;
use invoked_core::shard::RowOp;
use invoked_core::time::Timestamp;
use invoked_core::totals::{Metric, Total};
use invoked_store::ShardWrite;
use invoked_store::record::{head, total};

use super::rows::Rows;

/// A batch by what it writes, to know it again when it is sent twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sent {
    rows: Vec<(u8, InvKey, Bytes)>,
    totals: Vec<(Bytes, u64)>,
}

impl Sent {
    /// What a batch writes.
    pub(super) fn of(batch: &[ShardWrite]) -> Self {
        let ops = batch.iter().flat_map(|write| &write.commit.ops);
        let rows = ops.map(|op| {
            let kind = match op {
                RowOp::Insert { .. } => 1,
                RowOp::Update { .. } => 2,
                RowOp::Finish { .. } => 3,
                RowOp::Redrive { .. } => 4,
            };
            (kind, op.head().key, head::encode(op.head()))
        });
        let totals = batch.iter().flat_map(|write| &write.commit.totals);
        Self {
            rows: rows.collect(),
            totals: totals.map(|of| (total::encode_key(&of.key), of.value)).collect(),
        }
    }
}

/// The rows that a batch writes.
pub(super) fn keys(batch: &[ShardWrite]) -> Vec<InvKey> {
    let ops = batch.iter().flat_map(|write| &write.commit.ops);
    ops.map(|op| op.head().key).collect()
}

/// `one_commit_per_row`: no row is twice in a batch, or in two batches that are under way.
pub(super) fn one_commit_per_row<'a>(
    batch: &[ShardWrite],
    under_way: impl Iterator<Item = &'a InvKey>,
) -> Vec<String> {
    let mut seen: BTreeSet<InvKey> = under_way.copied().collect();
    let twice = keys(batch).into_iter().filter(|key| !seen.insert(*key));
    twice.map(|key| format!("one_commit_per_row: {key:?} is in two commits at a time")).collect()
}

/// Everything that holds between a batch and the rows it is applied to.
pub(super) fn breaches(rows: &Rows, batch: &[ShardWrite]) -> Vec<String> {
    let mut found = Vec::new();
    for write in batch {
        for op in &write.commit.ops {
            let row = op.head();
            if row.key.shard() != write.lease.shard {
                found.push(format!("{:?} is written under the lease of another shard", row.key));
            }
            let invariants = [
                invariant::outcome_with_callback(row),
                invariant::no_start_after_expiry(row),
                invariant::attempts_are_bounded(row),
            ];
            found.extend(invariants.into_iter().filter_map(Result::err));
            match op {
                RowOp::Insert { head, .. } => found.extend(insert(rows, head)),
                RowOp::Redrive { head, failed_at, .. } => {
                    found.extend(redrive(rows, head, *failed_at));
                }
                RowOp::Update { head, was, .. } => found.extend(change(rows, head, *was)),
                RowOp::Finish { head, was, .. } => {
                    found.extend(change(rows, head, *was));
                    if !head.is_finished() {
                        found.push(format!("finished, but something is owed: {head:?}"));
                    }
                }
            }
        }
        // Where live rows stand goes up and down; what is counted since the beginning does not.
        let counts = write.commit.totals.iter();
        for Total { key, value } in counts.filter(|of| !matches!(of.key.metric, Metric::Now(_))) {
            let stored = rows.totals(write.lease.shard).find(|total| total.key == *key);
            if let Some(stored) = stored.filter(|stored| *value < stored.value) {
                found.push(format!(
                    "counted_once: {key:?} goes back from {} to {value}",
                    stored.value
                ));
            }
        }
    }
    found
}

fn insert(rows: &Rows, row: &Head) -> Option<String> {
    let is_new = row.life == Life::Enqueued && row.attempts == Attempt::NONE;
    (!is_new && rows.head(row.key).is_none())
        .then(|| format!("inserted as something else than new: {row:?}"))
}

/// A redrive takes what is kept, and nothing else, and says who asked.
fn redrive(rows: &Rows, row: &Head, failed_at: Timestamp) -> Option<String> {
    let key = row.key;
    if let Some((live, _)) = rows.live(key) {
        // The same batch, sent again.
        return (live != *row).then(|| format!("redriven while it is live: {row:?}"));
    }
    let is_kept = rows.callbacks().any(|kept| (kept.failed_at, kept.key) == (failed_at, key));
    if !is_kept {
        return Some(format!("redriven, but no callback is kept at {failed_at:?}: {row:?}"));
    }
    if rows.head(key).is_some_and(|(record, _)| record.request_id != row.request_id) {
        return Some(format!("redriven in place of another invocation: {row:?}"));
    }
    (!row.is_redriven()).then(|| format!("redriven, but nothing is owed: {row:?}"))
}

fn change(rows: &Rows, row: &Head, was: Slot) -> Vec<String> {
    let key = row.key;
    let Some((stored, slot)) = rows.live(key) else {
        return vec![format!("{key:?} is changed, but no such row is live")];
    };
    let mut found = Vec::new();
    if slot != was {
        found.push(format!("one_due: {key:?} was at {was:?}, the store has it at {slot:?}"));
    }
    if stored.token != row.token || stored.fn_id != row.fn_id || stored.terms != row.terms {
        found.push(format!("{key:?} has become another invocation"));
    }
    if row.attempts < stored.attempts {
        found.push(format!(
            "{key:?} goes back from attempt {} to {}",
            stored.attempts, row.attempts
        ));
    }
    if stored.life.outcome().is_some() && stored.life != row.life {
        found.push(format!("ended_is_final: {key:?} from {:?} to {:?}", stored.life, row.life));
    }
    found
}
