//! The breaker of a destination or a function: it holds callbacks and attempts back while nobody is there
//! to take any, instead of spending their tries.
//!
//! ```text
//!              a try may work later       an answer             the hold is over      the probe
//! closed       counted; open when many    closed, count 0       -                     -
//! open         open                       closed                half-open: one probe  -
//! half-open    the probe's: open, longer  closed                half-open: another    ended without
//!              another's: half-open                             one, if that is late  a try: open
//! ```
//!
//! An *answer* is a delivery or a refusal for good, or any answer of a function: either way somebody is
//! there. What is held back is not tried, so a callback that was never tried has not started its clock. A
//! probe that takes longer than the longest hold is not waited for: another one goes. The breaker
//! lives in memory only: a restart begins closed and finds out again. Another policy counts at once
//! ([`Breaker::adopt`]).
//!
//! # Invariants
//!
//! Each has a test of the same name: `every_pair_is_decided`,
//! `one_callback_alone_never_opens_it`, `holds_double_up_to_the_maximum`.

use core::time::Duration;

use smallvec::SmallVec;

use crate::id::InvKey;
use crate::time::Timestamp;

/// When a breaker opens and for how long.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct BreakerPolicy {
    /// Tries in a row without an answer that open it; 0 never opens it.
    pub failures: u32,
    /// Different callbacks that those tries have to be of, so that one that fails by itself keeps
    /// its own schedule; 1 to [`BreakerPolicy::CALLBACKS_MAX`].
    pub callbacks: u32,
    /// The first hold. Each further one is twice as long.
    pub hold: Duration,
    /// No hold is longer.
    pub hold_max: Duration,
}

impl BreakerPolicy {
    /// Different callbacks that a breaker can tell apart.
    pub const CALLBACKS_MAX: u32 = 64;
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 8,
            callbacks: 4,
            hold: Duration::from_secs(1),
            hold_max: Duration::from_secs(30),
        }
    }
}

/// The breaker of one destination.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Breaker {
    /// Callbacks go.
    Closed {
        /// Tries in a row without an answer.
        failures: u32,
        /// The callbacks that they were of, as many as matter.
        callbacks: SmallVec<[InvKey; 4]>,
    },
    /// Callbacks are held.
    Open {
        /// Until then.
        until: Timestamp,
        /// For how long in all.
        hold: Duration,
    },
    /// One callback goes; the others are held until its try has ended.
    HalfOpen {
        /// Which.
        probe: InvKey,
        /// How long the hold before it was.
        hold: Duration,
        /// Then another one goes, whatever has become of this one.
        until: Timestamp,
    },
}

/// What can happen to a breaker.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum BreakerEvent {
    /// A callback was let go.
    Granted(InvKey),
    /// Its try may work later.
    Failed(InvKey),
    /// Its try was answered: delivered, or refused for good.
    Answered,
    /// It went no further than this daemon: there is no try to learn from.
    Abandoned(InvKey),
}

/// What a breaker lets through.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Gate {
    /// Everything.
    #[default]
    Open,
    /// Nothing until then, and then one.
    HeldUntil(Timestamp),
    /// Nothing: a probe is under way. Another one goes then.
    ProbedUntil(Timestamp),
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0, callbacks: SmallVec::new() }
    }
}

impl Breaker {
    /// What it lets through.
    #[must_use]
    pub fn gate(&self) -> Gate {
        match self {
            Self::Closed { .. } => Gate::Open,
            Self::Open { until, .. } => Gate::HeldUntil(*until),
            Self::HalfOpen { until, .. } => Gate::ProbedUntil(*until),
        }
    }

