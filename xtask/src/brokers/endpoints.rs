//! What the tests need to know of the brokers, as JSON beside them.

use std::path::Path;
use std::{env, fs};

use anyhow::Result;

use super::{kafka, ports, rocketmq};

/// Writes `endpoints.json`.
pub fn write(shared: &Path) -> Result<()> {
    let at = |port: u16| format!("127.0.0.1:{port}");
    let path = |of: &str| shared.join(of).display().to_string();
    let this = env::current_exe()?.display().to_string();
    let topics = rocketmq::TOPICS.map(|topic| format!("{topic:?}")).join(", ");
    let text = format!(
        r#"{{
  "xtask": {this:?},
  "tls": {{ "ca": {ca:?}, "other_ca": {other:?}, "certificate": {certificate:?}, "key": {key:?} }},
  "rabbitmq": {{ "plain": {rabbit:?}, "tls": {rabbit_tls:?}, "user": "guest", "password": "guest" }},
  "kafka": {{
    "plain": {kafka:?}, "sasl_tls": {sasl:?}, "tls": {kafka_tls:?}, "user": {user:?}, "password": {password:?},
    "proxied": {{ "advertised": {advertised:?}, "broker": {kafka_proxied:?} }}
  }},
  "rocketmq": {{
    "names": {names:?}, "broker": {broker:?}, "topics": [{topics}], "home": {home:?}, "jars": {jars:?},
    "proxied": {{ "topic": {topic:?}, "advertised": {proxied:?}, "broker": "127.0.0.2:{port}" }}
  }},
  "rocketmq_acl": {{
    "names": {acl_names:?}, "broker": {acl:?}, "topics": [{topics}], "home": {acl_home:?}, "jars": {jars:?},
    "access_key": {access:?}, "secret_key": {secret:?}
  }}
}}
"#,
        ca = path("tls/ca.pem"),
        other = path("tls/other-ca.pem"),
        certificate = path("tls/server.pem"),
        key = path("tls/server.key"),
        rabbit = at(ports::RABBITMQ),
        rabbit_tls = at(ports::RABBITMQ_TLS),
        kafka = at(ports::KAFKA),
        sasl = at(ports::KAFKA_SASL_TLS),
        kafka_tls = at(ports::KAFKA_TLS),
        user = kafka::USER,
        password = kafka::PASSWORD,
        advertised = at(ports::KAFKA_ADVERTISED),
        kafka_proxied = at(ports::KAFKA_PROXIED),
        names = at(ports::ROCKETMQ_NAMES),
        broker = at(ports::ROCKETMQ),
        home = path("rocketmq"),
        jars = path("jars/rocketmq/lib"),
        topic = rocketmq::TOPIC_PROXIED,
        proxied = at(ports::ROCKETMQ_PROXIED),
        port = ports::ROCKETMQ_PROXIED,
        acl_names = at(ports::ROCKETMQ_ACL_NAMES),
        acl = at(ports::ROCKETMQ_ACL),
        acl_home = path("rocketmq-acl"),
        access = rocketmq::ACCESS_KEY,
        secret = rocketmq::SECRET_KEY,
    );
    fs::write(shared.join("endpoints.json"), text)?;
    Ok(())
}
