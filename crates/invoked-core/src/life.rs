//! The life of an invocation: one enum, one table.
//!
//! [`Head::live`] moves an invocation when something happens to it, or says that the event came too
//! late to matter. Every race is decided in [`next`] and nowhere else. The second half of the life,
//! telling the destination, is in [`crate::callback`].
//!
//! # Invariants
//!
//! Each has a test of the same name: `every_pair_is_decided`, `ended_is_final`,
//! `late_attempt_is_ignored`, `no_start_after_expiry`, `attempt_numbers_only_grow`,
//! `throttling_never_consumes_retries`.

use core::time::Duration;

use crate::callback::Callback;
use crate::fault::Fault;
use crate::head::Head;
use crate::id::Attempt;
use crate::limits::THROTTLED_FOR_MAX;
use crate::retry::Backoff;
use crate::time::Timestamp;

/// Where an invocation stands. Each variant holds only what is true there. The names are Function
/// Compute's; [`crate::head::Status`] has the word for the wire.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Life {
    /// No attempt has started.
    Enqueued,
    /// A slot is granted and `attempt` is about to start.
    Dequeued {
        /// The attempt that starts.
        attempt: Attempt,
    },
    /// `attempt` is with the function.
    Running {
        /// The attempt under way.
        attempt: Attempt,
        /// When it started.
        since: Timestamp,
    },
    /// `failed` came to nothing, and another attempt follows.
    Retrying {
        /// The last attempt.
        failed: Attempt,
    },
    /// A stop is wanted while `attempt` is with the function.
    Stopping {
        /// The attempt under way.
        attempt: Attempt,
    },
    /// The outcome is decided.
    Ended {
        /// How it ended.
        outcome: Outcome,
        /// When.
        at: Timestamp,
    },
}

/// How an invocation ends.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// The function succeeded.
    Succeeded,
    /// The retries are used up, or the failure is not one that is retried.
    Failed,
    /// No attempt could start within the time-to-live.
    Expired,
    /// Its owner stopped it.
    Stopped,
    /// The function was deleted before it ran.
    Invalid,
}

/// What can happen to an invocation.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// Its lane has a free slot for it.
    SlotGranted,
    /// The call of the function begins.
    AttemptStarted {
        /// The attempt that starts.
        attempt: Attempt,
    },
    /// The function, or the way to it, answered.
    AttemptEnded {
        /// The attempt that ended.
        attempt: Attempt,
        /// What the answer means.
        verdict: Verdict,
    },
    /// A restart found it under way, and nobody knows how the attempt ended.
    AttemptLost,
    /// Its owner wants it stopped.
    StopRequested,
    /// An operator drops what waits in its lane.
    Purged,
    /// Its time-to-live is over.
    ExpiryReached,
    /// Its function is gone.
    FunctionDeleted,
}

/// What one attempt's answer means.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The function ran and succeeded.
    Succeeded,
    /// The function ran and failed. Consumes a retry.
    FunctionError,
    /// The function did not run: throttled, unreachable, broken. Consumes no retry.
    Unavailable {
        /// What the answer asked for, if it did.
        retry_after: Option<Duration>,
    },
    /// The request can never succeed as it is.
    Refused,
    /// There is no such function.
    Gone,
}

/// What an invocation has been through, as far as its retries depend on it.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Function errors and lost attempts.
    pub failures: u8,
    /// Throttling and system errors in a row.
    pub unavailable: u16,
    /// When the first answer of that row came.
    pub unavailable_since: Option<Timestamp>,
}

/// The waits between attempts.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct RetryPolicy {
    /// After function errors and lost attempts.
    pub function_error: Backoff,
    /// After throttling and system errors.
    pub system_error: Backoff,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { function_error: Backoff::FUNCTION_ERROR, system_error: Backoff::SYSTEM_ERROR }
    }
}

impl Life {
    /// The attempt that is with the function or about to be.
    #[must_use]
    pub fn attempt_under_way(&self) -> Option<Attempt> {
        match self {
            Self::Dequeued { attempt }
            | Self::Running { attempt, .. }
            | Self::Stopping { attempt } => Some(*attempt),
            Self::Enqueued | Self::Retrying { .. } | Self::Ended { .. } => None,
        }
    }

