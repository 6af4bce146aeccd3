//! What only RabbitMQ can get wrong. Another test may restart the broker meanwhile, so what is to be retried is.

use std::sync::Arc;
use std::time::Duration;

use invoked_core::callback::CallVerdict;
use invoked_sink::Sink;
use serde_json::json;
use tokio::task::JoinSet;

use super::{arn, endpoint, one, plain, python, queue};
use crate::rig::{Message, Way};

/// Channels that a broker has by default. Each publish to a missing exchange costs one.
const CHANNELS: usize = 2047;

async fn settled(sink: &dyn Sink, destination: &str, message: &Message) -> CallVerdict {
    for _ in 0..240 {
        match sink.deliver(&Way::delivery(destination, message)).await {
            CallVerdict::Retry { .. } => tokio::time::sleep(Duration::from_millis(250)).await,
            verdict @ (CallVerdict::Delivered { .. } | CallVerdict::Permanent { .. }) => {
                return verdict;
            }
        }
    }
    panic!("{} is never settled", message.id)
}

fn code(verdict: CallVerdict) -> Option<Box<str>> {
    match verdict {
        CallVerdict::Delivered { .. } => None,
        CallVerdict::Permanent { error } | CallVerdict::Retry { error, .. } => Some(error.code),
    }
}

/// Neither a channel that a missing exchange closes nor a message that comes back says anything about others, not
/// even when there have been more of them than a connection has channels.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_about_one_message() {
    let sink = Arc::new(invoked_sink_amqp::Amqp::new(one("main", plain())));
    let destinations = [
        (queue("main", &[]), None),
        (arn("main", "", "no-such-queue"), Some("NO_ROUTE")),
        (arn("main", "no-such-exchange", "key"), Some("NOT_FOUND")),
    ];
    let mut publishers = JoinSet::new();
    for _ in 0..48 {
        let (sink, destinations) = (Arc::clone(&sink), destinations.clone());
        publishers.spawn(async move {
            for _ in 0..=CHANNELS / 48 {
                for (destination, expected) in &destinations {
                    let verdict = settled(&*sink, destination, &Message::small()).await;
                    assert_eq!(code(verdict).as_deref(), *expected, "{destination}");
                }
            }
        });
    }
    while let Some(ended) = publishers.join_next().await {
        ended.expect("no panic");
    }
    sink.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_virtual_host_that_is_missing_is_permanent() {
    let sink = invoked_sink_amqp::Amqp::new(one("main", plain()));
    let destination = "acs:amqp:::/instances/main/vhosts/no%2Fsuch/exchanges//routing-keys/q";
    let verdict = settled(&sink, destination, &Message::small()).await;
    let CallVerdict::Permanent { error } = verdict else { panic!("{verdict:?}") };
    assert_eq!(&*error.code, "NOT_ALLOWED");
    assert!(error.message.contains("no/such"), "{error}");
    sink.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_is_persistent_and_says_what_it_is() {
    let sink = invoked_sink_amqp::Amqp::new(one("main", plain()));
    let destination = queue("main", &[]);
    let message = Message::small();
    let verdict = settled(&sink, &destination, &message).await;
    let id = message.id.to_string();
    assert_eq!(verdict, CallVerdict::Delivered { message_id: Some(id.as_str().into()) });
    sink.close().await;
    let name = destination.rsplit('/').next().expect("a name");
    let found = python(&["rabbitmq-read", endpoint("rabbitmq/plain"), name]);
    let found = found.iter().find(|found| found["id"] == json!(id)).expect("it is there");
    assert_eq!(found["persistent"], json!(true));
    assert_eq!(found["content_type"], json!("application/json"));
    assert_eq!(found["tag"], json!("succeeded"));
    let headers = json!({ "x-fc-request-id": id, "x-invoked-outcome": "succeeded" });
    assert_eq!(found["headers"], headers);
}
