//! EventBridge, on its double.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::arn::{Arn, Resource};
use invoked_core::callback::CallVerdict;
use invoked_core::envelope::cloud_event;
use invoked_core::head::Head;
use invoked_core::id::{FnId, RequestId, ShardId};
use invoked_core::life::{Life, Outcome};
use invoked_core::limits::EVENT_MAX;
use invoked_http::Client;
use invoked_sink::{Delivery, Sink};
use invoked_sink_eventbridge::{Config, EventBridge};
use invoked_testkit::doubles::Step;
use invoked_testkit::doubles::eventbridge::{self, Account};
use invoked_testkit::sample::{NOON, Sample};
use invoked_tests::brokers::endpoint;
use invoked_tests::config;
use invoked_tests::proxy::Proxy;
use invoked_tests::tools::{root, sinks_python};

use crate::double::{Double, client, client_that_trusts, unix_millis};
use crate::reader::documents;
use crate::rig::{Arrived, Rig, TIMEOUT, Way};

const KEY: &str = "testid";
const SECRET: &str = "testsecret";
const BUS: &str = "results";
/// A bus whose events are taken and never answered, where the test says so.
const SLOW: &str = "slow";
const FUNCTION: &str = "acs:fc:cn-hangzhou:1234567890:functions/hello";

pub struct Buses {
    double: Double,
}

impl Buses {
    pub fn new() -> Self {
        let service = eventbridge::EventBridge::new(Account {
            id: "1234567890".to_owned(),
            region: "cn-hangzhou".to_owned(),
            access_key_id: KEY.to_owned(),
            access_key_secret: SECRET.to_owned(),
            security_token: None,
        });
        service.create(BUS);
        service.create(SLOW);
        Self { double: Double::new(service) }
    }

    async fn way(&self, secret: &str, bus: &str) -> Way {
        Way::new(events(&self.double.url().await, secret, &client()), &arn(bus))
    }
}

fn arn(bus: &str) -> String {
    format!("acs:eventbridge:::eventbus/{bus}")
}

fn bus_of(destination: &Arn) -> &str {
    let Resource::EventBus { bus } = destination.resource() else { panic!("{destination}") };
    bus
}

fn events(url: &str, secret: &str, client: &Client) -> Events {
    let config = Config::new(url, KEY, secret).and_then(|config| config.with_timeout(TIMEOUT));
    let instances = [("default".into(), config.expect("a configuration"))].into();
    Events(EventBridge::new(instances, client, Arc::new(|| unix_millis() / 1_000)))
}

/// The sink, told as the core tells it: the suite's messages are the data of events.
struct Events(EventBridge);

#[async_trait]
impl Sink for Events {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let data = std::str::from_utf8(&delivery.envelope).expect("JSON");
        let bus = bus_of(&delivery.destination);
        let envelope = event(delivery.request_id, delivery.outcome, bus, data);
        self.0.deliver(&Delivery { envelope: Bytes::from(envelope), ..delivery.clone() }).await
    }
}

fn event(request_id: RequestId, outcome: Outcome, bus: &str, data: &str) -> String {
    let Sample { head, .. } = Sample::plain(ShardId(0), FnId(1), 1, Duration::ZERO);
    let head = Head { request_id, life: Life::Ended { outcome, at: NOON }, ..head };
    cloud_event(&head, FUNCTION, bus, data)
}

#[async_trait]
impl Rig for Buses {
    async fn good(&self) -> Way {
        self.way(SECRET, BUS).await
    }

    async fn wrong_credentials(&self) -> Way {
        self.way("wrong", BUS).await
    }

    async fn missing(&self) -> Way {
        self.way(SECRET, "missing").await
    }

    async fn behind_proxy(&self) -> (SocketAddr, SocketAddr) {
        (([127, 0, 0, 1], 0).into(), self.double.address().await)
    }

    async fn proxied(&self, proxy: &Proxy) -> Way {
        let url = format!("http://{}", proxy.address());
        Way::new(events(&url, SECRET, &client()), &arn(BUS))
    }

    async fn both(&self, _proxy: &Proxy) -> (Way, Way) {
        // Every bus is behind the same endpoint.
        self.double.script().add(SLOW, Step::withhold(), u32::MAX);
        let slow = self.way(SECRET, SLOW).await;
        let destination = Arn::parse(&arn(BUS)).expect("an ARN");
        let good = Way { sink: Arc::clone(&slow.sink), destination };
        (slow, good)
    }

    async fn over_tls(&self, is_trusted: bool) -> Option<Way> {
        let authority = endpoint(if is_trusted { "tls/ca" } else { "tls/other_ca" });
        let client = client_that_trusts(Some(authority));
        let url = self.double.tls_url().await;
        Some(Way::new(events(&url, SECRET, &client), &arn(BUS)))
    }

    async fn configured(&self, config: config::Config) -> (config::Config, String) {
        let section = "sinks.eventbridge.default";
        let config = config.set(section, "endpoint", self.double.url().await);
        let config = config.set(section, "access_key_id", KEY);
        let config = config.set(section, "access_key_secret", SECRET);
        (config, arn(BUS))
    }

    async fn throttled(&self) -> Option<Way> {
        let answer = eventbridge::error("TooManyRequests");
        self.double.script().add(BUS, Step::answer(answer), 1);
        Some(self.good().await)
    }

    fn limit(&self) -> usize {
        EVENT_MAX - event(RequestId([0; 16]), Outcome::Succeeded, BUS, "").len()
    }

    async fn restart(&self) {
        self.double.restart().await;
    }

    async fn read(&self, destination: &Arn) -> Vec<Arrived> {
        let mailbox = format!("{}/mailbox", self.double.url().await);
        let mut command = Command::new(sinks_python());
        command.arg(root().join("tests/sinks/python/eventbridge.py"));
        command.args([&mailbox, KEY, SECRET, bus_of(destination)]);
        let found = tokio::task::spawn_blocking(move || documents(&mut command));
        found.await.expect("no panic").into_iter().map(Arrived::read).collect()
    }
}