    /// The last attempt that started or is about to.
    #[must_use]
    pub fn last_attempt(&self) -> Option<Attempt> {
        match self {
            Self::Retrying { failed } => Some(*failed),
            Self::Enqueued | Self::Ended { .. } => None,
            Self::Dequeued { attempt }
            | Self::Running { attempt, .. }
            | Self::Stopping { attempt } => Some(*attempt),
        }
    }

    /// Whether it waits for its next attempt.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::Enqueued | Self::Retrying { .. })
    }

    /// The outcome, once it is decided.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Ended { outcome, .. } => Some(*outcome),
            Self::Enqueued
            | Self::Dequeued { .. }
            | Self::Running { .. }
            | Self::Retrying { .. }
            | Self::Stopping { .. } => None,
        }
    }
}

impl Head {
    /// Moves the invocation, or returns `false` if `event` came too late to matter. The moment the
    /// outcome is decided, the callback it owes is decided with it.
    #[must_use]
    pub fn live(&mut self, event: Event, policy: &RetryPolicy, now: Timestamp) -> bool {
        let Some(step) = next(self, event, policy, now) else {
            return false;
        };
        // An attempt that is only about to start may yet not be one.
        if let Some(attempt) = step.life.last_attempt()
            && !matches!(step.life, Life::Dequeued { .. })
        {
            self.attempts = self.attempts.max(attempt);
        }
        if self.first_started_at.is_none() && matches!(step.life, Life::Running { .. }) {
            self.first_started_at = Some(now);
        }
        self.life = step.life;
        self.due = step.due;
        self.tally = step.tally;
        if event == Event::Purged {
            self.fault = Some(Fault::purged());
        }
        if let Life::Ended { .. } = self.life {
            self.callback = match self.destination() {
                Some(_) => Callback::owed(now),
                None => Callback::None,
            };
        }
        self.record_event(now);
        true
    }
}

struct Step {
    life: Life,
    due: Timestamp,
    tally: Tally,
}

/// The whole life in one table.
fn next(head: &Head, event: Event, policy: &RetryPolicy, now: Timestamp) -> Option<Step> {
    use Event as E;
    use Life as L;

    let stay_due = |life| Some(Step { life, due: head.due, tally: head.tally });
    let ended =
        |outcome| Some(Step { life: L::Ended { outcome, at: now }, due: now, tally: head.tally });

    match (head.life, event) {
        // Expiry outranks a free slot.
        (L::Enqueued | L::Retrying { .. }, E::SlotGranted | E::ExpiryReached)
            if head.expires_at <= now =>
        {
            ended(Outcome::Expired)
        }
        (L::Enqueued | L::Retrying { .. }, E::SlotGranted) if head.due <= now => {
            stay_due(L::Dequeued { attempt: head.attempts.next() })
        }
        // Fetching the event took until the time-to-live was over.
        (L::Dequeued { attempt }, E::AttemptStarted { attempt: started })
            if attempt == started && head.expires_at <= now =>
        {
            ended(Outcome::Expired)
        }
        (L::Dequeued { attempt }, E::AttemptStarted { attempt: started }) if attempt == started => {
            stay_due(L::Running { attempt, since: now })
        }
        (
            L::Dequeued { attempt } | L::Running { attempt, .. },
            E::AttemptEnded { attempt: answered, verdict },
        ) if attempt == answered => Some(after(head, attempt, verdict, policy, now)),
        // A lost attempt is counted, so that one row cannot kill the daemon in a loop.
        (L::Dequeued { attempt } | L::Running { attempt, .. }, E::AttemptLost) => {
            Some(after(head, attempt, Verdict::FunctionError, policy, now))
        }
        // Nothing is with the function: it can end at once.
        (L::Enqueued | L::Retrying { .. }, E::StopRequested | E::Purged) => ended(Outcome::Stopped),
        (L::Dequeued { attempt } | L::Running { attempt, .. }, E::StopRequested) => {
            stay_due(L::Stopping { attempt })
        }
        // Whatever the attempt came to: its owner was told that it is stopping.
        (L::Stopping { attempt }, E::AttemptEnded { attempt: answered, .. })
            if attempt == answered =>
        {
            ended(Outcome::Stopped)
        }
        (L::Stopping { .. }, E::AttemptLost) => ended(Outcome::Stopped),
        (L::Enqueued | L::Retrying { .. } | L::Dequeued { .. }, E::FunctionDeleted) => {
            ended(Outcome::Invalid)
        }

        // Races already lost. Spelled out, so that a new event has to be placed.
        (
            L::Enqueued | L::Retrying { .. },
            E::SlotGranted
            | E::AttemptStarted { .. }
            | E::AttemptEnded { .. }
            | E::AttemptLost
            | E::ExpiryReached,
        )
        | (
            L::Dequeued { .. },
            E::SlotGranted
            | E::AttemptStarted { .. }
            | E::AttemptEnded { .. }
            | E::Purged
            | E::ExpiryReached,
        )
        | (
            L::Running { .. },
            E::SlotGranted
            | E::AttemptStarted { .. }
            | E::AttemptEnded { .. }
            | E::Purged
            | E::ExpiryReached
            | E::FunctionDeleted,
        )
        | (
            L::Stopping { .. },
            E::SlotGranted
            | E::AttemptStarted { .. }
            | E::AttemptEnded { .. }
            | E::StopRequested
            | E::Purged
            | E::ExpiryReached
            | E::FunctionDeleted,
        )
        | (L::Ended { .. }, _) => None,
    }
}

