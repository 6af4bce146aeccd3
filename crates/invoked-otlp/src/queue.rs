//! Where spans that ended wait for the exporter.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, counter, describe_counter};
use opentelemetry::Context;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::mpsc::Sender;

/// Spans that were not sent, by `reason`: `queue_full`, `collector` (it did not take them), `shutdown`.
pub const DROPPED: &str = "invoked_trace_spans_dropped_total";
/// Spans that a collector took.
pub const EXPORTED: &str = "invoked_trace_spans_exported_total";

/// Says what the metrics of this crate mean.
pub fn describe() {
    describe_counter!(DROPPED, "Spans that were dropped: no room, not taken, or too late");
    describe_counter!(EXPORTED, "Spans that the collector took");
}

/// What is counted of spans.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) queue_full: Counter,
    pub(crate) collector: Counter,
    pub(crate) shutdown: Counter,
    pub(crate) exported: Counter,
}

impl Lost {
    fn new() -> Self {
        let dropped = |reason: &'static str| counter!(DROPPED, "reason" => reason);
        Self {
            queue_full: dropped("queue_full"),
            collector: dropped("collector"),
            shutdown: dropped("shutdown"),
            exported: counter!(EXPORTED),
        }
    }
}

/// The way in. The SDK's own processor has a queue as well, but does not tell how many it drops.
#[derive(Debug)]
pub(crate) struct Queue {
    ended: Sender<SpanData>,
    pub(crate) lost: Arc<Lost>,
}

impl Queue {
    pub(crate) fn new(ended: Sender<SpanData>) -> Self {
        Self { ended, lost: Arc::new(Lost::new()) }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.ended.try_send(span).is_err() {
            self.lost.queue_full.increment(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
