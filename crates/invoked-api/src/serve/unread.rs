//! What remains of a request's body when the answer does not need it.
//!
//! A client that still sends while its connection is closed gets a reset and never reads why it was
//! refused. So the rest is read and thrown away for a while, beside the answer, within bounds.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use invoked_core::limits::ASYNC_PAYLOAD_MAX;
use tokio::time::Sleep;

/// Bytes that are thrown away before the connection is cut.
const DISCARDED_BYTES_MAX: usize = 1024 * 1024;
/// The same for strangers in a flood: the largest asynchronous payload.
const SMALL_BYTES_MAX: usize = ASYNC_PAYLOAD_MAX;
/// How long the rest may take to come before the connection is cut.
const DISCARDING_MAX: Duration = Duration::from_secs(2);

/// A connection's peer, and the rest of the body of its present request. Cheap to clone.
#[derive(Clone, Default)]
pub struct Unread {
    peer: Option<IpAddr>,
    rest: Arc<Mutex<Option<Rest>>>,
}

struct Rest {
    body: Incoming,
    bytes_left: usize,
    until: Pin<Box<Sleep>>,
}

impl Unread {
    /// Of a connection from this address.
    pub(crate) fn of(peer: IpAddr) -> Self {
        Self { peer: Some(peer), rest: Arc::default() }
    }

    /// Where the connection comes from.
    pub(crate) const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Takes what is left of a body.
    pub(crate) fn take(&self, body: Incoming) {
        if !body.is_end_stream() {
            *self.lock() = Some(Rest {
                body,
                bytes_left: DISCARDED_BYTES_MAX,
                until: Box::pin(tokio::time::sleep(DISCARDING_MAX)),
            });
        }
    }

    /// Takes no more of it than a small body has: a larger one is cut.
    pub(crate) fn cut_short(&self) {
        if let Some(rest) = self.lock().as_mut() {
            rest.bytes_left = rest.bytes_left.min(SMALL_BYTES_MAX);
        }
    }

    /// Throws away what has come. Called after each look at the connection, by its own task.
    pub(crate) fn poll_discard(&self, context: &mut Context<'_>) {
        let mut slot = self.lock();
        if slot.as_mut().is_some_and(|rest| rest.poll(context).is_ready()) {
            *slot = None;
            // The connection has to notice that nobody reads any more.
            context.waker().wake_by_ref();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Rest>> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rest {
    /// Ready when there is no more, or no more is taken.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => return self.until.as_mut().poll(context),
                Poll::Ready(None | Some(Err(_))) => return Poll::Ready(()),
                Poll::Ready(Some(Ok(frame))) => {
                    let bytes = frame.data_ref().map_or(0, bytes::Bytes::len);
                    match self.bytes_left.checked_sub(bytes) {
                        Some(left) => self.bytes_left = left,
                        None => return Poll::Ready(()),
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unread").finish_non_exhaustive()
    }
}
