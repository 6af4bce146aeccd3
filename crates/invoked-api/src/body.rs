//! Reading a request's body: within a size, within a time, and within the memory there is.
//!
//! # Invariants
//!
//! - A declared length over the limit is refused before the body is read.
//! - What is read is exactly as large as its buffer: nothing pins the connection's read buffer.
//! - Bodies over [`SMALL_BYTES_MAX`] share a budget, and hold their part until they are dropped.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use hyper::body::{Body as _, Incoming};
use invoked_core::limits::ASYNC_PAYLOAD_MAX;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::serve::unread::Unread;

/// A body up to this size needs no part of the budget: the limit on connections bounds them.
const SMALL_BYTES_MAX: usize = ASYNC_PAYLOAD_MAX;
/// In how large parts the budget is taken.
const UNIT_BYTES: usize = 64 * 1024;
/// What is set aside for a body before any of it has come.
const SET_ASIDE_BYTES_MAX: usize = 64 * 1024;

/// A body did not read. The connection cannot be used for another request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// It is larger than allowed, or says so.
    #[error("payload size exceeds maximum allowed size ({limit} bytes)")]
    TooLarge { limit: usize },
    /// It did not come in time.
    #[error("request body did not arrive within {} ms", after.as_millis())]
    TooSlow { after: Duration },
    /// The budget for large bodies is used up.
    #[error("too many large requests are being served")]
    NoRoom,
    /// It ended before its end, or is not framed as it has to be.
    #[error("request body is incomplete")]
    Broken(#[source] hyper::Error),
}

/// The memory that large bodies may hold.
#[derive(Debug)]
pub(crate) struct Room(Semaphore);

/// A body, and its part of the budget.
#[derive(Debug, Default)]
pub(crate) struct Body<'a> {
    pub(crate) bytes: Bytes,
    pub(crate) part: Option<SemaphorePermit<'a>>,
}

/// A body that has not been read. If it never is, the rest goes where it does no harm.
pub(crate) struct UnreadBody<'a> {
    body: Option<Incoming>,
    unread: &'a Unread,
    /// The client waits for a word before it sends: without one, nothing comes that could be read.
    is_held_back: bool,
}

impl Room {
    pub(crate) fn of(bytes: usize) -> Self {
        Self(Semaphore::new((bytes / UNIT_BYTES).min(Semaphore::MAX_PERMITS)))
    }
}

impl<'a> UnreadBody<'a> {
    pub(crate) fn new(body: Incoming, headers: &HeaderMap, unread: &'a Unread) -> Self {
        Self { body: Some(body), unread, is_held_back: headers.contains_key(EXPECT) }
    }

    /// Reads the whole body, `limit` bytes at most, within `timeout`.
    pub(crate) async fn read<'r>(
        mut self,
        limit: usize,
        timeout: Duration,
        room: &'r Room,
    ) -> Result<Body<'r>, BodyError> {
        if let Ok(read) = tokio::time::timeout(timeout, self.collect(limit, room)).await {
            return read;
        }
        // Whoever was this slow is not waited for.
        self.body = None;
        Err(BodyError::TooSlow { after: timeout })
    }

    async fn collect<'r>(&mut self, limit: usize, room: &'r Room) -> Result<Body<'r>, BodyError> {
        let Some(body) = &mut self.body else { return Ok(Body::default()) };
        let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if declared > limit {
            return Err(BodyError::TooLarge { limit });
        }
        self.is_held_back = false;
        let mut whole = Vec::new();
        let mut part = None;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            // Anything else is trailers, which nobody reads.
            let Ok(data) = frame.map_err(BodyError::Broken)?.into_data() else { continue };
            if whole.is_empty() && data.len() == declared {
                return Ok(Body { bytes: Bytes::copy_from_slice(&data), part });
            }
            if whole.is_empty() {
                whole.reserve_exact(declared.min(SET_ASIDE_BYTES_MAX));
            }
            if limit - whole.len() < data.len() {
                return Err(BodyError::TooLarge { limit });
            }
            widen(&mut part, whole.len() + data.len(), room)?;
            whole.extend_from_slice(&data);
        }
        Ok(Body { bytes: Bytes::from(whole.into_boxed_slice()), part })
    }
}

/// Takes as much of the budget as a body of this size needs.
fn widen<'r>(
    part: &mut Option<SemaphorePermit<'r>>,
    bytes: usize,
    room: &'r Room,
) -> Result<(), BodyError> {
    if bytes <= SMALL_BYTES_MAX {
        return Ok(());
    }
    let held = part.as_ref().map_or(0, SemaphorePermit::num_permits);
    let missing = bytes.div_ceil(UNIT_BYTES).saturating_sub(held);
    if missing == 0 {
        return Ok(());
    }
    let missing = u32::try_from(missing).unwrap_or(u32::MAX);
    let more = room.0.try_acquire_many(missing).map_err(|_full| BodyError::NoRoom)?;
    match part {
        Some(part) => part.merge(more),
        None => *part = Some(more),
    }
    Ok(())
}

impl Drop for UnreadBody<'_> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|_| !self.is_held_back) {
            self.unread.take(body);
        }
    }
}
