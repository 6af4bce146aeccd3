//! How many attempts of a function may be under way, found out from how they end.
//!
//! The limit doubles for every round in which it was used up, until something speaks against it; from
//! then on it grows by its square root. Throttling, system errors and timeouts lower it by half the part
//! that they are of a round (as DCTCP does), so that all of them halve it and one in a hundred does
//! nothing. Errors of the function itself are answers like any other. Integers only.
//!
//! Latency is compared with the best that is known (after Netflix's gradient limits and Vector's adaptive
//! concurrency): half as much again, and the limit grows no further. Twice as much, and a *trial* asks why, with half
//! the limit for one round: where answers come sooner they stood in a queue, and the limit stays down until they no longer do;
//! where they do not it is what the function takes now, and the limit is what it was. So is the best found out
//! at first, and every so often anew.
//!
//! # Invariants
//!
//! Tests of the same names: `the_limit_stays_within_its_bounds`, `a_burst_of_refusals_halves_it_once`,
//! `it_finds_what_a_target_takes`, `it_does_not_grow_unused`, `a_few_errors_do_not_hold_it_down`,
//! `a_target_that_queues_is_not_overrun`, `a_function_that_takes_longer_keeps_its_limit`.

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
/// Answers that a judgement of latency needs, if the limit is not lower.
const SAMPLES_MIN: u32 = 8;
/// Rounds that were used up until the best latency is found out anew.
const TRIAL_EVERY: u32 = 128;
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
    /// When it was last changed. What began before took as long as it did under another limit.
    changed_at: Option<Timestamp>,
    /// From here on those that take long have ended too. Before, those that were quick are most of what is seen.
    settled_at: Timestamp,
    round: Round,
    /// What an answer takes, over the last rounds, in microseconds.
    mean_us: Option<u64>,
    /// What it takes where nothing stands in a queue, as far as is known.
    best_us: Option<u64>,
    trial: Option<Trial>,
    /// Rounds that were used up since the last trial.
    rounds: u32,
}

/// A round with half the limit.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
struct Trial {
    /// The limit before.
    limit: u32,
    /// What an answer took then.
    mean_us: u64,
}

