//! How far a shard's commits are behind: since when the oldest of what is not durable yet waits.

use crate::admission::Admission;

/// What waits for the commit after the one that is under way.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    /// Since when, by [`Admission::now`]; nothing if nothing waits.
    since: Option<u64>,
}

impl Lag {
    /// An accept was taken that has waited since then.
    pub(crate) fn accepted(&mut self, since: u64) {
        self.since.get_or_insert(since);
    }

    /// A commit takes all that waits. Since when its oldest has waited.
    pub(crate) fn taken(&mut self, admission: &Admission) -> u64 {
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
            self.since = None;
        }
        admission.publish(shard, committing.or(self.since));
    }
}
