//! Pauses: an operator holds a lane, and the time of what was tried already stands still.
//!
//! # Invariants
//!
//! Each has a test of the same name: `a_pause_costs_no_time`, `nothing_ends_while_paused`.

use alloc::vec::Vec;
use core::time::Duration;

use crate::limits::PAUSES_KEPT_MAX;
use crate::time::Timestamp;

/// Whether a lane is held by an operator, and when it was. The last [`PAUSES_KEPT_MAX`] pauses that are
/// over are known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pauses {
    since: Option<Timestamp>,
    past: Vec<(Timestamp, Timestamp)>,
}

static NEVER: Pauses = Pauses::NONE;

impl Pauses {
    /// Those of a lane that nobody ever held.
    pub const NONE: Self = Self { since: None, past: Vec::new() };

    /// [`Pauses::NONE`], for whoever needs to borrow it.
    #[must_use]
    pub fn never() -> &'static Self {
        &NEVER
    }

    /// Restores what a store has kept: since when the lane is held, and the pauses that are over.
    #[must_use]
    pub fn from_parts(since: Option<Timestamp>, past: Vec<(Timestamp, Timestamp)>) -> Self {
        Self { since, past }
    }

    /// Since when the lane is held; `None` while it is not.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// The pauses that are over, oldest first.
    #[must_use]
    pub fn past(&self) -> &[(Timestamp, Timestamp)] {
        &self.past
    }

    /// Whether the lane is held.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.since.is_some()
    }

    /// A pause begins. `false` if one is under way already.
    pub fn begin(&mut self, now: Timestamp) -> bool {
        let begins = self.since.is_none();
        self.since.get_or_insert(now);
        begins
    }

    /// The pause ends. `false` if there is none.
    pub fn end(&mut self, now: Timestamp) -> bool {
        let Some(since) = self.since.take() else { return false };
        if self.past.len() >= PAUSES_KEPT_MAX {
            self.past.remove(0);
        }
        self.past.push((since, now.max(since)));
        true
    }

    /// When `span` is over that began at `from` and does not run during pauses; `None` while one is
    /// under way.
    #[must_use]
    pub fn over(&self, from: Timestamp, span: Duration) -> Option<Timestamp> {
        if self.is_paused() {
            return None;
        }
        let mut over = from.plus(span);
        for (begun, ended) in &self.past {
            let begun = (*begun).max(from);
            if begun <= over {
                over = over.plus(ended.since(begun));
            }
        }
        Some(over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(100);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn a_pause_costs_no_time() {
        for (past, over) in [
            (&[][..], 1_100),
            (&[(500, 900)], 1_100),
            (&[(900, 1_020)], 1_120),
            (&[(1_050, 1_150)], 1_200),
            (&[(1_100, 1_150)], 1_150),
            (&[(1_101, 1_150)], 1_100),
            (&[(1_050, 1_150), (1_190, 1_200), (1_300, 1_400)], 1_210),
        ] {
            let past = past.iter().map(|(from, to)| (at(*from), at(*to))).collect();
            let pauses = Pauses::from_parts(None, past);
            assert_eq!(pauses.over(at(1_000), SPAN), Some(at(over)), "{pauses:?}");
        }
        assert_eq!(Pauses::never().over(at(5), SPAN), Some(at(105)));
    }

    #[test]
    fn nothing_ends_while_paused() {
        let mut pauses = Pauses::default();
        assert!(pauses.begin(at(10)));
        assert!(!pauses.begin(at(20)));
        assert_eq!(pauses.since(), Some(at(10)));
        assert_eq!(pauses.over(at(0), SPAN), None);
        assert!(pauses.end(at(60)));
        assert!(!pauses.end(at(70)));
        assert_eq!(pauses.over(at(0), SPAN), Some(at(150)));
    }

    #[test]
    fn the_last_pauses_are_known() {
        let mut pauses = Pauses::default();
        for round in 0..20 {
            pauses.begin(at(round * 10));
            pauses.end(at(round * 10 + 5));
        }
        assert_eq!(pauses.past().len(), PAUSES_KEPT_MAX);
        assert_eq!(pauses.past().last(), Some(&(at(190), at(195))));
    }
}
