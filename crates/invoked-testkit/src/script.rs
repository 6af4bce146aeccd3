//! What a scripted function or destination is told to do: step by step, or by seeded chance.
//!
//! A [`Script`] goes by how often the same request has come, so "fail twice, then succeed" holds
//! over crashes and repeated attempt numbers. [`Chances`] hash seed, request and count, so that the
//! choice for one request does not depend on what else is going on.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::id::{InvKey, RequestId, mix};

use crate::rng::{PerMille, Rng};

/// One answer: it takes a while, then it ends so.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step<E> {
    /// How long it takes.
    pub after: Duration,
    /// How it ends.
    pub ending: E,
}

/// Answers in their order; the last one repeats.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script<E> {
    steps: Vec<Step<E>>,
    last: Step<E>,
}

/// Answers by chance.
#[derive(Clone, Debug)]
pub struct Chances<E> {
    seed: u64,
    delay: RangeInclusive<Duration>,
    endings: Vec<(PerMille, E)>,
    otherwise: E,
}

/// Where answers come from.
#[derive(Clone, Debug)]
pub enum Source<E> {
    /// Step by step.
    Script(Script<E>),
    /// By chance.
    Chances(Chances<E>),
}

impl<E: Clone> Script<E> {
    /// Always this, at once.
    #[must_use]
    pub fn always(ending: E) -> Self {
        Self::slowly(Duration::ZERO, ending)
    }

    /// Always this, after a while.
    #[must_use]
    pub fn slowly(after: Duration, ending: E) -> Self {
        Self { steps: Vec::new(), last: Step { after, ending } }
    }

    /// So many times `first`, before what the script says so far.
    #[must_use]
    pub fn after_times(mut self, times: usize, first: E) -> Self {
        let step = Step { after: Duration::ZERO, ending: first };
        self.steps.splice(0..0, std::iter::repeat_n(step, times));
        self
    }

    /// The answer to the request that comes for the time `count`, counted from 0.
    #[must_use]
    pub fn step(&self, count: usize) -> Step<E> {
        self.steps.get(count).unwrap_or(&self.last).clone()
    }
}

impl<E: Clone> Chances<E> {
    /// At once and always `otherwise`, until told more.
    #[must_use]
    pub fn new(seed: u64, otherwise: E) -> Self {
        Self { seed, delay: Duration::ZERO..=Duration::ZERO, endings: Vec::new(), otherwise }
    }

    /// Answers take this long.
    #[must_use]
    pub fn taking(mut self, delay: RangeInclusive<Duration>) -> Self {
        self.delay = delay;
        self
    }

    /// Sometimes it ends so. Of several, the first that happens counts.
    #[must_use]
    pub fn sometimes(mut self, chance: PerMille, ending: E) -> Self {
        self.endings.push((chance, ending));
        self
    }

    /// The answer to the request that comes for the time `count`, counted from 0.
    #[must_use]
    pub fn step(&self, request_id: RequestId, count: usize) -> Step<E> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let seed = mix(InvKey(request_id.0), self.seed.wrapping_add(count));
        let mut rng = Rng::new(seed);
        let after = rng.span(&self.delay);
        let happened = self.endings.iter().find(|(chance, _)| rng.happens(*chance));
        let ending = happened.map_or_else(|| self.otherwise.clone(), |(_, ending)| ending.clone());
        Step { after, ending }
    }
}

impl<E> From<Script<E>> for Source<E> {
    fn from(script: Script<E>) -> Self {
        Self::Script(script)
    }
}

impl<E> From<Chances<E>> for Source<E> {
    fn from(chances: Chances<E>) -> Self {
        Self::Chances(chances)
    }
}

/// All sources, and how often each request has come.
#[derive(Debug)]
pub(crate) struct Plans<E> {
    by_default: Source<E>,
    by_text: BTreeMap<Bytes, Source<E>>,
    by_request: BTreeMap<RequestId, Source<E>>,
    counts: BTreeMap<RequestId, usize>,
}

impl<E: Clone> Plans<E> {
    pub(crate) fn new(by_default: Source<E>) -> Self {
        let (by_text, by_request, counts) = Default::default();
        Self { by_default, by_text, by_request, counts }
    }

    pub(crate) fn set_default(&mut self, source: Source<E>) {
        self.by_default = source;
    }

    pub(crate) fn set_text(&mut self, text: Bytes, source: Source<E>) {
        self.by_text.insert(text, source);
    }

    pub(crate) fn set_request(&mut self, request_id: RequestId, source: Source<E>) {
        self.by_request.insert(request_id, source);
    }

    /// What to answer now. The request's own source comes first, then that of its text.
    pub(crate) fn next(&mut self, request_id: RequestId, text: &[u8]) -> Step<E> {
        let counted = self.counts.entry(request_id).or_default();
        let count = *counted;
        *counted += 1;
        let by_text = || self.by_text.get(text);
        let own = self.by_request.get(&request_id).or_else(by_text);
        match own.unwrap_or(&self.by_default) {
            Source::Script(script) => script.step(count),
            Source::Chances(chances) => chances.step(request_id, count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_goes_by_how_often_the_same_request_has_come() {
        let mut plans = Plans::new(Script::always('+').after_times(2, '-').into());
        plans.set_text(Bytes::from_static(b"x"), Script::always('!').into());
        let (one, two) = (RequestId([1; 16]), RequestId([2; 16]));
        let one: String = (0..4).map(|_| plans.next(one, b"").ending).collect();
        assert_eq!(one, "--++");
        assert_eq!(plans.next(two, b"").ending, '-');
        assert_eq!(plans.next(two, b"x").ending, '!');
    }

    #[test]
    fn chances_depend_on_seed_request_and_count_only() {
        let chances = |seed| Chances::new(seed, '+').sometimes(PerMille(500), '-');
        let of = |seed| -> String {
            (0..64).map(|count| chances(seed).step(RequestId([3; 16]), count).ending).collect()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert!(of(1).contains('-') && of(1).contains('+'));
    }
}
