//! Slots that all lanes share, and how many of them one lane, or one tenant, may have.
//!
//! Whoever has none gets one while any is free. Whoever has some gets another only while he has fewer
//! than a multiple of those that are free beyond a reserve (the dynamic threshold of shared buffers in
//! switches, after Choudhury and Hahne). So however many never give theirs back, there is room for the
//! next one, and one alone may have most of them.

/// The slots.
#[derive(Copy, Clone, Debug)]
pub(super) struct Shared {
    /// How many there are.
    slots: u32,
    /// How many of them lanes have. More than there are, after some were taken away.
    busy: u32,
    /// The part of them that is the reserve: one in so many.
    reserve_part: u32,
    /// How many times the free ones one may have.
    factor: u32,
}

impl Shared {
    /// For callbacks: a quarter is kept, and one has no more than are free.
    pub(super) fn careful(slots: u32) -> Self {
        Self { slots, busy: 0, reserve_part: 4, factor: 1 }
    }

    /// For attempts: a sixteenth is kept, and one alone has at most three quarters.
    pub(super) fn generous(slots: u32) -> Self {
        Self { slots, busy: 0, reserve_part: 16, factor: 4 }
    }

    /// From here on there are so many. Those that lanes have above that come back one by one.
    pub(super) fn resize(&mut self, slots: u32) {
        self.slots = slots;
    }

    /// Whether one with `busy` of them may have another.
    pub(super) fn has_room_for(self, busy: u32) -> bool {
        let free = self.slots.saturating_sub(self.busy);
        let reserve = self.slots / self.reserve_part;
        match busy {
            0 => free > 0,
            _ => busy < self.factor.saturating_mul(free.saturating_sub(reserve)),
        }
    }

    pub(super) fn take(&mut self) {
        self.busy += 1;
    }

    pub(super) fn give_back(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }
}
