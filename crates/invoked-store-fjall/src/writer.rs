//! The writer: one thread that owns the write side of the database.
//!
//! It takes everything that waits, stages it into one batch, writes that to the log, syncs once, then
//! answers all. A request that cannot be done is answered alone and leaves nothing in the batch. After a
//! failed write nobody knows what is on disk: those who waited are told so, and the store is poisoned.
//! The tables get it later (`overlay.rs`): when there is much of it, when the log needs the room, when
//! somebody wants to read, and at rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fjall::PersistMode;
use invoked_core::id::{Epoch, ShardId};
use invoked_store::{CommitOutcome, NodeId, StoreError};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::acknowledged::Acknowledged;
use crate::directory;
use crate::error::file;
use crate::keys::{Table, number};
use crate::log::Log;
use crate::maintenance::Maintenance;
use crate::open::Opened;
use crate::overlay::{Applier, Overlay, Waiting};
use crate::staged::{Layer, Staged};
use crate::store::Shared;
use crate::tables::Tables;
use request::{Answer, Message, Purge, Request, give};

mod counts;
mod dictionary;
mod owners;
mod purge;
pub(crate) mod request;
mod rows;

/// Requests that one batch takes at most.
const GROUP_MAX: usize = 1_024;
/// Requests that may wait for the writer.
pub(crate) const WAITING_MAX: usize = 1_024;
/// Memory that rows which are not sealed may take, about, before they are; and before the next commit waits for what is
/// sealed. What is under way at 64 connections with payloads of 128 KiB finds room in it. What is left in the log takes
/// none; with it the tables are brought further whenever a file of the log is used up.
const OVERLAY_BYTES: usize = 16 << 20;
const OVERLAY_BYTES_MAX: usize = 24 << 20;
/// How long nothing has to come in before the tables get what they have not.
const SETTLE_REST: Duration = Duration::from_secs(1);
/// Below this part of the floor nothing is written at all: a write that finds no room poisons.
const FLOOR_PARTS: u64 = 8;

/// How much may still be written.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Room {
    Plenty,
    /// Everything is taken, and everybody is told to bring nothing new.
    Little,
    None,
}

/// Who has a shard.
#[derive(Debug)]
struct Owner {
    node: NodeId,
    epoch: Epoch,
}

