//! Rows: what a commit does to the tables.
//!
//! ```text
//!           live   due          pay            body         records
//! insert    +      +            + plain        + task       + id of a task
//! update    +      - was, +     + answer       + answer     status of a task
//! redrive   +      +            + message      -            kept callback -
//! finish    -      - was        - both         + large      + record with a small answer, status,
//!                                                answer     kept callback +
//! ```
//!
//! The record of a task stays while its callback is redriven: the live row hides it.
//!
//! Every row is looked up before it is written: the counts of live rows must not change when a
//! batch comes twice, and a task has to leave the status it was listed under.

use bytes::Bytes;
use invoked_core::callback::Callback;
use invoked_core::head::{Head, Slot, Status};
use invoked_core::id::{InvKey, ShardId};
use invoked_core::shard::{KeptCallback, RowOp};
use invoked_core::time::Timestamp;
use invoked_store::record::head::Standing;
use invoked_store::{ShardWrite, StoreError};

use super::counts::Counts;
use crate::keys::{
    BodyKind, Table, body, callback, due, live, pay, record, status, task_id, total,
};
use crate::staged::Layer;

/// What a batch came to.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) conflicts: Vec<InvKey>,
    pub(super) operations: u64,
    pub(super) live_delta: i64,
}

/// Stages a batch.
pub(super) fn apply(layer: &mut Layer<'_>, batch: &[ShardWrite]) -> Result<Applied, StoreError> {
    let mut applied = Applied::default();
    let mut rows = Rows { layer, counts: Counts::default(), conflicts: Vec::new() };
    for write in batch {
        let shard = write.lease.shard;
        for op in &write.commit.ops {
            applied.operations += 1;
            match op {
                RowOp::Insert { head, payload } => rows.insert(shard, head, payload)?,
                RowOp::Redrive { head, envelope, failed_at } => {
                    rows.redrive(shard, head, envelope, *failed_at)?;
                }
                RowOp::Update { head, was, result } => {
                    rows.update(shard, head, *was, result.as_ref())?;
                }
                RowOp::Finish { head, was, result, failed_callback } => {
                    rows.finish(shard, head, *was, result.as_ref())?;
                    if let Some(kept) = failed_callback {
                        rows.keep_callback(kept);
                    }
                }
            }
        }
        for count in &write.commit.totals {
            let key = total::encode_key(shard, &count.key);
            rows.layer.put(Table::Meta, &key, total::encode_value(count.value));
        }
    }
    applied.conflicts = rows.conflicts;
    applied.live_delta = rows.counts.stage(layer)?;
    Ok(applied)
}

struct Rows<'a, 'b> {
    layer: &'a mut Layer<'b>,
    counts: Counts,
    conflicts: Vec<InvKey>,
}

impl Rows<'_, '_> {
    fn insert(&mut self, shard: ShardId, head: &Head, payload: &Bytes) -> Result<(), StoreError> {
        if let Some(token) = self.token_of(head)? {
            if token != head.token {
                self.conflicts.push(head.key);
            }
            return Ok(());
        }
        self.layer.put_new(Table::Live, &live::encode_key(head.key), live::encode_value(head));
        let place = due::encode_key(shard, head.slot(), head.key);
        self.layer.put_new(Table::Due, &place, Bytes::new());
        self.counts.appears(head.bucket());
        let Some(task) = &head.task else {
            self.layer.put_new(Table::Pay, &pay::encode_key(head.key), payload.clone());
            return Ok(());
        };
        let records = Table::Records(head.bucket());
        let id = task.id.as_str();
        if task_id::is_indexed(id, head.key) {
            let by_id = task_id::encode_key(head.fn_id, id, head.key);
            self.layer.put_small(records, &by_id, &task_id::encode_value(head.accepted_at));
        }
        self.list_status(head, None);
        self.put_body(head, BodyKind::Payload, payload);
        Ok(())
    }

    fn redrive(
        &mut self,
        shard: ShardId,
        head: &Head,
        envelope: &Bytes,
        failed_at: Timestamp,
    ) -> Result<(), StoreError> {
        if matches!(self.before(head)?, Before::Absent) {
            self.counts.appears(head.bucket());
        }
        self.put_live(head);
        self.put_due(shard, head);
        self.layer.put(Table::Pay, &pay::encode_key(head.key), envelope.clone());
        let place = callback::encode_key(failed_at, head.key);
        let of = callback::encode_of_key(head.key);
        let day = failed_at.day();
        for table in [Table::Callbacks(day), Table::Records(day)] {
            if self.layer.has(table) {
                self.layer.remove(table, &place);
                self.layer.remove(table, &of);
            }
        }
        Ok(())
    }

    fn update(
        &mut self,
        shard: ShardId,
        head: &Head,
        was: Slot,
        result: Option<&Bytes>,
    ) -> Result<(), StoreError> {
        let before = self.before(head)?;
        self.put_live(head);
        if was != head.slot() {
            self.remove_due(shard, was, head.key);
        }
        if was != head.slot() || matches!(before, Before::Absent) {
            self.put_due(shard, head);
        }
        if matches!(before, Before::Absent) {
            self.counts.appears(head.bucket());
        }
        self.list_status(head, before.status());
        match result {
            Some(result) if head.task.is_some() => self.put_body(head, BodyKind::Result, result),
            Some(result) => {
                self.layer.put(Table::Pay, &pay::encode_result_key(head.key), result.clone());
            }
            None => {}
        }
        Ok(())
    }

