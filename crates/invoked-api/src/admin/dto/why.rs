//! The answers to "why is it waiting?".

use invoked_core::head::Status as HeadStatus;
use invoked_core::lane::Hold;
use invoked_engine::{self as engine, Handle, LaneName, LaneReport};
use serde::Serialize;
use utoipa::ToSchema;

use super::Fault;
use super::destination::BreakerState;
use super::task::Status;
use crate::admin::time::moment;

/// What something waits for.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) enum Reason {
    /// Nothing: it has ended.
    Ended,
    /// Nothing: it is with the function.
    Running,
    /// Nothing: its callback is with the destination.
    Calling,
    /// A stop that the function is told of.
    Stopping,
    /// The store.
    Storing,
    /// The delay that the caller asked for.
    Delay,
    /// The time between two attempts, or two tries of a callback.
    Backoff,
    /// Those before it.
    Queue,
    /// Nothing waits.
    Nothing,
    /// Its turn, which comes at once.
    Turn,
    /// An operator, who has paused it.
    Paused,
    /// Its instance was taken out of the configuration.
    Unconfigured,
    /// Whoever is behind it did not answer, and is let alone.
    Breaker,
    /// One that tries whether somebody answers again.
    Probe,
    /// The function asked for this time (`Retry-After`).
    RetryAfter,
    /// As many are under way as may be.
    Concurrency,
    /// The rate.
    Rate,
    /// Slots that all share: it has most of them.
    Slots,
    /// Slots that all share: its account has most of them.
    Share,
}

/// Why an invocation waits.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Why {
    request_id: String,
    #[schema(required = true)]
    task_id: Option<String>,
    status: Status,
    reason: Reason,
    /// The same in words.
    message: String,
    /// What would change it, in words.
    advice: String,
    /// When it can go at the earliest, as far as a time is known.
    #[schema(required = true, format = DateTime)]
    next_at: Option<String>,
    /// How many go first; null where it does not wait in a lane.
    #[schema(required = true)]
    before: Option<u64>,
    /// Whether that is the exact number; else it is at least that.
    before_is_exact: bool,
    #[schema(format = DateTime)]
    accepted_at: String,
    /// No attempt starts from here on.
    #[schema(format = DateTime)]
    expires_at: String,
    /// Attempts so far.
    attempts: u16,
    /// Tries of its callback so far, while that is owed.
    #[schema(required = true)]
    callback_tries: Option<u16>,
    /// When the last try of its callback may start; null before the first, while the destination is paused, and where
    /// none is owed.
    #[schema(required = true, format = DateTime)]
    callback_deadline: Option<String>,
    /// What the last attempt that did not succeed came to; while a callback is owed, what its last try came
    /// to, if there is something of that.
    #[schema(required = true)]
    last_error: Option<Fault>,
    /// The lane it waits in.
    #[schema(required = true)]
    lane: Option<LaneState>,
}

/// Why a lane waits: all that is due for one function or one destination.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct LaneWhy {
    reason: Reason,
    /// The same in words.
    message: String,
    /// What would change it, in words.
    advice: String,
    /// When its first can go at the earliest, as far as a time is known.
    #[schema(required = true, format = DateTime)]
    next_at: Option<String>,
    /// The lane; null for a destination to which nothing was ever owed.
    #[schema(required = true)]
    lane: Option<LaneState>,
}

/// A lane: all that is due for one function or one destination.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct LaneState {
    /// The function; null for a destination, and for a function that nobody knows.
    #[schema(required = true)]
    function: Option<String>,
    /// The function's account.
    #[schema(required = true)]
    account: Option<String>,
    /// The version or alias whose lane it is; null for the function's own.
    #[schema(required = true)]
    qualifier: Option<String>,
    /// The destination's ARN.
    #[schema(required = true)]
    destination: Option<String>,
    /// Under way.
    in_flight: u32,
    /// May be under way at a time.
    limit: u32,
    /// Whether the adaptive limit says so.
    limit_is_adaptive: bool,
    /// May start in a second; null is any number.
    #[schema(required = true)]
    rate: Option<u32>,
    /// Waiting, of a function; by its durable counts.
    #[schema(required = true)]
    waiting: Option<u64>,
    /// Waiting in memory.
    waiting_in_memory: usize,
    /// Whether that is all of them.
    is_complete: bool,
    /// When the first of them was due, or is.
    #[schema(required = true, format = DateTime)]
    oldest_due: Option<String>,
    /// How long the first of them is overdue, in milliseconds.
    overdue_ms: u64,
    /// When the oldest of them was accepted that waits in memory: one that is tried again is due later than younger ones.
    #[schema(required = true, format = DateTime)]
    oldest_accepted_at: Option<String>,
    breaker: BreakerState,
    /// What went wrong last since the daemon started.
    #[schema(required = true)]
    last_error: Option<Fault>,
    #[schema(required = true, format = DateTime)]
    last_error_at: Option<String>,
    /// Under way of all its account's functions.
    account_in_flight: u32,
}

