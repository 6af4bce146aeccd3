//! Spans to a collector, over OTLP (HTTP, protobuf).
//!
//! Three parts: [`Otlp`] makes spans and puts those that end into a bounded queue; [`Export`] takes them out
//! again and sends them in batches through the HTTP client that all adapters share; [`Config`] says where to.
//! Whoever makes spans never waits: what finds the queue full is dropped, and so is a batch that the
//! collector does not take. Both are counted in [`DROPPED`].
//!
//! Spans live in a subscriber of their own, so that neither the log's filter decides on spans nor spans show
//! up in the log.
#![warn(missing_docs)]

mod config;
mod export;
mod queue;
mod spans;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use invoked_http::{Client, Trust};
use opentelemetry_otlp::{
    ExporterBuildError, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use tokio::sync::mpsc;

pub use config::Config;
pub use export::Export;
pub use queue::{DROPPED, EXPORTED, describe};
pub use spans::Otlp;

use queue::Queue;

/// What makes spans, and what sends them: [`Export::run`] has to run somewhere.
///
/// # Errors
/// The exporter cannot be built of this configuration.
pub fn start(config: &Config, client: &Client) -> Result<(Otlp, Export), ExporterBuildError> {
    let resource = config.resource();
    let origin = client.origin(&config.endpoint, Trust::Operator);
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(export::Sender { origin, timeout: config.timeout })
        .with_endpoint(config.url())
        .with_headers(config.headers.clone())
        .with_timeout(config.timeout)
        // Between its tries it would put the whole thread to sleep.
        .with_retry_policy(RetryPolicy::disabled())
        .build()?;
    opentelemetry_sdk::trace::SpanExporter::set_resource(&mut exporter, &resource);
    let (ended, taken) = mpsc::channel(config.queue_max);
    let queue = Queue::new(ended);
    let lost = Arc::clone(&queue.lost);
    let otlp = Otlp::new(queue, resource, config.sample_ratio, config.seed);
    Ok((otlp, Export::new(exporter, taken, lost, config.timeout)))
}
