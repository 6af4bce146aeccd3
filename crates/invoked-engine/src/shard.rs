//! The task of one shard: decide, record, act.
//!
//! A turn takes what has come in, lets the core decide, starts a commit if none is under way, and
//! does what is allowed by now: answers first, calls once the next commit is on its way (`gather.rs`).
//! While a commit is under way, the next one grows; that is the whole of group commit. The core is never
//! shared, so there is no lock, and the task never waits for anything but its next input.
//!
//! # Invariants
//!
//! - One commit is under way at a time; the store is the only one who says that it is durable.
//! - A batch whose fate is unknown is never sent again: the process ends and recovers.
//! - Every attempt and every callback runs in a task of `work`, whose end is always an input.

mod act;
mod gate;
mod gather;
pub(crate) mod lag;
pub(crate) mod reads;
mod work;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use invoked_core::directory::Directory;
use invoked_core::head::{Head, LaneId};
use invoked_core::id::{Attempt, InvKey};
use invoked_core::shard::{
    AcceptRequest, Accepted, Input, RedriveRefused, Refused, ReplyId, ShardConfig, ShardCore,
    ShardView, Standing, StopRefused, Ticket,
};
use invoked_core::sweep::{SweepPage, SweepRefused, Swept};
use invoked_core::totals::Total;
use invoked_store::{CommitOutcome, Lease, ShardWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::clock::stopwatch;
use crate::engine::Fatal;
use crate::handle::{Shared, Snapshot};
use crate::telemetry::{self, FunctionMeters};
use lag::Lag;
pub(crate) use reads::Reads;
use work::Done;
pub(crate) use work::misconfigured;

/// Inputs of one kind that one turn takes.
const TURN_INPUTS_MAX: usize = 256;
/// How long to wait before a batch that was certainly not applied is sent again.
const REJECTED_WAIT: Duration = Duration::from_millis(200);

/// A new invocation.
pub(crate) struct Message {
    /// When it came, by the clock of admission.
    pub(crate) since: u64,
    pub(crate) accept: AcceptRequest,
    pub(crate) reply: oneshot::Sender<Result<Accepted, Refused>>,
}

/// Everything else that a shard is asked.
pub(crate) enum Ask {
    /// The answer comes when the shard decides by it.
    Directory {
        directory: Arc<Directory>,
        reply: oneshot::Sender<()>,
    },
    /// The answer comes when the shard works by it.
    Config {
        config: Box<ShardConfig>,
        reply: oneshot::Sender<()>,
    },
    /// The answer comes with the turn that takes it.
    Turn {
        reply: oneshot::Sender<()>,
    },
    /// The answer comes when the callback is durably owed again.
    Redrive {
        key: InvKey,
        by: Box<str>,
        reply: oneshot::Sender<Result<(), RedriveRefused>>,
    },
    Stop {
        key: InvKey,
        reply: oneshot::Sender<Result<(), StopRefused>>,
    },
    /// The answer comes when the page is durable.
    Sweep {
        page: SweepPage,
        reply: oneshot::Sender<Result<Swept, SweepRefused>>,
    },
    Peek {
        keys: Vec<InvKey>,
        reply: oneshot::Sender<Vec<Option<Head>>>,
    },
    UnderWay {
        reply: oneshot::Sender<Vec<Head>>,
    },
    View {
        reply: oneshot::Sender<ShardView>,
    },
    /// Where a row stands, or a lane if there is no such row here.
    Standing {
        key: Option<InvKey>,
        lane: Option<LaneId>,
        reply: oneshot::Sender<Standing>,
    },
    /// No new attempts and callbacks; the answer comes when none is under way any more.
    Drain {
        reply: oneshot::Sender<()>,
    },
    /// Write "started" for what is under way; the answer comes when that is durable.
    MarkAll {
        reply: oneshot::Sender<()>,
    },
    Close,
}

/// The task of one shard.
pub(crate) struct ShardTask {
    pub(crate) core: ShardCore,
    pub(crate) lease: Lease,
    pub(crate) shared: Arc<Shared>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) accepts: mpsc::Receiver<Message>,
    pub(crate) asks: mpsc::Receiver<Ask>,
    pub(crate) work: JoinSet<Done>,
    pub(crate) attempts: BTreeMap<InvKey, (Attempt, AbortHandle)>,
    pub(crate) calls: BTreeMap<InvKey, (Attempt, AbortHandle)>,
    pub(crate) replies: Replies,
    pub(crate) lag: Lag,
    pub(crate) reads: Reads,
    pub(crate) meters: FunctionMeters,
}

