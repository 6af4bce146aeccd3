//! Which adapter stands behind which port. The only file that names them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use invoked_core::arn::SinkKind;
use invoked_engine::clock::{SystemClock, wall};
use invoked_engine::{Outside, Parts, Removed, TargetCheck};
use invoked_http::{Client, Egress, Endpoint};
use invoked_otlp::Export;
use invoked_sink::{Sink, Spans, Target, TargetAddress};
use invoked_sink_amqp::Amqp;
use invoked_sink_eventbridge::EventBridge;
use invoked_sink_fc::RemoteFc;
use invoked_sink_kafka::{Kafka, Mechanism};
use invoked_sink_mns::Mns;
use invoked_sink_rocketmq::{RocketMq, Trust};
use invoked_store::{NodeId, RestoreError, Restored, Store, StoreError};
use invoked_store_fjall::{Figures, FjallConfig, FjallStore, Lost, Verified};
use invoked_target_http::HttpTarget;

use crate::config::{
    self, AmqpInstance, Config, EventBridgeInstance, FcInstance, KafkaInstance, KafkaLogin,
    KafkaMechanism, MnsEncoding, MnsInstance, RocketMqInstance, RocketMqKey, RocketMqTrust,
};

/// This process, among those that may own shards: on one machine there is one.
const NODE: &str = "local";

/// Opens the store. Blocks while it recovers.
///
/// # Errors
/// The store is not ours to open, or not whole.
pub(crate) fn store(config: &config::Store) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(FjallStore::open(embedded(config))?))
}

/// Reads every byte of a store's files, and changes none.
///
/// # Errors
/// Somebody has it, or a file cannot be read.
pub(crate) fn verify_files(config: &config::Store) -> Result<Verified, StoreError> {
    invoked_store_fjall::verify_files(&config.path)
}

/// A store that is looked at by itself.
pub(crate) struct Alone(FjallStore);

impl Alone {
    /// Opens it. Blocks while it recovers.
    ///
    /// # Errors
    /// The store is not ours to open, or not whole.
    pub(crate) fn open(config: &config::Store) -> Result<Self, StoreError> {
        FjallStore::open(embedded(config)).map(Self)
    }

    /// What any store can do.
    pub(crate) fn store(&self) -> &dyn Store {
        &self.0
    }

    /// Reads every row of every table.
    ///
    /// # Errors
    /// The store is closed.
    pub(crate) async fn verify_rows(&self) -> Result<Verified, StoreError> {
        self.0.verify_rows().await
    }

    /// What it is made of.
    ///
    /// # Errors
    /// A row does not read, or the store is closed.
    pub(crate) async fn figures(&self) -> Result<Figures, StoreError> {
        self.0.figures().await
    }
}

/// Makes a store of a backup.
///
/// # Errors
/// There is no whole backup, or no empty directory.
pub(crate) fn restore(from: &Path, to: &Path) -> Result<Restored, RestoreError> {
    invoked_store_fjall::restore(from, &FjallConfig::new(to))
}

/// Compares every checksum of a backup.
///
/// # Errors
/// It is not whole.
pub(crate) fn check_backup(from: &Path) -> Result<Restored, RestoreError> {
    invoked_store_fjall::check_backup(from)
}

/// Lets a store open again without acknowledged work that is missing; `None` if none is.
///
/// # Errors
/// Somebody has it, or a file cannot be worked with.
pub(crate) fn accept_loss(config: &config::Store) -> Result<Option<Lost>, StoreError> {
    invoked_store_fjall::accept_loss(&config.path)
}

/// What the embedded store is told.
fn embedded(config: &config::Store) -> FjallConfig {
    let bytes = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    FjallConfig {
        free_bytes_min: bytes(config.free_min),
        cache_bytes: bytes(config.cache),
        backup_path: config.backup_path.clone(),
        ..FjallConfig::new(&config.path)
    }
}

/// Everything that the engine reaches the world through, at the start.
///
/// # Errors
/// An instance of a sink cannot be used.
pub(crate) fn parts(
    config: &Config,
    own_listeners: Vec<SocketAddr>,
    store: Arc<dyn Store>,
    spans: Option<Arc<dyn Spans>>,
) -> Result<Parts> {
    let Outside { runtime, remote, sinks, removed: _none } = outside(config, own_listeners, None)?;
    let clock = Arc::new(SystemClock::default());
    Ok(Parts { store, node: NodeId(NODE.into()), runtime, remote, sinks, spans, clock })
}

