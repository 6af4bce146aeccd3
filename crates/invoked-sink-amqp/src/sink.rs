//! Deliveries.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use invoked_core::arn::Resource;
use invoked_core::callback::CallVerdict;
use invoked_sink::{Delivery, Sink};
use tokio::task::JoinSet;

use crate::classify::Failure;
use crate::config::Config;
use crate::request::{Message, Place, invalid, properties};
use crate::tasks::Tasks;
use crate::vhost::Vhost;

/// Virtual hosts of one instance that have a connection, and a thread of `lapin`'s. Ours: whoever
/// may configure destinations chooses their names.
const VHOSTS_MAX: usize = 64;

/// The configured brokers.
pub struct Amqp {
    instances: BTreeMap<Box<str>, Instance>,
    tasks: Arc<Tasks>,
}

struct Instance {
    config: Arc<Config>,
    vhosts: Mutex<BTreeMap<Box<str>, Arc<Vhost>>>,
}

impl Amqp {
    /// Publishes to `instances` by the names that ARNs use. Connects to nothing yet.
    #[must_use]
    pub fn new(instances: BTreeMap<Box<str>, Config>) -> Self {
        let instance = |config| Instance { config: Arc::new(config), vhosts: Mutex::default() };
        let instances = instances.into_iter().map(|(name, config)| (name, instance(config)));
        Self { instances: instances.collect(), tasks: Arc::new(Tasks::new()) }
    }

    /// The message, and where it goes.
    fn message(&self, delivery: &Delivery) -> Result<(Arc<Vhost>, Message), Failure> {
        let resource = delivery.destination.resource();
        let Place { vhost, exchange, routing_key } = Place::of(resource)?;
        let name = match resource {
            Resource::Amqp { instance, .. } => &**instance,
            Resource::MnsQueue { .. }
            | Resource::MnsTopic { .. }
            | Resource::Function { .. }
            | Resource::EventBus { .. }
            | Resource::RocketMq { .. }
            | Resource::Kafka { .. } => "",
        };
        let Some(instance) = self.instances.get(name) else {
            return Err(invalid(&format!("no [sinks.amqp.{name}] is configured")));
        };
        let (size, limit) = (delivery.envelope.len(), instance.config.message_bytes_max);
        if size > limit {
            let message =
                format!("the message has {size} bytes, [sinks.amqp.{name}] takes {limit}");
            return Err(Failure::permanent("EntityTooLarge", &message));
        }
        let properties = properties(delivery);
        let body = delivery.envelope.clone();
        let vhost = instance.vhost(&vhost, &self.tasks)?;
        Ok((vhost, Message { exchange, routing_key, properties, body }))
    }
}

impl Instance {
    fn vhost(&self, name: &str, tasks: &Arc<Tasks>) -> Result<Arc<Vhost>, Failure> {
        let mut vhosts = self.vhosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vhost) = vhosts.get(name) {
            return Ok(Arc::clone(vhost));
        }
        if vhosts.len() >= VHOSTS_MAX {
            // Whoever still publishes holds one.
            vhosts.retain(|_, vhost| Arc::strong_count(vhost) > 1 || !vhost.is_closed());
        }
        if vhosts.len() >= VHOSTS_MAX {
            let message = format!(
                "{VHOSTS_MAX} virtual hosts of {} have connections, no more are opened",
                self.config.address
            );
            return Err(Failure::retry("TooManyConnections", &message));
        }
        let vhost = Arc::new(Vhost::new(Arc::clone(&self.config), name, Arc::clone(tasks)));
        vhosts.insert(name.into(), Arc::clone(&vhost));
        Ok(vhost)
    }
}

#[async_trait]
impl Sink for Amqp {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let (vhost, message) = match self.message(delivery) {
            Ok(found) => found,
            Err(failure) => return failure.into(),
        };
        match vhost.publish(&message).await {
            // The broker gives none of its own; this is the message's.
            Ok(()) => {
                CallVerdict::Delivered { message_id: Some(delivery.request_id.to_string().into()) }
            }
            Err(failure) => failure.into(),
        }
    }

    async fn close(&self) {
        let mut closing = JoinSet::new();
        for instance in self.instances.values() {
            let vhosts = std::mem::take(
                &mut *instance.vhosts.lock().unwrap_or_else(PoisonError::into_inner),
            );
            for vhost in vhosts.into_values() {
                closing.spawn(async move { vhost.close().await });
            }
        }
        while closing.join_next().await.is_some() {}
        self.tasks.close().await;
    }
}

impl fmt::Debug for Amqp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configs = self.instances.iter().map(|(name, instance)| (name, &instance.config));
        f.debug_map().entries(configs).finish()
    }
}
