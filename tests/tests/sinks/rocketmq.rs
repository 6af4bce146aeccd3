//! RocketMQ: the pair with signatures, and the open one, of which one broker stands behind a proxy.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use invoked_core::arn::{Arn, Resource};
use invoked_core::callback::CallVerdict;
use invoked_core::limits::ROCKETMQ_BODY_MAX;
use invoked_sink_rocketmq::{Config, RocketMq, Trust};
use invoked_tests::brokers::{endpoint, restart};
use invoked_tests::config;
use invoked_tests::proxy::Proxy;

use crate::rig::{Arrived, Message, Rig, TIMEOUT, Way};

/// The instance without signatures.
const OPEN: &str = "open";
/// The instance that asks for them.
const GUARDED: &str = "guarded";
/// A topic that xtask makes on both.
const TOPIC: &str = "FcDest";

pub struct Rocket {
    /// Nobody else's messages of before are looked at.
    since: Duration,
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

fn open() -> Config {
    let config = Config::new(&[endpoint("rocketmq/names")]).expect("an address");
    config.with_timeout(TIMEOUT).expect("a timeout")
}

fn guarded(secret_key: &str) -> Config {
    let config = Config::new(&[endpoint("rocketmq_acl/names")]).expect("an address");
    config.with_key(endpoint("rocketmq_acl/access_key"), secret_key).expect("a key")
}

fn guarded_well() -> Config {
    guarded(endpoint("rocketmq_acl/secret_key"))
}

fn sink(instance: &str, config: Config) -> RocketMq {
    let millis = || i64::try_from(now().as_millis()).expect("not in this age");
    RocketMq::new([(instance.into(), config)].into(), Arc::new(millis))
}

fn arn(instance: &str, topic: &str) -> String {
    format!("acs:mq:::/instances/{instance}/topics/{topic}")
}

impl Rocket {
    pub fn new() -> Self {
        Self { since: now() }
    }
}

/// Waits until a topic takes messages of somebody who knows nothing yet: a broker that has started tells the name
/// server of itself only ten seconds later.
async fn ready(instance: &str) {
    let config = if instance == GUARDED { guarded_well() } else { open() };
    let way = Way::new(sink(instance, config), &arn(instance, TOPIC));
    for _ in 0..240 {
        match way.deliver(&Message::small()).await {
            CallVerdict::Delivered { .. } => return,
            CallVerdict::Retry { .. } => tokio::time::sleep(Duration::from_millis(250)).await,
            CallVerdict::Permanent { error } => panic!("{instance}: {error}"),
        }
    }
    panic!("{instance} takes nothing");
}

#[async_trait]
impl Rig for Rocket {
    async fn good(&self) -> Way {
        ready(GUARDED).await;
        Way::new(sink(GUARDED, guarded_well()), &arn(GUARDED, TOPIC))
    }

    async fn wrong_credentials(&self) -> Way {
        ready(GUARDED).await;
        Way::new(sink(GUARDED, guarded("wrong")), &arn(GUARDED, TOPIC))
    }

    async fn missing(&self) -> Way {
        ready(OPEN).await;
        Way::new(sink(OPEN, open()), &arn(OPEN, "NoSuchTopic"))
    }

    async fn behind_proxy(&self) -> (SocketAddr, SocketAddr) {
        let address = |path| endpoint(path).parse().expect("an address");
        let advertised: SocketAddr = address("rocketmq/proxied/advertised");
        // The case before has let go of its proxy, whose task may not have ended yet.
        while TcpListener::bind(advertised).is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (advertised, address("rocketmq/proxied/broker"))
    }

    async fn proxied(&self, proxy: &Proxy) -> Way {
        ready(OPEN).await;
        assert_eq!(proxy.address().ip(), Ipv4Addr::LOCALHOST, "where the broker says that it is");
        Way::new(sink(OPEN, open()), &arn(OPEN, endpoint("rocketmq/proxied/topic")))
    }