    /// Whether nothing speaks against whoever is behind it.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        matches!(self, Self::Closed { failures: 0, .. })
    }

    /// Moves the breaker. Returns whether it is in another state now.
    #[must_use]
    pub fn apply(&mut self, event: BreakerEvent, policy: &BreakerPolicy, now: Timestamp) -> bool {
        let was = core::mem::discriminant(self);
        self.step(event, policy, now);
        was != core::mem::discriminant(self)
    }

    fn step(&mut self, event: BreakerEvent, policy: &BreakerPolicy, now: Timestamp) {
        use BreakerEvent as E;
        match (&mut *self, event) {
            (Self::Closed { failures, callbacks }, E::Failed(key)) => {
                *failures = failures.saturating_add(1);
                let wanted = policy.callbacks.clamp(1, BreakerPolicy::CALLBACKS_MAX) as usize;
                if callbacks.len() < wanted && !callbacks.contains(&key) {
                    callbacks.push(key);
                }
                let is_many = policy.failures > 0 && policy.failures <= *failures;
                if is_many && callbacks.len() >= wanted {
                    *self = Self::held(policy.hold.min(policy.hold_max), now);
                }
            }
            (Self::Open { until, hold }, E::Granted(probe)) if *until <= now => {
                let until = now.plus(policy.hold_max);
                *self = Self::HalfOpen { probe, hold: *hold, until };
            }
            (Self::HalfOpen { probe, until, .. }, E::Granted(next)) if *until <= now => {
                *probe = next;
                *until = now.plus(policy.hold_max);
            }
            (Self::HalfOpen { probe, hold, .. }, E::Failed(key)) if *probe == key => {
                *self = Self::held(hold.saturating_mul(2).min(policy.hold_max), now);
            }
            (Self::HalfOpen { probe, hold, .. }, E::Abandoned(key)) if *probe == key => {
                *self = Self::Open { until: now, hold: *hold };
            }
            (Self::Closed { .. } | Self::Open { .. } | Self::HalfOpen { .. }, E::Answered) => {
                *self = Self::default();
            }
            // Ends of tries that began before it opened, and grants of a closed one.
            (Self::Closed { .. }, E::Granted(_) | E::Abandoned(_))
            | (Self::Open { .. }, E::Granted(_) | E::Failed(_) | E::Abandoned(_))
            | (Self::HalfOpen { .. }, E::Granted(_) | E::Failed(_) | E::Abandoned(_)) => {}
        }
    }

    /// Another policy is in force. One that never opens a breaker closes it; else no hold that has begun is
    /// longer from here on than the policy's longest. Returns whether it is in another state now.
    #[must_use]
    pub fn adopt(&mut self, policy: &BreakerPolicy, now: Timestamp) -> bool {
        let longest = now.plus(policy.hold_max);
        match self {
            Self::Closed { .. } => false,
            Self::Open { .. } | Self::HalfOpen { .. } if policy.failures == 0 => {
                *self = Self::default();
                true
            }
            Self::Open { until, hold } | Self::HalfOpen { until, hold, .. } => {
                *until = longest.min(*until);
                *hold = policy.hold_max.min(*hold);
                false
            }
        }
    }

    fn held(hold: Duration, now: Timestamp) -> Self {
        Self::Open { until: now.plus(hold), hold }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ShardId;

    const POLICY: BreakerPolicy = BreakerPolicy {
        failures: 3,
        callbacks: 2,
        hold: Duration::from_secs(1),
        hold_max: Duration::from_secs(30),
    };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn key(number: u64) -> InvKey {
        InvKey::generated(ShardId(0), at(1), number << 1)
    }

    fn open(until: i64) -> Breaker {
        Breaker::Open { until: at(until), hold: Duration::from_secs(4) }
    }

    #[test]
    fn every_pair_is_decided() {
        let half_open = |probe, until| Breaker::HalfOpen {
            probe: key(probe),
            hold: Duration::from_secs(4),
            until: at(until),
        };
        let (half, late) = (half_open(1, 30_100), half_open(1, 100));
        let longer = Breaker::Open { until: at(8_100), hold: Duration::from_secs(8) };
        let closed = Breaker::default();
        let one = Breaker::Closed { failures: 1, callbacks: [key(1)].into_iter().collect() };
        let (granted, failed) = (BreakerEvent::Granted, BreakerEvent::Failed);
        let (answered, abandoned) = (BreakerEvent::Answered, BreakerEvent::Abandoned);
        for (before, event, after) in [
            (&closed, granted(key(1)), &closed),
            (&closed, failed(key(1)), &one),
            (&closed, answered, &closed),
            (&closed, abandoned(key(1)), &closed),
            (&one, answered, &closed),
            (&open(200), granted(key(1)), &open(200)),
            (&open(100), granted(key(1)), &half),
            (&open(200), failed(key(1)), &open(200)),
            (&open(200), answered, &closed),
            (&open(200), abandoned(key(1)), &open(200)),
            (&half, granted(key(2)), &half),
            (&late, granted(key(2)), &half_open(2, 30_100)),
            (&half, failed(key(1)), &longer),
            (&half, failed(key(2)), &half),
            (&half, answered, &closed),
            (&half, abandoned(key(1)), &open(100)),
            (&half, abandoned(key(2)), &half),
        ] {
            let mut breaker = before.clone();
            let moved = breaker.apply(event, &POLICY, at(100));
            assert_eq!(breaker, *after, "{before:?} {event:?}");
            let is_other = core::mem::discriminant(before) != core::mem::discriminant(after);
            assert_eq!(moved, is_other, "{before:?} {event:?}");
        }
    }

    #[test]
    fn one_callback_alone_never_opens_it() {
        let mut breaker = Breaker::default();
        for _ in 0..1_000 {
            assert!(!breaker.apply(BreakerEvent::Failed(key(1)), &POLICY, at(0)));
        }
        assert_eq!(breaker.gate(), Gate::Open);
        assert!(breaker.apply(BreakerEvent::Failed(key(2)), &POLICY, at(0)));
        assert_eq!(breaker.gate(), Gate::HeldUntil(at(1_000)));
    }

    #[test]
    fn few_tries_of_many_callbacks_do_not_open_it() {
        let mut breaker = Breaker::default();
        assert!(!breaker.apply(BreakerEvent::Failed(key(1)), &POLICY, at(0)));
        assert!(!breaker.apply(BreakerEvent::Failed(key(2)), &POLICY, at(0)));
        assert!(!breaker.apply(BreakerEvent::Answered, &POLICY, at(0)));
        assert!(!breaker.apply(BreakerEvent::Failed(key(3)), &POLICY, at(0)));
        let never = BreakerPolicy { failures: 0, ..POLICY };
        for number in 0..100 {
            assert!(!breaker.apply(BreakerEvent::Failed(key(number)), &never, at(0)));
        }
    }

    #[test]
    fn another_policy_closes_it_or_shortens_its_hold() {
        let held =
            |seconds, until| Breaker::Open { hold: Duration::from_secs(seconds), until: at(until) };
        let probed = |seconds, until| Breaker::HalfOpen {
            probe: key(1),
            hold: Duration::from_secs(seconds),
            until: at(until),
        };
        let one = Breaker::Closed { failures: 1, callbacks: [key(1)].into_iter().collect() };
        let never = BreakerPolicy { failures: 0, ..POLICY };
        let short = BreakerPolicy { hold_max: Duration::from_secs(2), ..POLICY };
        for (before, policy, after) in [
            (&one, &never, &one),
            (&held(4, 20_000), &never, &Breaker::default()),
            (&probed(4, 20_000), &never, &Breaker::default()),
            (&one, &short, &one),
            (&held(4, 20_000), &short, &held(2, 2_100)),
            (&held(1, 900), &short, &held(1, 900)),
            (&probed(4, 20_000), &short, &probed(2, 2_100)),
        ] {
            let mut breaker = before.clone();
            let moved = breaker.adopt(policy, at(100));
            assert_eq!(breaker, *after, "{before:?} {policy:?}");
            let is_other = core::mem::discriminant(before) != core::mem::discriminant(after);
            assert_eq!(moved, is_other, "{before:?} {policy:?}");
        }
    }

    #[test]
    fn holds_double_up_to_the_maximum() {
        let mut breaker = Breaker::default();
        let mut now = at(0);
        for number in 0..3 {
            let _opened = breaker.apply(BreakerEvent::Failed(key(number)), &POLICY, now);
        }
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let until = now.plus(Duration::from_secs(seconds));
            assert_eq!(breaker.gate(), Gate::HeldUntil(until));
            now = until;
            assert!(breaker.apply(BreakerEvent::Granted(key(9)), &POLICY, now));
            assert_eq!(breaker.gate(), Gate::ProbedUntil(now.plus(POLICY.hold_max)));
            assert!(breaker.apply(BreakerEvent::Failed(key(9)), &POLICY, now));
        }
    }
}