/// Callers that wait for an answer.
#[derive(Default)]
pub(crate) struct Replies {
    next: u64,
    accepts: BTreeMap<ReplyId, oneshot::Sender<Result<Accepted, Refused>>>,
    redrives: BTreeMap<ReplyId, oneshot::Sender<Result<(), RedriveRefused>>>,
    stops: BTreeMap<ReplyId, oneshot::Sender<Result<(), StopRefused>>>,
    sweeps: BTreeMap<ReplyId, oneshot::Sender<Result<Swept, SweepRefused>>>,
    idle: Vec<oneshot::Sender<()>>,
    flushed: Vec<oneshot::Sender<()>>,
}

/// A commit under way.
struct Committing {
    ticket: Ticket,
    batch: Arc<Vec<ShardWrite>>,
    since: Instant,
    /// Since when the oldest of it waits, by the clock of admission.
    waiting_since: u64,
    was_rejected: bool,
    outcome: Pin<Box<dyn Future<Output = CommitOutcome> + Send>>,
}

/// What woke the task.
enum Woken {
    Committed(CommitOutcome),
    Worked(Result<(tokio::task::Id, Done), tokio::task::JoinError>),
    Asked(Option<Ask>),
    Accepting(Option<Message>),
    Time,
}

impl ShardTask {
    /// Runs until it is closed.
    ///
    /// # Errors
    /// The store failed in a way that only recovery mends: the process has to end.
    pub(crate) async fn run(mut self) -> Result<(), Fatal> {
        let mut committing: Option<Committing> = None;
        let mut effects = Vec::new();
        let mut is_closing = false;
        loop {
            self.core.flush(self.shared.clock.now(), &mut effects);
            if committing.is_none() && (self.core.ops_waiting() > 0 || !effects.is_empty()) {
                is_closing |= self.gather(&mut effects).await?;
            }
            if committing.is_none()
                && let Some((ticket, commit)) = self.core.take_commit()
            {
                let batch = Arc::new(vec![ShardWrite { lease: self.lease, commit }]);
                let waiting_since = self.lag.taken(&self.shared.admission);
                committing = Some(self.commit(ticket, batch, waiting_since, Duration::ZERO));
            }
            self.publish_lag(committing.as_ref());
            for effect in effects.drain(..) {
                self.act(effect);
            }
            self.read_more();
            self.answer_waiting(committing.is_none());
            if is_closing && committing.is_none() && self.core.ops_waiting() == 0 {
                // Nobody delivers any more when the sinks are closed.
                self.work.shutdown().await;
                return Ok(());
            }
            match self.wait(&mut committing).await {
                Woken::Committed(outcome) => {
                    self.committed(&mut committing, outcome, is_closing)?;
                }
                Woken::Worked(worked) => self.worked(worked)?,
                Woken::Asked(Some(ask)) => is_closing |= self.asked(ask),
                Woken::Asked(None) => is_closing = true,
                Woken::Accepting(Some(message)) => self.accept(message),
                Woken::Accepting(None) | Woken::Time => {}
            }
            is_closing |= self.take_more()?;
        }
    }

