//! The writer: one thread that owns the write side of the database.
//!
//! It takes everything that waits, stages it into one batch, syncs once, then answers all. A
//! request that cannot be done is answered alone and leaves nothing in the batch. After a failed
//! write nobody knows what is on disk: those who waited are told so, and the store is poisoned.

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
use crate::ahead::Ahead;
use crate::directory;
use crate::error::{engine, file};
use crate::keys::{Table, number};
use crate::maintenance::Maintenance;
use crate::open::Opened;
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
    ahead: Ahead,
    number: u64,
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
    ) -> Result<(Arc<Tables>, JoinHandle<()>), StoreError> {
        let tables = Arc::new(opened.tables);
        let mut writer = Self {
            tables: Arc::clone(&tables),
            shared,
            acknowledged: opened.acknowledged,
            ahead: Ahead::new(tables.path().to_path_buf()),
            number: opened.number,
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
            let taken = match self.maintenance.wait() {
                None => Some(runtime.block_on(next)),
                Some(wait) => runtime.block_on(limited(wait, next)),
            };
            match taken {
                Some(0) => break,
                Some(_) => self.turn(group.drain(..)),
                None => self.idle(),
            }
        }
        self.maintenance.stop();
    }

    fn idle(&mut self) {
        self.ahead.rest();
        if self.shared.check().is_err() {
            self.maintenance.stop();
            return;
        }
        let live_rows = self.shared.live_rows();
        if let Err(error) = self.maintenance.step(&self.tables, live_rows, self.free_bytes_min) {
            tracing::error!(event = "maintenance_failed", %error, "maintenance of the store failed");
            self.shared.poison();
        }
    }

    /// One group: stage, write, answer.
    fn turn(&mut self, group: impl Iterator<Item = Message>) {
        self.maintenance.interrupt();
        let group: Vec<_> = group.collect();
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
                (Message::Purge(purge), _) => purges.push(purge),
            }
        }
        match self.write(staged) {
            Ok(bytes) => {
                answers.into_iter().for_each(Answer::send);
                self.go_ahead(bytes, room);
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
        let mut layer = Layer::over(&tables, staged);
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

    /// Gets blocks for the next batches, behind one of so many bytes.
    fn go_ahead(&mut self, bytes: u64, room: Room) {
        if bytes > 0
            && let Err(error) = self.ahead.advance(bytes, room == Room::Plenty)
        {
            tracing::debug!(%error, "the journal has no blocks ahead");
        }
    }

    /// Makes what is staged durable. Returns the bytes that it took in the journal.
    fn write(&mut self, mut staged: Staged) -> Result<u64, StoreError> {
        if staged.is_empty() {
            return Ok(0);
        }
        #[cfg(test)]
        if self.shared.write_fails() {
            return Err(StoreError::Engine { message: "made to fail".to_owned() });
        }
        self.number += 1;
        staged.put(Table::Meta, &number::BATCH, &number::encode_value(self.number));
        self.maintenance.note(staged.touched(), staged.removed());
        let bytes = staged.commit(&self.tables).map_err(engine)?;
        if let Err(error) = self.acknowledged.note(self.number) {
            tracing::warn!(event = "acknowledged_not_noted", %error, "the acknowledged batch is not noted");
        }
        self.shared.count_batch();
        Ok(bytes)
    }

    /// What the engine does beside the writer may have found no room, which it does not get over. Nothing is
    /// written now that would show it, and what it left behind is removed by the next start alone.
    fn notice_poison(&self) {
        if let Err(error) = self.tables.db.persist(PersistMode::Buffer) {
            tracing::error!(event = "store_failed", %error, "the store's engine has given up");
            self.shared.poison();
        }
    }

    /// How much may be written when so many bytes are to be. Each goes into the journal, and then
    /// into a table while it still stands in the journal.
    fn room(&self, bytes: u64) -> Room {
        let free = directory::free(self.tables.path()).unwrap_or(u64::MAX);
        let is_tight = self.shared.note_free(free, self.free_bytes_min);
        if free < floor(self.free_bytes_min).saturating_add(bytes.saturating_mul(2)) {
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
