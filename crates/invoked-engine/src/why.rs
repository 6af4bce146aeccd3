//! "Why is it waiting?": one answer for an invocation, and one for a lane.
//!
//! Nothing is counted by reading rows: the owner of the shard says where the row and its lane stand, the
//! durable counts say how many there are, and only a row that is not in memory costs one read.

use invoked_core::arn::Arn;
use invoked_core::breaker::Breaker;
use invoked_core::fault::Fault;
use invoked_core::head::{Head, LaneId};
use invoked_core::id::{InvKey, RequestId};
use invoked_core::lane::{Hold, LaneView};
use invoked_core::life::Life;
use invoked_core::name::{FunctionKey, Qualifier};
use invoked_core::shard::{LaneStanding, Stage, Standing};
use invoked_core::time::Timestamp;
use tokio::sync::oneshot;

use crate::error::TaskError;
use crate::handle::{Handle, ShardPort};
use crate::shard::Ask;

/// What an invocation waits for.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// Nothing: it has ended, and whoever is told was told, or was given up.
    Ended,
    /// Nothing: it is with the function.
    Running,
    /// Nothing: its callback is with the destination.
    Calling,
    /// A stop that its function is told of.
    Stopping,
    /// What was decided of it to be stored.
    Storing,
    /// The delay that its caller asked for.
    Delay,
    /// The time between two attempts, or two tries of its callback.
    Backoff,
    /// What holds its lane back.
    Lane(Hold),
    /// Rows of its lane that go first.
    Queue,
}

/// Where it stands in its lane.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// How many go first.
    pub before: u64,
    /// Whether that is the exact number; else it is at least that.
    pub is_exact: bool,
}

/// Whose a lane is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LaneName {
    /// A function's, or that of one of its qualifiers.
    Function {
        /// The function; `None` for a number that is nobody's any more.
        function: Option<FunctionKey>,
        /// The version or alias, if the lane is its own.
        qualifier: Option<Qualifier>,
    },
    /// A destination's, by its ARN.
    Destination(String),
}

/// A lane, and what holds it back.
#[derive(Clone, Debug)]
pub struct LaneReport {
    /// Whose it is.
    pub name: LaneName,
    /// The lane.
    pub view: LaneView,
    /// When the oldest was accepted of those that wait in memory. One that is tried again is due later than
    /// others that are younger.
    pub oldest_accepted_at: Option<Timestamp>,
    /// Invocations that have not ended, or callbacks that are owed, and are not under way. Where a function
    /// has several lanes, they go by their qualifiers.
    pub waiting: Option<u64>,
    /// Whether whoever it leads to is let alone.
    pub breaker: Breaker,
    /// What went wrong last since the daemon started, and when.
    pub last_error: Option<(Timestamp, Fault)>,
}

/// Why an invocation waits.
#[derive(Clone, Debug)]
pub struct Why {
    /// Its row.
    pub head: Head,
    /// What it waits for.
    pub reason: Reason,
    /// When it can go at the earliest, as far as a time is known.
    pub next_at: Option<Timestamp>,
    /// Where it stands in its lane, while it waits there.
    pub place: Option<Place>,
    /// Its lane, if it has one.
    pub lane: Option<LaneReport>,
}

