//! The second half of an invocation's life: telling the destination how it ended.
//!
//! A callback has its own tries, schedule, deadline and error, and survives restarts like the first
//! half. The deadline runs from the first try: a callback that was never tried has not started it.
//!
//! # Invariants
//!
//! Each has a test of the same name: `every_pair_is_decided`, `settled_is_final`,
//! `an_untried_callback_has_no_deadline`.

use alloc::boxed::Box;
use core::time::Duration;

use crate::fault::{Fault, shortened};
use crate::id::{Attempt, InvKey};
use crate::limits::MESSAGE_ID_MAX;
use crate::pause::Pauses;
use crate::retry::Backoff;
use crate::time::Timestamp;

/// Where the callback of an invocation stands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Callback {
    /// There is nothing to tell, or nothing to tell yet.
    #[default]
    None,
    /// The destination is to be told; the row's due time says when the next try may start.
    Owed {
        /// Tries so far.
        tried: Attempt,
        /// When the first of them started.
        first_at: Option<Timestamp>,
        /// What the last of them came to.
        error: Option<Fault>,
    },
    /// A try is under way. Lives in memory only: a crash leaves [`Callback::Owed`] behind.
    Calling {
        /// The try under way.
        trying: Attempt,
        /// When the first try started.
        first_at: Timestamp,
    },
    /// The destination has it.
    Delivered {
        /// Tries it took.
        tried: Attempt,
        /// When it was taken.
        at: Timestamp,
        /// The id the destination gave it, if it gives one.
        message_id: Option<Box<str>>,
    },
    /// It will not be tried again by itself; the envelope is kept and can be sent anew.
    Failed {
        /// Tries it took.
        tried: Attempt,
        /// When it was given up.
        at: Timestamp,
        /// Why.
        error: Fault,
    },
}

/// What can happen to a callback.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallEvent {
    /// Its lane has a free slot for it.
    CallGranted,
    /// It was tried, waits, and the time for tries is over.
    DeadlinePassed,
    /// An operator drops it.
    Purged,
    /// A try ended.
    CallEnded {
        /// The try that ended.
        tried: Attempt,
        /// What it came to.
        verdict: CallVerdict,
    },
}

/// What one try of a callback came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CallVerdict {
    /// The destination has it.
    Delivered {
        /// The id the destination gave it, if it gives one.
        message_id: Option<Box<str>>,
    },
    /// It may work later.
    Retry {
        /// Why it did not work now.
        error: Fault,
        /// What the destination asked for, if it did.
        retry_after: Option<Duration>,
    },
    /// It will never work as it is.
    Permanent {
        /// Why.
        error: Fault,
    },
}

/// How long and how often a callback is tried.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct CallbackPolicy {
    /// The waits between tries.
    pub backoff: Backoff,
    /// From the first try to the last.
    pub max_elapsed: Duration,
}

/// The patience that a destination meets: how it is tried, and when its lane was held.
#[derive(Copy, Clone, Debug)]
pub struct Patience<'a> {
    /// How long and how often.
    pub policy: &'a CallbackPolicy,
    /// When that time stood still.
    pub pauses: &'a Pauses,
}

impl Default for CallbackPolicy {
    fn default() -> Self {
        Self { backoff: Backoff::CALLBACK, max_elapsed: Duration::from_secs(30 * 60) }
    }
}

impl Callback {
    /// A callback that nobody has tried.
    #[must_use]
    pub fn owed(_now: Timestamp) -> Self {
        Self::Owed { tried: Attempt::NONE, first_at: None, error: None }
    }

