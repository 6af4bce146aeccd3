//! What the writer is asked, and what it answers.

use std::sync::Arc;

use bytes::Bytes;
use invoked_core::id::{FnId, ShardId};
use invoked_core::shard::RowOp;
use invoked_core::time::Timestamp;
use invoked_store::{
    CommitOutcome, Lease, NodeId, RegistryEntry, Retention, ShardWrite, StoreError, Submission,
};
use tokio::sync::oneshot;

use crate::overlay::Waiting;

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something that is to be written.
#[derive(Debug)]
pub(crate) enum Request {
    Commit { batch: Arc<Vec<ShardWrite>>, reply: oneshot::Sender<CommitOutcome> },
    Acquire { node: NodeId, shard: ShardId, reply: Reply<Option<Lease>> },
    Reacquire { node: NodeId, lease: Lease, reply: Reply<Option<Lease>> },
    Release { node: NodeId, lease: Lease, reply: Reply<()> },
    Submit { submissions: Vec<Submission>, reply: Reply<()> },
    Acknowledge { shard: ShardId, numbers: Vec<u64>, reply: Reply<()> },
    Intern { name: String, reply: Reply<FnId> },
    PutRegistry { entries: Vec<RegistryEntry>, reply: Reply<()> },
}

/// That buckets be dropped, which is done between batches.
#[derive(Debug)]
pub(crate) struct Purge {
    pub(crate) now: Timestamp,
    pub(crate) retention: Retention,
    pub(crate) reply: Reply<u64>,
}

/// What comes to the writer.
#[derive(Debug)]
pub(crate) enum Message {
    Write(Request),
    /// That the tables get everything that was written before.
    Settle(Waiting),
    /// That the tables are further: somebody may wait for that.
    Applied,
    Purge(Purge),
}

impl Message {
    /// Bytes of payloads, results and messages in it. What comes with each of them is small.
    pub(crate) fn bytes(&self) -> u64 {
        let Self::Write(Request::Commit { batch, .. }) = self else { return 0 };
        let ops = batch.iter().flat_map(|write| &write.commit.ops);
        ops.map(|op| u64::try_from(bytes_of(op)).unwrap_or(u64::MAX)).sum()
    }
}

fn bytes_of(op: &RowOp) -> usize {
    match op {
        RowOp::Insert { payload, .. } => payload.len(),
        RowOp::Redrive { envelope, .. } => envelope.len(),
        RowOp::Update { result, .. } => result.as_ref().map_or(0, Bytes::len),
        RowOp::Finish { result, failed_callback, .. } => {
            let kept = failed_callback.as_ref().map_or(0, |kept| kept.envelope.len());
            kept + result.as_ref().map_or(0, Bytes::len)
        }
    }
}

impl Request {
    /// Answers that there is no store any more. For a commit this is no rejection: sending it
    /// again would come to the same.
    pub(crate) fn is_commit(&self) -> bool {
        matches!(self, Self::Commit { .. })
    }

    pub(crate) fn refuse(self, error: StoreError) {
        match self {
            Self::Commit { reply, .. } => give(reply, CommitOutcome::Unknown(error)),
            Self::Acquire { reply, .. } | Self::Reacquire { reply, .. } => give(reply, Err(error)),
            Self::Release { reply, .. }
            | Self::Submit { reply, .. }
            | Self::Acknowledge { reply, .. }
            | Self::PutRegistry { reply, .. } => give(reply, Err(error)),
            Self::Intern { reply, .. } => give(reply, Err(error)),
        }
    }
}

/// An answer that waits for the batch to be durable.
#[derive(Debug)]
pub(crate) enum Answer {
    Commit(oneshot::Sender<CommitOutcome>, CommitOutcome),
    Lease(Reply<Option<Lease>>, Result<Option<Lease>, StoreError>),
    Unit(Reply<()>, Result<(), StoreError>),
    Function(Reply<FnId>, Result<FnId, StoreError>),
}

impl Answer {
    /// Whether what was staged for it belongs into the batch.
    pub(crate) fn is_good(&self) -> bool {
        match self {
            Self::Commit(_, outcome) => matches!(outcome, CommitOutcome::Durable { .. }),
            Self::Lease(_, result) => result.is_ok(),
            Self::Unit(_, result) => result.is_ok(),
            Self::Function(_, result) => result.is_ok(),
        }
    }

    /// Gives the answer.
    pub(crate) fn send(self) {
        match self {
            Self::Commit(reply, outcome) => give(reply, outcome),
            Self::Lease(reply, result) => give(reply, result),
            Self::Unit(reply, result) => give(reply, result),
            Self::Function(reply, result) => give(reply, result),
        }
    }

    /// Says that nobody knows, where the answer would have been that it is done.
    pub(crate) fn send_unknown(self) {
        if !self.is_good() {
            return self.send();
        }
        let error = StoreError::Poisoned;
        match self {
            Self::Commit(reply, _) => give(reply, CommitOutcome::Unknown(error)),
            Self::Lease(reply, _) => give(reply, Err(error)),
            Self::Unit(reply, _) => give(reply, Err(error)),
            Self::Function(reply, _) => give(reply, Err(error)),
        }
    }
}

/// Gives an answer. Whoever asked may have gone.
pub(crate) fn give<T>(reply: oneshot::Sender<T>, answer: T) {
    drop(reply.send(answer));
}