impl Handle {
    /// Why the invocation waits that the daemon gave this id.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn why(&self, id: RequestId) -> Result<Option<Why>, TaskError> {
        match id.as_generated_key() {
            Some(key) => self.why_row(key).await,
            None => Ok(None),
        }
    }

    /// Why a task of a function waits.
    ///
    /// # Errors
    /// There is no such function or task, or the store did not answer.
    pub async fn why_task(&self, function: &FunctionKey, id: &str) -> Result<Why, TaskError> {
        let key = self.kept_task(function, id).await?.head.key;
        let missing = || TaskError::NotFound { function: function.name.clone(), id: id.to_owned() };
        self.why_row(key).await?.ok_or_else(missing)
    }

    /// What holds a function back, or the lane that its qualifier waits in. One in which nothing has waited
    /// since the daemon started is shown as it would begin; `None` if its shard does not answer.
    ///
    /// # Errors
    /// There is no such function.
    pub async fn why_function(
        &self,
        function: &FunctionKey,
        qualifier: Option<&Qualifier>,
    ) -> Result<Option<LaneReport>, TaskError> {
        let missing = || TaskError::NoFunction { function: function.name.clone() };
        let fn_id = self.lives(function).into_iter().next().ok_or_else(missing)?;
        let lane = qualifier.map_or(fn_id, |of| self.directory().lane_for(fn_id, of));
        Ok(self.lane_report(LaneId::Function(lane)).await)
    }

    /// What holds a destination back; `None` if nothing was ever owed to it, or its shard does not answer.
    pub async fn why_destination(&self, destination: &Arn) -> Option<LaneReport> {
        let id = self.destination_id(destination.as_str()).ok()?;
        self.lane_report(LaneId::Destination(id)).await
    }

    async fn why_row(&self, key: InvKey) -> Result<Option<Why>, TaskError> {
        let Some(port) = self.shared.shard(key.shard()) else { return Ok(None) };
        let mut standing = self.standing(port, Some(key), None).await?;
        let mut stored = None;
        if standing.row.is_none() {
            let Some(head) = self.row(key).await? else { return Ok(None) };
            if !head.is_finished() {
                standing = self.standing(port, Some(key), Some(head.slot().lane)).await?;
            }
            stored = Some(head);
        }
        let (row, stage) = match standing.row.map(|row| *row) {
            Some((head, stage)) => (Some(head), Some(stage)),
            None => (stored, None),
        };
        let lane = standing.lane.filter(|lane| lane.is_open);
        Ok(row.map(|head| self.explained(head, stage, lane)))
    }

    fn explained(&self, head: Head, stage: Option<Stage>, lane: Option<LaneStanding>) -> Why {
        let now = self.now();
        let view = lane.as_ref().map(|lane| lane.view);
        let (reason, place) = reason_of(&head, stage, view.as_ref(), now);
        let next_at = match reason {
            Reason::Delay | Reason::Backoff => Some(head.due),
            Reason::Lane(hold) => hold.until().map(|until| until.max(head.due)),
            Reason::Ended
            | Reason::Running
            | Reason::Calling
            | Reason::Stopping
            | Reason::Storing
            | Reason::Queue => None,
        };
        let lane = lane.map(|lane| self.reported(lane));
        Why { head, reason, next_at, place, lane }
    }

    async fn lane_report(&self, lane: LaneId) -> Option<LaneReport> {
        let mut idle = None;
        for shard in &self.shared.shards {
            match self.standing(shard, None, Some(lane)).await.ok()?.lane {
                Some(lane) if lane.is_open => return Some(self.reported(lane)),
                found => idle = idle.or(found),
            }
        }
        idle.map(|lane| self.reported(lane))
    }

    fn reported(&self, lane: LaneStanding) -> LaneReport {
        let (name, waiting) = match lane.id {
            LaneId::Function(id) => {
                let directory = self.directory();
                let (function, qualifier) = directory.owner_key_of(id);
                let waiting = self.live_in(id).saturating_sub(u64::from(lane.view.busy));
                let qualifier = qualifier.cloned();
                (LaneName::Function { function, qualifier }, Some(waiting))
            }
            LaneId::Destination(id) => {
                let named = self.destinations().remove(&id).unwrap_or_default();
                let owed = self.owed_to(id).saturating_sub(u64::from(lane.view.busy));
                (LaneName::Destination(named), Some(owed))
            }
        };
        let (breaker, last_error) = match (lane.inlet, lane.outlet) {
            (Some(inlet), _) => (inlet.breaker, inlet.last_error),
            (None, Some(outlet)) => (outlet.breaker, outlet.last_error),
            (None, None) => (Breaker::default(), None),
        };
        let oldest_accepted_at = lane.oldest_accepted_at;
        LaneReport { name, view: lane.view, oldest_accepted_at, waiting, breaker, last_error }
    }

    async fn standing(
        &self,
        port: &ShardPort,
        key: Option<InvKey>,
        lane: Option<LaneId>,
    ) -> Result<Standing, TaskError> {
        let unavailable = || TaskError::Store(invoked_store::StoreError::Closed);
        let (reply, answer) = oneshot::channel();
        let asked = port.asks.send(Ask::Standing { key, lane, reply }).await;
        asked.map_err(|_gone| unavailable())?;
        answer.await.map_err(|_gone| unavailable())
    }
}

/// What a row waits for, and where.
fn reason_of(
    head: &Head,
    stage: Option<Stage>,
    lane: Option<&LaneView>,
    now: Timestamp,
) -> (Reason, Option<Place>) {
    let place = match stage {
        Some(Stage::Waiting { before }) => {
            Some(Place { before: u64::try_from(before).unwrap_or(u64::MAX), is_exact: true })
        }
        Some(Stage::UnderWay | Stage::Storing) => None,
        // It is behind everything that its lane has in memory.
        None => lane.map(|lane| Place {
            before: u64::try_from(lane.in_window).unwrap_or(u64::MAX),
            is_exact: lane.is_complete,
        }),
    };
    if head.is_finished() {
        return (Reason::Ended, None);
    }
    match (stage, head.life) {
        (_, Life::Stopping { .. }) => return (Reason::Stopping, None),
        (Some(Stage::Storing), _) => return (Reason::Storing, None),
        (Some(Stage::UnderWay), _) if head.callback.is_owed() => return (Reason::Calling, None),
        (Some(Stage::UnderWay), _) => return (Reason::Running, None),
        (Some(Stage::Waiting { .. }) | None, _) => {}
    }
    let hold = lane.map_or(Hold::Turn, |lane| lane.hold);
    if now < head.due && !outlasts(hold, head.due) {
        let was_tried = head.attempts.0 > 0 || head.callback.is_owed();
        return (if was_tried { Reason::Backoff } else { Reason::Delay }, place);
    }
    let is_first = place.is_some_and(|place| place.before == 0 && place.is_exact);
    let is_free = matches!(hold, Hold::Turn | Hold::Nothing | Hold::NotDue { .. });
    let reason = if is_free && !is_first { Reason::Queue } else { Reason::Lane(hold) };
    (reason, place)
}

/// Whether a row that becomes due at this time does not go then, because its lane is held.
fn outlasts(hold: Hold, due: Timestamp) -> bool {
    match hold {
        Hold::Paused | Hold::Unconfigured => true,
        Hold::Breaker { until } | Hold::RetryAfter { until } | Hold::Rate { until } => due < until,
        Hold::Nothing
        | Hold::Turn
        | Hold::Probe
        | Hold::Concurrency
        | Hold::Slots
        | Hold::Share
        | Hold::NotDue { .. } => false,
    }
}
