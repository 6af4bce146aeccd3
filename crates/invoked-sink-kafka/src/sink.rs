//! Deliveries.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use invoked_core::arn::Resource;
use invoked_core::callback::CallVerdict;
use invoked_sink::{Delivery, Sink};

use crate::classify::permanent;
use crate::config::Config;
use crate::instance::Instance;
use crate::request::overhead;

/// The configured clusters.
pub struct Kafka {
    instances: BTreeMap<Box<str>, Instance>,
}

impl Kafka {
    /// Produces to `instances` by the names that ARNs use. Connects to nothing yet.
    #[must_use]
    pub fn new(instances: BTreeMap<Box<str>, Config>) -> Self {
        let instances = instances.into_iter().map(|(name, config)| {
            let instance = Instance::new(&name, config);
            (name, instance)
        });
        Self { instances: instances.collect() }
    }

    #[cfg(test)]
    pub(crate) fn instance(&self, name: &str) -> &Instance {
        &self.instances[name]
    }
}

#[async_trait]
impl Sink for Kafka {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let Resource::Kafka { instance: name, topic } = delivery.destination.resource() else {
            let message = "the destination is not a topic of Kafka";
            return permanent("InvalidDestinationResources", message);
        };
        let Some(instance) = self.instances.get(name) else {
            let message = format!("no [sinks.kafka.{name}] is configured");
            return permanent("InvalidDestinationResources", &message);
        };
        let overhead = overhead(delivery);
        let (size, limit) = (delivery.envelope.len(), instance.message_bytes_max());
        if size.saturating_add(overhead) > limit {
            let message = format!(
                "the message has {size} bytes and {overhead} around it, [sinks.kafka.{name}] takes {limit}"
            );
            return permanent("EntityTooLarge", &message);
        }
        instance.produce(topic, delivery).await
    }

    async fn close(&self) {
        for instance in self.instances.values() {
            instance.close().await;
        }
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.instances).finish()
    }
}
