//! How many attempts of a function may be under way, found out from how they end.
//!
//! The limit doubles for every round in which it was used up, until something speaks against it; from
//! then on it grows by its square root. Throttling, system errors and timeouts lower it by half the part
//! that they are of a round (as DCTCP does), so that all of them halve it and one in a hundred does
//! nothing; and it shrinks by a tenth when answers take far longer than they did (after Netflix's
//! gradient limits and Vector's adaptive concurrency). Errors of the function itself are answers like
//! any other. Integers only.
//!
//! # Invariants
//!
//! Tests of the same names: `the_limit_stays_within_its_bounds`, `a_burst_of_refusals_halves_it_once`,
//! `it_finds_what_a_target_takes`, `it_does_not_grow_unused`, `a_few_errors_do_not_hold_it_down`.

use core::time::Duration;

use crate::time::Timestamp;

/// What an adaptive limit is before anything is known: enough for a function that is quick, few enough
/// for one that is not.
pub const INITIAL_LIMIT: u32 = 32;
/// No round is shorter, so that answers within a millisecond do not make a round each.
const ROUND_MIN: Duration = Duration::from_millis(20);
/// Refusals that lower it before the round is over, at least.
const CLEAR_MIN: u32 = 4;
/// A round that does not become whole is over after so many times its length.
const ROUND_LENGTHS: u32 = 4;
/// Of so many ends one may be bad without lowering it.
const BEARABLE: u64 = 20;
/// Answers that a judgement of latency needs.
const SAMPLES_MIN: u32 = 8;
/// Differences below this are noise, in microseconds.
const NOISE_US: u64 = 5_000;

/// How an attempt ended, as far as the limit depends on it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Ended {
    /// The function answered, with a success or an error of its own.
    Answered,
    /// It did not: throttled, unreachable, or too late.
    Pressed,
}

/// An adaptive limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Adaptive {
    limit: u32,
    max: u32,
    /// Up to here it doubles.
    threshold: u32,
    /// When it was last lowered by pressure. Those that began before have nothing more to say.
    lowered_at: Option<Timestamp>,
    round: Round,
    /// What an answer takes, over the rounds, in microseconds.
    mean_us: Option<u64>,
    deviation_us: u64,
}

/// What is seen between two decisions.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
struct Round {
    since: Timestamp,
    answered: u32,
    pressed: u32,
    /// What the answers took together.
    total_us: u64,
    /// The most that were under way.
    peak: u32,
    was_used_up: bool,
}

impl Adaptive {
    /// A limit of which nothing is known, never above `max`.
    #[must_use]
    pub fn new(max: u32, now: Timestamp) -> Self {
        let max = max.max(1);
        Self {
            limit: INITIAL_LIMIT.min(max),
            max,
            threshold: max,
            lowered_at: None,
            round: Round::new(now),
            mean_us: None,
            deviation_us: 0,
        }
    }

    /// Attempts that may be under way at a time, 1 to the maximum.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// From here on it is never above `max`.
    pub fn bound(&mut self, max: u32) {
        self.max = max.max(1);
        self.limit = self.limit.min(self.max);
        self.threshold = self.threshold.min(self.max);
    }

    /// An attempt that began at `began` has ended, with `busy` under way, itself included.
    pub fn ended(&mut self, how: Ended, began: Timestamp, busy: u32, now: Timestamp) {
        let round = &mut self.round;
        round.peak = round.peak.max(busy);
        match how {
            Ended::Pressed if self.lowered_at.is_some_and(|at| began < at) => return,
            Ended::Pressed => round.pressed = round.pressed.saturating_add(1),
            Ended::Answered => {
                let took = u64::try_from(now.since(began).as_micros()).unwrap_or(u64::MAX);
                round.answered = round.answered.saturating_add(1);
                round.total_us = round.total_us.saturating_add(took);
                round.was_used_up |= self.limit <= busy;
            }
        }
        let length = Duration::from_micros(self.mean_us.unwrap_or(0)).max(ROUND_MIN);
        // Half of what was under way has come back refused: that is known well enough.
        let is_clear = (self.limit.min(round.peak) / 2).max(CLEAR_MIN) <= round.pressed;
        let elapsed = now.since(round.since);
        let ends = round.answered.saturating_add(round.pressed);
        let is_long = SAMPLES_MIN <= ends && length * ROUND_LENGTHS <= elapsed;
        if is_clear || is_long || (busy <= ends && length <= elapsed) {
            self.judge(now);
        }
    }

    /// Decides at the end of a round.
    fn judge(&mut self, now: Timestamp) {
        let round = self.round;
        let (answered, pressed) = (u64::from(round.answered), u64::from(round.pressed));
        let all = (answered + pressed).max(1);
        let mean = (answered > 0).then(|| round.total_us / answered);
        if all < pressed.saturating_mul(BEARABLE) {
            // What was not in use was not what was too much; and a few ends do not say that one is.
            let used = self.limit.min(round.peak.saturating_mul(2).max(2 * CLEAR_MIN));
            let used = u64::from(used);
            let lowered = used - (used * pressed).div_ceil(2 * all).min(used);
            self.limit = u32::try_from(lowered).unwrap_or(u32::MAX).clamp(1, self.max);
            self.threshold = self.limit;
            self.lowered_at = Some(now);
        } else if round.was_used_up && mean.is_some_and(|mean| self.is_slower(mean, round.answered))
        {
            self.limit = (self.limit - self.limit.div_ceil(10)).max(1);
            self.threshold = self.limit;
        } else if round.was_used_up {
            let grown = match self.limit < self.threshold {
                true => self.limit.saturating_mul(2).min(self.threshold),
                false => self.limit.saturating_add(self.limit.isqrt().max(1)),
            };
            self.limit = grown.min(self.max);
        }
        if let Some(mean) = mean {
            self.learn(mean);
        }
        self.round = Round::new(now);
    }

