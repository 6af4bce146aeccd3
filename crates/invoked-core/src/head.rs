//! Everything about an invocation except its bytes: the row that the store keeps and that the
//! core decides on. Payload and result live beside it, so that looking for due work never reads
//! them.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;

use crate::callback::Callback;
use crate::fault::Fault;
use crate::history::History;
use crate::id::{Attempt, FnId, InvKey, RequestId};
use crate::life::{Life, Outcome, Tally};
use crate::name::TaskId;
use crate::redrive::Redrives;
use crate::terms::{Destination, Terms};
use crate::time::{Day, Timestamp};
use crate::totals::Gauge;
use crate::trace::TraceContext;

/// Function Compute's words for where an invocation stands.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// Waiting for its first attempt.
    Enqueued,
    /// Taken from the queue, about to start.
    Dequeued,
    /// With the function.
    Running,
    /// Waiting for its next attempt.
    Retrying,
    /// A stop is wanted, the attempt is under way.
    Stopping,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Never started in time.
    Expired,
    /// Stopped by its owner.
    Stopped,
    /// Its function was deleted before it ran.
    Invalid,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Enqueued,
        Self::Dequeued,
        Self::Running,
        Self::Retrying,
        Self::Stopping,
        Self::Succeeded,
        Self::Failed,
        Self::Expired,
        Self::Stopped,
        Self::Invalid,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enqueued => "Enqueued",
            Self::Dequeued => "Dequeued",
            Self::Running => "Running",
            Self::Retrying => "Retrying",
            Self::Stopping => "Stopping",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Expired => "Expired",
            Self::Stopped => "Stopped",
            Self::Invalid => "Invalid",
        }
    }

    /// Parses the word on the wire.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Expired | Self::Stopped | Self::Invalid => true,
            Self::Enqueued | Self::Dequeued | Self::Running | Self::Retrying | Self::Stopping => {
                false
            }
        }
    }
}

impl From<&Life> for Status {
    fn from(life: &Life) -> Self {
        match life {
            Life::Enqueued => Self::Enqueued,
            Life::Dequeued { .. } => Self::Dequeued,
            Life::Running { .. } => Self::Running,
            Life::Retrying { .. } => Self::Retrying,
            Life::Stopping { .. } => Self::Stopping,
            Life::Ended { outcome, .. } => match outcome {
                Outcome::Succeeded => Self::Succeeded,
                Outcome::Failed => Self::Failed,
                Outcome::Expired => Self::Expired,
                Outcome::Stopped => Self::Stopped,
                Outcome::Invalid => Self::Invalid,
            },
        }
    }
}

/// The line a live row waits in.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LaneId {
    /// Attempts of a function, or of those of its qualifiers that has limits of its own. The number is
    /// that of the function or of the qualifier's lane.
    Function(FnId),
    /// Callbacks to a destination.
    Destination(FnId),
}

/// Where a live row stands in the order of due work. A store keeps exactly one for each live row.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Slot {
    /// The lane.
    pub lane: LaneId,
    /// When the core must look at the row.
    pub due: Timestamp,
}

/// What only tasks have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Task {
    /// Its id, unique per function for the retention.
    pub id: TaskId,
    /// Its events.
    pub history: History,
}

/// The row of an invocation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Head {
    /// Primary key.
    pub key: InvKey,
    /// The function.
    pub fn_id: FnId,
    /// What the client knows it by.
    pub request_id: RequestId,
    /// Random per accepted request: tells an own earlier send from somebody else's same id.
    pub token: u64,
    /// The terms it was accepted under.
    pub terms: Arc<Terms>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// No attempt starts from here on.
    pub expires_at: Timestamp,
    /// The one time at which the core must look at it.
    pub due: Timestamp,
    /// First half of its life.
    pub life: Life,
    /// Attempts so far.
    pub attempts: Attempt,
    /// What its retries depend on.
    pub tally: Tally,
    /// When the first attempt started.
    pub first_started_at: Option<Timestamp>,
    /// What the last attempt that did not succeed came to.
    pub fault: Option<Fault>,
    /// Second half of its life.
    pub callback: Callback,
    /// Its redrives, if its callback was ever sent anew. A live row that has some owes nothing but
    /// that, and its event is the message.
    pub redrives: Option<Box<Redrives>>,
    /// Hand-overs from function to function before this one.
    pub depth: u8,
    /// The trace it belongs to.
    pub trace: Option<Arc<TraceContext>>,
    /// Only for tasks.
    pub task: Option<Task>,
}

impl Head {
    /// Where the row stands in the order of due work.
    #[must_use]
    pub fn slot(&self) -> Slot {
        let lane = match self.owed_destination() {
            Some(destination) => LaneId::Destination(destination.id),
            None => LaneId::Function(self.terms.lane.unwrap_or(self.fn_id)),
        };
        Slot { lane, due: self.due }
    }

