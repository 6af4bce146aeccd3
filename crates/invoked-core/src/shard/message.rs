//! What goes into a shard and what comes out of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::ShardConfig;
use super::kept::{FoundCallback, KeptCallback};
use crate::arn::Arn;
use crate::breaker::Breaker;
use crate::callback::CallVerdict;
use crate::directory::{Directory, Function};
use crate::fault::Fault;
use crate::head::{Head, LaneId, Slot};
use crate::id::{Attempt, FnId, InvKey, RequestId};
use crate::lane::{LoadWanted, Position};
use crate::life::{Outcome, Verdict};
use crate::name::TaskId;
use crate::sweep::{SweepPage, SweepRefused, Swept};
use crate::terms::Terms;
use crate::time::{Day, Timestamp};
use crate::totals::Total;
use crate::trace::TraceContext;

/// A commit of a shard. They are durable in the order of their numbers.
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ticket(pub u64);

/// Names a caller that waits for an answer.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReplyId(pub u64);

/// A request to accept an invocation. Limits and authorisation are already checked.
#[derive(Clone, Debug)]
pub struct AcceptRequest {
    /// Primary key, in this shard.
    pub key: InvKey,
    /// What the client will know it by.
    pub request_id: RequestId,
    /// Random, the same when the same request is sent again.
    pub token: u64,
    /// The function.
    pub fn_id: FnId,
    /// The terms.
    pub terms: Arc<Terms>,
    /// The task's id, if it is a task.
    pub task: Option<TaskId>,
    /// From acceptance to the first attempt.
    pub delay: Duration,
    /// Hand-overs from function to function before this one.
    pub depth: u8,
    /// The trace it belongs to.
    pub trace: Option<Arc<TraceContext>>,
    /// The task that this one repeats.
    pub retry_of: Option<TaskId>,
    /// The event.
    pub payload: Bytes,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct AttemptReport {
    /// The invocation.
    pub key: InvKey,
    /// The attempt.
    pub attempt: Attempt,
    /// What the answer means.
    pub verdict: Verdict,
    /// What there is to say, unless it succeeded.
    pub fault: Option<Fault>,
    /// Whether it took longer than the function may.
    pub is_timeout: bool,
    /// The body of the answer.
    pub result: Bytes,
}

/// A row whose bytes are to be read.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct BytesWanted {
    /// The invocation.
    pub key: InvKey,
    /// The bucket that holds them, for a task; those of plain invocations are in none.
    pub bucket: Option<Day>,
}

impl BytesWanted {
    /// The message of a callback that was redriven: it is kept in no bucket.
    #[must_use]
    pub fn message(head: &Head) -> Self {
        Self { key: head.key, bucket: None }
    }
}

impl From<&Head> for BytesWanted {
    /// What the function was given, and what it answered.
    fn from(head: &Head) -> Self {
        Self { key: head.key, bucket: head.task.is_some().then(|| head.bucket()) }
    }
}

/// The bytes of a row, as far as the store has them.
#[derive(Clone, Debug)]
pub struct LoadedBytes {
    /// The invocation.
    pub key: InvKey,
    /// The event.
    pub payload: Option<Bytes>,
    /// The function's answer; only for rows that owe a callback.
    pub result: Option<Bytes>,
}

