//! Destination ARNs: every form a configuration may name, parsed once.
//!
//! An ARN says what to tell, never where it lives: hosts and credentials come from the operator's
//! configuration by instance name. Empty region and account mean the daemon's own.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;

use crate::limits::ARN_MAX;
use crate::name::{FunctionName, Qualifier};

/// A parsed destination ARN. Equality is that of the text.
#[derive(Clone, Debug)]
pub struct Arn {
    text: Arc<str>,
    region: Box<str>,
    account: Box<str>,
    resource: Resource,
}

/// What an ARN names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resource {
    /// An MNS (SMQ) queue.
    MnsQueue {
        /// Name of the queue.
        queue: Box<str>,
    },
    /// An MNS (SMQ) topic.
    MnsTopic {
        /// Name of the topic.
        topic: Box<str>,
    },
    /// A function, of this daemon or of a remote Function Compute.
    Function {
        /// Name, with its service if it has one.
        function: FunctionName,
        /// Version or alias.
        qualifier: Qualifier,
    },
    /// An EventBridge bus.
    EventBus {
        /// Name of the bus.
        bus: Box<str>,
    },
    /// A RocketMQ topic.
    RocketMq {
        /// The configured instance.
        instance: Box<str>,
        /// Name of the topic.
        topic: Box<str>,
    },
    /// A Kafka topic (ours).
    Kafka {
        /// The configured instance.
        instance: Box<str>,
        /// Name of the topic.
        topic: Box<str>,
    },
    /// A RabbitMQ exchange and routing key (ours).
    Amqp {
        /// The configured instance.
        instance: Box<str>,
        /// Virtual host, percent-encoded as written.
        vhost: Box<str>,
        /// Exchange; empty is the default exchange.
        exchange: Box<str>,
        /// Routing key.
        routing_key: Box<str>,
    },
}

/// The kinds of destinations, as labels and configuration sections name them.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SinkKind {
    /// MNS (SMQ) queues and topics.
    Mns,
    /// Functions.
    Fc,
    /// EventBridge.
    EventBridge,
    /// RocketMQ.
    RocketMq,
    /// Kafka.
    Kafka,
    /// RabbitMQ.
    Amqp,
}

impl SinkKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Mns, Self::Fc, Self::EventBridge, Self::RocketMq, Self::Kafka, Self::Amqp];

    /// The name in labels and configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mns => "mns",
            Self::Fc => "fc",
            Self::EventBridge => "eventbridge",
            Self::RocketMq => "rocketmq",
            Self::Kafka => "kafka",
            Self::Amqp => "amqp",
        }
    }
}

/// A text is not the ARN of a destination.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ArnError {
    /// Nothing was given.
    #[error("destination can't be empty")]
    Empty,
    /// Longer than [`ARN_MAX`].
    #[error("destination has {length} bytes, at most {ARN_MAX} are allowed")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// Not `acs:{kind}:{region}:{account}:{resource}`.
    #[error("'{text}' is not of the form acs:<kind>:<region>:<account>:<resource>")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// A kind nobody here can deliver to.
    #[error(
        "'{kind}' is not a kind of destination; known are mns, fc, eventbridge, mq, alikafka and amqp"
    )]
    UnknownKind {
        /// What was given.
        kind: String,
    },
    /// The resource does not fit the kind.
    #[error("'{resource}' is not a resource of kind {kind}; expected {expected}")]
    Resource {
        /// The kind.
        kind: &'static str,
        /// What was given.
        resource: String,
        /// The form it has to have.
        expected: &'static str,
    },
}

impl Arn {
    /// Parses a destination ARN.
    ///
    /// # Errors
    /// See [`ArnError`]; the message names the expected form.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        if text.is_empty() {
            return Err(ArnError::Empty);
        }
        if text.len() > ARN_MAX {
            return Err(ArnError::TooLong { length: text.len() });
        }
        let malformed = || ArnError::Malformed { text: text.to_string() };
        let mut parts = text.splitn(5, ':');
        let mut part = || parts.next().ok_or_else(malformed);
        let (scheme, kind, region, account, resource) =
            (part()?, part()?, part()?, part()?, part()?);
        if scheme != "acs" {
            return Err(malformed());
        }
        let resource = match kind {
            "mns" => mns(resource),
            "fc" => function(resource),
            "eventbridge" => resource
                .strip_prefix("eventbus/")
                .filter(|bus| is_segment(bus))
                .map(|bus| Resource::EventBus { bus: bus.into() })
                .ok_or(("eventbridge", "eventbus/<bus>")),
            "mq" => topic_of_instance(resource)
                .map(|(instance, topic)| Resource::RocketMq { instance, topic })
                .ok_or(("mq", "/instances/<instance>/topics/<topic>")),
            "alikafka" => topic_of_instance(resource)
                .map(|(instance, topic)| Resource::Kafka { instance, topic })
                .ok_or(("alikafka", "/instances/<instance>/topics/<topic>")),
            "amqp" => amqp(resource),
            other => return Err(ArnError::UnknownKind { kind: other.to_string() }),
        }
        .map_err(|(kind, expected)| ArnError::Resource {
            kind,
            resource: resource.to_string(),
            expected,
        })?;
        Ok(Self { text: text.into(), region: region.into(), account: account.into(), resource })
    }

    /// The ARN as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The region; empty means the daemon's own.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account; empty means the daemon's own.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What is named.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Which sink delivers to it.
    #[must_use]
    pub fn kind(&self) -> SinkKind {
        match self.resource {
            Resource::MnsQueue { .. } | Resource::MnsTopic { .. } => SinkKind::Mns,
            Resource::Function { .. } => SinkKind::Fc,
            Resource::EventBus { .. } => SinkKind::EventBridge,
            Resource::RocketMq { .. } => SinkKind::RocketMq,
            Resource::Kafka { .. } => SinkKind::Kafka,
            Resource::Amqp { .. } => SinkKind::Amqp,
        }
    }
}

