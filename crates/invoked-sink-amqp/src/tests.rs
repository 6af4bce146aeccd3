//! The sink against servers that are no brokers. Real ones are asked in `tests/tests/sinks`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_sink::{Delivery, Sink as _};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::{Amqp, Config};

fn sink(address: &str, timeout: Duration) -> Amqp {
    let config = Config::new(&format!("amqp://{address}")).unwrap();
    let config = config.with_timeout(timeout).unwrap().with_message_bytes_max(1024).unwrap();
    Amqp::new(BTreeMap::from([("main".into(), config)]))
}

fn delivery(arn: &str, size: usize) -> Delivery {
    Delivery {
        destination: Arn::parse(arn).unwrap(),
        envelope: Bytes::from(vec![b'x'; size]),
        request_id: RequestId([7; 16]),
        outcome: Outcome::Succeeded,
        depth: 1,
        trace: None,
    }
}

fn to_queue() -> Delivery {
    delivery("acs:amqp:::/instances/main/vhosts/%2F/exchanges//routing-keys/q", 10)
}

fn retried(verdict: CallVerdict) -> Fault {
    match verdict {
        CallVerdict::Retry { error, .. } => error,
        CallVerdict::Delivered { .. } | CallVerdict::Permanent { .. } => panic!("{verdict:?}"),
    }
}

/// Connections of `lapin` that are alive in this process.
fn threads() -> usize {
    let names = fs::read_dir("/proc/self/task").unwrap().filter_map(|task| {
        // A thread may end between being listed and being read.
        fs::read_to_string(task.ok()?.path().join("comm")).ok()
    });
    names.filter(|name| name.starts_with("lapin-io-loop")).count()
}

#[tokio::test]
async fn what_cannot_be_sent_never_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sink = sink(&address, Duration::from_secs(10));
    for (arn, size, code, message) in [
        (
            "acs:amqp:::/instances/other/vhosts/v/exchanges/e/routing-keys/k",
            10,
            "InvalidDestinationResources",
            "no [sinks.amqp.other] is configured",
        ),
        (
            "acs:amqp:::/instances/main/vhosts/v/exchanges/e/routing-keys/k",
            1025,
            "EntityTooLarge",
            "the message has 1025 bytes, [sinks.amqp.main] takes 1024",
        ),
        (
            "acs:mns:::/queues/q/messages",
            10,
            "InvalidDestinationResources",
            "the destination is not an exchange of RabbitMQ",
        ),
    ] {
        match sink.deliver(&delivery(arn, size)).await {
            CallVerdict::Permanent { error } => {
                assert_eq!((&*error.code, &*error.message), (code, message));
            }
            verdict @ (CallVerdict::Delivered { .. } | CallVerdict::Retry { .. }) => {
                panic!("{verdict:?}")
            }
        }
    }
    sink.close().await;
    // Nobody has connected.
    let nobody = std::future::poll_fn(|context| {
        std::task::Poll::Ready(listener.poll_accept(context).is_pending())
    });
    assert!(nobody.await);
}

#[tokio::test]
async fn a_refused_port_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let sink = sink(&address, Duration::from_secs(10));
    let fault = retried(sink.deliver(&to_queue()).await);
    assert_eq!(&*fault.code, "DestinationUnreachable");
    assert!(fault.message.starts_with(&format!("cannot connect to {address}: ")), "{fault}");
    sink.close().await;
}

/// One test, because it counts threads of the whole process.
#[tokio::test]
async fn a_server_that_says_nothing_holds_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sink = sink(&address, Duration::from_millis(100));
    let (first, second) = (to_queue(), to_queue());
    let (first, second, peer) =
        tokio::join!(sink.deliver(&first), sink.deliver(&second), listener.accept());
    for verdict in [first, second] {
        let fault = retried(verdict);
        assert_eq!(&*fault.code, "DestinationTimeout");
        let expected = format!("{address}: the connection is not open after 100 ms");
        assert_eq!(&*fault.message, expected);
    }
    // The two shared a connection, and it has been closed: its header, and then the end.
    let (mut peer, _) = peer.unwrap();
    let mut received = Vec::new();
    peer.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"AMQP\0\0\x09\x01");
    sink.close().await;
    // The socket was closed by the thread, at its end.
    let none_left = async {
        while threads() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), none_left).await;
    assert!(ended.is_ok(), "{} threads of lapin are left", threads());
}

#[tokio::test]
async fn a_server_that_hangs_up_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sink = sink(&address, Duration::from_secs(30));
    let hang_up = async { drop(listener.accept().await.unwrap()) };
    let delivery = to_queue();
    let (verdict, ()) = tokio::join!(sink.deliver(&delivery), hang_up);
    retried(verdict);
    sink.close().await;
}
