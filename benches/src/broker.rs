//! The brokers of `cargo xtask brokers`, as the benchmark needs them: a queue, a configuration, and what they cost.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::callbacks::run;
use crate::proc::cpu_seconds_of;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    RabbitMq,
    Kafka,
    RocketMq,
}

impl Kind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Kafka => "kafka",
            Self::RocketMq => "rocketmq",
        }
    }
}

pub struct Broker {
    pub kind: Kind,
    address: String,
    /// Of a queue or topic that no other run has.
    place: String,
    /// The list of its processes.
    running: PathBuf,
}

impl Broker {
    /// The broker of this kind that `endpoints`, read from `file`, describe.
    pub fn find(kind: Kind, endpoints: &Value, file: &Path) -> Result<Self> {
        let path = match kind {
            Kind::RabbitMq => "/rabbitmq/plain",
            Kind::Kafka => "/kafka/plain",
            Kind::RocketMq => "/rocketmq/names",
        };
        let address = endpoints.pointer(path).and_then(Value::as_str);
        let address =
            address.with_context(|| format!("no {path} in {}", file.display()))?.to_owned();
        let place = match kind {
            // Its topics are those that it has from the start.
            Kind::RocketMq => "FcBench".to_owned(),
            Kind::RabbitMq | Kind::Kafka => format!("invoked-load-{}", std::process::id()),
        };
        let home = file.parent().context("a file without a directory")?;
        Ok(Self { kind, address, place, running: home.join(kind.name()).join("running") })
    }

    pub fn make_destination(&self, python: &Path) -> Result<()> {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sinks/python/broker.py");
        match self.kind {
            Kind::RabbitMq => run(python, &[program, "rabbitmq-queue", &self.address, &self.place]),
            Kind::Kafka => run(python, &[program, "kafka-topic", &self.address, &self.place]),
            Kind::RocketMq => Ok(()),
        }
    }

    /// What the daemon's configuration gets, so that `function` tells this broker of successes.
    #[must_use]
    pub fn configuration(&self, function: &str) -> String {
        let (address, place) = (&self.address, &self.place);
        let (sink, arn) = match self.kind {
            Kind::RabbitMq => (
                format!("[sinks.amqp.main]\nurl = \"amqp://guest:guest@{address}\""),
                format!("acs:amqp:::/instances/main/vhosts/%2F/exchanges//routing-keys/{place}"),
            ),
            Kind::Kafka => (
                format!("[sinks.kafka.main]\nbootstrap_servers = [\"{address}\"]"),
                format!("acs:alikafka:::/instances/main/topics/{place}"),
            ),
            Kind::RocketMq => (
                format!("[sinks.rocketmq.main]\nname_servers = [\"{address}\"]"),
                format!("acs:mq:::/instances/main/topics/{place}"),
            ),
        };
        format!("{sink}\n[functions.{function}.async]\non_success = \"{arn}\"\n")
    }

    /// What its processes have used so far.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let text = fs::read_to_string(&self.running).context("`cargo xtask brokers up` first")?;
        let leaders: Vec<u32> =
            text.lines().filter_map(|line| line.split_once(' ')?.0.parse().ok()).collect();
        cpu_seconds_of(&leaders)
    }
}
