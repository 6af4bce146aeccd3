//! Servers that are down, silent, or talk nonsense.

use super::*;

/// Short, for what never comes.
const IMPATIENT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn another_broker_takes_what_the_first_could_not() {
    for reply in [
        Reply::Code(14, "disk full"),
        Reply::Code(1500, "going away"),
        Reply::Cut,
        Reply::Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
    ] {
        let bad = cluster(move |_| reply.clone()).await;
        let good = cluster(|_| Reply::Taken("7F02")).await;
        let names = name_server(&[("broker-a", &bad), ("broker-b", &good)]).await;
        let subject = of(&names);
        assert_eq!(subject.deliver(1).await, delivered("7F02"));
        let (first, second) = (bad.sent(), good.sent());
        assert_eq!((first.len(), second.len()), (1, 1));
        assert_eq!(first[0].property("UNIQ_KEY"), second[0].property("UNIQ_KEY"));
        // The other goes first for a while, then both again.
        for number in 2..6 {
            assert_eq!(subject.deliver(number).await, delivered("7F02"));
        }
        assert_eq!(bad.sent().len(), 1);
        subject.now.store(NOW + 5_000, Ordering::Relaxed);
        for number in 6..10 {
            assert_eq!(subject.deliver(number).await, delivered("7F02"));
        }
        assert_eq!(bad.sent().len(), 2);
    }
}

#[tokio::test]
async fn a_silent_broker_is_left_for_another() {
    let silent = cluster(|_| Reply::Held).await;
    let good = cluster(|_| Reply::Taken("7F02")).await;
    let names = name_server(&[("broker-a", &silent), ("broker-b", &good)]).await;
    let subject = subject(config(&[&names]).with_timeout(IMPATIENT).unwrap());
    assert_eq!(subject.deliver(1).await, delivered("7F02"));
}

#[tokio::test]
async fn no_more_than_two_brokers_are_tried_at_once() {
    let bad = [
        cluster(|_| Reply::Code(14, "no")).await,
        cluster(|_| Reply::Code(14, "no")).await,
        cluster(|_| Reply::Code(14, "no")).await,
    ];
    let names = name_server(&[("a", &bad[0]), ("b", &bad[1]), ("c", &bad[2])]).await;
    assert_eq!(&*of(&names).retry(1).await.code, "SERVICE_NOT_AVAILABLE");
    assert_eq!(bad.iter().map(|broker| broker.sent().len()).sum::<usize>(), 2);
}

#[tokio::test]
async fn what_was_not_answered_is_sent_again_with_the_same_id_on_a_new_connection() {
    let server = cluster(|seen| match seen.connection {
        0 | 1 => Reply::Held,
        _ => Reply::Taken("7F01"),
    })
    .await;
    let subject = subject(config(&[&server]).with_timeout(IMPATIENT).unwrap());
    let fault = subject.retry(1).await;
    assert_eq!(&*fault.code, "DestinationTimeout");
    assert!(fault.message.ends_with("no answer within 100 ms"), "{}", fault.message);
    assert_eq!(subject.deliver(1).await, delivered("7F01"));
    let sent = server.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].property("UNIQ_KEY"), sent[1].property("UNIQ_KEY"));
    assert_ne!(sent[0].connection, sent[1].connection);
}

#[tokio::test]
async fn a_cut_connection_is_opened_again() {
    let server = cluster(|seen| match seen.connection {
        1 => Reply::Cut,
        _ => Reply::Taken("7F01"),
    })
    .await;
    let subject = of(&server);
    assert_eq!(&*subject.retry(1).await.code, "DestinationDisconnected");
    assert_eq!(subject.deliver(1).await, delivered("7F01"));
}

#[tokio::test]
async fn a_server_that_goes_away_is_left_before_it_closes() {
    let server = cluster(|seen| match seen.connection {
        1 => Reply::Code(1500, "going away"),
        _ => Reply::Taken("7F01"),
    })
    .await;
    let subject = of(&server);
    assert_eq!(&*subject.retry(1).await.code, "GO_AWAY");
    assert_eq!(subject.deliver(1).await, delivered("7F01"));
}

#[tokio::test]
async fn nonsense_and_answers_without_end_are_tried_again() {
    for bytes in [b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), vec![0x7f; 64], vec![0, 0, 0, 2, 0, 0]] {
        let server = cluster(move |_| Reply::Raw(bytes.clone())).await;
        assert_eq!(&*of(&server).retry(1).await.code, "BadResponse");
    }
    let names = Server::start(|_| Reply::Body("<html>".into())).await;
    let fault = of(&names).retry(1).await;
    assert!(fault.message.contains("cannot be read"), "{}", fault.message);
}

#[tokio::test]
async fn another_name_server_is_asked_when_one_is_down() {
    let cluster = cluster(|_| Reply::Taken("7F01")).await;
    let refusing = Server::start(|_| Reply::Code(14, "starting")).await;
    let cut = Server::start(|_| Reply::Cut).await;
    let down = {
        let gone = Server::start(|_| Reply::Cut).await;
        gone.address.to_string()
    };
    let addresses = [down, cut.address.to_string(), cluster.address.to_string()];
    let subject = subject(Config::new(&addresses).unwrap().with_timeout(PATIENT).unwrap());
    assert_eq!(subject.deliver(1).await, delivered("7F01"));
    let both = super::subject(config(&[&refusing, &cut]));
    assert_eq!(&*both.retry(1).await.code, "DestinationDisconnected");
    assert_eq!(&*both.retry(1).await.code, "DestinationDisconnected");
}

#[tokio::test]
async fn a_refused_port_is_tried_again_and_named() {
    let address = Server::start(|_| Reply::Cut).await.address;
    let subject = subject(Config::new(&[address.to_string()]).unwrap());
    let fault = subject.retry(1).await;
    assert_eq!(&*fault.code, "DestinationUnreachable");
    assert!(fault.message.starts_with(&format!("name server {address}: cannot connect")));
}