/// What is seen between two decisions.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
struct Round {
    since: Timestamp,
    answered: u32,
    pressed: u32,
    /// Those of them that began under this limit, and what they took together.
    samples: u32,
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
            changed_at: None,
            settled_at: now,
            round: Round::new(now),
            mean_us: None,
            best_us: None,
            trial: None,
            rounds: 0,
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
        if let Some(trial) = &mut self.trial {
            trial.limit = trial.limit.min(self.max);
        }
    }

    /// An attempt that began at `began` has ended, with `busy` under way, itself included.
    pub fn ended(&mut self, how: Ended, began: Timestamp, busy: u32, now: Timestamp) {
        let round = &mut self.round;
        round.peak = round.peak.max(busy);
        match how {
            Ended::Pressed if self.lowered_at.is_some_and(|at| began < at) => return,
            Ended::Pressed => round.pressed = round.pressed.saturating_add(1),
            Ended::Answered => {
                round.answered = round.answered.saturating_add(1);
                round.was_used_up |= self.limit <= busy;
                let is_early = self.trial.is_some() && now < self.settled_at;
                if self.changed_at.is_some_and(|at| at <= began) && !is_early {
                    let took = u64::try_from(now.since(began).as_micros()).unwrap_or(u64::MAX);
                    round.samples = round.samples.saturating_add(1);
                    round.total_us = round.total_us.saturating_add(took);
                }
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
        let mean = (round.samples > 0).then(|| round.total_us / u64::from(round.samples));
        let limit = self.limit;
        if all < pressed.saturating_mul(BEARABLE) {
            // What was not in use was not what was too much; and a few ends do not say that one is.
            let used = self.limit.min(round.peak.saturating_mul(2).max(2 * CLEAR_MIN));
            let used = u64::from(used);
            let lowered = used - (used * pressed).div_ceil(2 * all).min(used);
            self.limit = u32::try_from(lowered).unwrap_or(u32::MAX).clamp(1, self.max);
            self.threshold = self.limit;
            self.lowered_at = Some(now);
            // What a trial would have shown is answered.
            self.trial = None;
        } else if let Some(mean) = mean {
            self.heed(mean);
        }
        if let Some(mean) = mean {
            let usual = self.mean_us.unwrap_or(mean);
            self.mean_us =
                Some((usual.saturating_mul(3).saturating_add(mean.saturating_mul(2))) / 5);
        }
        self.round = Round::new(now);
        // Those that the first round is of found nobody before them.
        if self.limit != limit || self.changed_at.is_none() {
            self.changed_at = Some(now);
            self.settled_at = now.plus(Duration::from_micros(self.mean_us.unwrap_or(0)) * 2);
        }
    }

    /// Grows or not, as the latency of a round without pressure says.
    fn heed(&mut self, mean: u64) {
        if !self.round.was_used_up {
            // Nothing is to be learned from a limit that nobody needs.
            if let Some(trial) = self.trial.take() {
                self.limit = trial.limit;
            }
            return;
        }
        let is_known = SAMPLES_MIN.min(self.limit) <= self.round.samples;
        if !is_known {
            return;
        }
        if let Some(trial) = self.trial.take() {
            return self.end_trial(trial, mean);
        }
        self.rounds += 1;
        match self.best_us {
            None => self.try_half(mean),
            Some(best) if exceeds(mean, best.saturating_mul(2)) => self.try_half(mean),
            Some(_) if TRIAL_EVERY < self.rounds => self.try_half(mean),
            Some(best) if exceeds(mean, best.saturating_mul(3) / 2) => {}
            Some(best) => {
                self.learn(best, mean);
                self.grow();
            }
        }
    }

    fn grow(&mut self) {
        let grown = match self.limit < self.threshold {
            true => self.limit.saturating_mul(2).min(self.threshold),
            false => self.limit.saturating_add(self.limit.isqrt().max(1)),
        };
        self.limit = grown.min(self.max);
    }

    /// Has a round with half the limit. Below one there is nothing to try.
    fn try_half(&mut self, mean_us: u64) {
        self.rounds = 0;
        self.best_us = None;
        if self.limit == 1 {
            self.best_us = Some(mean_us);
            self.grow();
            return;
        }
        self.trial = Some(Trial { limit: self.limit, mean_us });
        self.limit /= 2;
    }

    /// Goes on with trials as long as answers come the sooner the lower the limit is.
    fn end_trial(&mut self, trial: Trial, mean: u64) {
        if exceeds(trial.mean_us, mean.saturating_mul(4) / 3) {
            self.threshold = self.limit;
            self.try_half(mean);
        } else {
            self.best_us = Some(mean);
            self.limit = trial.limit;
        }
    }

    /// The best follows what is better soon, and what is not much worse slowly.
    fn learn(&mut self, best: u64, mean: u64) {
        if self.round.since < self.settled_at {
            return;
        }
        self.best_us = Some(match mean < best {
            true => best - (best - mean) / 4,
            false => best + (mean - best) / 32,
        });
    }
}

/// Whether a latency is above a bound by more than noise.
fn exceeds(mean: u64, bound: u64) -> bool {
    bound.saturating_add(NOISE_US) < mean
}

impl Round {
    fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            answered: 0,
            pressed: 0,
            samples: 0,
            total_us: 0,
            peak: 0,
            was_used_up: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec;
    use alloc::vec::Vec;
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

    /// A target with some workers, which always has more work than they can do.
    struct Target {
        limit: Adaptive,
        now: i64,
        /// When each worker is free.
        workers: Vec<i64>,
        /// When attempts end, and when they began.
        under_way: BTreeSet<(i64, u64, i64)>,
        sent: u64,
    }

    impl Target {
        fn new(workers: usize) -> Self {
            Self {
                limit: Adaptive::new(256, at(0)),
                now: 0,
                workers: vec![0; workers],
                under_way: BTreeSet::new(),
                sent: 0,
            }
        }

        /// Answers for so many milliseconds. Returns how many.
        fn work(&mut self, ms: i64, takes: impl Fn(u64) -> i64) -> u64 {
            let (until, mut answered) = (self.now + ms, 0);
            while self.now < until {
                while u32::try_from(self.under_way.len()).unwrap() < self.limit.limit() {
                    let worker = self.workers.iter_mut().min().unwrap();
                    *worker = self.now.max(*worker) + takes(self.sent);
                    self.under_way.insert((*worker, self.sent, self.now));
                    self.sent += 1;
                }
                let (ends, _, began) = self.under_way.pop_first().unwrap();
                self.now = ends;
                let busy = u32::try_from(self.under_way.len()).unwrap() + 1;
                self.limit.ended(Ended::Answered, at(began), busy, at(ends));
                answered += 1;
            }
            answered
        }
    }

    /// One hash after another.
    fn random(number: u64) -> u64 {
        let hash = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (hash ^ hash >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
    }

    #[test]
    fn a_target_that_queues_is_not_overrun() {
        for (workers, ms) in [(1, 20), (1, 500), (2, 100), (4, 50), (8, 200), (20, 50), (60, 100)] {
            for is_even in [true, false] {
                let takes = |number| match is_even {
                    true => ms,
                    // From a half to one and a half of it.
                    false => ms / 2 + i64::try_from(random(number)).unwrap() % ms,
                };
                let mut target = Target::new(workers);
                target.work(300 * ms, takes);
                let mut most = 0;
                let (mut answered, steps) = (0, 400);
                for _ in 0..steps {
                    answered += target.work(5 * ms, takes);
                    most = most.max(target.limit.limit());
                }
                let workers = u32::try_from(workers).unwrap();
                assert!(most <= 3 * workers + 4, "{workers} of {ms} ms, {is_even}: {most}");
                let possible = u64::from(workers) * 5 * steps;
                assert!(
                    possible * 9 / 10 <= answered,
                    "{workers}, {is_even}: {answered} of {possible}"
                );
            }
        }
    }

    #[test]
    fn a_function_that_takes_longer_keeps_its_limit() {
        let mut target = Target::new(1_000);
        target.work(3_000, |_| 50);
        assert_eq!(target.limit.limit(), 256);
        // Ten times as long, and that is not for want of workers.
        target.work(20_000, |_| 500);
        assert_eq!(target.limit.limit(), 256);
        let mut least = 256;
        for _ in 0..100 {
            target.work(1_000, |number| 20 + i64::try_from(random(number)).unwrap() % 1_000);
            least = least.min(target.limit.limit());
        }
        assert!(128 <= least, "{least}");
    }
}
