//! What operations over a lane do: stop, purge, do again.

use invoked_core::head::Status;
use invoked_core::id::FnId;
use invoked_core::name::FunctionKey;
use invoked_core::sweep::{SweepAction, SweepFilter};

use super::{Command, Operation, OperationCounts, OperationState, Redriven, WORK_RATE_MAX};
use crate::error::{LaneError, OperationError};
use crate::handle::Handle;
use crate::pauses::LaneKey;

/// How a task can have ended that is done again.
const AGAIN: [Status; 4] = [Status::Failed, Status::Expired, Status::Stopped, Status::Invalid];
/// What a row of a function's lane can be.
const LIVE: [Status; 5] =
    [Status::Enqueued, Status::Dequeued, Status::Running, Status::Retrying, Status::Stopping];

/// What an operation does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Work {
    /// Makes callbacks owed again that were given up.
    Redrive(Redriven),
    /// Stops or purges rows of a lane.
    Sweep(Sweep),
    /// Does finished tasks of a function again.
    Retry(Again),
}

impl Work {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Redrive(_) => "redrive",
            Self::Retry(_) => "retry",
            Self::Sweep(Sweep { action: SweepAction::Stop, .. }) => "stop",
            Self::Sweep(Sweep { action: SweepAction::Purge, .. }) => "purge",
            Self::Sweep(Sweep { action: SweepAction::Count, .. }) => "count",
        }
    }
}

/// Rows of a lane, and what becomes of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sweep {
    /// The lane.
    pub lane: LaneKey,
    /// The number of the function or destination then.
    pub id: FnId,
    /// What is done.
    pub action: SweepAction,
    /// Which rows.
    pub filter: SweepFilter,
}

/// Finished tasks that are done again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Again {
    /// Of this function.
    pub function: FunctionKey,
    /// Its number then.
    pub id: FnId,
    /// Which tasks.
    pub filter: SweepFilter,
}

/// What an operator wants done with a lane.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum WorkKind {
    /// Stop what waits and what runs.
    Stop,
    /// Drop what waits.
    Purge,
    /// Do finished tasks again.
    Retry,
}

/// What an operator wants.
#[derive(Clone, Debug)]
pub struct WorkRequest {
    /// With this lane. Only what waits can be purged of a destination's.
    pub lane: LaneKey,
    /// This.
    pub kind: WorkKind,
    /// Which rows of it.
    pub filter: SweepFilter,
    /// Only count them.
    pub is_dry_run: bool,
    /// How many in a second, 1 to [`WORK_RATE_MAX`]; `None` is as many as there are.
    pub rate: Option<u32>,
    /// Who asks.
    pub by: String,
}

impl Handle {
    /// Begins to stop, purge or do again. The operation is durable when this returns; it is carried out
    /// in the background.
    ///
    /// # Errors
    /// There is no such function or destination, the filter or the rate is not allowed, tasks of a
    /// function that takes no invocations are to be done again, too many operations are under way, or
    /// the store did not answer.
    pub async fn begin_work(&self, request: WorkRequest) -> Result<Operation, OperationError> {
        let WorkRequest { lane, kind, mut filter, is_dry_run, rate, by } = request;
        if rate.is_some_and(|rate| !(1..=WORK_RATE_MAX).contains(&rate)) {
            return Err(OperationError::Rate { max: WORK_RATE_MAX });
        }
        check(&lane, kind, &filter)?;
        let id = self.lane_id(&lane).map_err(OperationError::Lane)?;
        let expected = (kind != WorkKind::Retry).then(|| self.lane_rows(&lane, id));
        let work = match (kind, lane) {
            (WorkKind::Retry, LaneKey::Function(function)) => {
                let snapshot = self.shared.snapshot();
                snapshot.invocable(&function).map_err(OperationError::Invoke)?;
                if filter.statuses.is_empty() {
                    filter.statuses.push(Status::Failed);
                }
                Work::Retry(Again { function, id, filter })
            }
            (WorkKind::Stop, lane) => {
                Work::Sweep(Sweep { lane, id, action: SweepAction::Stop, filter })
            }
            (WorkKind::Purge | WorkKind::Retry, lane) => {
                Work::Sweep(Sweep { lane, id, action: SweepAction::Purge, filter })
            }
        };
        let operation = Box::new(Operation {
            id: self.fresh_id(),
            by,
            work,
            is_dry_run,
            rate,
            expected,
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

    /// The number of a lane's function or destination.
    pub(crate) fn lane_id(&self, lane: &LaneKey) -> Result<FnId, LaneError> {
        match lane {
            LaneKey::Function(key) => {
                let found = self.directory().find(key).map(|function| function.id);
                found.ok_or_else(|| LaneError::NoFunction { function: key.name.clone() })
            }
            LaneKey::Destination(arn) => self.destination_id(arn),
        }
    }
}

fn check(lane: &LaneKey, kind: WorkKind, filter: &SweepFilter) -> Result<(), OperationError> {
    let refused = |field, problem: String| Err(OperationError::Filter { field, problem });
    let known: &[Status] = match (lane, kind) {
        (LaneKey::Destination(_), WorkKind::Stop | WorkKind::Retry) => {
            return refused("destination", "can only be purged".to_owned());
        }
        (LaneKey::Destination(_), WorkKind::Purge) => &Status::ALL,
        (LaneKey::Function(_), WorkKind::Retry) => &AGAIN,
        (LaneKey::Function(_), WorkKind::Stop | WorkKind::Purge) => &LIVE,
    };
    match filter.statuses.iter().find(|status| !known.contains(status)) {
        Some(status) => {
            let words: Vec<_> = known.iter().map(|status| status.as_str()).collect();
            let problem =
                format!("cannot be {}: it is one of {}", status.as_str(), words.join(", "));
            refused("status", problem)
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use invoked_core::name::FunctionName;

    #[test]
    fn a_status_that_nothing_can_have_is_refused() {
        let function = LaneKey::Function(FunctionKey::new("1", FunctionName::parse("f").unwrap()));
        let destination = LaneKey::Destination("acs:mns:::/queues/q/messages".to_owned());
        let of = |status| SweepFilter { statuses: vec![status], ..SweepFilter::default() };
        for (lane, kind, status, is_fine) in [
            (&function, WorkKind::Stop, Status::Running, true),
            (&function, WorkKind::Stop, Status::Failed, false),
            (&function, WorkKind::Purge, Status::Retrying, true),
            (&function, WorkKind::Retry, Status::Expired, true),
            (&function, WorkKind::Retry, Status::Succeeded, false),
            (&destination, WorkKind::Purge, Status::Failed, true),
            (&destination, WorkKind::Stop, Status::Failed, false),
        ] {
            assert_eq!(check(lane, kind, &of(status)).is_ok(), is_fine, "{kind:?} {status:?}");
        }
    }
}
