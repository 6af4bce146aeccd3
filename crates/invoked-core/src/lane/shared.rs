//! Slots that all lanes share, and how many of them one lane may have.

/// The slots.
#[derive(Copy, Clone, Debug)]
pub(super) struct Shared {
    /// Those that no lane has.
    free: u32,
    /// How many of these are kept for lanes that have none.
    reserve: u32,
}

impl Shared {
    /// As many as `slots`, a quarter of them kept for lanes that have none.
    pub(super) fn new(slots: u32) -> Self {
        Self { free: slots, reserve: slots / 4 }
    }

    /// Whether a lane with `busy` of them may have another.
    pub(super) fn has_room_for(self, busy: u32) -> bool {
        match busy {
            0 => self.free > 0,
            _ => busy < self.free.saturating_sub(self.reserve),
        }
    }

    pub(super) fn take(&mut self) {
        self.free = self.free.saturating_sub(1);
    }

    pub(super) fn give_back(&mut self) {
        self.free += 1;
    }
}
