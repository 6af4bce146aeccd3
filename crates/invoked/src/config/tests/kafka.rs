//! `[sinks.kafka]`.

use super::super::KafkaMechanism;
use super::*;

fn instance(keys: &str) -> String {
    format!("[sinks.kafka.main]\nbootstrap_servers = [\"127.0.0.1:9092\"]\n{keys}")
}

#[test]
fn a_cluster_is_read_with_everything_it_may_have() {
    let directory = tempfile::tempdir().unwrap();
    let pem = file(&directory, "ca.pem", "PEM");
    let config = Config::load(&given(&instance(&format!(
        r#"
        sasl_mechanism = "SCRAM-SHA-512"
        username = "user"
        password = "s3cret"
        tls = true
        ca_file = {pem:?}
        timeout = "5s"
        message_max = "64KiB"
        "#
    ))))
    .unwrap();
    let main = &config.outside.kafka["main"];
    assert_eq!(main.bootstrap_servers, ["127.0.0.1:9092"]);
    let login = main.login.as_ref().unwrap();
    assert!(matches!(login.mechanism, KafkaMechanism::ScramSha512));
    assert_eq!((&*login.username, login.password.reveal()), ("user", "s3cret"));
    assert_eq!(main.tls, Some(Some("PEM".to_owned())));
    assert_eq!((main.timeout.unwrap().as_secs(), main.message_max), (5, Some(65_536)));
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn little_is_needed() {
    let config = Config::load(&given(&instance(""))).unwrap();
    let main = &config.outside.kafka["main"];
    assert!(main.login.is_none() && main.tls.is_none());
    let keys = "tls = true\nusername = \"u\"\npassword = \"p\"";
    let main = Config::load(&given(&instance(keys))).unwrap().outside.kafka["main"].clone();
    assert_eq!(main.tls, Some(None));
    assert!(matches!(main.login.unwrap().mechanism, KafkaMechanism::Plain));
}

#[test]
fn what_cannot_work_is_told_with_its_path() {
    for (keys, path, text) in [
        ("username = \"u\"", "password", "is missing"),
        ("sasl_mechanism = \"PLAIN\"\npassword = \"p\"", "username", "is missing"),
        (
            "sasl_mechanism = \"GSSAPI\"\nusername = \"u\"\npassword = \"p\"",
            "sasl_mechanism",
            "SCRAM-SHA-256",
        ),
        ("ca_file = \"/nowhere.pem\"", "ca_file", "needs tls = true"),
        ("tls = true\nca_file = \"/nowhere.pem\"", "ca_file", "/nowhere.pem"),
        ("message_max = \"1GiB\"", "message_max", "between 1KiB and 100MiB"),
        ("timeout = \"10ms\"", "timeout", "between 1s and 30s"),
        ("acks = 1", "acks", "is not a key"),
    ] {
        let found = problem(&instance(keys));
        let path = format!("sinks.kafka.main.{path}");
        assert!(found.contains(&path) && found.contains(text), "{keys}: {found}");
    }
    for servers in ["[]", "[\"kafka\"]", "[\"a:1,b:2\"]", "[\"kafka:0\"]"] {
        let found = problem(&format!("[sinks.kafka.main]\nbootstrap_servers = {servers}"));
        assert!(found.contains("bootstrap_servers") && found.contains("host:port"), "{found}");
    }
}
