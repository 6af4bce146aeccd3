//! How many waiting rows are kept in memory: of one lane, and of all of them together.
//!
//! A lane may keep as many as are free beside all others, or its equal part of the whole if that is more. So
//! few lanes have windows of full size and many have small ones, whoever came first. Lanes that were large before there were many are
//! trimmed ([`super::Lanes::trim`]). What a read under way may bring counts as if it were there.

use alloc::vec::Vec;

use super::Lanes;
use super::line::{Horizon, Lane};
use crate::id::InvKey;
use crate::limits::WINDOW_PARTS;

/// The counts of all lanes.
#[derive(Copy, Clone, Debug)]
pub(super) struct Budget {
    /// Rows of one lane, at most.
    window_max: usize,
    /// Rows of all lanes together, about.
    total: usize,
    /// Rows that there are, or that reads may bring.
    rows: usize,
    /// Lanes that have rows, here or in the store.
    lanes: usize,
}

/// What was last counted of a lane.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Counted {
    rows: usize,
    has_rows: bool,
}

impl Budget {
    pub(super) fn new(window_max: usize, total: usize) -> Self {
        let mut budget = Self { window_max: 0, total: 0, rows: 0, lanes: 0 };
        budget.resize(window_max, total);
        budget
    }

    pub(super) fn resize(&mut self, window_max: usize, total: usize) {
        self.window_max = window_max.max(2);
        self.total = total;
    }

    /// Takes in what has become of a lane.
    pub(super) fn count(&mut self, lane: &mut Lane) {
        let read = lane.load.as_ref().map_or(0, |load| load.limit);
        let rows = lane.waiting.len() + read;
        let has_rows = rows > 0 || lane.horizon != Horizon::Complete;
        let was = core::mem::replace(&mut lane.counted, Counted { rows, has_rows });
        self.rows = (self.rows + rows).saturating_sub(was.rows);
        self.lanes = (self.lanes + usize::from(has_rows)).saturating_sub(usize::from(was.has_rows));
    }

    /// Rows that a lane may keep now.
    pub(super) fn window(&self) -> usize {
        let free = self.total.saturating_sub(self.rows);
        if self.window_max <= free {
            self.window_max
        } else {
            free.max(self.part()).min(self.window_max)
        }
    }

    /// The equal part of each lane that has rows.
    pub(super) fn part(&self) -> usize {
        (self.total / self.lanes.max(1)).clamp(self.least(), self.window_max)
    }

    fn least(&self) -> usize {
        (self.window_max / WINDOW_PARTS).max(2)
    }

    /// Whether lanes have so much more than their parts that it should be taken from them.
    pub(super) fn is_over(&self) -> bool {
        let wanted = self.total.max(self.lanes.saturating_mul(self.least()));
        wanted.saturating_add(wanted / 4) < self.rows
    }
}

impl Lanes {
    /// The same, with some `rows` of all lanes together in memory at most; where the parts of lanes would be very small,
    /// each keeps a 256th of a window.
    #[must_use]
    pub fn keeping(mut self, rows: usize) -> Self {
        self.budget.total = rows;
        self
    }

    /// Sends rows of the largest windows back to the store if all of them together are too many, up to `most`. The caller
    /// forgets these. More are left if there are as many.
    pub fn trim(&mut self, most: usize) -> Vec<InvKey> {
        let mut keys = Vec::new();
        if !self.budget.is_over() {
            return keys;
        }
        let part = self.budget.part();
        for lane in self.lanes.values_mut() {
            while keys.len() < most
                && let Some((_, key)) = lane.shrink_to(part)
            {
                keys.push(key);
            }
            self.budget.count(lane);
        }
        keys
    }
}
