//! What a double is told to do wrong, step by step and destination by destination.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::server::Answer;

/// What happens to one request that the service would have taken. What it would refuse, it refuses,
/// and no step is spent.
#[derive(Clone, Debug)]
pub struct Step {
    /// How long it lies there first.
    pub delay: Duration,
    /// Whether the message is taken all the same.
    pub is_taken: bool,
    /// What the sender gets to know.
    pub then: Then,
}

/// What the sender gets to know.
#[derive(Clone, Debug)]
pub enum Then {
    /// What the service answers.
    Own,
    /// This.
    Answer(Answer),
    /// Nothing; the connection stays open until the double ends or the sender leaves.
    Withhold,
    /// Nothing; the connection is closed.
    Close,
}

impl Step {
    /// Taken and answered late.
    #[must_use]
    pub fn slow(delay: Duration) -> Self {
        Self { delay, is_taken: true, then: Then::Own }
    }

    /// Not taken, and answered so: an error of the service's table, or anything else.
    #[must_use]
    pub fn answer(answer: Answer) -> Self {
        Self { delay: Duration::ZERO, is_taken: false, then: Then::Answer(answer) }
    }

    /// Taken, and answered so.
    #[must_use]
    pub fn take_and_answer(answer: Answer) -> Self {
        Self { delay: Duration::ZERO, is_taken: true, then: Then::Answer(answer) }
    }

    /// Taken, but the sender waits for the answer in vain.
    #[must_use]
    pub fn withhold() -> Self {
        Self { delay: Duration::ZERO, is_taken: true, then: Then::Withhold }
    }

    /// Taken, but the connection ends before the answer.
    #[must_use]
    pub fn close() -> Self {
        Self { delay: Duration::ZERO, is_taken: true, then: Then::Close }
    }
}

/// What a double is told to do. Clones share it. Without steps it does what the service does.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: Arc<Mutex<Steps>>,
}

/// The steps of each destination, with how often each is still to be done.
type Steps = BTreeMap<String, VecDeque<(Step, u32)>>;

impl Script {
    /// Adds a step for the next `times` requests to `destination`, after those that it has already.
    pub fn add(&self, destination: &str, step: Step, times: u32) {
        if times > 0 {
            self.steps().entry(destination.to_owned()).or_default().push_back((step, times));
        }
    }

    /// Forgets the steps of a destination.
    pub fn clear(&self, destination: &str) {
        self.steps().remove(destination);
    }

    pub(crate) fn next(&self, destination: &str) -> Option<Step> {
        let mut steps = self.steps();
        let queue = steps.get_mut(destination)?;
        let (step, times) = queue.front_mut()?;
        let step = step.clone();
        *times -= 1;
        if *times == 0 {
            queue.pop_front();
        }
        Some(step)
    }

    fn steps(&self) -> std::sync::MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spent_in_order_each_destination_its_own() {
        let script = Script::default();
        script.add("a", Step::withhold(), 2);
        script.add("a", Step::close(), 1);
        script.add("b", Step::close(), 0);
        assert!(matches!(script.next("a"), Some(Step { then: Then::Withhold, .. })));
        assert!(script.next("b").is_none());
        assert!(matches!(script.next("a"), Some(Step { then: Then::Withhold, .. })));
        assert!(matches!(script.next("a"), Some(Step { then: Then::Close, .. })));
        assert!(script.next("a").is_none());
        script.add("a", Step::close(), 5);
        script.clear("a");
        assert!(script.next("a").is_none());
    }
}
