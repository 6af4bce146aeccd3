//! Connections: shared, kept, closed, and with TLS.

use std::pin::pin;

use tokio::task::JoinSet;

use super::*;
use crate::Trust;
use crate::connection::IDLE_MAX;

#[tokio::test]
async fn many_messages_share_a_connection_and_answers_come_in_any_order() {
    let server = cluster(|seen| match seen.body.as_slice() {
        b"envelope 63" => Reply::ThenHeld(Box::new(Reply::Taken("LAST"))),
        _ => Reply::Held,
    })
    .await;
    let subject = Arc::new(of(&server));
    let mut held = JoinSet::new();
    for number in 0..63 {
        let subject = Arc::clone(&subject);
        held.spawn(async move { subject.deliver(number).await });
    }
    server.until_sent(63).await;
    assert_eq!(subject.deliver(63).await, delivered("LAST"));
    for verdict in held.join_all().await {
        assert_eq!(verdict, delivered("LATE"));
    }
    let sent = server.sent();
    assert!(sent.iter().all(|found| found.connection == sent[0].connection));
    assert_eq!(server.seen().iter().filter(|seen| seen.code == ROUTE).count(), 1);
}

#[tokio::test]
async fn whoever_gives_up_disturbs_nobody() {
    let server = cluster(|seen| match seen.body.as_slice() {
        b"envelope 1" | b"envelope 2" => Reply::Held,
        _ => Reply::ThenHeld(Box::new(Reply::Taken("7F03"))),
    })
    .await;
    let subject = of(&server);
    let mut second = pin!(subject.deliver(2));
    {
        let mut first = pin!(subject.deliver(1));
        tokio::select! {
            _ = &mut first => panic!("held"),
            _ = &mut second => panic!("held"),
            () = server.until_sent(2) => {}
        }
    }
    assert_eq!(subject.deliver(3).await, delivered("7F03"));
    assert_eq!(second.await, delivered("LATE"));
    let sent = server.sent();
    assert!(sent.iter().all(|found| found.connection == sent[0].connection));
}

#[tokio::test]
async fn one_who_waits_in_vain_does_not_end_a_connection_that_answers_others() {
    let server = cluster(|seen| match seen.body.as_slice() {
        b"envelope 1" => Reply::Held,
        _ => Reply::Taken("7F01"),
    })
    .await;
    let subject = subject(config(&[&server]).with_timeout(Duration::from_millis(300)).unwrap());
    let waits = subject.retry(1);
    let others = async {
        server.until_sent(1).await;
        subject.deliver(2).await
    };
    let (fault, verdict) = tokio::join!(waits, others);
    assert_eq!((&*fault.code, verdict), ("DestinationTimeout", delivered("7F01")));
    assert_eq!(subject.deliver(3).await, delivered("7F01"));
    let connections: Vec<_> = server.sent().iter().map(|sent| sent.connection).collect();
    assert_eq!(connections, [1, 1, 1]);
}

#[tokio::test]
async fn several_connections_take_turns() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let subject = subject(config(&[&server]).with_connections(2).unwrap());
    for number in 0..4 {
        subject.deliver(number).await;
    }
    let connections: Vec<_> = server.sent().iter().map(|sent| sent.connection).collect();
    assert_eq!(connections, [1, 2, 1, 2]);
}

#[tokio::test]
async fn idle_connections_are_closed_and_opened_again_when_needed() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let subject = of(&server);
    assert_eq!(subject.deliver(1).await, delivered("7F01"));
    tokio::time::pause();
    tokio::time::advance(IDLE_MAX).await;
    server.until_closed(2).await;
    tokio::time::resume();
    assert_eq!(subject.deliver(2).await, delivered("7F01"));
    assert_eq!(server.sent()[1].connection, 2);
}

#[tokio::test]
async fn closing_ends_all_connections() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let subject = of(&server);
    subject.deliver(1).await;
    subject.sink.close().await;
    server.until_closed(2).await;
    assert_eq!(&*subject.retry(2).await.code, "DestinationDisconnected");
}

const AUTHORITY: &[u8] = include_bytes!("../../../invoked-http/testdata/ca.pem");

/// A cluster with TLS whose addresses have the name in its certificate.
async fn cluster_with_tls() -> (Server, Config) {
    let port = Arc::new(std::sync::OnceLock::new());
    let own = Arc::clone(&port);
    let server = Server::with_tls(move |seen| match seen.code {
        ROUTE => route(&[("broker-a", format!("localhost:{}", own.get().unwrap()))]),
        _ => Reply::Taken("7F01"),
    })
    .await;
    port.set(server.address.port()).unwrap();
    let address = format!("localhost:{}", server.address.port());
    let config = Config::new(&[address]).unwrap().with_timeout(PATIENT).unwrap();
    (server, config)
}

#[tokio::test]
async fn tls_is_spoken_with_those_who_are_trusted() {
    let (server, config) = cluster_with_tls().await;
    for trust in [Trust::Authorities(AUTHORITY.into()), Trust::Anybody] {
        let subject = subject(config.clone().with_tls(&trust).unwrap());
        assert_eq!(subject.deliver(1).await, delivered("7F01"));
    }
    assert_eq!(server.sent().len(), 2);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_tried_again_and_named() {
    let (server, config) = cluster_with_tls().await;
    // A certificate of a server is no authority, least of all its own.
    let other = include_bytes!("../../../invoked-http/testdata/localhost.pem");
    let trust = Trust::Authorities(other.to_vec());
    let fault = subject(config.with_tls(&trust).unwrap()).retry(1).await;
    assert_eq!(&*fault.code, "DestinationUnreachable");
    assert!(fault.message.contains("the certificate was refused"), "{}", fault.message);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn tls_against_a_server_without_is_tried_again() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let config = config(&[&server]).with_timeout(Duration::from_millis(300)).unwrap();
    let subject = subject(config.with_tls(&Trust::Anybody).unwrap());
    assert_eq!(&*subject.retry(1).await.code, "DestinationUnreachable");
}
