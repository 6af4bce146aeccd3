//! Request ids for answers that no invocation stands behind.

use std::sync::atomic::{AtomicU64, Ordering};

use invoked_core::id::{InvKey, RequestId, ShardId, mix};
use invoked_core::time::Timestamp;

/// Makes ids in the form of the engine's own. They differ within a process by a counter and between
/// processes by the time.
#[derive(Debug, Default)]
pub(crate) struct RequestIds {
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn next(&self, now: Timestamp) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        InvKey::generated(ShardId(u16::MAX), now, mix(InvKey::MAX, count)).into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_of_one_moment_differ() {
        let ids = RequestIds::default();
        let now = Timestamp::from_millis(1_800_000_000_000);
        let made: BTreeSet<_> = (0..10_000).map(|_| ids.next(now)).collect();
        assert_eq!(made.len(), 10_000);
    }
}