    /// Twice as slow as usual, and by more than usual.
    fn is_slower(&self, mean: u64, samples: u32) -> bool {
        let Some(usual) = self.mean_us else { return false };
        let bound = usual.saturating_add(self.deviation_us.saturating_mul(5) / 2);
        let bound = bound.max(usual.saturating_mul(2)).saturating_add(NOISE_US);
        samples >= SAMPLES_MIN && bound < mean
    }

    /// Moves what is usual two fifths of the way to what this round was.
    fn learn(&mut self, mean: u64) {
        let Some(usual) = self.mean_us else {
            self.mean_us = Some(mean);
            self.deviation_us = mean / 2;
            return;
        };
        let away = usual.abs_diff(mean);
        self.mean_us = Some((usual.saturating_mul(3).saturating_add(mean.saturating_mul(2))) / 5);
        self.deviation_us =
            (self.deviation_us.saturating_mul(3).saturating_add(away.saturating_mul(2))) / 5;
    }
}

impl Round {
    fn new(now: Timestamp) -> Self {
        Self { since: now, answered: 0, pressed: 0, total_us: 0, peak: 0, was_used_up: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    proptest! {
        #[test]
        fn the_limit_stays_within_its_bounds(
            max in 1u32..500,
            ends in proptest::collection::vec((any::<bool>(), 0i64..2_000, 0u32..600, 0i64..50), 1..300),
        ) {
            let mut limit = Adaptive::new(max, at(0));
            let mut now = 10_000;
            for (is_pressed, took, busy, pause) in ends {
                now += pause;
                let how = if is_pressed { Ended::Pressed } else { Ended::Answered };
                limit.ended(how, at(now - took), busy, at(now));
                prop_assert!((1..=max).contains(&limit.limit()));
            }
        }
    }

    #[test]
    fn a_burst_of_refusals_halves_it_once() {
        let mut limit = Adaptive::new(256, at(0));
        for _ in 0..32 {
            limit.ended(Ended::Pressed, at(10), 32, at(15));
        }
        assert_eq!(limit.limit(), 16);
        for _ in 0..16 {
            limit.ended(Ended::Pressed, at(16), 16, at(20));
        }
        assert_eq!(limit.limit(), 8);
    }

    #[test]
    fn a_few_errors_do_not_hold_it_down() {
        let mut limit = Adaptive::new(256, at(0));
        let mut number = 0;
        for round in 0..200 {
            let busy = limit.limit();
            for _ in 0..busy {
                number += 1;
                let how = if number % 50 == 0 { Ended::Pressed } else { Ended::Answered };
                limit.ended(how, at(round * 50), busy, at((round + 1) * 50));
            }
        }
        assert!(limit.limit() > 200, "{}", limit.limit());
    }

    /// A target that answers in 50 ms and refuses what is beyond its own limit.
    fn rounds(limit: &mut Adaptive, takes: u32, rounds: i64, from: i64) -> (u32, u32) {
        let (mut refused, mut answered) = (0, 0);
        for round in 0..rounds {
            let (began, ended) = (from + round * 50, from + (round + 1) * 50);
            let busy = limit.limit();
            // What is refused is back at once.
            for _ in takes..busy {
                refused += 1;
                limit.ended(Ended::Pressed, at(began), busy, at(began + 1));
            }
            for _ in 0..busy.min(takes) {
                answered += 1;
                limit.ended(Ended::Answered, at(began), busy, at(ended));
            }
        }
        (refused, answered)
    }

    #[test]
    fn it_finds_what_a_target_takes() {
        let mut limit = Adaptive::new(256, at(0));
        let (refused, answered) = rounds(&mut limit, 20, 400, 0);
        assert!((8..=26).contains(&limit.limit()), "{}", limit.limit());
        assert!(refused * 4 < answered, "{refused} refused, {answered} answered");
        // It gets well: the limit grows back to all that is allowed.
        rounds(&mut limit, 1_000, 200, 1_000_000);
        assert_eq!(limit.limit(), 256);
    }

    #[test]
    fn it_does_not_grow_unused() {
        let mut limit = Adaptive::new(256, at(0));
        for round in 0..100 {
            limit.ended(Ended::Answered, at(round * 50), 3, at((round + 1) * 50));
        }
        assert_eq!(limit.limit(), INITIAL_LIMIT);
    }

    #[test]
    fn answers_that_take_far_longer_than_they_did_lower_it() {
        let mut limit = Adaptive::new(64, at(0));
        rounds(&mut limit, 1_000, 40, 0);
        assert_eq!(limit.limit(), 64);
        for _ in 0..64 {
            limit.ended(Ended::Answered, at(10_000), 64, at(11_000));
        }
        assert!(limit.limit() < 64);
    }
}
