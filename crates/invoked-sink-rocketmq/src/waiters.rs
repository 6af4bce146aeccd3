//! Who waits for an answer on a connection, by the number its request carries.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::LinkError;
use crate::frame::Answer;

type Reply = oneshot::Sender<Result<Answer, LinkError>>;

/// The lock is held for single steps, never while anything is awaited.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    has_ended: bool,
    answers: u64,
    waiting: BTreeMap<i32, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    is_sent: bool,
    reply: Reply,
}

impl Waiters {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to wait.
    ///
    /// # Errors
    /// The connection has ended: [`LinkError::Unsent`].
    pub(crate) fn add(
        &self,
        opaque: i32,
    ) -> Result<oneshot::Receiver<Result<Answer, LinkError>>, LinkError> {
        let mut state = self.state();
        if state.has_ended {
            return Err(LinkError::Unsent);
        }
        let (reply, receiver) = oneshot::channel();
        state.waiting.insert(opaque, Waiter { is_sent: false, reply });
        Ok(receiver)
    }

    /// Nobody waits any more; an answer that comes yet is dropped.
    pub(crate) fn remove(&self, opaque: i32) {
        self.state().waiting.remove(&opaque);
    }

    /// Whether a request is still wanted. It counts as sent from here on.
    pub(crate) fn begin_sending(&self, opaque: i32) -> bool {
        let mut state = self.state();
        let waiter = state.waiting.get_mut(&opaque);
        waiter.map(|waiter| waiter.is_sent = true).is_some()
    }

    /// Hands an answer to whom it is for, if there still is somebody.
    pub(crate) fn answer(&self, answer: Answer) {
        let waiter = {
            let mut state = self.state();
            state.answers += 1;
            state.waiting.remove(&answer.opaque)
        };
        if let Some(waiter) = waiter {
            // Whoever gave up a moment ago needs no answer.
            drop(waiter.reply.send(Ok(answer)));
        }
    }

    /// The connection is over: everybody is told, and nobody is taken any more.
    pub(crate) fn end(&self, error: &LinkError) {
        let waiting = {
            let mut state = self.state();
            state.has_ended = true;
            std::mem::take(&mut state.waiting)
        };
        for waiter in waiting.into_values() {
            let error = if waiter.is_sent { error.clone() } else { error.for_unsent() };
            drop(waiter.reply.send(Err(error)));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// Answers that have come in so far.
    pub(crate) fn answers(&self) -> u64 {
        self.state().answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_whose_request_was_not_sent_may_send_it_again() {
        let waiters = Waiters::default();
        let (mut sent, mut unsent) = (waiters.add(1).unwrap(), waiters.add(2).unwrap());
        assert!(waiters.begin_sending(1));
        waiters.end(&LinkError::Broken("cut".into()));
        assert!(matches!(sent.try_recv().unwrap(), Err(LinkError::Broken(_))));
        assert!(matches!(unsent.try_recv().unwrap(), Err(LinkError::Unsent)));
        assert!(matches!(waiters.add(3), Err(LinkError::Unsent)));
    }

    #[test]
    fn a_connection_that_did_not_open_says_why() {
        let waiters = Waiters::default();
        let mut waiter = waiters.add(1).unwrap();
        waiters.end(&LinkError::Connect("refused".into()));
        assert!(matches!(waiter.try_recv().unwrap(), Err(LinkError::Connect(_))));
    }
}