    /// Whether the destination has yet to be told.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        matches!(self, Self::Owed { .. } | Self::Calling { .. })
    }

    /// Whether it was delivered or given up.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Failed { .. })
    }

    /// When its first try started, of one that is owed.
    #[must_use]
    pub fn first_try_at(&self) -> Option<Timestamp> {
        match self {
            Self::Owed { first_at, .. } => *first_at,
            Self::Calling { first_at, .. } => Some(*first_at),
            Self::None | Self::Delivered { .. } | Self::Failed { .. } => None,
        }
    }

    /// Tries so far, of one that is owed; that under way counts.
    #[must_use]
    pub fn tries(&self) -> Option<Attempt> {
        match self {
            Self::Owed { tried, .. } => Some(*tried),
            Self::Calling { trying, .. } => Some(*trying),
            Self::None | Self::Delivered { .. } | Self::Failed { .. } => None,
        }
    }

    /// What its last try came to, of one that is owed.
    #[must_use]
    pub fn last_error(&self) -> Option<&Fault> {
        match self {
            Self::Owed { error, .. } => error.as_ref(),
            Self::None | Self::Calling { .. } | Self::Delivered { .. } | Self::Failed { .. } => {
                None
            }
        }
    }

    /// When the last try may start; `None` while none was made, or nothing is owed, or its lane is
    /// paused. A pause stops the time.
    #[must_use]
    pub fn deadline(&self, policy: &CallbackPolicy, pauses: &Pauses) -> Option<Timestamp> {
        self.first_try_at().and_then(|at| pauses.over(at, policy.max_elapsed))
    }

    /// Moves the callback. Returns the time of the next look at it, or `None` if `event` came too
    /// late to matter.
    #[must_use]
    pub fn apply(
        &mut self,
        key: InvKey,
        due: Timestamp,
        event: CallEvent,
        patience: Patience<'_>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let (next, due) = self.next(key, due, event, patience, now)?;
        *self = next;
        Some(due)
    }

    fn next(
        &self,
        key: InvKey,
        due: Timestamp,
        event: CallEvent,
        Patience { policy, pauses }: Patience<'_>,
        now: Timestamp,
    ) -> Option<(Self, Timestamp)> {
        use CallEvent as E;
        let is_over = self.deadline(policy, pauses).is_some_and(|deadline| deadline < now);
        match (self, event) {
            // The deadline outranks a free slot; there is no deadline without a first try.
            (
                Self::Owed { tried, first_at: Some(_), error },
                E::CallGranted | E::DeadlinePassed,
            ) if is_over => {
                let error = error.clone().unwrap_or_else(lost_try);
                Some((Self::Failed { tried: *tried, at: now, error }, now))
            }
            (Self::Owed { tried, .. }, E::Purged) => {
                Some((Self::Failed { tried: *tried, at: now, error: Fault::purged() }, now))
            }
            (Self::Owed { tried, first_at, .. }, E::CallGranted) if due <= now => {
                let first_at = first_at.unwrap_or(now);
                Some((Self::Calling { trying: tried.next(), first_at }, due))
            }
            (Self::Calling { trying, first_at }, E::CallEnded { tried, verdict })
                if *trying == tried =>
            {
                let over = self.deadline(policy, pauses);
                Some(after(key, tried, *first_at, verdict, (policy, over), now))
            }
            // Races already lost.
            (Self::Owed { .. }, E::CallGranted | E::DeadlinePassed | E::CallEnded { .. })
            | (
                Self::Calling { .. } | Self::None | Self::Delivered { .. } | Self::Failed { .. },
                E::CallGranted | E::DeadlinePassed | E::Purged | E::CallEnded { .. },
            ) => None,
        }
    }
}

/// A restart lost what the last try came to.
fn lost_try() -> Fault {
    Fault::new("TryLost", "the daemon was restarted while a try was under way", 0)
}

