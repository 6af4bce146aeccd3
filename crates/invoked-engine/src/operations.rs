//! Operations over many rows: redriving callbacks that were given up, stopping or purging what waits in
//! a lane, doing finished tasks again; by id or by what they are.
//!
//! An operation is a row of the store: what is wanted, how far it has come, and what came of it. It
//! goes page by page, at most so many rows a second, and goes on where it was after a restart. What
//! came after it began is not its business, so it comes to an end even if everything that it touches
//! comes back at once. One task ([`run`]) owns all operations and is the only one to write their rows;
//! others ask it, and read what it publishes.
//!
//! A crash in the middle of a page forgets how many of the page were moved already, not that they
//! were: what is redriven counts as skipped and what is done again as done when the page is gone
//! through again, what is stopped or purged is no longer there.

pub(crate) mod record;
mod retry;
pub(crate) mod run;
mod sweep;
pub(crate) mod work;

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use invoked_core::id::{FnId, InvKey, RequestId};
use invoked_core::lane::Position;
use invoked_core::name::FunctionKey;
use invoked_core::time::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::error::OperationError;
use crate::handle::Handle;
use work::Work;

/// Operations that are remembered, those under way included.
pub const OPERATIONS_MAX: usize = 100;
/// Ids that one operation takes.
pub const IDS_MAX: usize = 1_000;
/// The most callbacks that an operation redrives in a second.
pub const RATE_MAX: u32 = 5_000;
/// How many it redrives in a second where it is not said.
pub const RATE_DEFAULT: u32 = 100;
/// The most rows that an operation stops, purges or does again in a second, if that is limited.
pub const WORK_RATE_MAX: u32 = 100_000;
/// Requests that may wait for the task of the operations.
pub(crate) const WAITING_MAX: usize = 16;

/// Which callbacks are to be redriven.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Redriven {
    /// These.
    Ids(Vec<RequestId>),
    /// Those that are so.
    Matching(RedriveFilter),
}

/// What callbacks that are to be redriven are. What is `None` does not matter.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RedriveFilter {
    /// Of this function, in all its lives.
    pub function: Option<FunctionKey>,
    /// To this destination.
    pub destination: Option<String>,
    /// With this error.
    pub code: Option<String>,
    /// Given up at or after this time.
    pub failed_from: Option<Timestamp>,
    /// Given up before or at this time.
    pub failed_to: Option<Timestamp>,
}

/// What an operator wants.
#[derive(Clone, Debug)]
pub struct RedriveRequest {
    /// Which callbacks.
    pub which: Redriven,
    /// Only count them.
    pub is_dry_run: bool,
    /// How many in a second, 1 to [`RATE_MAX`].
    pub rate: u32,
    /// Who asks; is kept with each callback.
    pub by: String,
}

/// Where an operation stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OperationState {
    /// It goes on.
    Running,
    /// It has gone through everything.
    Done,
    /// Somebody has ended it.
    Cancelled,
    /// It has ended before it was through: [`Operation::last_error`] says why.
    Failed,
}

/// What an operation has come to.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct OperationCounts {
    /// Rows looked at.
    pub examined: u64,
    /// Those of them that are wanted.
    pub matched: u64,
    /// Those of them that were moved: owed again, stopped, purged, done again.
    pub acted: u64,
    /// Those of them that were not: delivered or ended meanwhile, under way, or no longer kept.
    pub skipped: u64,
}

/// An operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    /// What it is known by.
    pub id: RequestId,
    /// Who asked for it.
    pub by: String,
    /// What it does, and with what.
    pub work: Work,
    /// Whether it only counts.
    pub is_dry_run: bool,
    /// How many rows it moves in a second; `None` is as many as there are.
    pub rate: Option<u32>,
    /// Rows that its lane had when it began, where somebody counts them.
    pub expected: Option<u64>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Where it stands.
    pub state: OperationState,
    /// What it has come to.
    pub counts: OperationCounts,
    /// Why it does not go on now, or why it failed; `None` while nothing is in its way.
    pub last_error: Option<String>,
    /// Behind this row it goes on; for [`Redriven::Ids`] the time is the number of ids that are
    /// through.
    pub(crate) cursor: Option<Position>,
    /// In this shard, where shards are gone through one after the other.
    pub(crate) shard: u16,
    /// In this lane of a qualifier, where those of a function are; `None` is its own.
    pub(crate) lane: Option<FnId>,
}