    async fn both(&self, proxy: &Proxy) -> (Way, Way) {
        let slow = self.proxied(proxy).await;
        let destination = Arn::parse(&arn(OPEN, TOPIC)).expect("an ARN");
        let good = Way { sink: Arc::clone(&slow.sink), destination };
        (slow, good)
    }

    async fn over_tls(&self, is_trusted: bool) -> Option<Way> {
        ready(OPEN).await;
        // The servers made their certificates themselves, a moment ago: no authority has signed them.
        let trust = if is_trusted {
            Trust::Anybody
        } else {
            Trust::Authorities(std::fs::read(endpoint("tls/ca")).expect("a PEM file"))
        };
        let config = open().with_tls(&trust).expect("TLS");
        Some(Way::new(sink(OPEN, config), &arn(OPEN, TOPIC)))
    }

    async fn configured(&self, config: config::Config) -> (config::Config, String) {
        let section = format!("sinks.rocketmq.{GUARDED}");
        let config = config.set(&section, "name_servers", vec![endpoint("rocketmq_acl/names")]);
        let config = config.set(&section, "access_key", endpoint("rocketmq_acl/access_key"));
        let config = config.set(&section, "secret_key", endpoint("rocketmq_acl/secret_key"));
        (config, arn(GUARDED, TOPIC))
    }

    async fn throttled(&self) -> Option<Way> {
        None
    }

    fn limit(&self) -> usize {
        ROCKETMQ_BODY_MAX
    }

    async fn restart(&self) {
        tokio::task::spawn_blocking(|| restart("rocketmq-acl")).await.expect("no panic");
        ready(GUARDED).await;
    }

    async fn read(&self, destination: &Arn) -> Vec<Arrived> {
        let Resource::RocketMq { instance, topic } = destination.resource() else {
            panic!("{destination}")
        };
        let pair = if &**instance == GUARDED { "rocketmq_acl" } else { "rocketmq" };
        let (topic, since) = (topic.clone(), self.since);
        let printed = tokio::task::spawn_blocking(move || print(pair, &topic, since));
        printed.await.expect("no panic").split("MSGID: ").skip(1).map(message).collect()
    }
}

/// What `printMsg` of RocketMQ's own tools prints.
fn print(pair: &str, topic: &str, since: Duration) -> String {
    let of = |what: &str| endpoint(&format!("{pair}/{what}"));
    let home = of("home");
    let mut java = Command::new("java");
    java.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Duser.home={home}"))
        .arg(format!("-Drocketmq.client.logRoot={home}/logs"))
        .arg("-cp")
        .arg(format!("{}/*", of("jars")))
        .args(["org.apache.rocketmq.tools.command.MQAdminStartup", "printMsg"])
        .args(["-n", of("names"), "-t", topic, "-d", "false"])
        .args(["-b", &since.as_millis().to_string()])
        .env("ROCKETMQ_HOME", home);
    let output = java.output().expect("Java starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "printMsg {topic}: {errors}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("minOffset="), "printMsg {topic} found no queue: {text}{errors}");
    text
}

/// `… properties={…, KEYS=…, TAGS=…}, body=[123, -61, …], …`
fn message(printed: &str) -> Arrived {
    let after = |mark: &str| printed.split_once(mark).map(|(_, rest)| rest);
    let property = |mark: &str| {
        let value = after(mark)?.split([',', '}']).next()?;
        Some(value.to_owned())
    };
    let bytes = after("body=[").and_then(|rest| rest.split_once(']')).expect("a body").0;
    let byte = |text: &str| text.parse::<i8>().expect("a byte of Java's").cast_unsigned();
    Arrived {
        id: property("KEYS=").expect("a key"),
        body: bytes.split(", ").map(byte).collect(),
        tag: property("TAGS="),
        traceparent: property("traceparent="),
    }
}
