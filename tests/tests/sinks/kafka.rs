//! Kafka.
//!
//! A real broker throttles by answering late, which no client sees as an error; what a quota's code means is in the
//! adapter's table.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use invoked_core::arn::{Arn, Resource};
use invoked_sink_kafka::{Config, Kafka, Mechanism, overhead};
use invoked_tests::brokers::{endpoint, restart};
use invoked_tests::config;
use invoked_tests::proxy::Proxy;

use crate::reader::{python, read};
use crate::rig::{Arrived, Message, Rig, TIMEOUT, Way};

mod logins;

/// Bytes of a batch that the topics of the limit take, and the operator has set.
const LIMIT: usize = 100_000;

pub struct Cluster;

fn plain() -> Config {
    Config::new(&[endpoint("kafka/plain")]).expect("an address")
}

fn proxied(proxy: &Proxy) -> Config {
    let config = Config::new(&[proxy.address().to_string()]).expect("an address");
    config
        .with_timeout(TIMEOUT)
        .and_then(|config| config.with_message_bytes_max(LIMIT))
        .expect("bounds")
}

fn one(config: Config) -> BTreeMap<Box<str>, Config> {
    BTreeMap::from([("main".into(), config)])
}

/// A topic that is new, and takes batches of up to the limit.
async fn topic(instance: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("invoked-{}-{number}", std::process::id());
    let made = name.clone();
    let make = move || python(&["kafka-topic", endpoint("kafka/plain"), &made, &LIMIT.to_string()]);
    tokio::task::spawn_blocking(make).await.expect("no panic");
    arn(instance, &name)
}

fn arn(instance: &str, topic: &str) -> String {
    format!("acs:alikafka:::/instances/{instance}/topics/{topic}")
}

async fn way(config: Config) -> Way {
    Way::new(Kafka::new(one(config)), &topic("main").await)
}

#[async_trait]
impl Rig for Cluster {
    async fn good(&self) -> Way {
        way(plain()).await
    }

    async fn wrong_credentials(&self) -> Way {
        let authorities = fs::read_to_string(endpoint("tls/ca")).expect("a PEM file");
        let config = Config::new(&[endpoint("kafka/sasl_tls")]).expect("an address");
        let config = config.with_tls(Some(&authorities)).expect("a PEM file");
        let config = config.with_login(Mechanism::ScramSha256, endpoint("kafka/user"), "wrong");
        way(config.and_then(|config| config.with_timeout(TIMEOUT)).expect("a login")).await
    }

    async fn missing(&self) -> Way {
        Way::new(Kafka::new(one(plain())), &arn("main", "no-such-topic"))
    }

    async fn behind_proxy(&self) -> (SocketAddr, SocketAddr) {
        let at = |path: &str| endpoint(path).parse().expect("an address");
        (at("kafka/proxied/advertised"), at("kafka/proxied/broker"))
    }

    async fn proxied(&self, proxy: &Proxy) -> Way {
        way(proxied(proxy)).await
    }

    async fn both(&self, proxy: &Proxy) -> (Way, Way) {
        let instances = BTreeMap::from([("slow".into(), proxied(proxy)), ("main".into(), plain())]);
        let slow = Way::new(Kafka::new(instances), &topic("slow").await);
        let destination = Arn::parse(&topic("main").await).expect("an ARN");
        let good = Way { sink: slow.sink.clone(), destination };
        (slow, good)
    }

    async fn over_tls(&self, is_trusted: bool) -> Option<Way> {
        let authority = endpoint(if is_trusted { "tls/ca" } else { "tls/other_ca" });
        let authorities = fs::read_to_string(authority).expect("a PEM file");
        // With the login, so that both of its mechanisms are tried.
        let mechanism = if is_trusted { Mechanism::ScramSha256 } else { Mechanism::Plain };
        let config = Config::new(&[endpoint("kafka/sasl_tls")]).expect("an address");
        let config = config.with_tls(Some(&authorities)).expect("a PEM file");
        let (user, password) = (endpoint("kafka/user"), endpoint("kafka/password"));
        let config = config.with_login(mechanism, user, password).expect("a login");
        Some(way(config.with_timeout(TIMEOUT * 2).expect("bounds")).await)
    }

    async fn configured(&self, config: config::Config) -> (config::Config, String) {
        let servers = vec![endpoint("kafka/plain")];
        (config.set("sinks.kafka.main", "bootstrap_servers", servers), topic("main").await)
    }

    async fn throttled(&self) -> Option<Way> {
        None
    }

    fn limit(&self) -> usize {
        LIMIT - overhead(&Way::delivery(&arn("main", "t"), &Message::small()))
    }

    async fn restart(&self) {
        tokio::task::spawn_blocking(|| restart("kafka")).await.expect("no panic");
    }

    async fn read(&self, destination: &Arn) -> Vec<Arrived> {
        let Resource::Kafka { topic, .. } = destination.resource() else { panic!("{destination}") };
        let topic = topic.to_string();
        let read = move || read(&["kafka-read", endpoint("kafka/plain"), &topic]);
        tokio::task::spawn_blocking(read).await.expect("no panic")
    }
}
