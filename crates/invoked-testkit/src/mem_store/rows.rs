//! One copy of all that a store holds, and what a batch does to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use invoked_core::callback::Callback;
use invoked_core::head::{Head, Slot};
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::shard::{BytesWanted, KeptCallback, RowOp};
use invoked_core::time::{Day, Timestamp};
use invoked_core::totals::Total;
use invoked_store::record::{callback, head, submission, total};
use invoked_store::{RegistryEntry, RegistryKind, Retention, ShardWrite, Submission};

use super::faults::Lie;

const DAY: Duration = Duration::from_secs(86_400);

/// Everything, in the bytes of the record codec.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    live: BTreeMap<InvKey, Live>,
    kept: BTreeMap<InvKey, Kept>,
    /// What was purged and left no record. Only the judgement looks at it.
    purged: BTreeMap<InvKey, Bytes>,
    blobs: BTreeMap<(Option<Day>, InvKey), Blob>,
    callbacks: BTreeMap<(Timestamp, InvKey), Bytes>,
    totals: BTreeMap<(ShardId, Bytes), Bytes>,
    pub(super) submissions: BTreeMap<(ShardId, u64), Bytes>,
    next_submission: u64,
    pub(super) names: BTreeMap<String, FnId>,
    pub(super) registry: BTreeMap<(RegistryKind, String), Option<Bytes>>,
}

/// A row that owes something.
#[derive(Clone, Debug)]
pub(super) struct Live {
    /// Where it stands in the order of due work.
    pub(super) slot: Slot,
    head: Bytes,
}

/// A row that has ended.
#[derive(Clone, Debug)]
struct Kept {
    bucket: Day,
    head: Bytes,
}

/// The bytes of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Blob {
    pub(super) payload: Option<Bytes>,
    pub(super) result: Option<Bytes>,
}

impl Rows {
    /// Applies a batch and names the inserts whose key was taken by another token.
    pub(super) fn apply(&mut self, batch: &[ShardWrite], lie: Option<Lie>) -> Vec<InvKey> {
        let mut conflicts = Vec::new();
        for write in batch {
            for op in &write.commit.ops {
                match op {
                    RowOp::Insert { head, payload } => match self.head(head.key) {
                        Some((taken, _)) if taken.token == head.token => {}
                        Some(_) => conflicts.push(head.key),
                        None => {
                            self.put(head);
                            self.blob(head).payload = Some(payload.clone());
                        }
                    },
                    RowOp::Redrive { head, envelope, failed_at } => {
                        self.put(head);
                        let message = BytesWanted::message(head);
                        self.blobs.entry((message.bucket, message.key)).or_default().payload =
                            Some(envelope.clone());
                        self.callbacks.remove(&(*failed_at, head.key));
                    }
                    RowOp::Update { head, was: _, result } => {
                        self.update(head, lie);
                        if let Some(result) = result {
                            self.blob(head).result = Some(result.clone());
                        }
                    }
                    RowOp::Finish { head, was: _, result, failed_callback } => {
                        self.finish(head, result.as_ref());
                        if let Some(kept) = failed_callback {
                            let record = callback::encode(kept);
                            self.callbacks.insert((kept.failed_at, kept.key), record);
                        }
                    }
                }
            }
            for Total { key, value } in &write.commit.totals {
                let place = (write.lease.shard, total::encode_key(key));
                self.totals.insert(place, total::encode_value(*value));
            }
        }
        conflicts
    }

    fn put(&mut self, row: &Head) {
        self.live.insert(row.key, Live { slot: row.slot(), head: head::encode(row) });
    }

    fn update(&mut self, row: &Head, lie: Option<Lie>) {
        self.put(row);
        if lie == Some(Lie::DropOwedCallback)
            && row.callback.is_owed()
            && let Some(live) = self.live.get_mut(&row.key)
        {
            live.head = head::encode(&Head { callback: Callback::None, ..row.clone() });
        }
    }

    fn finish(&mut self, row: &Head, result: Option<&Bytes>) {
        self.live.remove(&row.key);
        if row.task.is_none() || row.redrives.is_some() {
            self.blobs.remove(&(None, row.key));
        } else if let Some(result) = result {
            self.blob(row).result = Some(result.clone());
        }
        if row.leaves_record() {
            self.kept.insert(row.key, Kept { bucket: row.bucket(), head: head::encode(row) });
        } else if row.is_purged() {
            self.purged.insert(row.key, head::encode(row));
        }
    }

    fn blob(&mut self, row: &Head) -> &mut Blob {
        let BytesWanted { key, bucket } = BytesWanted::from(row);
        self.blobs.entry((bucket, key)).or_default()
    }

