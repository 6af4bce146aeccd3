//! What a shard has decided and not yet given to the store: since when the oldest of it waits, and how
//! many bytes of payloads there are.

use crate::admission::Admission;

/// Payloads that one commit takes before accepts have to wait for the next: a batch is a short piece of
/// work, and small beside the reserve that the store keeps on its disk.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What waits for the commit after the one that is under way.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    /// Since when, by [`Admission::now`]; nothing if nothing waits.
    since: Option<u64>,
    bytes: usize,
}

impl Lag {
    /// An accept was taken that has waited since then, with a payload of this size.
    pub(crate) fn accepted(&mut self, since: u64, bytes: usize) {
        self.since.get_or_insert(since);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether no more payloads should come before the next commit.
    pub(crate) const fn is_large(&self) -> bool {
        self.bytes >= BYTES_MAX
    }

    /// A commit takes all that waits. Since when its oldest has waited.
    pub(crate) fn taken(&mut self, admission: &Admission) -> u64 {
        self.bytes = 0;
        self.since.take().unwrap_or_else(|| admission.now())
    }

    /// What waits now, for all to see. What a commit has taken waits until it is durable.
    pub(crate) fn publish(
        &mut self,
        admission: &Admission,
        shard: u16,
        committing: Option<u64>,
        is_waiting: bool,
    ) {
        if is_waiting {
            self.since.get_or_insert_with(|| admission.now());
        } else {
            *self = Self::default();
        }
        admission.publish(shard, committing.or(self.since));
    }
}
