//! The calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use invoked_core::arn::Resource;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::limits::EVENT_MAX;
use invoked_http::{Call, Client, Origin, Trust};
use invoked_sink::{Delivery, Sink};

use crate::classify;
use crate::config::{Config, DEFAULT_INSTANCE};
use crate::request::{Moment, signed, traced};

/// Seconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Bytes of an answer that are read. Ours: it has one entry.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The last second that a date of HTTP can say: the end of the year 9998.
const DATES_END: u64 = 253_370_764_799;

/// The configured instances of EventBridge.
pub struct EventBridge {
    instances: BTreeMap<Box<str>, Instance>,
    clock: Clock,
}

struct Instance {
    config: Config,
    origin: Arc<Origin>,
}

impl EventBridge {
    /// Sends to `instances` by their names. ARNs name none and mean `default`.
    #[must_use]
    pub fn new(instances: BTreeMap<Box<str>, Config>, client: &Client, clock: Clock) -> Self {
        let instances = instances.into_iter().map(|(name, config)| {
            let origin = client.origin(&config.endpoint, Trust::Operator);
            (name, Instance { config, origin })
        });
        Self { instances: instances.collect(), clock }
    }
}

#[async_trait]
impl Sink for EventBridge {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let permanent =
            |code, message: &str| CallVerdict::Permanent { error: Fault::new(code, message, 0) };
        let Resource::EventBus { .. } = delivery.destination.resource() else {
            return permanent("InvalidDestinationResources", "the destination is not an event bus");
        };
        let Some(instance) = self.instances.get(DEFAULT_INSTANCE) else {
            let message = format!("no [sinks.eventbridge.{DEFAULT_INSTANCE}] is configured");
            return permanent("InvalidDestinationResources", &message);
        };
        let size = delivery.envelope.len();
        if size > EVENT_MAX {
            let message =
                format!("the event has {size} bytes, EventBridge takes at most {EVENT_MAX}");
            return permanent("EntityTooLarge", &message);
        }
        let mut nonce = [0; 16];
        if let Err(error) = getrandom::fill(&mut nonce) {
            let error = Fault::new("InternalServerError", &error.to_string(), 0);
            return CallVerdict::Retry { error, retry_after: None };
        }
        let unix_seconds = u64::try_from((self.clock)()).unwrap_or_default().min(DATES_END);
        let event = traced(&delivery.envelope, delivery.trace.as_deref());
        let request = signed(&event, &instance.config, Moment { nonce, unix_seconds });
        let timeout = instance.config.timeout;
        let call = Call { request, timeout, body_bytes_max: ANSWER_BYTES_MAX };
        classify::callback(instance.origin.send(call).await)
    }
}

impl fmt::Debug for EventBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configs = self.instances.iter().map(|(name, instance)| (name, &instance.config));
        f.debug_map().entries(configs).finish()
    }
}