    async fn wait(&mut self, committing: &mut Option<Committing>) -> Woken {
        let now = self.shared.clock.now();
        let wake_up = self.core.next_wakeup(now).map(|at| at.since(now));
        let may_accept = self.may_accept();
        let has_work = !self.work.is_empty();
        tokio::select! {
            biased;
            outcome = poll_commit(committing), if committing.is_some() => Woken::Committed(outcome),
            worked = self.work.join_next_with_id(), if has_work => match worked {
                Some(worked) => Woken::Worked(worked),
                None => Woken::Time,
            },
            ask = self.asks.recv() => Woken::Asked(ask),
            message = self.accepts.recv(), if may_accept => Woken::Accepting(message),
            () = tokio::time::sleep(wake_up.unwrap_or_default()), if wake_up.is_some() => Woken::Time,
        }
    }

    /// Whether the next commit is small enough to take more that is new.
    fn may_accept(&self) -> bool {
        self.core.has_room() && !self.lag.is_large()
    }

    /// Takes what else is ready, so that a turn decides and commits many at once.
    fn take_more(&mut self) -> Result<bool, Fatal> {
        let mut is_closing = false;
        for _ in 0..TURN_INPUTS_MAX {
            let Some(worked) = self.work.try_join_next_with_id() else { break };
            self.worked(worked)?;
        }
        for _ in 0..TURN_INPUTS_MAX {
            let Ok(ask) = self.asks.try_recv() else { break };
            is_closing |= self.asked(ask);
        }
        for _ in 0..TURN_INPUTS_MAX {
            if !self.may_accept() {
                break;
            }
            let Ok(message) = self.accepts.try_recv() else { break };
            self.accept(message);
        }
        Ok(is_closing)
    }

    fn publish_lag(&mut self, committing: Option<&Committing>) {
        let (is_waiting, shard) = (self.core.ops_waiting() > 0, self.lease.shard.0);
        let committing = committing.map(|under_way| under_way.waiting_since);
        self.lag.publish(&self.shared.admission, shard, committing, is_waiting);
    }

