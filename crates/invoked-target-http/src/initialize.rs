//! Once before the first request: who comes first initializes, who comes meanwhile waits for it.
//!
//! Those who waited share a failure instead of trying one after the other; whoever comes later
//! tries again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use invoked_sink::Answer;
use tokio::sync::Mutex;

/// Before the requests to one target.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_open: AtomicBool,
    /// Tries that ended.
    tries: AtomicU64,
    /// Held during a try; the last failure.
    failure: Mutex<Option<Answer>>,
}

impl Gate {
    /// Goes through, after `initialize` if nobody has been here before.
    ///
    /// # Errors
    /// Initializing failed, with the answer that the request is to get.
    pub(crate) async fn pass(
        &self,
        initialize: impl Future<Output = Result<(), Answer>>,
    ) -> Result<(), Answer> {
        if self.is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        let tries_before = self.tries.load(Ordering::Acquire);
        let mut failure = self.failure.lock().await;
        if self.is_open.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.tries.load(Ordering::Acquire) != tries_before
            && let Some(failure) = &*failure
        {
            return Err(failure.clone());
        }
        let outcome = initialize.await;
        self.is_open.store(outcome.is_ok(), Ordering::Release);
        *failure = outcome.as_ref().err().cloned();
        self.tries.fetch_add(1, Ordering::Release);
        outcome
    }

    /// The target went away: whatever comes back has to be initialized.
    pub(crate) fn close(&self) {
        self.is_open.store(false, Ordering::Release);
    }
}