    fn finish(
        &mut self,
        shard: ShardId,
        head: &Head,
        was: Slot,
        result: Option<&Bytes>,
    ) -> Result<(), StoreError> {
        let before = self.before(head)?;
        self.remove_due(shard, was, head.key);
        if !matches!(before, Before::Absent) {
            self.layer.remove(Table::Live, &live::encode_key(head.key));
            self.counts.leaves(head.bucket());
        }
        if head.task.is_none() || head.redrives.is_some() {
            self.layer.remove(Table::Pay, &pay::encode_key(head.key));
            if head.callback != Callback::None {
                self.layer.remove(Table::Pay, &pay::encode_result_key(head.key));
            }
        }
        self.list_status(head, before.status());
        self.put_record(head, result.filter(|_| head.task.is_some()))
    }

    /// The record, with the answer to a task if that is small. Without an answer, the one that is there
    /// stays.
    fn put_record(&mut self, head: &Head, answer: Option<&Bytes>) -> Result<(), StoreError> {
        if !head.leaves_record() {
            return Ok(());
        }
        let records = Table::Records(head.bucket());
        let key = record::encode_key(head.key);
        let value = match answer {
            Some(answer) if answer.len() <= record::ANSWER_MAX => {
                record::encode_value(head, Some(answer))
            }
            Some(answer) => {
                self.put_body(head, BodyKind::Result, answer);
                record::encode_value(head, None)
            }
            None if head.task.is_some() => {
                let before = self.layer.get(records, &key)?;
                let before = before.as_ref().map(|value| record::decode_answer(head.key, value));
                record::encode_value(head, before.transpose()?.flatten())
            }
            None => record::encode_value(head, None),
        };
        self.layer.put(records, &key, value);
        Ok(())
    }

    fn keep_callback(&mut self, kept: &KeptCallback) {
        let records = Table::Callbacks(kept.failed_at.day());
        let key = callback::encode_key(kept.failed_at, kept.key);
        self.layer.put(records, &key, callback::encode_value(kept));
        let place = callback::encode_of_value(kept.failed_at);
        self.layer.put_small(records, &callback::encode_of_key(kept.key), &place);
    }

    /// The token of the row that has the key of `head`. A key that the daemon chose is fresh by its making,
    /// so that only one of its own earlier sends can have it; finished rows are not searched.
    fn token_of(&self, head: &Head) -> Result<Option<u64>, StoreError> {
        let key = head.key;
        if let Some(value) = self.layer.get(Table::Live, &live::encode_key(key))? {
            return live::decode_value(key, &value).map(|head| Some(head.token));
        }
        if !key.is_chosen() {
            return Ok(None);
        }
        let kept = record::encode_key(key);
        let mut days = self.layer.days();
        // Its bucket may be about to be made by this very batch.
        days.insert(head.bucket());
        for day in days.into_iter().rev() {
            if let Some(value) = self.layer.get(Table::Records(day), &kept)? {
                return record::decode_value(key, &value).map(|head| Some(head.token));
            }
        }
        Ok(None)
    }

    fn before(&self, head: &Head) -> Result<Before, StoreError> {
        let Some(value) = self.layer.get(Table::Live, &live::encode_key(head.key))? else {
            return Ok(Before::Absent);
        };
        if head.task.is_none() {
            return Ok(Before::Plain);
        }
        // A row that does not read is written over like any other; only its listing may stay.
        let before = live::decode_standing(&value).ok();
        Ok(before.map_or(Before::Plain, |Standing { status, accepted_at, due }| {
            Before::Task(status::indexed(status, due, accepted_at))
        }))
    }

    fn put_live(&mut self, head: &Head) {
        self.layer.put(Table::Live, &live::encode_key(head.key), live::encode_value(head));
    }

    fn put_due(&mut self, shard: ShardId, head: &Head) {
        self.layer.put(Table::Due, &due::encode_key(shard, head.slot(), head.key), Bytes::new());
    }

    fn remove_due(&mut self, shard: ShardId, slot: Slot, key: InvKey) {
        self.layer.remove(Table::Due, &due::encode_key(shard, slot, key));
    }

    fn put_body(&mut self, head: &Head, kind: BodyKind, bytes: &Bytes) {
        self.layer.put(
            Table::Bodies(head.bucket()),
            &body::encode_key(kind, head.key),
            bytes.clone(),
        );
    }

    /// Lists a task under its status, and no longer under the one before.
    fn list_status(&mut self, head: &Head, before: Option<Status>) {
        // The record of a redriven task is listed already.
        if head.task.is_none() || head.redrives.is_some() {
            return;
        }
        let records = Table::Records(head.bucket());
        let key = |status| status::encode_key(head.fn_id, status, head.accepted_at, head.key);
        let now = status::indexed(head.status(), head.due, head.accepted_at);
        if now == before {
            return;
        }
        if let Some(before) = before {
            self.layer.remove(records, &key(before));
        }
        if let Some(now) = now {
            self.layer.put(records, &key(now), Bytes::new());
        }
    }
}

/// What a row was before.
#[derive(Copy, Clone, Debug)]
enum Before {
    Absent,
    Plain,
    /// A task, and the status that it is indexed by.
    Task(Option<Status>),
}

impl Before {
    fn status(self) -> Option<Status> {
        match self {
            Self::Absent | Self::Plain => None,
            Self::Task(status) => status,
        }
    }
}
