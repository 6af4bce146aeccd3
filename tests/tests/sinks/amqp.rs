//! RabbitMQ.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use invoked_core::arn::{Arn, Resource};
use invoked_sink_amqp::{Amqp, Config, Trust};
use invoked_tests::brokers::{endpoint, restart};
use invoked_tests::config;
use invoked_tests::proxy::Proxy;

use crate::reader::{python, read};
use crate::rig::{Arrived, Rig, TIMEOUT, Way};

mod refusals;

/// Bytes of a message that the tests take for the operator's limit.
const LIMIT: usize = 100_000;

pub struct Rabbit;

impl Rabbit {
    pub fn new() -> Self {
        Self
    }
}

fn url(user: &str, password: &str, address: &str) -> String {
    format!("amqp://{user}:{password}@{address}")
}

fn plain() -> Config {
    let address = endpoint("rabbitmq/plain");
    Config::new(&url("guest", "guest", address)).expect("a URL")
}

fn proxied(proxy: &Proxy) -> Config {
    let config = Config::new(&url("guest", "guest", &proxy.address().to_string()));
    let config = config.and_then(|config| config.with_timeout(TIMEOUT)).expect("a URL");
    config.with_message_bytes_max(LIMIT).expect("a limit")
}

fn one(name: &str, config: Config) -> BTreeMap<Box<str>, Config> {
    BTreeMap::from([(name.into(), config)])
}

/// A queue that is new, and its ARN through the default exchange of `instance`.
fn queue(instance: &str, options: &[&str]) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("invoked-{}-{number}", std::process::id());
    python(&[&["rabbitmq-queue", endpoint("rabbitmq/plain"), &name], options].concat());
    arn(instance, "", &name)
}

fn arn(instance: &str, exchange: &str, key: &str) -> String {
    format!("acs:amqp:::/instances/{instance}/vhosts/%2F/exchanges/{exchange}/routing-keys/{key}")
}

#[async_trait]
impl Rig for Rabbit {
    async fn good(&self) -> Way {
        Way::new(Amqp::new(one("main", plain())), &queue("main", &[]))
    }

    async fn wrong_credentials(&self) -> Way {
        let address = endpoint("rabbitmq/plain");
        let config = Config::new(&url("guest", "wrong", address)).expect("a URL");
        Way::new(Amqp::new(one("main", config)), &queue("main", &[]))
    }

    async fn missing(&self) -> Way {
        Way::new(Amqp::new(one("main", plain())), &arn("main", "no-such-exchange", "key"))
    }

    async fn behind_proxy(&self) -> (SocketAddr, SocketAddr) {
        let broker = endpoint("rabbitmq/plain").parse().expect("an address");
        (([127, 0, 0, 1], 0).into(), broker)
    }

    async fn proxied(&self, proxy: &Proxy) -> Way {
        Way::new(Amqp::new(one("main", proxied(proxy))), &queue("main", &[]))
    }

    async fn both(&self, proxy: &Proxy) -> (Way, Way) {
        let instances = BTreeMap::from([("slow".into(), proxied(proxy)), ("main".into(), plain())]);
        let slow = Way::new(Amqp::new(instances), &queue("slow", &[]));
        let good =
            Way { sink: slow.sink.clone(), destination: Arn::parse(&queue("main", &[])).unwrap() };
        (slow, good)
    }

    async fn over_tls(&self, is_trusted: bool) -> Option<Way> {
        let authority = endpoint(if is_trusted { "tls/ca" } else { "tls/other_ca" });
        let trust = Trust::Authorities(std::fs::read(authority).expect("a PEM file"));
        let url = format!("amqps://guest:guest@{}", endpoint("rabbitmq/tls"));
        let config = Config::with_trust(&url, &trust).expect("a URL");
        Some(Way::new(Amqp::new(one("main", config)), &queue("main", &[])))
    }

    async fn configured(&self, config: config::Config) -> (config::Config, String) {
        let url = url("guest", "guest", endpoint("rabbitmq/plain"));
        (config.set("sinks.amqp.main", "url", url), queue("main", &[]))
    }

    async fn throttled(&self) -> Option<Way> {
        // Holds one message and rejects what comes then.
        let way = Way::new(Amqp::new(one("main", plain())), &queue("main", &["--reject-publish"]));
        let first = way.deliver(&crate::rig::Message::small()).await;
        assert!(
            matches!(first, invoked_core::callback::CallVerdict::Delivered { .. }),
            "{first:?}"
        );
        Some(way)
    }

    fn limit(&self) -> usize {
        LIMIT
    }

    async fn restart(&self) {
        tokio::task::spawn_blocking(|| restart("rabbitmq")).await.expect("no panic");
    }

    async fn read(&self, destination: &Arn) -> Vec<Arrived> {
        let Resource::Amqp { routing_key, .. } = destination.resource() else {
            panic!("{destination}")
        };
        read(&["rabbitmq-read", endpoint("rabbitmq/plain"), routing_key])
    }
}
