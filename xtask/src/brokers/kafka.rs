//! Kafka as one node in KRaft mode: broker and controller in one small process.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::process::{Group, listens};
use super::{Place, artifacts, ports};
use crate::workspace::run as shell;

const ARTIFACTS: [&str; 3] = [
    "org.apache.kafka:kafka_2.13:4.0.2",
    "org.apache.logging.log4j:log4j-core:2.24.3",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.24.3",
];

/// The only cluster in the world, as far as this node knows.
const CLUSTER: &str = "AAAAAAAAQACAAAAAAAAAAQ";
pub const USER: &str = "invoked";
pub const PASSWORD: &str = "secret";

pub fn start(place: &Place, group: &mut Group) -> Result<()> {
    let jars = artifacts::jars(&place.shared, "kafka", &ARTIFACTS)?;
    let home = &place.home;
    fs::write(home.join("server.properties"), properties(home, &place.shared.join("tls")))?;
    fs::write(home.join("log4j2.xml"), LOGGING)?;
    let java = |words: &[&str]| {
        let mut command = Command::new("java");
        command.args(["-Xmx384m", "-XX:+UseSerialGC", "-Dlog4j2.configurationFile=log4j2.xml"]);
        command.arg("-cp").arg(jars.join("*")).args(words).current_dir(home);
        command
    };
    if !home.join("data/meta.properties").exists() {
        let user = format!("SCRAM-SHA-256=[name={USER},password={PASSWORD}]");
        let tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", "server.properties"];
        shell(&mut java(&[&tool[..], &["--add-scram", &user]].concat()))?;
    }
    let log = home.join("server.log");
    let listeners = [ports::KAFKA, ports::KAFKA_SASL_TLS, ports::KAFKA_TLS, ports::KAFKA_PROXIED]
        .map(|port| ([127, 0, 0, 1], port));
    Group::claim(&listeners)?;
    group.spawn(&mut java(&["kafka.Kafka", "server.properties"]), &log)?;
    group.wait("listeners", &log, || listeners.into_iter().all(listens))?;
    group.complete()
}

fn properties(home: &Path, tls: &Path) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAIN://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},\
         SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{secure},PROXIED://127.0.0.1:{proxied}\n\
         advertised.listeners=PLAIN://127.0.0.1:{plain},SASL://127.0.0.1:{sasl},\
         TLS://127.0.0.1:{secure},PROXIED://127.0.0.1:{advertised}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SASL:SASL_SSL,TLS:SSL,\
         PROXIED:PLAINTEXT\n\
         inter.broker.listener.name=PLAIN\n\
         sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256\n\
         listener.name.sasl.plain.sasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required \
         user_{USER}=\"{PASSWORD}\";\n\
         listener.name.sasl.scram-sha-256.sasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         ssl.keystore.type=PEM\n\
         ssl.keystore.location={tls}/keystore.pem\n\
         log.dirs={home}/data\n\
         auto.create.topics.enable=false\n\
         num.partitions=1\n\
         offsets.topic.num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         log.segment.bytes=67108864\n",
        plain = ports::KAFKA,
        controller = ports::KAFKA_CONTROLLER,
        sasl = ports::KAFKA_SASL_TLS,
        secure = ports::KAFKA_TLS,
        proxied = ports::KAFKA_PROXIED,
        advertised = ports::KAFKA_ADVERTISED,
        tls = tls.display(),
        home = home.display(),
    )
}

const LOGGING: &str = "<Configuration><Appenders><Console name=\"out\">\
     <PatternLayout pattern=\"%d %p %c{1} %m%n\"/></Console></Appenders>\
     <Loggers><Root level=\"warn\"><AppenderRef ref=\"out\"/></Root></Loggers></Configuration>\n";
