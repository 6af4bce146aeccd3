//! Deliveries.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use invoked_core::arn::Resource;
use invoked_core::callback::CallVerdict;
use invoked_core::limits::ROCKETMQ_BODY_MAX;
use invoked_sink::{Delivery, Sink};

use crate::classify::Failure;
use crate::config::Config;
use crate::instance::Instance;
use crate::request::{Message, NAME_BYTES_MAX, is_name, properties, unique_key, with_namespace};

/// Milliseconds since 1970; never less than before.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The configured clusters of RocketMQ.
pub struct RocketMq {
    instances: BTreeMap<Box<str>, Arc<Instance>>,
    clock: Clock,
}

impl RocketMq {
    /// Sends to `instances` by the names that ARNs use. Connects to nothing yet.
    #[must_use]
    pub fn new(instances: BTreeMap<Box<str>, Config>, clock: Clock) -> Self {
        let instances = instances
            .into_iter()
            .map(|(name, config)| (name, Arc::new(Instance::new(config, Arc::clone(&clock)))));
        Self { instances: instances.collect(), clock }
    }

    /// The message, and where it goes.
    fn message(&self, delivery: &Delivery) -> Result<(&Arc<Instance>, Message), Failure> {
        let invalid = |message: &str| Failure::permanent("InvalidDestinationResources", message);
        let Resource::RocketMq { instance, topic } = delivery.destination.resource() else {
            return Err(invalid("the destination is not a RocketMQ topic"));
        };
        let Some(instance) = self.instances.get(instance) else {
            return Err(invalid(&format!("no [sinks.rocketmq.{instance}] is configured")));
        };
        let topic = with_namespace(instance.config.namespace.as_deref(), topic);
        if !is_name(&topic) {
            return Err(invalid(&format!(
                "'{topic}' is no topic of RocketMQ: from 1 to {NAME_BYTES_MAX} letters, digits, '%', '|', '-' and '_', the namespace included"
            )));
        }
        let size = delivery.envelope.len();
        if size > ROCKETMQ_BODY_MAX {
            let message = format!(
                "the message has {size} bytes, a RocketMQ message at most {ROCKETMQ_BODY_MAX}"
            );
            return Err(Failure::permanent("EntityTooLarge", &message));
        }
        let message = Message {
            topic,
            properties: properties(delivery.request_id, delivery.tag(), delivery.trace.as_deref()),
            born: (self.clock)(),
            body: delivery.envelope.clone(),
        };
        Ok((instance, message))
    }
}

#[async_trait]
impl Sink for RocketMq {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let (instance, message) = match self.message(delivery) {
            Ok(found) => found,
            Err(failure) => return failure.into(),
        };
        match instance.send(&message).await {
            Ok(id) => {
                let id = id.unwrap_or_else(|| unique_key(delivery.request_id));
                CallVerdict::Delivered { message_id: Some(id) }
            }
            Err(failure) => failure.into(),
        }
    }

    async fn close(&self) {
        for instance in self.instances.values() {
            instance.close().await;
        }
    }
}

impl fmt::Debug for RocketMq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configs = self.instances.iter().map(|(name, instance)| (name, &instance.config));
        f.debug_map().entries(configs).finish()
    }
}
