//! The body of an answer: whole, as nearly all are, or events as they come.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

/// The future of what comes next, with the feed that it was taken from.
type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Box<dyn Feed>)>> + Send>>;

/// Where events come from. Nothing is made before the client has taken what was there, so a slow one costs no
/// memory; and a feed that nobody reads any more is dropped with its connection.
pub(crate) trait Feed: Send {
    /// What comes next; nothing at the end.
    fn next(self: Box<Self>) -> Next;
}

/// The body of an answer.
pub struct Content(Kind);

enum Kind {
    Whole(Full<Bytes>),
    Events(Option<Next>),
}

impl Content {
    /// Events, as long as they come.
    pub(crate) fn events(feed: impl Feed + 'static) -> Self {
        Self(Kind::Events(Some(Box::new(feed).next())))
    }

    /// Whether it comes in parts, and has an end that nobody knows.
    pub(crate) const fn is_events(&self) -> bool {
        matches!(self.0, Kind::Events(_))
    }
}

impl Default for Content {
    fn default() -> Self {
        Self(Kind::Whole(Full::default()))
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Whole(Full::new(bytes)))
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(whole) => Pin::new(whole).poll_frame(context),
            Kind::Events(next) => {
                let Some(future) = next else { return Poll::Ready(None) };
                match future.as_mut().poll(context) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(None) => {
                        *next = None;
                        Poll::Ready(None)
                    }
                    Poll::Ready(Some((bytes, feed))) => {
                        *next = Some(feed.next());
                        Poll::Ready(Some(Ok(Frame::data(bytes))))
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(whole) => whole.is_end_stream(),
            Kind::Events(next) => next.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(whole) => whole.size_hint(),
            Kind::Events(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole(whole) => whole.fmt(f),
            Kind::Events(_) => f.write_str("events"),
        }
    }
}