impl Why {
    pub(in crate::admin) fn of(engine: &Handle, why: &engine::Why) -> Self {
        let head = &why.head;
        let reason = Reason::from(why.reason);
        let is_callback = head.callback.is_owed();
        Self {
            request_id: head.request_id.to_string(),
            task_id: head.task.as_ref().map(|task| task.id.as_str().to_owned()),
            status: Status::from(HeadStatus::from(&head.life)),
            reason,
            message: reason.message(is_callback).to_owned(),
            advice: reason.advice(is_callback).to_owned(),
            next_at: why.next_at.map(moment),
            before: why.place.map(|place| place.before),
            before_is_exact: why.place.is_some_and(|place| place.is_exact),
            accepted_at: moment(head.accepted_at),
            expires_at: moment(head.expires_at),
            attempts: head.attempts.0,
            callback_tries: head.callback.tries().map(|tries| tries.0),
            callback_deadline: engine.callback_deadline(head).map(moment),
            last_error: head.callback.last_error().or(head.fault.as_ref()).map(Fault::from),
            lane: why.lane.as_ref().map(|lane| LaneState::of(engine, lane)),
        }
    }

    /// The same, for somebody who may see what functions answer, or may not.
    pub(in crate::admin) fn shown_to(self, may_see: bool) -> Self {
        Self {
            last_error: self.last_error.map(|error| error.shown_to(may_see)),
            lane: self.lane.map(|lane| lane.shown_to(may_see)),
            ..self
        }
    }
}

impl LaneWhy {
    /// The same, for somebody who may see what functions answer, or may not.
    pub(in crate::admin) fn shown_to(self, may_see: bool) -> Self {
        Self { lane: self.lane.map(|lane| lane.shown_to(may_see)), ..self }
    }

    pub(in crate::admin) fn of(engine: &Handle, report: Option<&LaneReport>) -> Self {
        let hold = report.map_or(Hold::Nothing, |report| report.view.hold);
        let is_callback =
            report.is_some_and(|report| matches!(report.name, LaneName::Destination(_)));
        let reason = Reason::from(hold);
        let due = report.and_then(|report| report.view.first_due);
        let next_at = hold.until().map(|until| due.map_or(until, |due| until.max(due)));
        Self {
            reason,
            message: reason.message(is_callback).to_owned(),
            advice: reason.advice(is_callback).to_owned(),
            next_at: next_at.map(moment),
            lane: report.map(|report| LaneState::of(engine, report)),
        }
    }
}

impl LaneState {
    fn shown_to(self, may_see: bool) -> Self {
        Self { last_error: self.last_error.map(|error| error.shown_to(may_see)), ..self }
    }

    fn of(engine: &Handle, report: &LaneReport) -> Self {
        let (key, qualifier, destination) = match &report.name {
            LaneName::Function { function, qualifier } => {
                (function.as_ref(), qualifier.as_ref(), None)
            }
            LaneName::Destination(arn) => (None, None, Some(arn.clone())),
        };
        let view = &report.view;
        let overdue = view.first_due.map(|due| engine.now().since(due)).unwrap_or_default();
        Self {
            function: key.map(|key| key.name.as_str().to_owned()),
            account: key.map(|key| key.account.as_ref().to_owned()),
            qualifier: qualifier.map(|qualifier| qualifier.as_str().to_owned()),
            destination,
            in_flight: view.busy,
            limit: view.limit,
            limit_is_adaptive: view.is_adaptive,
            rate: view.rate,
            waiting: report.waiting,
            waiting_in_memory: view.in_window,
            is_complete: view.is_complete,
            oldest_due: view.first_due.map(moment),
            overdue_ms: u64::try_from(overdue.as_millis()).unwrap_or(u64::MAX),
            oldest_accepted_at: report.oldest_accepted_at.map(moment),
            breaker: BreakerState::from(&report.breaker),
            last_error: report.last_error.as_ref().map(|(_, error)| Fault::from(error)),
            last_error_at: report.last_error.as_ref().map(|(at, _)| moment(*at)),
            account_in_flight: view.tenant_busy,
        }
    }
}