impl OperationCounts {
    /// The page that `before` was taken ahead of is gone through again; what is owed again stays so.
    pub(crate) fn begin_again(&mut self, before: Self) {
        let acted = self.acted.saturating_sub(before.acted);
        self.examined = before.examined + acted;
        self.matched = before.matched + acted;
        self.skipped = before.skipped;
    }
}

impl Operation {
    /// Ids of a list that are through.
    pub(crate) fn ids_through(&self) -> usize {
        let through = self.cursor.map_or(0, |(number, _)| number.millis());
        usize::try_from(through).unwrap_or(0)
    }

    pub(crate) fn set_ids_through(&mut self, number: usize) {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.cursor = Some((Timestamp::from_millis(number), InvKey::MIN));
    }

    pub(crate) fn end(&mut self, state: OperationState, now: Timestamp) {
        self.state = state;
        self.ended_at = Some(now);
    }
}

/// The operations as everybody may see them, and the way to their task.
pub(crate) struct Operations {
    pub(crate) shown: RwLock<BTreeMap<RequestId, Operation>>,
    pub(crate) commands: mpsc::Sender<Command>,
}

/// What the task of the operations is asked.
pub(crate) enum Command {
    Begin { operation: Box<Operation>, reply: oneshot::Sender<Result<Operation, OperationError>> },
    Cancel { id: RequestId, reply: oneshot::Sender<Result<Operation, OperationError>> },
}

impl Handle {
    /// Begins to redrive callbacks. The operation is durable when this returns.
    ///
    /// # Errors
    /// There is and was no such function, the rate or the number of ids is not allowed, too many
    /// operations are under way, or the store did not answer.
    pub async fn begin_redrive(
        &self,
        request: RedriveRequest,
    ) -> Result<Operation, OperationError> {
        if !(1..=RATE_MAX).contains(&request.rate) {
            return Err(OperationError::Rate { max: RATE_MAX });
        }
        match &request.which {
            Redriven::Ids(ids) if ids.is_empty() || ids.len() > IDS_MAX => {
                return Err(OperationError::Ids { max: IDS_MAX });
            }
            Redriven::Ids(_) => {}
            Redriven::Matching(filter) => {
                if let Some(function) = &filter.function
                    && self.lives(function).is_empty()
                {
                    return Err(OperationError::NoFunction { function: function.name.clone() });
                }
            }
        }
        let operation = Box::new(Operation {
            id: self.fresh_id(),
            by: request.by,
            work: Work::Redrive(request.which),
            is_dry_run: request.is_dry_run,
            rate: Some(request.rate),
            expected: None,
            began_at: self.now(),
            ended_at: None,
            state: OperationState::Running,
            counts: OperationCounts::default(),
            last_error: None,
            cursor: None,
            shard: 0,
            lane: None,
        });
        self.command(|reply| Command::Begin { operation, reply }).await
    }

    /// Ends an operation. What it has redriven stays so.
    ///
    /// # Errors
    /// There is none, it has ended, or the store did not answer.
    pub async fn cancel_operation(&self, id: RequestId) -> Result<Operation, OperationError> {
        self.command(|reply| Command::Cancel { id, reply }).await
    }

    /// The operations that are remembered, newest first.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let shown = self.shared.operations.shown.read();
        let mut all: Vec<_> =
            shown.unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_by_key(|operation| std::cmp::Reverse((operation.began_at, operation.id.0)));
        all
    }

    /// One of them.
    ///
    /// # Errors
    /// There is none.
    pub fn operation(&self, id: RequestId) -> Result<Operation, OperationError> {
        let shown = self.shared.operations.shown.read();
        let found = shown.unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        found.ok_or_else(|| OperationError::NotFound { id: id.to_string() })
    }

    pub(crate) async fn command(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<Operation, OperationError>>) -> Command,
    ) -> Result<Operation, OperationError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.shared.operations.commands.send(command(reply)).await;
        sent.map_err(|_closed| OperationError::Unavailable)?;
        answer.await.map_err(|_closed| OperationError::Unavailable)?
    }
}