    fn commit(
        &self,
        ticket: Ticket,
        batch: Arc<Vec<ShardWrite>>,
        waiting_since: u64,
        after: Duration,
    ) -> Committing {
        let store = Arc::clone(&self.shared.store);
        let lane = usize::from(self.lease.shard.0) % store.caps().lanes.max(1);
        let sent = Arc::clone(&batch);
        let outcome = Box::pin(async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            store.commit(lane, sent).await
        });
        Committing {
            ticket,
            batch,
            since: stopwatch(),
            waiting_since,
            was_rejected: false,
            outcome,
        }
    }

    fn committed(
        &mut self,
        committing: &mut Option<Committing>,
        outcome: CommitOutcome,
        is_closing: bool,
    ) -> Result<(), Fatal> {
        let Some(done) = committing.take() else { return Ok(()) };
        match outcome {
            CommitOutcome::Durable { conflicts } => {
                let writes = done.batch.iter();
                let ops: usize = writes.map(|write| write.commit.ops.len()).sum();
                telemetry::committed(ops, done.since.elapsed());
                self.publish_totals(&done.batch);
                let now = self.shared.clock.now();
                self.core.step(Input::Committed { ticket: done.ticket, conflicts }, now);
                Ok(())
            }
            CommitOutcome::Rejected(error) if is_closing => {
                Err(Fatal::new(format!("the store does not take what is left to write: {error}")))
            }
            CommitOutcome::Rejected(error) => {
                // Once for each commit that waits: it is sent again for as long as it takes.
                if !done.was_rejected {
                    tracing::warn!(event = "commits_rejected", %error, "the store rejects commits; what waits is sent again");
                }
                telemetry::commit_rejected();
                let again = self.commit(done.ticket, done.batch, done.waiting_since, REJECTED_WAIT);
                *committing = Some(Committing { was_rejected: true, ..again });
                Ok(())
            }
            CommitOutcome::Fenced { .. } => Err(Fatal::new(
                "the shard belongs to another process now: this one must not write any more",
            )),
            CommitOutcome::Unknown(error) => {
                Err(Fatal::new(format!("nobody knows whether a commit is durable: {error}")))
            }
        }
    }

    /// `/metrics` shows what is durable.
    fn publish_totals(&self, batch: &[ShardWrite]) {
        let mut totals = self.shared.totals.write().unwrap_or_else(PoisonError::into_inner);
        for Total { key, value } in batch.iter().flat_map(|write| &write.commit.totals) {
            match totals.get_mut(key) {
                Some(old) => *old = *value,
                None => {
                    totals.insert(key.clone(), *value);
                }
            }
        }
    }

    fn accept(&mut self, message: Message) {
        let reply = self.replies.next();
        self.lag.accepted(message.since, message.accept.payload.len());
        self.replies.accepts.insert(reply, message.reply);
        let now = self.shared.clock.now();
        self.core.step(Input::Accept { request: message.accept, reply }, now);
    }

    /// Takes a question; `true` if it was to close.
    fn asked(&mut self, ask: Ask) -> bool {
        let now = self.shared.clock.now();
        // A caller that has gone away needs no answer.
        match ask {
            Ask::Directory { directory, reply } => {
                self.snapshot = self.shared.snapshot();
                self.core.step(Input::Directory(directory), now);
                let _gone = reply.send(());
            }
            Ask::Config { config, reply } => {
                self.core.step(Input::Config(config), now);
                let _gone = reply.send(());
            }
            Ask::Turn { reply } => {
                let _gone = reply.send(());
            }
            Ask::Redrive { key, by, reply } => {
                let id = self.replies.next();
                self.replies.redrives.insert(id, reply);
                self.core.step(Input::Redrive { key, by, reply: id }, now);
            }
            Ask::Stop { key, reply } => {
                let id = self.replies.next();
                self.replies.stops.insert(id, reply);
                self.core.step(Input::Stop { key, reply: id }, now);
            }
            Ask::Sweep { page, reply } => {
                let id = self.replies.next();
                self.replies.sweeps.insert(id, reply);
                self.core.step(Input::Sweep { page, reply: id }, now);
            }
            Ask::Peek { keys, reply } => {
                let heads = keys.iter().map(|key| self.core.head(key).cloned());
                let _gone = reply.send(heads.collect());
            }
            Ask::UnderWay { reply } => {
                let _gone = reply.send(self.core.heads_under_way().cloned().collect());
            }
            Ask::View { reply } => {
                let _gone = reply.send(self.core.view(now));
            }
            Ask::Standing { key, lane, reply } => {
                let key = key.unwrap_or(InvKey::MIN);
                let _gone = reply.send(self.core.standing(&key, lane, now));
            }
            Ask::Drain { reply } => {
                self.core.step(Input::Drain, now);
                self.replies.idle.push(reply);
            }
            Ask::MarkAll { reply } => {
                self.core.step(Input::MarkAll, now);
                self.replies.flushed.push(reply);
            }
            Ask::Close => return true,
        }
        false
    }

    fn answer_waiting(&mut self, is_committed: bool) {
        let is_flushed = is_committed && self.core.ops_waiting() == 0;
        if is_flushed {
            for reply in self.replies.flushed.drain(..) {
                let _gone = reply.send(());
            }
        }
        if is_flushed && self.core.is_idle() {
            for reply in self.replies.idle.drain(..) {
                let _gone = reply.send(());
            }
        }
    }
}

impl Replies {
    fn next(&mut self) -> ReplyId {
        self.next += 1;
        ReplyId(self.next)
    }
}

async fn poll_commit(committing: &mut Option<Committing>) -> CommitOutcome {
    match committing {
        Some(committing) => (&mut committing.outcome).await,
        None => std::future::pending().await,
    }
}
