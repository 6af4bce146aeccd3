//! `[sinks]` and `[egress]`: what connections of the daemon reach.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use invoked_core::arn::{Arn, Resource, SinkKind};
use invoked_http::{AllowEntry, Endpoint};

use super::raw::Raw;
use super::secret::Secret;
use super::section::Section;
use super::value::{duration, header_text, list, text};

mod amqp;
mod eventbridge;
mod kafka;
mod mns;
mod rocketmq;

pub(crate) use amqp::AmqpInstance;
pub(crate) use eventbridge::EventBridgeInstance;
pub(crate) use kafka::{KafkaInstance, KafkaLogin, KafkaMechanism};
pub(crate) use mns::{MnsEncoding, MnsInstance};
pub(crate) use rocketmq::{RocketMqInstance, RocketMqKey, RocketMqTrust};

/// The instance that ARNs mean which name none.
const DEFAULT_INSTANCE: &str = "default";

/// What connections of the daemon reach.
#[derive(Clone, Debug)]
pub(crate) struct Outside {
    /// `[sinks.fc]`: each remote Function Compute, by its name here.
    pub(crate) fc: BTreeMap<String, FcInstance>,
    /// `[sinks.mns]`: each endpoint of MNS, by its name here.
    pub(crate) mns: BTreeMap<String, MnsInstance>,
    /// `[sinks.eventbridge]`: each endpoint of EventBridge, by its name here.
    pub(crate) eventbridge: BTreeMap<String, EventBridgeInstance>,
    /// `[sinks.rocketmq]`: each cluster of RocketMQ, by its name here.
    pub(crate) rocketmq: BTreeMap<String, RocketMqInstance>,
    /// `[sinks.kafka]`: each cluster of Kafka, by its name here.
    pub(crate) kafka: BTreeMap<String, KafkaInstance>,
    /// `[sinks.amqp]`: each broker of RabbitMQ, by its name here.
    pub(crate) amqp: BTreeMap<String, AmqpInstance>,
    /// `egress.allow`: where targets that are set through the API may be.
    pub(crate) allow: Vec<AllowEntry>,
}

/// A remote Function Compute, or another `invoked`.
#[derive(Clone, Debug)]
pub(crate) struct FcInstance {
    /// Where it is.
    pub(crate) endpoint: Endpoint,
    /// The key its requests are signed with.
    pub(crate) access_key_id: String,
    /// Its secret.
    pub(crate) access_key_secret: Secret,
    /// The token of a temporary key.
    pub(crate) security_token: Option<Secret>,
    /// How long one try of a callback may take; `None` leaves it to the sink.
    pub(crate) timeout: Option<Duration>,
}

impl Outside {
    pub(super) fn read(root: &mut Section<'_>) -> Self {
        let outside = root.section("sinks", |section| Self {
            fc: instances(section, "fc", FcInstance::read),
            mns: instances(section, "mns", MnsInstance::read),
            eventbridge: instances(section, "eventbridge", EventBridgeInstance::read),
            rocketmq: instances(section, "rocketmq", RocketMqInstance::read),
            kafka: instances(section, "kafka", KafkaInstance::read),
            amqp: instances(section, "amqp", AmqpInstance::read),
            allow: Vec::new(),
        });
        let entry = |text: &str| text.parse().map_err(|error| format!("{error}"));
        let allow = root.section("egress", |section| section.needed("allow", list(entry)));
        Self { allow: allow.unwrap_or_default(), ..outside }
    }
}

impl Outside {
    /// The section of every instance.
    pub(crate) fn sections(&self) -> BTreeSet<String> {
        fn of<'a, T>(
            kind: &'static str,
            instances: &'a BTreeMap<String, T>,
        ) -> impl Iterator<Item = String> + use<'a, T> {
            instances.keys().map(move |name| format!("sinks.{kind}.{name}"))
        }
        of("fc", &self.fc)
            .chain(of("mns", &self.mns))
            .chain(of("eventbridge", &self.eventbridge))
            .chain(of("rocketmq", &self.rocketmq))
            .chain(of("kafka", &self.kafka))
            .chain(of("amqp", &self.amqp))
            .collect()
    }

    /// The instance that `arn` means, if it is configured.
    ///
    /// # Errors
    /// The path of the section that is missing.
    pub(super) fn check_instance(&self, arn: &Arn) -> Result<(), String> {
        let instance = instance_of(arn);
        let is_there = match arn.kind() {
            SinkKind::Fc => self.fc.contains_key(instance),
            SinkKind::Mns => self.mns.contains_key(instance),
            SinkKind::EventBridge => self.eventbridge.contains_key(instance),
            SinkKind::RocketMq => self.rocketmq.contains_key(instance),
            SinkKind::Kafka => self.kafka.contains_key(instance),
            SinkKind::Amqp => self.amqp.contains_key(instance),
        };
        if is_there { Ok(()) } else { Err(section_of(arn)) }
    }
}

/// The instance that `arn` means.
fn instance_of(arn: &Arn) -> &str {
    match arn.resource() {
        Resource::Function { .. }
        | Resource::EventBus { .. }
        | Resource::MnsQueue { .. }
        | Resource::MnsTopic { .. } => DEFAULT_INSTANCE,
        Resource::RocketMq { instance, .. }
        | Resource::Kafka { instance, .. }
        | Resource::Amqp { instance, .. } => instance,
    }
}

/// The section of the instance that `arn` means.
pub(crate) fn section_of(arn: &Arn) -> String {
    format!("sinks.{}.{}", arn.kind().as_str(), instance_of(arn))
}

impl FcInstance {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let endpoint = section.needed("endpoint", endpoint);
        let access_key_id = section.needed("access_key_id", header_text);
        let access_key_secret = section.needed_secret("access_key_secret");
        let security_token = section.optional_secret("security_token");
        let timeout = section.optional("timeout", duration("100ms", "30s"));
        Some(Self {
            endpoint: endpoint?,
            access_key_id: access_key_id?,
            access_key_secret: access_key_secret?,
            security_token,
            timeout,
        })
    }
}

/// The tables of `[sinks.<kind>]`, each an instance with a name that the operator chose.
fn instances<T>(
    section: &mut Section<'_>,
    kind: &'static str,
    read: impl Fn(&mut Section<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let named = section.section(kind, |section| {
        section.named(|name, section| Some((name.to_owned(), read(section)?)))
    });
    named.into_iter().collect()
}

/// The URL of an endpoint.
pub(super) fn endpoint(raw: &Raw) -> Result<Endpoint, String> {
    Endpoint::parse(&text(raw)?).map_err(|error| error.to_string())
}
