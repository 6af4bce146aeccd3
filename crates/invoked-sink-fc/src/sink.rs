//! The calls.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use invoked_core::arn::Resource;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::limits::FUNCTION_ENVELOPE_MAX;
use invoked_http::{Call, Client, Error, Origin, Trust};
use invoked_sink::{Answer, Attempted, Delivery, Sink, Target, TargetAddress};

use crate::classify;
use crate::config::{Config, DEFAULT_INSTANCE};
use crate::request::{Invocation, Moment, signed};

/// Seconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Bytes of an answer to a callback that are read. Ours: an error body is one line.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The configured instances of Function Compute.
pub struct RemoteFc {
    instances: BTreeMap<Box<str>, Instance>,
    clock: Clock,
}

struct Instance {
    config: Config,
    origin: Arc<Origin>,
}

/// No request came about, because the machine has no random numbers.
struct NoNonce(getrandom::Error);

impl RemoteFc {
    /// Calls `instances` by their names. ARNs name none and mean `default`.
    #[must_use]
    pub fn new(instances: BTreeMap<Box<str>, Config>, client: &Client, clock: Clock) -> Self {
        let instances = instances.into_iter().map(|(name, config)| {
            let origin = client.origin(&config.endpoint, Trust::Operator);
            (name, Instance { config, origin })
        });
        Self { instances: instances.collect(), clock }
    }

    async fn call(
        &self,
        instance: &Instance,
        invocation: Invocation<'_>,
        timeout: Duration,
        body_bytes_max: usize,
    ) -> Result<Result<Response<Bytes>, Error>, NoNonce> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(NoNonce)?;
        let moment = Moment { nonce, unix_seconds: (self.clock)() };
        let request = signed(&invocation, &instance.config, moment);
        Ok(instance.origin.send(Call { request, timeout, body_bytes_max }).await)
    }
}

#[async_trait]
impl Sink for RemoteFc {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let permanent =
            |code, message: &str| CallVerdict::Permanent { error: Fault::new(code, message, 0) };
        let Resource::Function { function, qualifier } = delivery.destination.resource() else {
            return permanent("InvalidDestinationResources", "the destination is not a function");
        };
        let Some(instance) = self.instances.get(DEFAULT_INSTANCE) else {
            return permanent("InvalidDestinationResources", &unknown(DEFAULT_INSTANCE));
        };
        let size = delivery.envelope.len();
        if size > FUNCTION_ENVELOPE_MAX {
            let message = format!(
                "the message has {size} bytes, a function takes at most {FUNCTION_ENVELOPE_MAX}"
            );
            return permanent("EntityTooLarge", &message);
        }
        let invocation = Invocation {
            function,
            qualifier,
            kind: "Async",
            request_id: delivery.request_id,
            depth: delivery.depth,
            trace: delivery.trace.as_deref(),
            attempt: None,
            body: &delivery.envelope,
        };
        let timeout = instance.config.timeout;
        match self.call(instance, invocation, timeout, ANSWER_BYTES_MAX).await {
            Ok(outcome) => classify::callback(outcome),
            Err(NoNonce(error)) => CallVerdict::Retry {
                error: Fault::new("InternalServerError", &error.to_string(), 0),
                retry_after: None,
            },
        }
    }
}

#[async_trait]
impl Target for RemoteFc {
    async fn invoke(&self, attempted: &Attempted) -> Answer {
        let spec = &attempted.target;
        let (instance, function, qualifier) = match &spec.address {
            TargetAddress::Remote { instance, function, qualifier } => {
                (instance, function, qualifier)
            }
            TargetAddress::Runtime { .. } => {
                let message = "the function has a URL, it is not a remote one";
                return classify::refused("InvalidTarget", message);
            }
        };
        let Some(instance) = self.instances.get(&**instance) else {
            return classify::refused("InvalidTarget", &unknown(instance));
        };
        let invocation = Invocation {
            function,
            qualifier,
            kind: "Sync",
            request_id: attempted.request_id,
            depth: attempted.depth,
            trace: attempted.trace.as_deref(),
            attempt: Some(attempted.attempt.0),
            body: &attempted.payload,
        };
        match self.call(instance, invocation, spec.timeout, attempted.result_max).await {
            Ok(outcome) => classify::attempt(outcome, spec.timeout),
            Err(NoNonce(error)) => classify::unavailable(&error.to_string()),
        }
    }
}

impl fmt::Debug for RemoteFc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configs = self.instances.iter().map(|(name, instance)| (name, &instance.config));
        f.debug_map().entries(configs).finish()
    }
}

fn unknown(instance: &str) -> String {
    format!("no [sinks.fc.{instance}] is configured")
}
