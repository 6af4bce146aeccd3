//! Reads of rows and of their payloads, which many share.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use invoked_core::id::InvKey;
use invoked_core::lane::LoadWanted;
use invoked_core::shard::BytesWanted;
use invoked_store::{Store, StoreError};

use super::ShardTask;
use super::work::Done;

/// Reads of one kind that are under way at once: the next one goes on while the last is waited for.
const UNDER_WAY_MAX: usize = 2;
/// Pages of lanes that are read at once. Each is the work of a thread, and takes its memory: a start wants one of each lane.
const PAGES_MAX: usize = 4;

/// What is to be read. While enough reads are under way, the next one grows, as a commit does: each costs the waking of
/// a thread, and a drain would make one for every invocation.
#[derive(Default)]
pub(crate) struct Reads {
    pub(super) rows: Gathering<InvKey>,
    pub(super) bytes: Gathering<BytesWanted>,
    pub(super) pages: Pages,
}

/// Pages of lanes, each of which is a read of its own.
#[derive(Default)]
pub(super) struct Pages {
    under_way: usize,
    /// Each lane has one at most.
    wanted: VecDeque<LoadWanted>,
}

impl Pages {
    /// Notes what is to be read when it is its turn.
    pub(super) fn want(&mut self, wanted: LoadWanted) {
        self.wanted.push_back(wanted);
    }

    /// A read is done.
    pub(super) fn done(&mut self) {
        self.under_way -= 1;
    }

    /// What to read now, unless enough is under way.
    fn begin(&mut self) -> Option<LoadWanted> {
        if self.under_way >= PAGES_MAX {
            return None;
        }
        let wanted = self.wanted.pop_front()?;
        self.under_way += 1;
        Some(wanted)
    }
}

pub(super) struct Gathering<T> {
    under_way: usize,
    wanted: Vec<T>,
}

impl<T> Default for Gathering<T> {
    fn default() -> Self {
        Self { under_way: 0, wanted: Vec::new() }
    }
}

impl<T> Gathering<T> {
    /// Notes what is to be read with the next.
    pub(super) fn want(&mut self, wanted: impl IntoIterator<Item = T>) {
        self.wanted.extend(wanted);
    }

    /// A read is done.
    pub(super) fn done(&mut self) {
        self.under_way -= 1;
    }

    /// What to read now, unless enough is under way.
    fn begin(&mut self) -> Option<Vec<T>> {
        if self.wanted.is_empty() || self.under_way >= UNDER_WAY_MAX {
            return None;
        }
        self.under_way += 1;
        Some(std::mem::take(&mut self.wanted))
    }
}

impl ShardTask {
    /// Reads what is wanted by now.
    pub(super) fn read_more(&mut self) {
        if let Some(keys) = self.reads.rows.begin() {
            let store = Arc::clone(&self.shared.store);
            self.work.spawn(async move {
                let (found, failed) = read(&*store, keys, |store, keys| store.rows(keys)).await;
                Done::Rows { found, failed }
            });
        }
        if let Some(wanted) = self.reads.bytes.begin() {
            let store = Arc::clone(&self.shared.store);
            self.work.spawn(async move {
                let (loaded, failed) = read(&*store, wanted, |store, all| store.bytes(all)).await;
                Done::Bytes {
                    loaded: loaded.into_iter().map(|(_, loaded)| loaded).collect(),
                    failed,
                }
            });
        }
        while let Some(wanted) = self.reads.pages.begin() {
            let store = Arc::clone(&self.shared.store);
            let shard = self.lease.shard;
            self.work.spawn(async move {
                let read = store.heads(shard, wanted.lane, wanted.after, wanted.limit).await;
                Done::Heads { wanted, read }
            });
        }
    }
}

/// One read of the store.
type Read<W, R> = for<'a> fn(&'a dyn Store, &'a [W]) -> Reading<'a, R>;
type Reading<'a, R> = Pin<Box<dyn Future<Output = Result<Vec<R>, StoreError>> + Send + 'a>>;
/// What is read, and what does not read, with the last reason.
type Outcome<W, R> = (Vec<(W, R)>, Option<(Vec<W>, StoreError)>);

/// Reads all at once; if that fails one by one, so that what does not read keeps no other.
async fn read<W: Copy, R>(store: &dyn Store, wanted: Vec<W>, read: Read<W, R>) -> Outcome<W, R> {
    let mut last = match read(store, &wanted).await {
        Ok(found) => {
            debug_assert_eq!(found.len(), wanted.len(), "an answer for each");
            return (wanted.into_iter().zip(found).collect(), None);
        }
        Err(error) if wanted.len() == 1 => return (Vec::new(), Some((wanted, error))),
        Err(error) => error,
    };
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for one in wanted {
        match read(store, &[one]).await {
            Ok(read) => found.extend(read.into_iter().map(|read| (one, read))),
            Err(error) => {
                failed.push(one);
                last = error;
            }
        }
    }
    let failed = (!failed.is_empty()).then_some((failed, last));
    (found, failed)
}