impl From<engine::Reason> for Reason {
    fn from(reason: engine::Reason) -> Self {
        match reason {
            engine::Reason::Ended => Self::Ended,
            engine::Reason::Running => Self::Running,
            engine::Reason::Calling => Self::Calling,
            engine::Reason::Stopping => Self::Stopping,
            engine::Reason::Storing => Self::Storing,
            engine::Reason::Delay => Self::Delay,
            engine::Reason::Backoff => Self::Backoff,
            engine::Reason::Queue => Self::Queue,
            engine::Reason::Lane(hold) => Self::from(hold),
        }
    }
}

impl From<Hold> for Reason {
    fn from(hold: Hold) -> Self {
        match hold {
            Hold::Nothing => Self::Nothing,
            Hold::Turn => Self::Turn,
            Hold::Paused => Self::Paused,
            Hold::Unconfigured => Self::Unconfigured,
            Hold::Breaker { .. } => Self::Breaker,
            Hold::Probe => Self::Probe,
            Hold::RetryAfter { .. } => Self::RetryAfter,
            Hold::Concurrency => Self::Concurrency,
            Hold::Rate { .. } => Self::Rate,
            Hold::Slots => Self::Slots,
            Hold::Share => Self::Share,
            Hold::NotDue { .. } => Self::Backoff,
        }
    }
}

impl Reason {
    fn message(self, is_callback: bool) -> &'static str {
        match (self, is_callback) {
            (Self::Ended, _) => "it has ended, and nothing is owed any more",
            (Self::Running, _) => "it is with the function",
            (Self::Calling, _) => "its callback is with the destination",
            (Self::Stopping, _) => "a stop is wanted, and its function is told of it",
            (Self::Storing, _) => "what was decided of it is being stored",
            (Self::Delay, _) => "its caller asked for a delay",
            (Self::Backoff, false) => {
                "the first that waits is not due yet: the wait after an attempt, or a delay"
            }
            (Self::Backoff, true) => "the next try of the callback is not due yet",
            (Self::Queue, _) => "others go first",
            (Self::Nothing, _) => "nothing waits",
            (Self::Turn, _) => "nothing holds it: it goes with the next turn",
            (Self::Paused, _) => "an operator has paused it",
            (Self::Unconfigured, _) => {
                "its instance was taken out of the configuration while the daemon ran"
            }
            (Self::Breaker, false) => {
                "the function did not answer several times in a row and is let alone"
            }
            (Self::Breaker, true) => {
                "the destination did not answer several times in a row and is let alone"
            }
            (Self::Probe, _) => {
                "one is under way to see whether there is an answer again; the others wait for it"
            }
            (Self::RetryAfter, false) => "the function asked for this time (Retry-After)",
            (Self::RetryAfter, true) => "the destination asked for this time",
            (Self::Concurrency, _) => "as many are under way as may be at a time",
            (Self::Rate, _) => "as many have started in this second as may",
            (Self::Slots, _) => "it has most of the slots that all functions or destinations share",
            (Self::Share, _) => "its account has most of the slots that all accounts share",
        }
    }

    fn advice(self, is_callback: bool) -> &'static str {
        match (self, is_callback) {
            (Self::Ended | Self::Nothing | Self::Turn | Self::Storing, _) => "nothing to be done",
            (Self::Running, _) => {
                "it ends with the function's answer or its timeout; a stop cancels it"
            }
            (Self::Calling, _) => "it ends with the destination's answer or the sink's timeout",
            (Self::Stopping, _) => "it ends as soon as the call is cancelled",
            (Self::Delay, _) => "it goes when the delay is over; a stop ends it",
            (Self::Backoff, _) => "it goes when the wait is over",
            (Self::Queue, false) => {
                "a higher concurrency or a faster function drains them sooner; see the lane's own reason"
            }
            (Self::Queue, true) => {
                "a faster destination, or a higher dispatch.destination_limit, drains them sooner"
            }
            (Self::Paused, _) => "resume it",
            (Self::Unconfigured, _) => {
                "put its [sinks] section back and reload; or purge it, which keeps what it is owed for a redrive"
            }
            (Self::Breaker | Self::Probe, false) => {
                "mend what the last error says; it goes on by itself when the function answers"
            }
            (Self::Breaker | Self::Probe, true) => {
                "mend what the last error says; it goes on by itself when the destination answers"
            }
            (Self::RetryAfter, _) => "it goes on by itself at that time",
            (Self::Concurrency, false) => {
                "raise `concurrency` of the function, or of its qualifier's lane; an adaptive limit rises by itself while the function answers"
            }
            (Self::Concurrency, true) => "raise dispatch.destination_limit",
            (Self::Rate, _) => "raise `rate` of the function, or of its qualifier's lane",
            (Self::Slots, false) => "raise dispatch.attempts_max",
            (Self::Slots, true) => "raise dispatch.callbacks_max",
            (Self::Share, _) => "raise dispatch.attempts_max",
        }
    }
}
