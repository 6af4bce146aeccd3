//! Destinations that answer as they are told and log what reached them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_core::time::Timestamp;
use invoked_sink::{Delivery, Sink};

use crate::script::{Plans, Script, Source};
use crate::timeline::Timeline;

/// How a try of a callback ends.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Reception {
    /// The destination takes it.
    Take,
    /// The destination takes it, and the answer is lost on the way.
    TakeSilently,
    /// It may work later.
    Retry {
        /// What the destination asks for.
        retry_after: Option<Duration>,
    },
    /// It will never work.
    Refuse,
    /// No answer comes, until the try is cancelled.
    Hang,
}

/// Whether a message reached its destination.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// The try is under way.
    NotYet,
    /// The destination has it.
    Arrived,
    /// It has not, and said so, or the try was cancelled before.
    Lost,
}

/// One try of a callback, as the destination saw it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Who was told.
    pub destination: Arn,
    /// About which invocation.
    pub request_id: RequestId,
    /// How it ended.
    pub outcome: Outcome,
    /// Hand-overs from function to function, this one included.
    pub depth: u8,
    /// What was said.
    pub envelope: Bytes,
    /// When the try came.
    pub started_at: Timestamp,
    /// What became of it.
    pub arrival: Arrival,
}

/// All destinations of a test. Clones are the same.
#[derive(Clone, Debug)]
pub struct ScriptedSink {
    book: Arc<Mutex<Book>>,
    timeline: Timeline,
}

#[derive(Debug)]
struct Book {
    plans: Plans<Reception>,
    told: Vec<Told>,
}

/// A try whose future may be dropped at any await.
struct UnderWay<'a> {
    sink: &'a ScriptedSink,
    index: usize,
    arrival: Arrival,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(told) = self.sink.book().told.get_mut(self.index) {
            told.arrival = self.arrival;
        }
    }
}

impl ScriptedSink {
    /// Every message is taken at once, until told otherwise.
    #[must_use]
    pub fn new(timeline: Timeline) -> Self {
        let plans = Plans::new(Script::always(Reception::Take).into());
        Self { book: Arc::new(Mutex::new(Book { plans, told: Vec::new() })), timeline }
    }

    /// What tries without a script of their own come to.
    pub fn by_default(&self, source: impl Into<Source<Reception>>) {
        self.book().plans.set_default(source.into());
    }

    /// What tries for this destination come to. A script counts the tries of each invocation.
    pub fn for_destination(&self, destination: &Arn, source: impl Into<Source<Reception>>) {
        let text = Bytes::copy_from_slice(destination.as_str().as_bytes());
        self.book().plans.set_text(text, source.into());
    }

    /// What tries for this invocation come to.
    pub fn for_request(&self, request_id: RequestId, source: impl Into<Source<Reception>>) {
        self.book().plans.set_request(request_id, source.into());
    }

    /// Every try so far, in the order in which they came.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.book().told.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for ScriptedSink {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let (step, index) = {
            let mut book = self.book();
            let text = delivery.destination.as_str().as_bytes();
            let step = book.plans.next(delivery.request_id, text);
            book.told.push(Told {
                destination: delivery.destination.clone(),
                request_id: delivery.request_id,
                outcome: delivery.outcome,
                depth: delivery.depth,
                envelope: delivery.envelope.clone(),
                started_at: self.timeline.now(),
                arrival: Arrival::NotYet,
            });
            (step, book.told.len() - 1)
        };
        let mut under_way = UnderWay { sink: self, index, arrival: Arrival::Lost };
        if !step.after.is_zero() {
            tokio::time::sleep(step.after).await;
        }
        match step.ending {
            Reception::Take => {
                under_way.arrival = Arrival::Arrived;
                CallVerdict::Delivered { message_id: Some(format!("m-{index}").into()) }
            }
            Reception::TakeSilently => {
                under_way.arrival = Arrival::Arrived;
                let error = Fault::new("ConnectionReset", "the answer was lost as told", 0);
                CallVerdict::Retry { error, retry_after: None }
            }
            Reception::Retry { retry_after } => {
                let error = Fault::new("InternalError", "not now, as told", 500);
                CallVerdict::Retry { error, retry_after }
            }
            Reception::Refuse => {
                let error = Fault::new("QueueNotExist", "never, as told", 404);
                CallVerdict::Permanent { error }
            }
            Reception::Hang => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
