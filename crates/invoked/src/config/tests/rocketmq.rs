//! `[sinks.rocketmq]`.

use super::super::RocketMqTrust;
use super::*;

fn instance(keys: &str) -> String {
    format!("[sinks.rocketmq.orders]\nname_servers = [\"127.0.0.1:9876\"]\n{keys}")
}

#[test]
fn a_cluster_is_read_with_everything_it_may_have() {
    let directory = tempfile::tempdir().unwrap();
    let pem = file(&directory, "ca.pem", "PEM");
    let config = Config::load(&given(&instance(&format!(
        r#"
        access_key = "id"
        secret_key = "s3cret"
        security_token = "t0ken"
        namespace = "MQ_INST_1_a"
        namespace_v2 = "rmq-cn-1"
        producer_group = "PG_orders"
        tls = true
        ca_file = {pem:?}
        timeout = "5s"
        connections = 2
        "#
    ))))
    .unwrap();
    let orders = &config.outside.rocketmq["orders"];
    assert_eq!(orders.name_servers, ["127.0.0.1:9876"]);
    let key = orders.key.as_ref().unwrap();
    assert_eq!((&*key.access_key, key.secret_key.reveal()), ("id", "s3cret"));
    assert_eq!(key.security_token.as_ref().unwrap().reveal(), "t0ken");
    assert_eq!(orders.namespace.as_deref(), Some("MQ_INST_1_a"));
    assert_eq!(orders.namespace_v2.as_deref(), Some("rmq-cn-1"));
    assert_eq!(orders.producer_group.as_deref(), Some("PG_orders"));
    assert!(matches!(&orders.tls, Some(RocketMqTrust::Authorities(pem)) if pem == b"PEM"));
    assert_eq!((orders.timeout.unwrap().as_secs(), orders.connections), (5, Some(2)));
    let shown = format!("{config:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
}

#[test]
fn little_is_needed() {
    let config = Config::load(&given(&instance(""))).unwrap();
    let orders = &config.outside.rocketmq["orders"];
    assert!(orders.key.is_none() && orders.tls.is_none());
    for (keys, insecure) in [("tls = true", false), ("tls = true\ntls_insecure = true", true)] {
        let config = Config::load(&given(&instance(keys))).unwrap();
        let trust = config.outside.rocketmq["orders"].tls.clone().unwrap();
        assert_eq!(matches!(trust, RocketMqTrust::Anybody), insecure);
        assert_eq!(matches!(trust, RocketMqTrust::System), !insecure);
    }
}

#[test]
fn what_cannot_work_is_told_with_its_path() {
    for (keys, path, text) in [
        ("access_key = \"id\"", "secret_key", "is missing"),
        (
            "security_token = { env = \"NOBODY\" }\naccess_key = \"a\"\nsecret_key = \"b\"",
            "security_token",
            "NOBODY",
        ),
        ("namespace = \"a.b\"", "namespace", "letters, digits"),
        ("ca_file = \"/x\"", "ca_file", "needs tls = true"),
        ("tls_insecure = true", "tls_insecure", "needs tls = true"),
        ("tls = true\nca_file = \"/no/such/file\"", "ca_file", "/no/such/file: No such file"),
        ("tls = true\ntls_insecure = true\nca_file = \"/x\"", "ca_file", "leave one out"),
        ("connections = 17", "connections", "between 1 and 16, got 17"),
        ("endpoint = \"x\"", "endpoint", "is not a key of the configuration"),
    ] {
        let found = problem(&instance(keys));
        assert!(found.starts_with(&format!("sinks.rocketmq.orders.{path}: ")), "{found}");
        assert!(found.contains(text), "{found}");
    }
    for (servers, text) in [
        ("[]", "from 1 to 16"),
        ("[\"host\"]", "\"host:port\" each"),
        ("[\"host:0\"]", "\"host:port\" each"),
        ("9876", "must be a list"),
    ] {
        let found = problem(&format!("[sinks.rocketmq.orders]\nname_servers = {servers}"));
        assert!(found.starts_with("sinks.rocketmq.orders.name_servers: "), "{found}");
        assert!(found.contains(text), "{found}");
    }
}

#[test]
fn an_arn_names_the_cluster() {
    let arn = |instance: &str| format!("acs:mq:::/instances/{instance}/topics/t");
    Config::load(&given(&(told("a", &arn("orders")) + &instance("")))).unwrap();
    let found = problem(&(told("a", &arn("other")) + &instance("")));
    assert!(found.contains("there is no sinks.rocketmq.other"), "{found}");
}