    /// The status on the wire.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::from(&self.life)
    }

    /// Who is told about `outcome`.
    #[must_use]
    pub fn destination_for(&self, outcome: Outcome) -> Option<&Destination> {
        match outcome {
            Outcome::Succeeded => self.terms.on_success.as_ref(),
            Outcome::Failed | Outcome::Expired | Outcome::Stopped => self.terms.on_failure.as_ref(),
            Outcome::Invalid => None,
        }
    }

    /// Whether an operator dropped it from its lane: nobody is told.
    #[must_use]
    pub fn is_purged(&self) -> bool {
        self.life.outcome() == Some(Outcome::Stopped)
            && self.fault.as_ref().is_some_and(Fault::is_purged)
    }

    /// Who is told, or was, now that the outcome is decided.
    #[must_use]
    pub fn destination(&self) -> Option<&Destination> {
        let outcome = self.life.outcome().filter(|_| !self.is_purged())?;
        self.destination_for(outcome)
    }

    /// Who has yet to be told.
    #[must_use]
    pub fn owed_destination(&self) -> Option<&Destination> {
        if self.callback.is_owed() { self.destination() } else { None }
    }

    /// Whether nothing is owed any more, so that the row can leave the live ones.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.life.outcome().is_some() && !self.callback.is_owed()
    }

    /// Whether a callback that was given up is owed again: the row's event is the message then.
    #[must_use]
    pub fn is_redriven(&self) -> bool {
        self.redrives.is_some() && self.callback.is_owed()
    }

    /// Whether a record is kept after the end: of every task, and of every plain invocation that
    /// neither succeeded nor was purged.
    #[must_use]
    pub fn leaves_record(&self) -> bool {
        self.task.is_some()
            || (self.life.outcome() != Some(Outcome::Succeeded) && !self.is_purged())
    }

    /// What a live row adds one to, and for whom: the number of its function or of the destination
    /// that it owes a callback. `None` for what waits for its first attempt, which is what is left of
    /// all.
    #[must_use]
    pub fn gauge(&self) -> Option<(FnId, Gauge)> {
        match (self.slot().lane, &self.life) {
            (LaneId::Destination(id), _) => Some((id, Gauge::CallbacksOwed)),
            (LaneId::Function(_), Life::Dequeued { .. } | Life::Running { .. }) => {
                Some((self.fn_id, Gauge::Running))
            }
            (LaneId::Function(_), Life::Retrying { .. }) => Some((self.fn_id, Gauge::Retrying)),
            (LaneId::Function(_), Life::Stopping { .. }) => Some((self.fn_id, Gauge::Stopping)),
            (LaneId::Function(_), Life::Enqueued | Life::Ended { .. }) => None,
        }
    }

    /// The day bucket of its record, known from acceptance on. A bucket is dropped whole when the
    /// retention has passed since the last day on which its invocations could have started.
    #[must_use]
    pub fn bucket(&self) -> Day {
        self.expires_at.day()
    }

    /// When the outcome was decided.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.life {
            Life::Ended { at, .. } => Some(at),
            Life::Enqueued
            | Life::Dequeued { .. }
            | Life::Running { .. }
            | Life::Retrying { .. }
            | Life::Stopping { .. } => None,
        }
    }

    /// Since when it owes its callback, if it does or did: its end, or the last time that was sent anew.
    #[must_use]
    pub fn owed_since(&self) -> Option<Timestamp> {
        let redriven = self.redrives.as_ref().and_then(|redrives| redrives.recent().last());
        redriven.map(|last| last.at).or_else(|| self.ended_at())
    }

    /// Notes the status just reached in a task's events.
    pub(crate) fn record_event(&mut self, now: Timestamp) {
        let status = self.status();
        let throttled = self.tally.unavailable > 0;
        let detail: Option<Box<str>> = match (status, &self.fault) {
            (Status::Retrying, Some(fault)) if throttled => {
                Some(format!("{{\"Error\":\"{}\",\"Throttled\":true}}", fault.code).into())
            }
            (Status::Retrying | Status::Failed, Some(fault)) => {
                Some(format!("{{\"Error\":\"{}\"}}", fault.code).into())
            }
            (
                Status::Enqueued
                | Status::Dequeued
                | Status::Running
                | Status::Retrying
                | Status::Stopping
                | Status::Succeeded
                | Status::Failed
                | Status::Expired
                | Status::Stopped
                | Status::Invalid,
                _,
            ) => None,
        };
        if let Some(task) = &mut self.task {
            task.history.push(status, now, detail);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::id::ShardId;
    use crate::name::Qualifier;

    /// A plain invocation, just accepted at 1,000 ms, with 3 retries and an hour to live.
    pub(crate) fn head() -> Head {
        let now = Timestamp::from_millis(1_000);
        let key = InvKey::generated(ShardId(0), now, 7);
        Head {
            key,
            fn_id: FnId(1),
            request_id: RequestId::from(key),
            token: 1,
            terms: Terms::defaults(Qualifier::LATEST),
            accepted_at: now,
            expires_at: Timestamp::from_millis(3_601_000),
            due: now,
            life: Life::Enqueued,
            attempts: Attempt::NONE,
            tally: Tally::default(),
            first_started_at: None,
            fault: None,
            callback: Callback::None,
            redrives: None,
            depth: 0,
            trace: None,
            task: None,
        }
    }

    #[test]
    fn statuses_round_trip_through_their_words() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("running"), None);
    }
}
