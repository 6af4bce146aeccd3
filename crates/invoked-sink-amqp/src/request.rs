//! From a delivery to a message of AMQP 0-9-1. Pure.

use bytes::Bytes;
use invoked_core::arn::Resource;
use invoked_sink::Delivery;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use percent_encoding::percent_decode_str;

use crate::classify::Failure;

/// Bytes of a virtual host, an exchange or a routing key: AMQP's short strings.
const NAME_BYTES_MAX: usize = 255;

/// Survives a restart of the broker, in a durable queue.
const PERSISTENT: u8 = 2;

/// Where a message goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) vhost: Box<str>,
    /// Empty for the default exchange, whose routing keys are the names of queues.
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
}

/// A message, and where it goes within its virtual host.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

impl Place {
    /// Where the ARN of a destination points.
    pub(crate) fn of(resource: &Resource) -> Result<Self, Failure> {
        let Resource::Amqp { vhost, exchange, routing_key, .. } = resource else {
            return Err(invalid("the destination is not an exchange of RabbitMQ"));
        };
        Ok(Self {
            vhost: decoded("virtual host", vhost)?.as_str().into(),
            exchange: decoded("exchange", exchange)?,
            routing_key: decoded("routing key", routing_key)?,
        })
    }
}

/// A place that cannot be.
pub(crate) fn invalid(message: &str) -> Failure {
    Failure::permanent("InvalidDestinationResources", message)
}

/// What a message says beside its body.
pub(crate) fn properties(delivery: &Delivery) -> BasicProperties {
    let id = delivery.request_id.to_string();
    let text = |text: &str| AMQPValue::LongString(LongString::from(text));
    let mut headers = FieldTable::default();
    headers.insert("x-fc-request-id".into(), text(&id));
    headers.insert("x-invoked-outcome".into(), text(delivery.tag()));
    for (name, value) in delivery.trace.iter().flat_map(|trace| trace.fields()) {
        headers.insert(name.into(), text(&value));
    }
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(id.into())
        .with_type(delivery.tag().into())
        .with_app_id("invoked".into())
        .with_headers(headers)
}

/// A part of an ARN, percent-encoded there, as a name of AMQP.
fn decoded(what: &str, text: &str) -> Result<ShortString, Failure> {
    let name = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| invalid(&format!("the {what} '{text}' is not UTF-8 once decoded")))?;
    ShortString::try_new(&*name).map_err(|_| {
        let length = name.len();
        invalid(&format!("the {what} has {length} bytes, AMQP allows {NAME_BYTES_MAX}"))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use invoked_core::arn::Arn;
    use invoked_core::id::RequestId;
    use invoked_core::life::Outcome;
    use invoked_core::trace::TraceContext;

    fn place(path: &str) -> Result<Place, Failure> {
        let arn = Arn::parse(&format!("acs:amqp:::/instances/main/vhosts/{path}")).unwrap();
        Place::of(arn.resource())
    }

    #[test]
    fn names_are_decoded() {
        for (path, vhost, exchange, key) in [
            ("%2F/exchanges//routing-keys/q", "/", "", "q"),
            ("prod/exchanges/amq.topic/routing-keys/a.b", "prod", "amq.topic", "a.b"),
            ("a%2Fb/exchanges/e%20x/routing-keys/%E4%BD%A0", "a/b", "e x", "你"),
        ] {
            let expected =
                Place { vhost: vhost.into(), exchange: exchange.into(), routing_key: key.into() };
            assert_eq!(place(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "k".repeat(NAME_BYTES_MAX);
        assert!(place(&format!("v/exchanges/e/routing-keys/{long}")).is_ok());
        for (path, message) in [
            ("v/exchanges/e/routing-keys/%FF", "the routing key '%FF' is not UTF-8 once decoded"),
            (
                &*format!("v/exchanges/e/routing-keys/{long}k"),
                "the routing key has 256 bytes, AMQP allows 255",
            ),
        ] {
            let failure = place(path).unwrap_err();
            assert!(failure.is_permanent);
            assert_eq!(&*failure.fault.message, message);
        }
        let queue = Arn::parse("acs:mns:::/queues/q/messages").unwrap();
        assert!(Place::of(queue.resource()).unwrap_err().is_permanent);
    }

    #[test]
    fn a_message_is_persistent_and_names_its_invocation() {
        let mut delivery = Delivery {
            destination: Arn::parse("acs:mns:::/queues/q/messages").unwrap(),
            envelope: Bytes::from_static(b"{}"),
            request_id: RequestId([7; 16]),
            outcome: Outcome::Expired,
            depth: 1,
            trace: None,
        };
        let id = RequestId([7; 16]).to_string();
        let properties = properties(&delivery);
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(*properties.content_type(), Some("application/json".into()));
        assert_eq!(*properties.message_id(), Some(id.as_str().into()));
        assert_eq!(*properties.kind(), Some("expired".into()));
        assert_eq!(*properties.app_id(), Some("invoked".into()));
        let headers = properties.headers().as_ref().unwrap().inner();
        let text = |text: &str| Some(AMQPValue::LongString(text.into()));
        assert_eq!(headers.get("x-fc-request-id").cloned(), text(&id));
        assert_eq!(headers.get("x-invoked-outcome").cloned(), text("expired"));
        assert_eq!(headers.len(), 2);

        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        delivery.trace = TraceContext::parse(parent, Some("a=1")).map(Arc::new);
        let traced = super::properties(&delivery);
        let headers = traced.headers().as_ref().unwrap().inner();
        assert_eq!(headers.get("traceparent").cloned(), text(parent));
        assert_eq!(headers.get("tracestate").cloned(), text("a=1"));
    }
}
