//! What is refused before anything is started. Brokers are met in `tests/tests/sinks`.

use std::collections::BTreeMap;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_sink::{Delivery, Sink as _};

use crate::{Config, Kafka, overhead};

pub(crate) fn delivery(envelope: &[u8]) -> Delivery {
    Delivery {
        destination: Arn::parse("acs:alikafka:::/instances/main/topics/orders").unwrap(),
        envelope: Bytes::copy_from_slice(envelope),
        request_id: RequestId([7; 16]),
        outcome: Outcome::Succeeded,
        depth: 2,
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
