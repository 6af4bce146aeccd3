//! Slots that all lanes share, and how many of them one lane, or one tenant, may have.
//!
//! Whoever has none gets one while any is free. Whoever has some gets another only while he has fewer
//! than a multiple of those that are free beyond a reserve (the dynamic threshold of shared buffers in
//! switches, after Choudhury and Hahne). So however many never give theirs back, there is room for the
//! next one, and one alone may have most of them.

/// The slots.
#[derive(Copy, Clone, Debug)]
pub(super) struct Shared {
    /// Those that no lane has.
    free: u32,
    /// How many of these are kept for those that have none.
    reserve: u32,
    /// How many times the free ones one may have.
    factor: u32,
}

impl Shared {
    /// For callbacks: a quarter is kept, and one has no more than are free.
    pub(super) fn careful(slots: u32) -> Self {
        Self { free: slots, reserve: slots / 4, factor: 1 }
    }

    /// For attempts: a sixteenth is kept, and one alone has at most three quarters.
    pub(super) fn generous(slots: u32) -> Self {
        Self { free: slots, reserve: slots / 16, factor: 4 }
    }

    /// Whether one with `busy` of them may have another.
    pub(super) fn has_room_for(self, busy: u32) -> bool {
        match busy {
            0 => self.free > 0,
            _ => busy < self.factor.saturating_mul(self.free.saturating_sub(self.reserve)),
        }
    }

    pub(super) fn take(&mut self) {
        self.free = self.free.saturating_sub(1);
    }

    pub(super) fn give_back(&mut self) {
        self.free += 1;
    }
}