/// What goes into a shard.
#[derive(Clone, Debug)]
pub enum Input {
    /// A client wants an invocation.
    Accept {
        /// Which.
        request: AcceptRequest,
        /// Who waits.
        reply: ReplyId,
    },
    /// A commit is durable.
    Committed {
        /// Which.
        ticket: Ticket,
        /// Rows that were not inserted, because the key is somebody else's.
        conflicts: Vec<InvKey>,
    },
    /// An attempt ended.
    AttemptEnded(AttemptReport),
    /// A try of a callback ended.
    CallEnded {
        /// The invocation.
        key: InvKey,
        /// The try.
        tried: Attempt,
        /// What it came to.
        verdict: CallVerdict,
    },
    /// Its owner wants an invocation stopped.
    Stop {
        /// Which.
        key: InvKey,
        /// Who waits.
        reply: ReplyId,
    },
    /// A read of a lane is done.
    HeadsLoaded {
        /// The lane.
        lane: LaneId,
        /// The rows found, in order of due.
        heads: Vec<Head>,
        /// Whether there are no rows behind them.
        is_complete: bool,
    },
    /// A read of one row is done.
    HeadLoaded {
        /// Its key.
        key: InvKey,
        /// The row, if it is live or kept.
        head: Option<Box<Head>>,
        /// Whether it is a finished record.
        is_kept: bool,
    },
    /// An operator wants a page of a lane swept.
    Sweep {
        /// Which.
        page: SweepPage,
        /// Who waits.
        reply: ReplyId,
    },
    /// A read of a page that is swept is done.
    SweepLoaded {
        /// Who waits.
        reply: ReplyId,
        /// The rows found, in order of due.
        heads: Vec<Head>,
        /// Whether there are no rows behind them.
        is_complete: bool,
    },
    /// An operator wants a callback that was given up to be made again.
    Redrive {
        /// Its invocation.
        key: InvKey,
        /// Who asks: an operation, or the name of a caller.
        by: Box<str>,
        /// Who waits.
        reply: ReplyId,
    },
    /// A read of a callback that was given up is done.
    KeptLoaded {
        /// Its invocation.
        key: InvKey,
        /// The callback, if there is one.
        found: Option<Box<FoundCallback>>,
    },
    /// A read of payloads is done.
    BytesLoaded(Vec<LoadedBytes>),
    /// The same of rows that wait for their turn. Without a payload, the read came to nothing.
    BytesReadAhead(Vec<LoadedBytes>),
    /// Functions have changed.
    Directory(Arc<Directory>),
    /// The operator has changed how a shard works.
    Config(Box<ShardConfig>),
    /// Time has passed.
    Tick,
    /// No new attempts and callbacks.
    Drain,
    /// Write "started" for everything under way: the process is about to end.
    MarkAll,
}

/// A write of one row. Rows are written whole, so that repeating it changes nothing.
#[derive(Clone, Debug)]
pub enum RowOp {
    /// A new row with its event.
    Insert {
        /// The row.
        head: Box<Head>,
        /// The event.
        payload: Bytes,
    },
    /// A callback that was given up is owed again: it is no longer kept, and its row is live. The
    /// record of the row, if one is kept, stays as it is until the row has ended again.
    Redrive {
        /// The row.
        head: Box<Head>,
        /// What is to be said.
        envelope: Bytes,
        /// When it was given up: where it was kept.
        failed_at: Timestamp,
    },
    /// The row as it is now.
    Update {
        /// The row.
        head: Box<Head>,
        /// Where it stood in the order of due work before.
        was: Slot,
        /// The function's answer, when a callback is owed that carries it.
        result: Option<Bytes>,
    },
    /// The row leaves the live ones.
    Finish {
        /// The row as it ended. It is kept if [`Head::leaves_record`] says so.
        head: Box<Head>,
        /// Where it stood in the order of due work before.
        was: Slot,
        /// The function's answer, for a task that has not stored it yet.
        result: Option<Bytes>,
        /// The callback that was given up.
        failed_callback: Option<Box<KeptCallback>>,
    },
}

impl RowOp {
    /// The row.
    #[must_use]
    pub fn head(&self) -> &Head {
        match self {
            Self::Insert { head, .. }
            | Self::Redrive { head, .. }
            | Self::Update { head, .. }
            | Self::Finish { head, .. } => head,
        }
    }
}

/// One atomic write of a shard.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Rows.
    pub ops: Vec<RowOp>,
    /// Counts, in full.
    pub totals: Vec<Total>,
}

/// A call of a function that is to be made.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// The invocation.
    pub key: InvKey,
    /// The attempt.
    pub attempt: Attempt,
    /// The function.
    pub function: Arc<Function>,
    /// Its terms, for the qualifier.
    pub terms: Arc<Terms>,
    /// What the client knows it by.
    pub request_id: RequestId,
    /// Hand-overs from function to function before this one.
    pub depth: u8,
    /// The trace it belongs to.
    pub trace: Option<Arc<TraceContext>>,
    /// The event.
    pub payload: Bytes,
}

/// A message that a sink is to deliver.
#[derive(Clone, Debug)]
pub struct Call {
    /// The invocation.
    pub key: InvKey,
    /// The try.
    pub tried: Attempt,
    /// Who is told.
    pub destination: Arn,
    /// What the client knows the invocation by: the message's id, constant over all tries.
    pub request_id: RequestId,
    /// How the invocation ended.
    pub outcome: Outcome,
    /// Hand-overs from function to function, this one included.
    pub depth: u8,
    /// The trace the invocation belongs to.
    pub trace: Option<Arc<TraceContext>>,
    /// The envelope, in the form the kind of destination takes.
    pub envelope: Bytes,
}

