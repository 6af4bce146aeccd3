//! Reads of rows and of their payloads, which many share.

use std::sync::Arc;

use invoked_core::id::InvKey;
use invoked_core::shard::BytesWanted;
use invoked_store::{Store, StoreError};

use super::ShardTask;
use super::work::Done;

/// Reads of one kind that are under way at once: the next one goes on while the last is waited for.
const UNDER_WAY_MAX: usize = 2;

/// What is to be read. While enough reads are under way, the next one grows, as a commit does: each costs the waking of
/// a thread, and a drain would make one for every invocation.
#[derive(Default)]
pub(crate) struct Reads {
    pub(super) rows: Gathering<InvKey>,
    pub(super) bytes: Gathering<BytesWanted>,
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
                match store.rows(&keys).await {
                    Ok(found) => {
                        debug_assert_eq!(found.len(), keys.len(), "a row for each key");
                        Done::Rows { found: keys.into_iter().zip(found).collect(), failed: None }
                    }
                    Err(error) if keys.len() == 1 => {
                        Done::Rows { found: Vec::new(), failed: Some((keys, error)) }
                    }
                    Err(_) => rows_one_by_one(&*store, keys).await,
                }
            });
        }
        if let Some(wanted) = self.reads.bytes.begin() {
            let store = Arc::clone(&self.shared.store);
            self.work.spawn(async move {
                match store.bytes(&wanted).await {
                    Ok(loaded) => Done::Bytes { loaded, failed: None },
                    Err(error) if wanted.len() == 1 => {
                        Done::Bytes { loaded: Vec::new(), failed: Some((wanted, error)) }
                    }
                    Err(_) => bytes_one_by_one(&*store, wanted).await,
                }
            });
        }
    }
}

/// Reads row by row, so that one that does not read keeps no other.
async fn rows_one_by_one(store: &dyn Store, keys: Vec<InvKey>) -> Done {
    let (mut found, mut failed) = (Vec::new(), Failed::default());
    for key in keys {
        match store.head(key).await {
            Ok(row) => found.push((key, row)),
            Err(error) => failed.add(key, error),
        }
    }
    Done::Rows { found, failed: failed.0 }
}

/// The same for bytes.
async fn bytes_one_by_one(store: &dyn Store, wanted: Vec<BytesWanted>) -> Done {
    let (mut loaded, mut failed) = (Vec::new(), Failed::default());
    for wanted in wanted {
        match store.bytes(&[wanted]).await {
            Ok(read) => loaded.extend(read),
            Err(error) => failed.add(wanted, error),
        }
    }
    Done::Bytes { loaded, failed: failed.0 }
}

/// What does not read, and the last reason.
struct Failed<T>(Option<(Vec<T>, StoreError)>);

impl<T> Default for Failed<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Failed<T> {
    fn add(&mut self, wanted: T, error: StoreError) {
        let mut all = self.0.take().map(|(all, _)| all).unwrap_or_default();
        all.push(wanted);
        self.0 = Some((all, error));
    }
}