    /// Drops the buckets whose last day is longer ago than the retention, and says how many.
    pub(super) fn purge(&mut self, now: Timestamp, retention: Retention) -> u64 {
        let with_blobs = self.blobs.keys().filter_map(|(bucket, _)| *bucket);
        let mut buckets: BTreeSet<Day> = with_blobs.collect();
        buckets.extend(self.kept.values().map(|kept| kept.bucket));
        let is_past = |bucket: Day, span: Duration| end_of(bucket).plus(span) <= now;
        buckets.retain(|bucket| is_past(*bucket, retention.records));
        for live in self.live_heads() {
            buckets.remove(&live.bucket());
        }
        self.blobs.retain(|(bucket, _), _| bucket.is_none_or(|day| !buckets.contains(&day)));
        self.kept.retain(|_, kept| !buckets.contains(&kept.bucket));
        let mut of_callbacks: BTreeSet<Day> =
            self.callbacks.keys().map(|(failed_at, _)| failed_at.day()).collect();
        of_callbacks.retain(|bucket| is_past(*bucket, retention.callbacks));
        self.callbacks.retain(|(failed_at, _), _| !of_callbacks.contains(&failed_at.day()));
        u64::try_from(buckets.len() + of_callbacks.len()).unwrap_or(u64::MAX)
    }

    /// Adds a submission to its shard.
    pub(super) fn submit(&mut self, wanted: &Submission) {
        self.next_submission += 1;
        let Submission::Stop { key } = wanted;
        let record = submission::encode(wanted);
        self.submissions.insert((key.shard(), self.next_submission), record);
    }

    /// The number of a name.
    pub(super) fn intern(&mut self, name: &str) -> FnId {
        let next = u32::try_from(self.names.len() + 1).unwrap_or(u32::MAX);
        *self.names.entry(name.to_owned()).or_insert(FnId(next))
    }

    /// Writes a registry entry.
    pub(super) fn register(&mut self, entry: &RegistryEntry) {
        self.registry.insert((entry.kind, entry.name.clone()), entry.value.clone());
    }

    /// The row with this key, and whether it is kept.
    pub(super) fn head(&self, key: InvKey) -> Option<(Head, bool)> {
        if let Some(live) = self.live.get(&key) {
            return Some((read(key, &live.head), false));
        }
        self.kept.get(&key).map(|kept| (read(key, &kept.head), true))
    }

    /// The live row with this key, and where it stands.
    pub(super) fn live(&self, key: InvKey) -> Option<(Head, Slot)> {
        self.live.get(&key).map(|live| (read(key, &live.head), live.slot))
    }

    /// Where the live rows stand.
    pub(super) fn slots(&self) -> impl Iterator<Item = (InvKey, Slot)> {
        self.live.iter().map(|(key, live)| (*key, live.slot))
    }

    /// The live rows.
    pub(super) fn live_heads(&self) -> impl Iterator<Item = Head> {
        self.live.iter().map(|(key, live)| read(*key, &live.head))
    }

    /// The kept rows.
    pub(super) fn kept_heads(&self) -> impl Iterator<Item = Head> {
        self.kept.iter().map(|(key, kept)| read(*key, &kept.head))
    }

    /// What was purged without a record.
    pub(super) fn purged_heads(&self) -> impl Iterator<Item = Head> {
        self.purged.iter().map(|(key, record)| read(*key, record))
    }

    /// The bytes of a row.
    pub(super) fn bytes(&self, wanted: BytesWanted) -> Blob {
        self.blobs.get(&(wanted.bucket, wanted.key)).cloned().unwrap_or_default()
    }

    /// The callbacks that were given up, oldest first.
    pub(super) fn callbacks(&self) -> impl Iterator<Item = KeptCallback> {
        self.callbacks.iter().map(|((failed_at, key), record)| {
            callback::decode(*key, *failed_at, record).expect("the store wrote the record itself")
        })
    }

    /// The counts of a shard.
    pub(super) fn totals(&self, shard: ShardId) -> impl Iterator<Item = Total> {
        let of_shard = self.totals.iter().filter(move |((of, _), _)| *of == shard);
        of_shard.map(|((_, key), value)| {
            total::decode(key, value).expect("the store wrote the record itself")
        })
    }

    /// How many rows are live.
    pub(super) fn live_len(&self) -> usize {
        self.live.len()
    }
}

fn read(key: InvKey, record: &[u8]) -> Head {
    head::decode(key, record).expect("the store wrote the record itself")
}

fn end_of(day: Day) -> Timestamp {
    Timestamp::MIN.plus(DAY.saturating_mul(day.0.saturating_add(1)))
}
