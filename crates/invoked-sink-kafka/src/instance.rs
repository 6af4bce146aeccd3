//! A cluster, and the one producer of it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use invoked_core::callback::CallVerdict;
use invoked_sink::Delivery;
use rdkafka::error::KafkaError;
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

use crate::classify::{failed, retry};
use crate::config::Config;
use crate::context::{Ears, Heard};
use crate::request::{headers, owned};

/// One configured cluster.
pub(crate) struct Instance {
    config: Config,
    heard: Arc<Heard>,
    /// Made at the first message, and made anew when librdkafka gives one up. Nobody else has it: to
    /// let go of one is to wait for its threads.
    producer: Mutex<Option<Producer>>,
    /// Held while one is made: that reads files, and takes its time.
    making: tokio::sync::Mutex<()>,
}

type Producer = FutureProducer<Ears>;

impl Instance {
    pub(crate) fn new(name: &str, config: Config) -> Self {
        let heard = Arc::new(Heard::new(name));
        Self { config, heard, producer: Mutex::default(), making: tokio::sync::Mutex::default() }
    }

    pub(crate) fn message_bytes_max(&self) -> usize {
        self.config.message_bytes_max
    }

    /// One try. Ends within the configured time and about a second: librdkafka looks that often.
    pub(crate) async fn produce(&self, topic: &str, delivery: &Delivery) -> CallVerdict {
        if let Err(error) = self.make().await {
            return retry("InternalServerError", &reason(&error));
        }
        let before = self.heard.last();
        let error = match self.send(topic, delivery) {
            Ok(report) => match report.await {
                Ok(Ok(placed)) => {
                    self.heard.delivered();
                    let place = format!("{topic}/{}@{}", placed.partition, placed.offset);
                    return CallVerdict::Delivered { message_id: Some(place.into()) };
                }
                Ok(Err((error, _message))) => error,
                // The producer is gone, and its queue with it.
                Err(_canceled) => KafkaError::Canceled,
            },
            Err(error) => error,
        };
        let error = self.give_up_if_broken().await.unwrap_or(error);
        failed(&error, &before, &self.heard.last())
    }

    /// Makes a producer, if there is none. It connects to nothing: that it does in its own time.
    async fn make(&self) -> Result<(), KafkaError> {
        if self.producer().is_some() {
            return Ok(());
        }
        let _alone = self.making.lock().await;
        if self.producer().is_some() {
            return Ok(());
        }
        let (config, ears) = (self.config.client(), Ears(Arc::clone(&self.heard)));
        let made = tokio::task::spawn_blocking(move || config.create_with_context(ears)).await;
        *self.producer() = Some(made.map_err(|_panic| KafkaError::Canceled)??);
        Ok(())
    }

    /// Puts a message into the producer's queue. The lock is held for copying it, and no longer.
    fn send(&self, topic: &str, delivery: &Delivery) -> Result<DeliveryFuture, KafkaError> {
        let key = delivery.request_id.to_string();
        let record = FutureRecord::to(topic)
            .key(key.as_str())
            .payload(&*delivery.envelope)
            .headers(owned(&headers(delivery)));
        let producer = self.producer();
        // There was one; a try beside this one has just let go of it.
        let producer = producer.as_ref().ok_or(KafkaError::Canceled)?;
        producer.send_result(record).map_err(|(error, _record)| error)
    }

    /// A producer that has met a fatal error takes no message any more: the next try makes another.
    /// Returns that error, which says more than those of the messages.
    async fn give_up_if_broken(&self) -> Option<KafkaError> {
        let (broken, code, reason) = {
            let mut producer = self.producer();
            let (code, reason) = producer.as_ref()?.client().fatal_error()?;
            (producer.take()?, code, reason)
        };
        tracing::warn!(
            event = "producer_renewed",
            instance = self.heard.name(),
            reason,
            "a producer of Kafka is made anew"
        );
        end(broken).await;
        Some(KafkaError::MessageProduction(code))
    }

    /// Ends the producer and its threads. What is in its queue is dropped: those who waited for it
    /// have ended before.
    pub(crate) async fn close(&self) {
        let _alone = self.making.lock().await;
        let producer = self.producer().take();
        if let Some(producer) = producer {
            end(producer).await;
        }
    }

    fn producer(&self) -> MutexGuard<'_, Option<Producer>> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn has_producer(&self) -> bool {
        self.producer().is_some()
    }
}

/// Waits for a producer's threads, beside the runtime's own.
async fn end(producer: Producer) {
    if tokio::task::spawn_blocking(move || drop(producer)).await.is_err() {
        tracing::debug!("ending a producer of Kafka has panicked");
    }
}

/// Why there is no producer, without the values that were configured.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others are not of making a producer")]
fn reason(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, description, key, _) => format!("{key}: {description}"),
        KafkaError::ClientCreation(description) => description.clone(),
        _ => "librdkafka makes no producer of this configuration".to_owned(),
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}
