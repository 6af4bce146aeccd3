//! Sending a callback anew that was given up: who asked for it, when, and what came of it.
//!
//! A redrive turns what was kept back into a live row that owes its callback. The row's event is
//! then the very message that was kept, so a function never runs again for it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::callback::Callback;
use crate::fault::shortened;
use crate::id::Attempt;
use crate::limits::{REDRIVEN_BY_MAX, REDRIVES_KEPT_MAX};
use crate::time::Timestamp;

/// The redrives of one callback. The last [`REDRIVES_KEPT_MAX`] of them are kept.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Redrives {
    count: u32,
    recent: Vec<Redrive>,
}

/// One redrive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redrive {
    /// When the callback became owed again.
    pub at: Timestamp,
    /// Who asked: an operation, or the name of a caller.
    pub by: Box<str>,
    /// What came of it; `None` while it is under way.
    pub end: Option<RedriveEnd>,
}

/// What came of a redrive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RedriveEnd {
    /// When.
    pub at: Timestamp,
    /// Tries it took.
    pub tried: Attempt,
    /// The code of the error it was given up with; `None` if it was delivered.
    pub code: Option<Box<str>>,
}

impl Redrives {
    /// Restores what a store has kept.
    #[must_use]
    pub fn from_parts(count: u32, recent: Vec<Redrive>) -> Self {
        Self { count, recent }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The last ones, oldest first.
    #[must_use]
    pub fn recent(&self) -> &[Redrive] {
        &self.recent
    }

    /// Another one begins.
    pub fn begin(&mut self, by: &str, now: Timestamp) {
        self.count = self.count.saturating_add(1);
        if self.recent.len() >= REDRIVES_KEPT_MAX {
            self.recent.remove(0);
        }
        let by = shortened(by, REDRIVEN_BY_MAX).into();
        self.recent.push(Redrive { at: now, by, end: None });
    }

    /// The last one ended as `callback` says; does nothing while that is owed.
    pub fn end(&mut self, callback: &Callback) {
        let end = match callback {
            Callback::Delivered { tried, at, .. } => {
                RedriveEnd { at: *at, tried: *tried, code: None }
            }
            Callback::Failed { tried, at, error } => {
                RedriveEnd { at: *at, tried: *tried, code: Some(error.code.clone()) }
            }
            Callback::None | Callback::Owed { .. } | Callback::Calling { .. } => return,
        };
        if let Some(last) = self.recent.last_mut() {
            last.end = Some(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    #[test]
    fn the_last_redrives_are_kept_and_all_are_counted() {
        let mut redrives = Redrives::default();
        for round in 0..REDRIVES_KEPT_MAX + 3 {
            let now = Timestamp::from_millis(i64::try_from(round).unwrap());
            redrives.begin("night-shift", now);
            redrives.end(&Callback::owed(now));
            assert_eq!(redrives.recent().last().unwrap().end, None);
            let error = Fault::new("QueueNotExist", "no such queue", 404);
            redrives.end(&Callback::Failed { tried: Attempt(2), at: now, error });
        }
        assert_eq!(redrives.recent().len(), REDRIVES_KEPT_MAX);
        assert_eq!(redrives.count() as usize, REDRIVES_KEPT_MAX + 3);
        let last = redrives.recent().last().unwrap();
        let end = last.end.as_ref().unwrap();
        assert_eq!((end.tried, end.code.as_deref()), (Attempt(2), Some("QueueNotExist")));
        assert_eq!(redrives.recent()[0].at, Timestamp::from_millis(3));
    }

    #[test]
    fn whoever_asked_is_kept_at_a_bounded_length() {
        let mut redrives = Redrives::default();
        redrives.begin(&"ü".repeat(REDRIVEN_BY_MAX), Timestamp::from_millis(1));
        assert!(redrives.recent()[0].by.len() <= REDRIVEN_BY_MAX);
    }
}