/// Says what the metrics of adapters mean.
pub(crate) fn describe() {
    invoked_otlp::describe();
}

/// What makes spans, and what sends them, if somebody is to get them.
///
/// # Errors
/// There are no random numbers, or the headers cannot be sent.
pub(crate) fn traces(config: &config::Traces) -> Result<(Arc<dyn Spans>, Export)> {
    let client = Client::new(&invoked_http::Config::default(), Egress::default());
    let headers = config.headers.iter();
    let seed = getrandom::u64().context("the system has no random numbers")?;
    let config = invoked_otlp::Config {
        endpoint: config.endpoint.clone(),
        headers: headers.map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect(),
        sample_ratio: config.sample_ratio,
        timeout: config.timeout,
        queue_max: config.queue_max,
        version: env!("CARGO_PKG_VERSION"),
        instance: format!("{seed:016x}"),
        seed,
    };
    let (otlp, export) = invoked_otlp::start(&config, &client).context("telemetry.traces")?;
    Ok((Arc::new(otlp), export))
}

/// What is called and told now, and what of it stays.
#[derive(Debug)]
pub(crate) struct Present<'a> {
    /// What is called and told now.
    pub(crate) outside: &'a Outside,
    /// The kinds whose sections say the same.
    pub(crate) same: BTreeSet<SinkKind>,
    /// Whether connections reach the same and are kept as long.
    pub(crate) is_same_http: bool,
    /// The sections that were there once and are no more.
    pub(crate) removed: BTreeSet<String>,
}

impl Present<'_> {
    /// The sink of a kind, if it stays.
    fn sink(&self, kind: SinkKind) -> Option<Arc<dyn Sink>> {
        let is_http = match kind {
            SinkKind::Fc | SinkKind::Mns | SinkKind::EventBridge => true,
            SinkKind::RocketMq | SinkKind::Kafka | SinkKind::Amqp => false,
        };
        let stays = self.same.contains(&kind) && (!is_http || self.is_same_http);
        self.outside.sinks.get(&kind).filter(|_| stays).map(Arc::clone)
    }
}

/// What the engine calls and tells. It never reaches `own_listeners`. What says the same as before is
/// what it was, with its connections.
///
/// # Errors
/// An instance of a sink cannot be used; the outermost context is its section.
pub(crate) fn outside(
    config: &Config,
    own_listeners: Vec<SocketAddr>,
    present: Option<&Present<'_>>,
) -> Result<Outside> {
    let egress = Egress::new(own_listeners, config.outside.allow.clone());
    let connections = invoked_http::Config {
        idle_per_origin_max: config.work.attempts_max(),
        clock: Some(arrival),
        ..invoked_http::Config::default()
    };
    let client = Client::new(&connections, egress);
    let of = &config.outside;
    let mut sinks: BTreeMap<SinkKind, Arc<dyn Sink>> = BTreeMap::new();
    let kept = |kind| present.and_then(|present| present.sink(kind));
    let mut remote = None;
    if !of.fc.is_empty() {
        let sink = match kept(SinkKind::Fc).zip(present.and_then(|of| of.outside.remote.clone())) {
            Some((sink, target)) => {
                remote = Some(target);
                sink
            }
            None => {
                let instances = usable("fc", &of.fc, fc_instance)?;
                let fc = Arc::new(RemoteFc::new(instances, &client, seconds()));
                remote = Some(Arc::clone(&fc) as Arc<dyn Target>);
                fc
            }
        };
        sinks.insert(SinkKind::Fc, sink);
    }
    let mut add = |kind, is_wanted: bool, make: &dyn Fn() -> Result<Arc<dyn Sink>>| {
        if is_wanted {
            sinks.insert(kind, kept(kind).map_or_else(make, Ok)?);
        }
        anyhow::Ok(())
    };
    add(SinkKind::Mns, !of.mns.is_empty(), &|| {
        Ok(Arc::new(Mns::new(usable("mns", &of.mns, mns_instance)?, &client, seconds())))
    })?;
    add(SinkKind::EventBridge, !of.eventbridge.is_empty(), &|| {
        let instances = usable("eventbridge", &of.eventbridge, eventbridge_instance)?;
        Ok(Arc::new(EventBridge::new(instances, &client, seconds())))
    })?;
    add(SinkKind::RocketMq, !of.rocketmq.is_empty(), &|| {
        let millis = Arc::new(|| wall().millis());
        let instances = usable("rocketmq", &of.rocketmq, rocketmq_instance)?;
        Ok(Arc::new(RocketMq::new(instances, millis)))
    })?;
    add(SinkKind::Kafka, !of.kafka.is_empty(), &|| {
        Ok(Arc::new(Kafka::new(usable("kafka", &of.kafka, kafka_instance)?)))
    })?;
    add(SinkKind::Amqp, !of.amqp.is_empty(), &|| {
        Ok(Arc::new(Amqp::new(usable("amqp", &of.amqp, amqp_instance)?)))
    })?;
    let runtime = match present.filter(|present| present.is_same_http) {
        Some(present) => Arc::clone(&present.outside.runtime),
        None => Arc::new(HttpTarget::new(client)),
    };
    let removed = present.map_or_else(Removed::default, |present| removed(&present.removed));
    Ok(Outside { runtime, remote, sinks, removed })
}