impl PartialEq for Arn {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Arn {}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

type Parsed = Result<Resource, (&'static str, &'static str)>;

fn is_segment(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':')
}

fn mns(resource: &str) -> Parsed {
    let expected = ("mns", "/queues/<queue>/messages or /topics/<topic>/messages");
    let Some(path) = resource.strip_suffix("/messages") else { return Err(expected) };
    if let Some(queue) = path.strip_prefix("/queues/").filter(|name| is_segment(name)) {
        Ok(Resource::MnsQueue { queue: queue.into() })
    } else if let Some(topic) = path.strip_prefix("/topics/").filter(|name| is_segment(name)) {
        Ok(Resource::MnsTopic { topic: topic.into() })
    } else {
        Err(expected)
    }
}

fn function(resource: &str) -> Parsed {
    let expected = (
        "fc",
        "functions/<function>[/<qualifier>] or services/<service>[.<qualifier>]/functions/<function>",
    );
    let parsed = if let Some(rest) = resource.strip_prefix("services/") {
        rest.split_once("/functions/").map(|(service, function)| {
            let (service, qualifier) = service.split_once('.').unwrap_or((service, ""));
            (alloc::format!("{service}${function}"), qualifier)
        })
    } else {
        resource.strip_prefix("functions/").map(|rest| {
            let (function, qualifier) = rest.split_once('/').unwrap_or((rest, ""));
            (function.to_string(), qualifier)
        })
    };
    let (name, qualifier) = parsed.ok_or(expected)?;
    match (FunctionName::parse(&name), Qualifier::parse(qualifier)) {
        (Ok(function), Ok(qualifier)) => Ok(Resource::Function { function, qualifier }),
        (Err(_), _) | (_, Err(_)) => Err(expected),
    }
}

fn topic_of_instance(resource: &str) -> Option<(Box<str>, Box<str>)> {
    let rest = resource.strip_prefix("/instances/")?;
    let (instance, topic) = rest.split_once("/topics/").or_else(|| rest.split_once("/topic/"))?;
    (is_segment(instance) && is_segment(topic)).then(|| (instance.into(), topic.into()))
}

fn amqp(resource: &str) -> Parsed {
    let parse = || {
        let rest = resource.strip_prefix("/instances/")?;
        let (instance, rest) = rest.split_once("/vhosts/")?;
        let (vhost, rest) = rest.split_once("/exchanges/")?;
        let (exchange, routing_key) = rest.split_once("/routing-keys/")?;
        let valid = is_segment(instance)
            && is_segment(vhost)
            && (exchange.is_empty() || is_segment(exchange))
            && !routing_key.is_empty();
        valid.then(|| Resource::Amqp {
            instance: instance.into(),
            vhost: vhost.into(),
            exchange: exchange.into(),
            routing_key: routing_key.into(),
        })
    };
    parse().ok_or((
        "amqp",
        "/instances/<instance>/vhosts/<vhost>/exchanges/<exchange>/routing-keys/<key>",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_parsed() {
        for (text, kind) in [
            ("acs:mns:cn-hangzhou:123:/queues/q/messages", SinkKind::Mns),
            ("acs:mns:::/topics/t/messages", SinkKind::Mns),
            ("acs:fc:cn-hangzhou:123:functions/f", SinkKind::Fc),
            ("acs:fc:::functions/f/LATEST", SinkKind::Fc),
            ("acs:fc:cn-x::services/s.prod/functions/f", SinkKind::Fc),
            ("acs:fc:::services/s/functions/f", SinkKind::Fc),
            ("acs:eventbridge:cn-x:1:eventbus/bus", SinkKind::EventBridge),
            ("acs:mq:cn-x:1:/instances/i/topics/t", SinkKind::RocketMq),
            ("acs:mq:cn-x:1:/instances/i/topic/t", SinkKind::RocketMq),
            ("acs:alikafka:::/instances/main/topics/t", SinkKind::Kafka),
            ("acs:amqp:::/instances/main/vhosts/%2F/exchanges//routing-keys/a.b", SinkKind::Amqp),
        ] {
            let arn = Arn::parse(text).unwrap();
            assert_eq!(arn.kind(), kind, "{text}");
            assert_eq!(arn.as_str(), text);
        }
    }

    #[test]
    fn a_service_in_an_arn_becomes_part_of_the_name() {
        let arn = Arn::parse("acs:fc:::services/s.prod/functions/f").unwrap();
        assert_eq!(
            *arn.resource(),
            Resource::Function {
                function: FunctionName::parse("s$f").unwrap(),
                qualifier: Qualifier::parse("prod").unwrap()
            }
        );
    }

    #[test]
    fn refusals_name_what_was_expected() {
        assert_eq!(Arn::parse(""), Err(ArnError::Empty));
        assert!(matches!(Arn::parse("mns:a:b:c:d"), Err(ArnError::Malformed { .. })));
        assert!(matches!(Arn::parse("acs:sqs:::x"), Err(ArnError::UnknownKind { .. })));
        for bad in
            ["acs:mns:::/queues/q", "acs:mns:::/queues//messages", "acs:fc:::fn", "acs:mq:::/t/x"]
        {
            assert!(matches!(Arn::parse(bad), Err(ArnError::Resource { .. })), "{bad}");
        }
        assert!(matches!(
            Arn::parse(&alloc::format!("acs:fc:::functions/{}", "f".repeat(2_000))),
            Err(ArnError::TooLong { .. })
        ));
    }
}
