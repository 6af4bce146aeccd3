//! Telling a destination.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_core::trace::TraceContext;

/// A message for a destination.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Who is told. It names an instance of the operator's configuration, never a host.
    pub destination: Arn,
    /// What the message says, in the form the kind of destination takes.
    pub envelope: Bytes,
    /// The message's id: constant over all tries, so that a receiver can drop repeats.
    pub request_id: RequestId,
    /// How the invocation ended; where the wire has tags, it is one.
    pub outcome: Outcome,
    /// Hand-overs from function to function, this one included. Travels as `x-invoked-lineage`.
    pub depth: u8,
    /// The trace the message belongs to. Travels as `traceparent` and `tracestate` where the wire has a
    /// place beside the envelope.
    pub trace: Option<Arc<TraceContext>>,
}

impl Delivery {
    /// The outcome as a tag: `succeeded`, `failed`, `expired`, `stopped` or `invalid`, the same on
    /// every wire that has tags.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self.outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Expired => "expired",
            Outcome::Stopped => "stopped",
            Outcome::Invalid => "invalid",
        }
    }
}

/// A kind of destination.
///
/// # Contract
///
/// - A message that is too large as the service counts it is [`CallVerdict::Permanent`] before
///   anything is sent, with size and limit in the message.
/// - Every 5xx, timeout and broken connection is [`CallVerdict::Retry`], and so is throttling,
///   whatever status or code a service gives it, and a request whose date the service finds too old:
///   the next try has a new one. Every other 4xx and an unknown instance are
///   [`CallVerdict::Permanent`], in words that an operator understands.
/// - [`CallVerdict::Delivered`] is given only for what the service has acknowledged.
/// - Connections live as long as the daemon: an adapter opens them again by itself, closes those
///   that were idle for long, and lets no instance wait for another.
/// - Answers are read up to a bound.
/// - Dropping the future cancels the try; what was sent by then may arrive.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Makes one try.
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict;

    /// Ends what the adapter keeps open: connections and tasks of its own. Called once, after the
    /// last [`Sink::deliver`] has ended.
    async fn close(&self) {}
}
