//! `[sinks.amqp]`.

use super::*;

fn instance(keys: &str) -> String {
    format!("[sinks.amqp.main]\n{keys}")
}

#[test]
fn a_broker_is_read_with_everything_it_may_have() {
    let directory = tempfile::tempdir().unwrap();
    let pem = file(&directory, "ca.pem", "PEM");
    let url = file(&directory, "url", "amqps://u:s3cret@mq.example\n");
    let config = Config::load(&given(&instance(&format!(
        r#"
        url = {{ file = {url:?} }}
        username = "v"
        password = "h1dden"
        ca_file = {pem:?}
        timeout = "5s"
        heartbeat = "30s"
        message_max = "128MiB"
        "#
    ))))
    .unwrap();
    let main = &config.outside.amqp["main"];
    assert_eq!(main.url.reveal(), "amqps://u:s3cret@mq.example");
    assert_eq!(main.username.as_deref(), Some("v"));
    assert_eq!(main.password.as_ref().unwrap().reveal(), "h1dden");
    assert_eq!(main.authorities.as_deref(), Some(&b"PEM"[..]));
    assert_eq!((main.timeout.unwrap().as_secs(), main.heartbeat.unwrap().as_secs()), (5, 30));
    assert_eq!(main.message_max, Some(128 * 1024 * 1024));
    let shown = format!("{config:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("h1dden"), "{shown}");
}

#[test]
fn a_url_is_enough_and_makes_a_destination_known() {
    let config = Config::load(&given(&format!(
        r#"
        [sinks.amqp.main]
        url = "amqp://guest:guest@127.0.0.1:5672"
        [functions.hello]
        url = "{URL}"
        async = {{ on_success = "acs:amqp:::/instances/main/vhosts/%2F/exchanges//routing-keys/q" }}
        "#
    )))
    .unwrap();
    assert!(config.outside.amqp["main"].authorities.is_none());
}

#[test]
fn what_cannot_work_is_told_with_its_path_and_without_the_url() {
    let plain = "url = \"amqp://u:s3cret@h\"\n";
    for (keys, path, text) in [
        ("", "url", "is missing"),
        ("url = \"http://u:s3cret@h\"", "url", "must begin with amqp:// or amqps://"),
        ("url = \"amqp://u:s3cret@h/%2F\"", "url", "must name no virtual host"),
        ("url = \"amqp://u:s3cret@h?heartbeat=5\"", "url", "must have no parameters"),
        (&format!("{plain}ca_file = \"/x\""), "ca_file", "needs a url with amqps://"),
        (
            "url = \"amqps://u:s3cret@h\"\nca_file = \"/no/such/file\"",
            "ca_file",
            "/no/such/file: No such file",
        ),
        (&format!("{plain}heartbeat = \"0s\""), "heartbeat", "between 1s and 10m"),
        (&format!("{plain}message_max = \"1B\""), "message_max", "between 1KiB and 512MiB"),
        (&format!("{plain}vhost = \"/\""), "vhost", "is not a key of the configuration"),
    ] {
        let found = problem(&instance(keys));
        assert!(found.starts_with(&format!("sinks.amqp.main.{path}: ")), "{found}");
        assert!(found.contains(text), "{found}");
        assert!(!found.contains("s3cret"), "{found}");
    }
}

#[test]
fn a_destination_whose_broker_is_not_there_is_refused() {
    let found = problem(&format!(
        r#"
        [functions.hello]
        url = "{URL}"
        async = {{ on_success = "acs:amqp:::/instances/main/vhosts/v/exchanges/e/routing-keys/k" }}
        "#
    ));
    assert!(found.contains("sinks.amqp.main"), "{found}");
}
