//! Deliveries over real connections, to stand-ins for name server and broker on loopback.

mod connections;
mod outages;
mod server;
mod topics;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_sink::{Delivery, Sink as _};

use server::{CLUSTER, ROUTE, Reply, SEND, Seen, Server, route};

use crate::{Config, RocketMq};

const NOW: i64 = 1_768_465_800_000;

/// Long enough for whatever answers.
const PATIENT: Duration = Duration::from_secs(5);

/// A destination, and the clock it reads.
struct Subject {
    sink: RocketMq,
    now: Arc<AtomicI64>,
}

fn config(name_servers: &[&Server]) -> Config {
    let addresses: Vec<_> = name_servers.iter().map(|server| server.address.to_string()).collect();
    Config::new(&addresses).unwrap().with_timeout(PATIENT).unwrap()
}

fn subject(config: Config) -> Subject {
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = Arc::clone(&now);
    let clock = Arc::new(move || clock.load(Ordering::Relaxed));
    Subject { sink: RocketMq::new([("orders".into(), config)].into(), clock), now }
}

fn of(server: &Server) -> Subject {
    subject(config(&[server]))
}

fn delivery(number: u8, topic: &str) -> Delivery {
    Delivery {
        destination: Arn::parse(&format!("acs:mq:::/instances/orders/topics/{topic}")).unwrap(),
        envelope: Bytes::from(format!("envelope {number}")),
        request_id: RequestId([number; 16]),
        outcome: Outcome::Failed,
        depth: 1,
        trace: None,
    }
}

fn key(number: u8) -> String {
    format!("{number:02X}").repeat(16)
}

fn delivered(id: &str) -> CallVerdict {
    CallVerdict::Delivered { message_id: Some(id.into()) }
}

impl Subject {
    async fn deliver(&self, number: u8) -> CallVerdict {
        self.sink.deliver(&delivery(number, "orders")).await
    }

    async fn retry(&self, number: u8) -> Fault {
        let verdict = self.deliver(number).await;
        let CallVerdict::Retry { error, retry_after: None } = verdict else {
            panic!("not to be tried again: {verdict:?}");
        };
        error
    }

    async fn permanent(&self, number: u8) -> Fault {
        let verdict = self.deliver(number).await;
        let CallVerdict::Permanent { error } = verdict else {
            panic!("not permanent: {verdict:?}");
        };
        error
    }
}

/// A cluster in one process: routes lead back to it, and `sends` says what becomes of messages.
async fn cluster(sends: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    let address = Arc::new(std::sync::OnceLock::new());
    let own = Arc::clone(&address);
    let server = Server::start(move |seen| match seen.code {
        ROUTE => route(&[("broker-a", format!("{}", own.get().unwrap()))]),
        CLUSTER => Reply::Body(r#"{"brokerAddrTable":{"broker-a":{}}}"#.into()),
        _ => sends(seen),
    })
    .await;
    address.set(server.address).unwrap();
    server
}

/// A name server whose routes name these brokers.
async fn name_server(brokers: &[(&'static str, &Server)]) -> Server {
    let brokers: Vec<_> =
        brokers.iter().map(|(name, server)| (*name, server.address.to_string())).collect();
    Server::start(move |_| route(&brokers)).await
}
