//! The calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_http::{Call, Client, Origin, Trust};
use invoked_sink::{Delivery, Sink};

use crate::classify;
use crate::config::{Config, DEFAULT_INSTANCE};
use crate::request::{message, signed};

/// Seconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Bytes of an answer that are read. Ours: an answer is a few hundred.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The configured instances of MNS.
pub struct Mns {
    instances: BTreeMap<Box<str>, Instance>,
    clock: Clock,
}

struct Instance {
    config: Config,
    origin: Arc<Origin>,
}

impl Mns {
    /// Tells `instances` by their names. ARNs name none and mean `default`.
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
impl Sink for Mns {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let Some(Instance { config, origin }) = self.instances.get(DEFAULT_INSTANCE) else {
            let message = format!("no [sinks.mns.{DEFAULT_INSTANCE}] is configured");
            let error = Fault::new("InvalidDestinationResources", &message, 0);
            return CallVerdict::Permanent { error };
        };
        let message = match message(delivery, config) {
            Ok(message) => message,
            Err(error) => return CallVerdict::Permanent { error },
        };
        let request_id = delivery.request_id.to_string();
        let request = match signed(&message, &request_id, config, (self.clock)()) {
            Ok(request) => request,
            Err(error) => return CallVerdict::Retry { error, retry_after: None },
        };
        let call = Call { request, timeout: config.timeout, body_bytes_max: ANSWER_BYTES_MAX };
        classify::callback(origin.send(call).await, &message.body_md5)
    }
}

impl fmt::Debug for Mns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configs = self.instances.iter().map(|(name, instance)| (name, &instance.config));
        f.debug_map().entries(configs).finish()
    }
}
