//! MNS, on its double; what that has is signed again and decoded by the vendor's own code.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use invoked_core::arn::{Arn, Resource};
use invoked_doubles::Step;
use invoked_doubles::mns::{self, Account};
use invoked_http::Client;
use invoked_sink_mns::{Config, Mns};
use invoked_tests::brokers::endpoint;
use invoked_tests::config;
use invoked_tests::proxy::Proxy;
use invoked_tests::tools::{root, sinks_python};

use crate::double::{Double, client, client_that_trusts, unix_millis};
use crate::reader::arrived;
use crate::rig::{Arrived, Rig, TIMEOUT, Way};

const KEY: &str = "testid";
const SECRET: &str = "testsecret";

/// Queues or topics of a double.
pub struct Places {
    kind: &'static str,
    /// Bytes of a message that fit.
    limit: usize,
    service: Arc<mns::Mns>,
    double: Double,
}

impl Places {
    /// Queues, whose messages are base64: 49,152 bytes are 65,536 then.
    pub fn queues() -> Self {
        Self::new("queues", 49_152)
    }

    /// Topics, whose messages are as they are.
    pub fn topics() -> Self {
        Self::new("topics", 65_536)
    }

    fn new(kind: &'static str, limit: usize) -> Self {
        let service = mns::Mns::new(Account {
            access_key_id: KEY.to_owned(),
            access_key_secret: SECRET.to_owned(),
            security_token: None,
        });
        let double = Double::new(Arc::clone(&service) as _);
        Self { kind, limit, service, double }
    }

    /// A queue or topic that is new, as scripts name it.
    fn created(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("/{}/results-{}", self.kind, NEXT.fetch_add(1, Ordering::Relaxed));
        self.service.create(&name);
        name
    }
}

fn way(client: &Client, endpoint: &str, secret: &str, destination: &str) -> Way {
    let config = Config::new(endpoint, KEY, secret).and_then(|config| config.with_timeout(TIMEOUT));
    let instances = BTreeMap::from([("default".into(), config.expect("an instance"))]);
    let sink = Mns::new(instances, client, Arc::new(|| unix_millis() / 1_000));
    Way::new(sink, &format!("acs:mns:::{destination}/messages"))
}

#[async_trait]
impl Rig for Places {
    async fn good(&self) -> Way {
        way(&client(), &self.double.url().await, SECRET, &self.created())
    }

    async fn wrong_credentials(&self) -> Way {
        way(&client(), &self.double.url().await, "wrong", &self.created())
    }

    async fn missing(&self) -> Way {
        let missing = format!("/{}/no-such", self.kind);
        way(&client(), &self.double.url().await, SECRET, &missing)
    }

    async fn behind_proxy(&self) -> (SocketAddr, SocketAddr) {
        (([127, 0, 0, 1], 0).into(), self.double.address().await)
    }

    async fn proxied(&self, proxy: &Proxy) -> Way {
        way(&client(), &format!("http://{}", proxy.address()), SECRET, &self.created())
    }

    async fn both(&self, proxy: &Proxy) -> (Way, Way) {
        // An ARN of MNS names no instance; what could be held up is the client that all have in common.
        let client = client();
        let url = format!("http://{}", proxy.address());
        let slow = way(&client, &url, SECRET, &self.created());
        (slow, way(&client, &self.double.url().await, SECRET, &self.created()))
    }

    async fn over_tls(&self, is_trusted: bool) -> Option<Way> {
        let authority = endpoint(if is_trusted { "tls/ca" } else { "tls/other_ca" });
        let client = client_that_trusts(Some(authority));
        Some(way(&client, &self.double.tls_url().await, SECRET, &self.created()))
    }

    async fn configured(&self, config: config::Config) -> (config::Config, String) {
        let section = "sinks.mns.default";
        let config = config.set(section, "endpoint", self.double.url().await);
        let config = config.set(section, "access_key_id", KEY);
        let config = config.set(section, "access_key_secret", SECRET);
        (config, format!("acs:mns:::{}/messages", self.created()))
    }

    async fn throttled(&self) -> Option<Way> {
        let throttled = self.created();
        let script = self.double.script();
        script.add(&throttled, Step::answer(mns::error("TooManyRequests")), 1);
        Some(way(&client(), &self.double.url().await, SECRET, &throttled))
    }

    fn limit(&self) -> usize {
        self.limit
    }

    async fn restart(&self) {
        self.double.restart().await;
    }

    async fn read(&self, destination: &Arn) -> Vec<Arrived> {
        let place = match destination.resource() {
            Resource::MnsQueue { queue } => format!("/queues/{queue}"),
            Resource::MnsTopic { topic } => format!("/topics/{topic}"),
            other => panic!("{other:?}"),
        };
        let mailbox = format!("{}/mailbox", self.double.url().await);
        let read = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(sinks_python());
            command.arg(root().join("tests/sinks/python/mns_mailbox.py"));
            arrived(command.args([&mailbox, KEY, SECRET, &place]))
        });
        read.await.expect("no panic")
    }

    fn has_traces(&self) -> bool {
        false
    }

    fn has_tags(&self) -> bool {
        self.kind == "topics"
    }
}