/// When an answer arrives that does not say when it was made.
fn arrival() -> SystemTime {
    let millis = u64::try_from(wall().millis()).unwrap_or_default();
    UNIX_EPOCH + Duration::from_millis(millis)
}

/// The seconds that requests are signed at.
fn seconds() -> Arc<dyn Fn() -> i64 + Send + Sync> {
    Arc::new(|| wall().millis() / 1_000)
}

/// The destinations behind these sections.
fn removed(sections: &BTreeSet<String>) -> Removed {
    if sections.is_empty() {
        return Removed::default();
    }
    let sections = sections.clone();
    Removed::new(move |arn| sections.contains(&config::section_of(arn)))
}

/// Where clients may say that a function lives, as far as it can be judged without looking anything
/// up: every connection is checked again.
pub(crate) fn target_check(config: &Config, own_listeners: Vec<SocketAddr>) -> TargetCheck {
    let egress = Egress::new(own_listeners, config.outside.allow.clone());
    let instances: BTreeSet<String> = config.outside.fc.keys().cloned().collect();
    TargetCheck::new(move |address| match address {
        TargetAddress::Runtime { url } => {
            let endpoint = Endpoint::parse(url).map_err(|error| format!("'{url}': {error}"))?;
            let checked = egress.check_named(endpoint.host(), endpoint.port());
            checked.map_err(|denied| denied.to_string())
        }
        TargetAddress::Remote { instance, .. } if instances.contains(&**instance) => Ok(()),
        TargetAddress::Remote { instance, .. } => {
            Err(format!("there is no [sinks.fc.{instance}] in the configuration"))
        }
    })
}

/// The configured instances of a kind, as its adapter takes them.
fn usable<T, U>(
    kind: &str,
    instances: &BTreeMap<String, T>,
    convert: impl Fn(&T) -> Result<U>,
) -> Result<BTreeMap<Box<str>, U>> {
    let convert = |(name, instance): (&String, &T)| {
        let usable = convert(instance).with_context(|| format!("sinks.{kind}.{name}"))?;
        Ok((name.as_str().into(), usable))
    };
    instances.iter().map(convert).collect()
}

fn fc_instance(instance: &FcInstance) -> Result<invoked_sink_fc::Config> {
    let secret = instance.access_key_secret.reveal();
    let mut usable = invoked_sink_fc::Config::new(
        &instance.endpoint.to_string(),
        &instance.access_key_id,
        secret,
    )?;
    if let Some(token) = &instance.security_token {
        usable = usable.with_security_token(token.reveal())?;
    }
    if let Some(timeout) = instance.timeout {
        usable = usable.with_timeout(timeout)?;
    }
    Ok(usable)
}

fn mns_instance(instance: &MnsInstance) -> Result<invoked_sink_mns::Config> {
    let encoding = |encoding| match encoding {
        MnsEncoding::Base64 => invoked_sink_mns::Encoding::Base64,
        MnsEncoding::Raw => invoked_sink_mns::Encoding::Raw,
    };
    let mut usable = invoked_sink_mns::Config::new(
        &instance.endpoint.to_string(),
        &instance.access_key_id,
        instance.access_key_secret.reveal(),
    )?;
    if let Some(token) = &instance.security_token {
        usable = usable.with_security_token(token.reveal())?;
    }
    if let Some(timeout) = instance.timeout {
        usable = usable.with_timeout(timeout)?;
    }
    if let Some(of_queues) = instance.queue_encoding {
        usable = usable.with_queue_encoding(encoding(of_queues));
    }
    if let Some(of_topics) = instance.topic_encoding {
        usable = usable.with_topic_encoding(encoding(of_topics));
    }
    Ok(usable)
}