/// An invocation was accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// What the client knows it by.
    pub request_id: RequestId,
    /// The task's id, if it is a task.
    pub task: Option<TaskId>,
}

/// An invocation was not accepted.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// The task id is taken.
    Duplicate,
    /// The function is gone.
    NoFunction,
    /// The daemon is about to stop.
    Draining,
}

/// A stop was not taken.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum StopRefused {
    /// There is no such invocation.
    NotFound,
    /// It has ended.
    Ended,
    /// Too much waits for this invocation already.
    Busy,
}

/// A callback was not redriven.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum RedriveRefused {
    /// None is kept of this invocation.
    NotFound,
    /// It is owed already, or about to be.
    UnderWay,
    /// Its task's id belongs to a newer task.
    Replaced,
    /// The daemon is about to stop.
    Draining,
}

/// Something worth counting that no commit depends on.
#[derive(Clone, Debug)]
pub enum Note {
    /// An attempt ended.
    Attempt {
        /// The function.
        fn_id: FnId,
        /// What it came to.
        verdict: Verdict,
        /// How long it took.
        took: Duration,
    },
    /// A callback was given up, and that is durable.
    GivenUp {
        /// The invocation.
        request_id: RequestId,
        /// Its function.
        fn_id: FnId,
        /// Who was to be told.
        destination: Arn,
        /// How often it was tried.
        tried: Attempt,
        /// The last error.
        error: Fault,
    },
    /// A destination is let alone, or tried, or told again.
    Breaker {
        /// Its lane.
        lane: LaneId,
        /// Where its breaker stands.
        breaker: Breaker,
    },
    /// A first attempt started.
    Started {
        /// The function.
        fn_id: FnId,
        /// From acceptance (and its delay) to here.
        waited: Duration,
    },
}

/// What comes out of a shard.
#[derive(Debug)]
pub enum Effect {
    /// Answer a caller of [`Input::Accept`].
    ReplyAccept {
        /// Whom.
        reply: ReplyId,
        /// What.
        result: Result<Accepted, Refused>,
    },
    /// Answer a caller of [`Input::Stop`].
    ReplyStop {
        /// Whom.
        reply: ReplyId,
        /// What.
        result: Result<(), StopRefused>,
    },
    /// Answer a caller of [`Input::Redrive`].
    ReplyRedrive {
        /// Whom.
        reply: ReplyId,
        /// What.
        result: Result<(), RedriveRefused>,
    },
    /// Answer a caller of [`Input::Sweep`].
    ReplySweep {
        /// Whom.
        reply: ReplyId,
        /// What.
        result: Result<Swept, SweepRefused>,
    },
    /// Call a function, then say [`Input::AttemptEnded`].
    Dispatch(Box<Dispatch>),
    /// Cancel a call of a function, and say [`Input::AttemptEnded`] all the same.
    CancelAttempt {
        /// The invocation.
        key: InvKey,
        /// The attempt.
        attempt: Attempt,
    },
    /// Deliver a message, then say [`Input::CallEnded`].
    Call(Box<Call>),
    /// Read a lane, then say [`Input::HeadsLoaded`].
    LoadHeads(LoadWanted),
    /// Read a page of a lane that is swept, then say [`Input::SweepLoaded`].
    LoadSweep {
        /// Who waits.
        reply: ReplyId,
        /// The lane.
        lane: LaneId,
        /// Rows behind this position.
        after: Position,
        /// Rows, at most.
        limit: u32,
    },
    /// Read one row, then say [`Input::HeadLoaded`].
    LoadHead {
        /// Its key.
        key: InvKey,
    },
    /// Read a callback that was given up, then say [`Input::KeptLoaded`].
    LoadKept {
        /// Its invocation.
        key: InvKey,
    },
    /// Read the payloads of rows whose turn will come, then say [`Input::BytesReadAhead`].
    ReadBytesAhead {
        /// Which.
        wanted: Vec<BytesWanted>,
    },
    /// Read payloads, then say [`Input::BytesLoaded`].
    LoadBytes {
        /// Their rows.
        wanted: Vec<BytesWanted>,
    },
    /// Count something.
    Note(Note),
    /// Somebody has to look: a row was not as it has to be.
    Alarm(String),
}