/// Before the time-to-live ends, so that the last try finds its slot in time.
const LAST_CHANCE: Duration = Duration::from_secs(1);

/// Where an attempt's verdict leads.
fn after(
    head: &Head,
    attempt: Attempt,
    verdict: Verdict,
    policy: &RetryPolicy,
    now: Timestamp,
) -> Step {
    let ended = |outcome, tally| Step { life: Life::Ended { outcome, at: now }, due: now, tally };
    match verdict {
        Verdict::Succeeded => ended(Outcome::Succeeded, head.tally),
        Verdict::Refused => ended(Outcome::Failed, head.tally),
        Verdict::Gone => ended(Outcome::Invalid, head.tally),
        Verdict::FunctionError => {
            let failures = head.tally.failures.saturating_add(1);
            let tally = Tally { failures, ..Tally::default() };
            if failures > head.terms.max_retries {
                return ended(Outcome::Failed, tally);
            }
            let due = now.plus(policy.function_error.wait_after(head.key, u16::from(failures)));
            wait_or_expire(head, attempt, due, tally, now)
        }
        Verdict::Unavailable { retry_after } => {
            let since = head.tally.unavailable_since.unwrap_or(now);
            let unavailable = head.tally.unavailable.saturating_add(1);
            let tally = Tally { unavailable, unavailable_since: Some(since), ..head.tally };
            if now.since(since) >= THROTTLED_FOR_MAX {
                return ended(Outcome::Failed, tally);
            }
            let due = now.plus(policy.system_error.wait_after(head.key, unavailable));
            // A wish to wait longer is honoured, but never past the time-to-live.
            let wished = retry_after.map_or(due, |wait| now.plus(wait));
            let last_chance = head.expires_at.minus(LAST_CHANCE);
            let due = due.max(wished.min(last_chance));
            wait_or_expire(head, attempt, due, tally, now)
        }
    }
}

fn wait_or_expire(
    head: &Head,
    failed: Attempt,
    due: Timestamp,
    tally: Tally,
    now: Timestamp,
) -> Step {
    if head.expires_at <= due {
        // No attempt could start in time, so waiting would only delay the answer.
        Step { life: Life::Ended { outcome: Outcome::Expired, at: now }, due: now, tally }
    } else {
        Step { life: Life::Retrying { failed }, due, tally }
    }
}

#[cfg(test)]
mod tests;
