//! Who we are to a real broker, and what it says to those it does not know.

use std::fs;

use invoked_core::callback::CallVerdict;
use invoked_sink_kafka::{Config, Kafka, Mechanism};
use invoked_tests::brokers::{alone, endpoint};

use super::{arn, one, topic};
use crate::rig::{Message, TIMEOUT, Way};

fn tls(listener: &str) -> Config {
    let authorities = fs::read_to_string(endpoint("tls/ca")).expect("a PEM file");
    let config = Config::new(&[endpoint(listener)]).expect("an address");
    config
        .with_tls(Some(&authorities))
        .and_then(|config| config.with_timeout(TIMEOUT))
        .expect("TLS")
}

fn login(mechanism: Mechanism, user: &str, password: &str) -> Config {
    tls("kafka/sasl_tls").with_login(mechanism, user, password).expect("a login")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_are_known_are_let_in() {
    let _alone = alone("kafka");
    let (user, password) = (endpoint("kafka/user"), endpoint("kafka/password"));
    for config in [
        login(Mechanism::Plain, user, password),
        login(Mechanism::ScramSha256, user, password),
        tls("kafka/tls"),
    ] {
        let told = format!("{config:?}");
        // The first connection may take its time where much else runs.
        let config = config.with_timeout(Config::TIMEOUT_DEFAULT).expect("bounds");
        let way = Way::new(Kafka::new(one(config)), &topic("main").await);
        let verdict = way.deliver(&Message::small()).await;
        assert!(matches!(verdict, CallVerdict::Delivered { .. }), "{told}: {verdict:?}");
        way.sink.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_are_not_are_told_so_each_time() {
    let _alone = alone("kafka");
    let user = endpoint("kafka/user");
    for (config, reason) in [
        (login(Mechanism::Plain, user, "hidden-word"), "Authentication failed"),
        (login(Mechanism::ScramSha256, user, "hidden-word"), "Authentication failed"),
        (login(Mechanism::ScramSha256, "nobody", "hidden-word"), "Authentication failed"),
        // The broker has the other two.
        (login(Mechanism::ScramSha512, user, endpoint("kafka/password")), "SCRAM-SHA-512"),
    ] {
        let way = Way::new(Kafka::new(one(config)), &arn("main", "any"));
        // librdkafka says it once in half a minute, and the second message wants to know it too.
        for _ in 0..2 {
            let verdict = way.deliver(&Message::small()).await;
            let CallVerdict::Permanent { error } = verdict else { panic!("{reason}: {verdict:?}") };
            assert_eq!(&*error.code, "AccessDenied");
            assert!(error.message.contains(reason), "{error:?}");
            assert!(!error.message.contains("hidden-word"), "{error:?}");
        }
        way.sink.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wrong_listener_is_tried_again_with_a_hint() {
    let _alone = alone("kafka");
    let plain = |listener| Config::new(&[endpoint(listener)]).expect("an address");
    for (config, hint) in [
        (plain("kafka/tls").with_timeout(TIMEOUT).expect("bounds"), "Disconnected"),
        (tls("kafka/plain"), "SSL"),
    ] {
        let way = Way::new(Kafka::new(one(config)), &arn("main", "any"));
        let verdict = way.deliver(&Message::small()).await;
        let CallVerdict::Retry { error, .. } = verdict else { panic!("{hint}: {verdict:?}") };
        assert!(error.message.contains(hint), "{error:?}");
        way.sink.close().await;
    }
}