/// The thread's state.
pub(crate) struct Writer {
    tables: Arc<Tables>,
    shared: Arc<Shared>,
    acknowledged: Acknowledged,
    log: Log,
    overlay: Overlay,
    /// Who waits for the tables to be brought as far as the log is.
    readers: Vec<Waiting>,
    applier: Applier,
    /// The last batch.
    number: u64,
    /// The last that the tables have.
    applied: u64,
    shards: u16,
    /// The last epoch of each shard that ever had one.
    epochs: BTreeMap<ShardId, Epoch>,
    owners: BTreeMap<ShardId, Owner>,
    free_bytes_min: u64,
    maintenance: Maintenance,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        opened: Opened,
        shared: Arc<Shared>,
        free_bytes_min: u64,
        requests: mpsc::Receiver<Message>,
        waker: mpsc::WeakSender<Message>,
    ) -> Result<(Arc<Tables>, JoinHandle<()>), StoreError> {
        let tables = Arc::new(opened.tables);
        let applier = Applier::start(Arc::clone(&tables), Arc::clone(&shared), waker)?;
        let mut writer = Self {
            tables: Arc::clone(&tables),
            overlay: shared.overlay.clone(),
            shared,
            acknowledged: opened.acknowledged,
            log: opened.log,
            readers: Vec::new(),
            applier,
            number: opened.number,
            applied: opened.number,
            shards: opened.shards,
            epochs: opened.epochs.into_iter().collect(),
            owners: BTreeMap::new(),
            free_bytes_min,
            maintenance: Maintenance::new(&tables),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| file("the writer", &error))?;
        let thread = thread::Builder::new().name("store-writer".to_owned());
        let thread = thread.spawn(move || writer.run(&runtime, requests));
        Ok((tables, thread.map_err(|error| file("the writer", &error))?))
    }

    fn run(&mut self, runtime: &Runtime, mut requests: mpsc::Receiver<Message>) {
        let mut group = Vec::new();
        loop {
            let next = requests.recv_many(&mut group, GROUP_MAX);
            let taken = match self.rest() {
                None => Some(runtime.block_on(next)),
                Some(wait) => runtime.block_on(limited(wait, next)),
            };
            match taken {
                Some(0) => break,
                Some(_) => self.turn(group.drain(..)),
                None => self.idle(),
            }
        }
        // Without room for it, something stays in the log, and the next start has it from there.
        self.drain();
        if !self.applier.stop() {
            tracing::error!(event = "store_failed", "the applier panicked");
            self.shared.poison();
        }
        // Behind that nobody has a place in the log but who reads.
        self.rest_log();
        self.maintenance.stop();
    }

    /// How long to wait for a request before something else is done; `None`: for ever.
    fn rest(&mut self) -> Option<Duration> {
        if self.shared.check().is_err() {
            None
        } else if self.overlay.is_empty() {
            let log = self.log.is_held().then_some(SETTLE_REST);
            self.maintenance.wait().or(log)
        } else {
            Some(SETTLE_REST)
        }
    }

    fn idle(&mut self) {
        if self.shared.check().is_err() {
            self.maintenance.stop();
            return;
        }
        self.collect();
        if !self.overlay.is_empty() {
            if !self.overlay.is_sealed() {
                self.seal();
            }
            return;
        }
        let live_rows = self.shared.live_rows();
        // Without anything to do there it is the log that somebody held on to.
        if self.maintenance.wait().is_some()
            && let Err(error) = self.maintenance.step(&self.tables, live_rows, self.free_bytes_min)
        {
            tracing::error!(event = "maintenance_failed", %error, "maintenance of the store failed");
            self.shared.poison();
        }
        // With little room maintenance may never be done.
        if self.maintenance.wait().is_none() || self.shared.is_tight() {
            self.rest_log();
        }
    }

    /// Empties the log, if the tables have everything that stands in it.
    fn rest_log(&mut self) {
        if self.shared.check().is_err() || !self.overlay.is_empty() {
            return;
        }
        if let Err(error) = self.log.rest() {
            tracing::debug!(%error, "the log is not emptied");
        }
    }

    /// One group: stage, write, answer.
    fn turn(&mut self, group: impl Iterator<Item = Message>) {
        let group: Vec<_> = group.filter(|message| !matches!(message, Message::Applied)).collect();
        self.collect();
        if group.is_empty() {
            self.settle(Room::Plenty);
            return;
        }
        self.maintenance.interrupt();
        self.make_way();
        let room = self.room(group.iter().map(Message::bytes).sum());
        if room == Room::None {
            self.notice_poison();
        }
        let mut staged = Staged::default();
        let mut answers = Vec::new();
        let mut purges = Vec::new();
        for message in group {
            match (message, self.shared.check()) {
                (Message::Write(request), Ok(())) if room == Room::None && !request.is_commit() => {
                    request.refuse(StoreError::Full);
                }
                (Message::Write(request), Ok(())) => {
                    answers.push(self.stage(request, room, &mut staged));
                }
                (Message::Write(request), Err(error)) => request.refuse(error),
                (Message::Settle(reader), Ok(())) => self.readers.push(reader),
                (Message::Settle(reader), Err(error)) => give(reader, Err(error)),
                (Message::Applied, _) => {}
                (Message::Purge(purge), _) => purges.push(purge),
            }
        }
        match self.write(&mut staged) {
            Ok(()) => {
                // Seen before anybody is told; put to the others after, so that nobody waits for that.
                self.overlay.add(self.number, staged);
                answers.into_iter().for_each(Answer::send);
                self.overlay.fold();
                self.go_ahead(room);
                self.settle(room);
            }
            Err(error) => {
                tracing::error!(event = "store_write_failed", %error, "a write to the store failed");
                self.shared.poison();
                answers.into_iter().for_each(Answer::send_unknown);
            }
        }
        let live_rows = self.shared.live_rows();
        if let Err(error) = self.maintenance.busy(&self.tables, live_rows, self.free_bytes_min) {
            tracing::warn!(event = "compaction_failed", %error, "a compaction did not begin");
        }
        for Purge { now, retention, reply } in purges {
            let result = self.shared.check().and_then(|()| self.purge(now, retention));
            give(reply, result);
        }
    }

    /// Stages one request and says what to answer once the batch is durable.
    fn stage(&mut self, request: Request, room: Room, staged: &mut Staged) -> Answer {
        let tables = Arc::clone(&self.tables);
        let overlay = self.overlay.clone();
        let batches = overlay.read();
        let mut layer = Layer::over(&tables, &batches, staged);
        let answer = match request {
            Request::Commit { batch, reply } => {
                let outcome = self.commit(&mut layer, &batch, room);
                Answer::Commit(reply, outcome)
            }
            Request::Acquire { node, shard, reply } => {
                Answer::Lease(reply, Ok(self.acquire(&mut layer, node, shard)))
            }
            Request::Reacquire { node, lease, reply } => {
                Answer::Lease(reply, Ok(self.reacquire(&mut layer, &node, lease)))
            }
            Request::Release { node, lease, reply } => {
                self.release(&node, lease);
                Answer::Unit(reply, Ok(()))
            }
            Request::Submit { submissions, reply } => {
                Answer::Unit(reply, dictionary::submit(&mut layer, &submissions))
            }
            Request::Acknowledge { shard, numbers, reply } => {
                dictionary::acknowledge(&mut layer, shard, &numbers);
                Answer::Unit(reply, Ok(()))
            }
            Request::Intern { name, reply } => {
                Answer::Function(reply, dictionary::intern(&mut layer, &name))
            }
            Request::PutRegistry { entries, reply } => {
                dictionary::put_registry(&mut layer, &entries);
                Answer::Unit(reply, Ok(()))
            }
        };
        if answer.is_good() {
            let rows = layer.finish();
            staged.absorb(rows);
        }
        answer
    }

    fn commit(
        &mut self,
        layer: &mut Layer<'_>,
        batch: &[invoked_store::ShardWrite],
        room: Room,
    ) -> CommitOutcome {
        let shards = self.lost(batch);
        if !shards.is_empty() {
            return CommitOutcome::Fenced { shards };
        }
        if room == Room::None {
            return CommitOutcome::Rejected(StoreError::Full);
        }
        match rows::apply(layer, batch) {
            Ok(applied) => {
                self.shared.count(applied.operations, applied.live_delta);
                CommitOutcome::Durable { conflicts: applied.conflicts }
            }
            Err(error) => CommitOutcome::Rejected(error),
        }
    }

    /// Gets blocks for the next batches.
    fn go_ahead(&mut self, room: Room) {
        if room == Room::Plenty
            && let Err(error) = self.log.go_ahead()
        {
            tracing::error!(event = "store_write_failed", %error, "a write to the store failed");
            self.shared.poison();
        }
    }

    /// Has the tables brought further if that is due, or if somebody waits for it, or if nothing else finds room: room is
    /// kept for it. One batch is under way at a time: who asks meanwhile has to wait for the next, and shares it.
    fn settle(&mut self, room: Room) {
        if self.overlay.is_empty() {
            self.readers.drain(..).for_each(|reader| give(reader, Ok(())));
            return;
        }
        let is_much = self.overlay.news_bytes() > OVERLAY_BYTES || self.log.left() > self.applied;
        let is_due = is_much || room == Room::None || !self.readers.is_empty();
        if is_due && !self.overlay.is_sealed() {
            self.seal();
        }
    }

    /// Begins to bring the tables as far as the log is, if there is room for that.
    fn seal(&mut self) {
        if !self.can_drain() {
            self.readers.drain(..).for_each(|reader| give(reader, Err(StoreError::Full)));
            return;
        }
        let batches = self.overlay.read();
        self.maintenance.note(batches.news().tables(), batches.news().removed());
        drop(batches);
        self.applier.seal(&self.overlay, std::mem::take(&mut self.readers));
    }

    /// Notes how far the tables are.
    fn collect(&mut self) {
        if let Some(applied) = self.applier.collect(&self.overlay) {
            self.note_applied(applied);
        }
    }

    fn note_applied(&mut self, applied: u64) {
        self.applied = applied;
        if self.overlay.is_empty() {
            self.shared.note_unsettled(false);
        }
    }

    /// Waits while too much stands in the log alone. Without room for it elsewhere nothing new is taken anyway.
    fn make_way(&mut self) {
        let is_too_much = |writer: &Self| {
            writer.overlay.news_bytes() > OVERLAY_BYTES_MAX
                || (writer.log.is_overfull() && writer.log.left() > writer.applied)
        };
        while is_too_much(self) && self.advance() {}
    }

    /// Brings the tables as far as the log is, and waits for that. Without it there is no room, or the store is
    /// poisoned.
    fn drain(&mut self) {
        while !self.overlay.is_empty() && self.advance() {}
        self.settle(Room::Plenty);
    }

    /// Brings the tables a batch further, and waits for that. Whether there was one.
    fn advance(&mut self) -> bool {
        if self.shared.check().is_err() {
            return false;
        }
        if !self.overlay.is_sealed() {
            self.seal();
        }
        if !self.overlay.is_sealed() {
            return false;
        }
        match self.applier.wait(&self.overlay) {
            Some(applied) => self.note_applied(applied),
            None => self.shared.poison(),
        }
        true
    }

    /// Whether there is room to bring the tables as far as the log is. It may be what is reserved for what was
    /// accepted: this is that.
    fn can_drain(&self) -> bool {
        let free = directory::free(self.tables.path()).unwrap_or(u64::MAX);
        free > self.overlay.bytes_to_come()
    }

    /// Makes what is staged durable.
    fn write(&mut self, staged: &mut Staged) -> Result<(), StoreError> {
        if staged.is_empty() {
            return Ok(());
        }
        #[cfg(test)]
        if self.shared.write_fails() {
            return Err(StoreError::Engine { message: "made to fail".to_owned() });
        }
        self.number += 1;
        staged.put(Table::Meta, &number::APPLIED, number::encode_value(self.number));
        let written = self.log.append(self.number, staged, self.applied);
        written.map_err(|error| file("the log", &error))?;
        self.shared.note_unsettled(true);
        if let Err(error) = self.acknowledged.note(self.number) {
            tracing::warn!(event = "acknowledged_not_noted", %error, "the acknowledged batch is not noted");
        }
        self.shared.count_batch();
        Ok(())
    }

    /// What the engine does beside the writer may have found no room, which it does not get over. Nothing is
    /// written now that would show it, and what it left behind is removed by the next start alone.
    fn notice_poison(&self) {
        if let Err(error) = self.tables.db.persist(PersistMode::Buffer) {
            tracing::error!(event = "store_failed", %error, "the store's engine has given up");
            self.shared.poison();
        }
    }

    /// How much may be written when so many bytes are to be. Each goes into the log, into fjall's journal, and
    /// then into a table while it still stands in both; what stands in the log already has the rest of it to come.
    fn room(&self, bytes: u64) -> Room {
        let free = directory::free(self.tables.path()).unwrap_or(u64::MAX);
        let is_tight = self.shared.note_free(free, self.free_bytes_min);
        let wanted = bytes.saturating_mul(3).saturating_add(self.overlay.bytes_to_come());
        if free < floor(self.free_bytes_min).saturating_add(wanted) {
            Room::None
        } else if is_tight {
            Room::Little
        } else {
            Room::Plenty
        }
    }
}

/// Free space below which nothing is written at all.
pub(crate) const fn floor(free_bytes_min: u64) -> u64 {
    free_bytes_min / FLOOR_PARTS
}

/// What comes within `wait`.
async fn limited<T>(wait: Duration, next: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(wait, next).await.ok()
}
