//! What is refused before anything is started, and what librdkafka's own mock brokers answer. Real ones
//! are met in `tests/tests/sinks`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_sink::{Delivery, Sink as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Request, RDKafkaRespErr as Answer};

use crate::{Config, Kafka, overhead};

pub(crate) fn delivery(envelope: &[u8]) -> Delivery {
    Delivery {
        destination: Arn::parse("acs:alikafka:::/instances/main/topics/orders").unwrap(),
        envelope: Bytes::copy_from_slice(envelope),
        request_id: RequestId([7; 16]),
        outcome: Outcome::Succeeded,
        depth: 2,
        trace: None,
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_and_no_producer_is_made_for_it() {
    let config = Config::new(&["127.0.0.1:1"]).unwrap().with_message_bytes_max(2_048).unwrap();
    let sink = Kafka::new(BTreeMap::from([("main".into(), config)]));
    let room = 2_048 - overhead(&delivery(b""));
    let mut elsewhere = delivery(b"{}");
    elsewhere.destination = Arn::parse("acs:alikafka:::/instances/other/topics/t").unwrap();
    let mut queue = delivery(b"{}");
    queue.destination = Arn::parse("acs:mns:::/queues/q/messages").unwrap();
    for (delivery, code, text) in [
        (delivery(&vec![b'x'; room + 1]), "EntityTooLarge", "takes 2048"),
        (elsewhere, "InvalidDestinationResources", "no [sinks.kafka.other]"),
        (queue, "InvalidDestinationResources", "not a topic"),
    ] {
        let CallVerdict::Permanent { error } = sink.deliver(&delivery).await else {
            panic!("{text}")
        };
        assert_eq!(&*error.code, code);
        assert!(error.message.contains(text), "{}", error.message);
    }
    assert!(!sink.instance("main").has_producer());
    sink.close().await;
}

type Brokers = MockCluster<'static, DefaultProducerContext>;

/// A mock broker with the topic `orders`, and the sink that tells it.
fn told() -> (Brokers, Kafka) {
    let brokers = MockCluster::new(1).unwrap();
    brokers.create_topic("orders", 1, 1).unwrap();
    let config = Config::new(&[brokers.bootstrap_servers()]).unwrap();
    (brokers, Kafka::new(BTreeMap::from([("main".into(), config)])))
}

async fn tell(sink: &Kafka, topic: &str) -> CallVerdict {
    let mut delivery = delivery(b"{}");
    let arn = format!("acs:alikafka:::/instances/main/topics/{topic}");
    delivery.destination = Arn::parse(&arn).unwrap();
    sink.deliver(&delivery).await
}

#[track_caller]
fn place(verdict: CallVerdict) -> Box<str> {
    let CallVerdict::Delivered { message_id } = verdict else { panic!("{verdict:?}") };
    message_id.unwrap()
}

#[track_caller]
fn permanent(verdict: CallVerdict) -> Fault {
    let CallVerdict::Permanent { error } = verdict else { panic!("{verdict:?}") };
    error
}

#[track_caller]
fn retried(verdict: CallVerdict) -> Fault {
    let CallVerdict::Retry { error, .. } = verdict else { panic!("{verdict:?}") };
    error
}

#[tokio::test]
async fn what_is_delivered_has_a_place_and_nothing_is_left_behind() {
    let (_brokers, sink) = told();
    assert_eq!(&*place(tell(&sink, "orders").await), "orders/0@0");
    assert_eq!(&*place(tell(&sink, "orders").await), "orders/0@1");
    assert!(sink.instance("main").has_producer());
    sink.close().await;
    assert!(!sink.instance("main").has_producer());
}

#[tokio::test]
async fn a_missing_topic_is_not_made() {
    let (_brokers, sink) = told();
    for _ in 0..2 {
        assert_eq!(&*permanent(tell(&sink, "missing").await).code, "TopicNotExist");
    }
    // The producer is none the worse.
    place(tell(&sink, "orders").await);
    sink.close().await;
}

#[tokio::test]
async fn what_passes_is_tried_again_by_librdkafka_itself() {
    let (brokers, sink) = told();
    let answers = [Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS];
    brokers.request_errors(Request::Produce, &answers);
    place(tell(&sink, "orders").await);
    sink.close().await;
}

#[tokio::test]
async fn a_topic_that_is_not_ours_is_permanent() {
    let (brokers, sink) = told();
    let answers = [Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
    brokers.request_errors(Request::Produce, &answers);
    assert_eq!(&*permanent(tell(&sink, "orders").await).code, "AccessDenied");
    sink.close().await;
}

#[tokio::test]
async fn a_broken_producer_is_made_anew() {
    let (brokers, sink) = told();
    // The only answer that breaks a producer, and says why.
    let answers = [Answer::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED];
    brokers.request_errors(Request::InitProducerId, &answers);
    assert_eq!(&*permanent(tell(&sink, "orders").await).code, "AccessDenied");
    assert!(!sink.instance("main").has_producer());
    assert_eq!(&*place(tell(&sink, "orders").await), "orders/0@0");
    sink.close().await;
}

#[tokio::test]
async fn a_broker_that_is_down_is_tried_again_in_words() {
    let config = Config::new(&["127.0.0.1:1"]).unwrap();
    let config = config.with_timeout(Duration::from_secs(1)).unwrap();
    let sink = Kafka::new(BTreeMap::from([("main".into(), config)]));
    let error = retried(tell(&sink, "orders").await);
    assert_eq!(&*error.code, "DestinationTimeout");
    assert!(error.message.contains("127.0.0.1:1"), "{error:?}");
    sink.close().await;
}
