//! What can go wrong in a store, and what a store can do wrong.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::rng::PerMille;

/// What goes wrong by chance.
#[derive(Clone, Debug)]
pub struct Faults {
    /// How long a commit takes, travel and sync together.
    pub commit_delay: RangeInclusive<Duration>,
    /// How long every other call takes.
    pub read_delay: RangeInclusive<Duration>,
    /// A commit is refused and certainly not applied.
    pub rejected: PerMille,
    /// The sync of a commit fails and poisons the store.
    pub sync_failed: PerMille,
    /// The process dies during the sync of a commit.
    pub died: PerMille,
}

impl Default for Faults {
    /// Nothing goes wrong, and everything happens at once.
    fn default() -> Self {
        Self {
            commit_delay: Duration::ZERO..=Duration::ZERO,
            read_delay: Duration::ZERO..=Duration::ZERO,
            rejected: PerMille::NEVER,
            sync_failed: PerMille::NEVER,
            died: PerMille::NEVER,
        }
    }
}

/// What happens to one commit.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum CommitFault {
    /// Nothing goes wrong.
    Nothing,
    /// It takes this long, then nothing goes wrong.
    Slow(Duration),
    /// It is refused and certainly not applied.
    Reject,
    /// Somebody else takes its shards while it travels.
    Fence,
    /// Its sync fails: the store is poisoned.
    FailSync(Fate),
    /// The process dies while it is synced: every call answers as after a crash.
    Die(Fate),
}

/// What a crash leaves of a batch that was written and not synced.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The pages reached the disk all the same.
    Kept,
    /// They did not.
    Lost,
    /// The seed decides.
    Chance,
}

/// A breach of the contract of a store, to see that a simulation notices.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Lie {
    /// Answers Durable before the sync, which happens with a later batch: a crash loses
    /// acknowledged rows.
    AckBeforeSync,
    /// Syncs again after a failed sync and answers Durable, although the pages are gone.
    RetryFailedSync,
    /// Stores ended rows without the callback that they owe.
    DropOwedCallback,
}