fn after(
    key: InvKey,
    tried: Attempt,
    first_at: Timestamp,
    verdict: CallVerdict,
    (policy, over): (&CallbackPolicy, Option<Timestamp>),
    now: Timestamp,
) -> (Callback, Timestamp) {
    match verdict {
        CallVerdict::Delivered { message_id } => {
            // The destination's own words.
            let message_id = message_id.map(|id| shortened(&id, MESSAGE_ID_MAX).into());
            (Callback::Delivered { tried, at: now, message_id }, now)
        }
        CallVerdict::Permanent { error } => (Callback::Failed { tried, at: now, error }, now),
        CallVerdict::Retry { error, retry_after } => {
            // A wish to wait longer is honoured, but tries are never further apart than configured.
            let wished = retry_after.unwrap_or_default().min(policy.backoff.max);
            let wait = policy.backoff.wait_after(key, tried.0).max(wished);
            let due = now.plus(wait);
            if over.is_some_and(|over| over < due) {
                (Callback::Failed { tried, at: now, error }, now)
            } else {
                (Callback::Owed { tried, first_at: Some(first_at), error: Some(error) }, due)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ShardId;
    use alloc::vec;

    const POLICY: CallbackPolicy =
        CallbackPolicy { backoff: Backoff::CALLBACK, max_elapsed: Duration::from_secs(1_800) };

    const NEVER: &Pauses = &Pauses::NONE;
    const PATIENCE: Patience<'_> = Patience { policy: &POLICY, pauses: NEVER };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn key() -> InvKey {
        InvKey::generated(ShardId(0), at(1), 5)
    }

    fn fault() -> Fault {
        Fault::new("Unreachable", "connection refused", 0)
    }

    fn retry() -> CallVerdict {
        CallVerdict::Retry { error: fault(), retry_after: None }
    }

    #[test]
    fn every_pair_is_decided() {
        let first = Attempt(1);
        let states = vec![
            (Callback::None, false, false),
            (Callback::owed(at(0)), true, false),
            (Callback::Calling { trying: first, first_at: at(10) }, false, true),
            (Callback::Delivered { tried: first, at: at(10), message_id: None }, false, false),
            (Callback::Failed { tried: first, at: at(10), error: fault() }, false, false),
        ];
        for (state, takes_grant, takes_end) in states {
            let moved =
                |event| state.clone().apply(key(), at(10), event, PATIENCE, at(10)).is_some();
            assert_eq!(moved(CallEvent::CallGranted), takes_grant, "{state:?}");
            assert_eq!(
                moved(CallEvent::CallEnded { tried: first, verdict: retry() }),
                takes_end,
                "{state:?}"
            );
            assert!(!moved(CallEvent::DeadlinePassed), "{state:?}");
            assert_eq!(moved(CallEvent::Purged), takes_grant, "{state:?}");
            assert!(
                !moved(CallEvent::CallEnded { tried: Attempt(9), verdict: retry() }),
                "{state:?}"
            );
        }
    }

    #[test]
    fn what_a_destination_says_is_kept_up_to_a_limit() {
        let long = "ä".repeat(40_000);
        let mut callback = Callback::Calling { trying: Attempt(1), first_at: at(0) };
        let verdict = CallVerdict::Delivered { message_id: Some(long.as_str().into()) };
        let event = CallEvent::CallEnded { tried: Attempt(1), verdict };
        assert!(callback.apply(key(), at(0), event, PATIENCE, at(7)).is_some());
        let Callback::Delivered { message_id: Some(id), .. } = callback else { panic!("no id") };
        assert_eq!(id.len(), MESSAGE_ID_MAX);
        assert_eq!(Fault::new(&long, "", 503).code.len(), crate::limits::FAULT_CODE_MAX);
    }

    #[test]
    fn settled_is_final() {
        let mut callback = Callback::Calling { trying: Attempt(3), first_at: at(0) };
        let event = CallEvent::CallEnded {
            tried: Attempt(3),
            verdict: CallVerdict::Delivered { message_id: Some("m-1".into()) },
        };
        assert_eq!(callback.apply(key(), at(0), event.clone(), PATIENCE, at(7)), Some(at(7)));
        assert!(callback.is_settled());
        assert_eq!(callback.apply(key(), at(0), event, PATIENCE, at(8)), None);
    }

    #[test]
    fn retries_stop_thirty_minutes_after_the_first_try() {
        let mut callback = Callback::owed(at(0));
        let (mut now, mut due, mut tries) = (at(1_000), at(0), 0);
        while !callback.is_settled() {
            now = now.max(due);
            due = callback.apply(key(), due, CallEvent::CallGranted, PATIENCE, now).unwrap();
            if let Callback::Calling { trying, .. } = callback {
                tries += 1;
                let event = CallEvent::CallEnded { tried: trying, verdict: retry() };
                due = callback.apply(key(), due, event, PATIENCE, now).unwrap();
            }
        }
        assert!(now <= at(1_000).plus(POLICY.max_elapsed));
        assert!((10..20).contains(&tries), "{tries}");
    }

    #[test]
    fn an_untried_callback_has_no_deadline() {
        let mut callback = Callback::owed(at(0));
        let late = at(0).plus(Duration::from_secs(30 * 86_400));
        assert!(callback.apply(key(), at(0), CallEvent::CallGranted, PATIENCE, late).is_some());
        assert_eq!(callback, Callback::Calling { trying: Attempt(1), first_at: late });
    }

    #[test]
    fn a_tried_callback_past_its_deadline_is_given_up_with_its_last_error() {
        let waits = |error: Option<Fault>| Callback::Owed {
            tried: Attempt(2),
            first_at: Some(at(0)),
            error,
        };
        let late = at(0).plus(Duration::from_secs(7_200));
        for event in [CallEvent::CallGranted, CallEvent::DeadlinePassed] {
            let mut callback = waits(Some(fault()));
            assert!(callback.apply(key(), at(0), event.clone(), PATIENCE, late).is_some());
            assert_eq!(callback, Callback::Failed { tried: Attempt(2), at: late, error: fault() });
            let mut callback = waits(None);
            assert!(callback.apply(key(), at(0), event, PATIENCE, late).is_some());
            let error = Fault::new("TryLost", &lost_try().message, 0);
            assert_eq!(callback, Callback::Failed { tried: Attempt(2), at: late, error });
        }
    }

    #[test]
    fn the_deadline_itself_may_still_be_used() {
        let deadline = at(0).plus(POLICY.max_elapsed);
        let mut callback =
            Callback::Owed { tried: Attempt(2), first_at: Some(at(0)), error: Some(fault()) };
        assert_eq!(callback.deadline(&POLICY, NEVER), Some(deadline));
        assert_eq!(
            callback.apply(key(), at(0), CallEvent::DeadlinePassed, PATIENCE, deadline),
            None
        );
        assert!(callback.apply(key(), at(0), CallEvent::CallGranted, PATIENCE, deadline).is_some());
        assert_eq!(callback, Callback::Calling { trying: Attempt(3), first_at: at(0) });
    }

    #[test]
    fn a_pause_stops_the_time_for_tries() {
        let mut pauses = Pauses::default();
        pauses.begin(at(60_000));
        let owed =
            Callback::Owed { tried: Attempt(2), first_at: Some(at(0)), error: Some(fault()) };
        let late = at(0).plus(Duration::from_secs(7_200));
        let mut held = owed.clone();
        assert_eq!(held.deadline(&POLICY, &pauses), None);
        assert_eq!(
            held.apply(
                key(),
                at(0),
                CallEvent::DeadlinePassed,
                Patience { policy: &POLICY, pauses: &pauses },
                late
            ),
            None
        );
        pauses.end(late);
        let over = late.plus(POLICY.max_elapsed - Duration::from_secs(60));
        assert_eq!(owed.deadline(&POLICY, &pauses), Some(over));
        let mut tried = Callback::Calling { trying: Attempt(3), first_at: at(0) };
        let event = CallEvent::CallEnded { tried: Attempt(3), verdict: retry() };
        let patience = Patience { policy: &POLICY, pauses: &pauses };
        assert!(tried.apply(key(), at(0), event, patience, late).is_some());
        assert!(tried.is_owed(), "there is time left");
    }

    #[test]
    fn what_is_purged_is_given_up_whatever_it_waits_for() {
        for first_at in [None, Some(at(5))] {
            let mut callback = Callback::Owed { tried: Attempt(1), first_at, error: None };
            let due = callback.apply(key(), at(9_000), CallEvent::Purged, PATIENCE, at(7));
            assert_eq!(due, Some(at(7)));
            let error = Fault::purged();
            assert_eq!(callback, Callback::Failed { tried: Attempt(1), at: at(7), error });
        }
    }
}