fn eventbridge_instance(
    instance: &EventBridgeInstance,
) -> Result<invoked_sink_eventbridge::Config> {
    let mut usable = invoked_sink_eventbridge::Config::new(
        &instance.endpoint.to_string(),
        &instance.access_key_id,
        instance.access_key_secret.reveal(),
    )?;
    if let Some(token) = &instance.security_token {
        usable = usable.with_security_token(token.reveal())?;
    }
    if let Some(timeout) = instance.timeout {
        usable = usable.with_timeout(timeout)?;
    }
    Ok(usable)
}

/// Bootstrap servers are the operator's words, and brokers are where those say: no egress policy is
/// asked.
fn kafka_instance(instance: &KafkaInstance) -> Result<invoked_sink_kafka::Config> {
    let mut usable = invoked_sink_kafka::Config::new(&instance.bootstrap_servers)?;
    if let Some(KafkaLogin { mechanism, username, password }) = &instance.login {
        let mechanism = match mechanism {
            KafkaMechanism::Plain => Mechanism::Plain,
            KafkaMechanism::ScramSha256 => Mechanism::ScramSha256,
            KafkaMechanism::ScramSha512 => Mechanism::ScramSha512,
        };
        usable = usable.with_login(mechanism, username, password.reveal())?;
    }
    if let Some(authorities) = &instance.tls {
        usable = usable.with_tls(authorities.as_deref())?;
    }
    if let Some(timeout) = instance.timeout {
        usable = usable.with_timeout(timeout)?;
    }
    if let Some(bytes) = instance.message_max {
        usable = usable.with_message_bytes_max(bytes)?;
    }
    Ok(usable)
}

/// Name servers are the operator's words, and brokers are where those say: no egress policy is asked.
fn rocketmq_instance(instance: &RocketMqInstance) -> Result<invoked_sink_rocketmq::Config> {
    let mut usable = invoked_sink_rocketmq::Config::new(&instance.name_servers)?;
    if let Some(RocketMqKey { access_key, secret_key, security_token }) = &instance.key {
        usable = usable.with_key(access_key, secret_key.reveal())?;
        if let Some(token) = security_token {
            usable = usable.with_security_token(token.reveal())?;
        }
    }
    if let Some(namespace) = &instance.namespace {
        usable = usable.with_namespace(namespace)?;
    }
    if let Some(namespace) = &instance.namespace_v2 {
        usable = usable.with_namespace_v2(namespace)?;
    }
    if let Some(group) = &instance.producer_group {
        usable = usable.with_producer_group(group)?;
    }
    if let Some(trust) = &instance.tls {
        usable = usable.with_tls(&match trust {
            RocketMqTrust::System => Trust::System,
            RocketMqTrust::Authorities(pem) => Trust::Authorities(pem.clone()),
            RocketMqTrust::Anybody => Trust::Anybody,
        })?;
    }
    if let Some(timeout) = instance.timeout {
        usable = usable.with_timeout(timeout)?;
    }
    if let Some(connections) = instance.connections {
        usable = usable.with_connections(connections)?;
    }
    Ok(usable)
}

/// A broker's address is the operator's word: no egress policy is asked.
fn amqp_instance(instance: &AmqpInstance) -> Result<invoked_sink_amqp::Config> {
    let url = instance.url.reveal();
    let mut usable = match &instance.authorities {
        Some(pem) => {
            let trust = invoked_sink_amqp::Trust::Authorities(pem.clone());
            invoked_sink_amqp::Config::with_trust(url, &trust)?
        }
        None => invoked_sink_amqp::Config::new(url)?,
    };
    if let Some(username) = &instance.username {
        usable = usable.with_username(username)?;
    }
    if let Some(password) = &instance.password {
        usable = usable.with_password(password.reveal())?;
    }
    if let Some(timeout) = instance.timeout {
        usable = usable.with_timeout(timeout)?;
    }
    if let Some(heartbeat) = instance.heartbeat {
        usable = usable.with_heartbeat(heartbeat)?;
    }
    if let Some(message_max) = instance.message_max {
        usable = usable.with_message_bytes_max(message_max)?;
    }
    Ok(usable)
}

#[cfg(test)]
mod tests;
