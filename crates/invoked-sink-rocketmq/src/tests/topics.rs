//! What is sent, and what becomes of what cannot be.

use invoked_core::limits::ROCKETMQ_BODY_MAX;

use super::*;

#[tokio::test]
async fn a_message_carries_id_key_tag_and_envelope() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let subject = subject(config(&[&server]).with_key("RocketMQ", "12345678").unwrap());
    assert_eq!(subject.deliver(7).await, delivered("7F01"));
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.is_signed_with("12345678")));
    let sent = seen.last().unwrap();
    for (name, value) in [
        ("a", "PG_invoked"),
        ("b", "orders"),
        ("g", "1768465800000"),
        ("n", "broker-a"),
        ("AccessKey", "RocketMQ"),
    ] {
        assert_eq!(sent.fields.get(name).map(String::as_str), Some(value), "{name}");
    }
    let id = RequestId([7; 16]).to_string();
    assert_eq!(sent.property("UNIQ_KEY"), Some(&*key(7)));
    assert_eq!(sent.property("KEYS"), Some(&*id));
    assert_eq!(sent.property("TAGS"), Some("failed"));
    assert_eq!(sent.body, b"envelope 7");
}

#[tokio::test]
async fn queues_take_turns_on_one_connection_and_the_route_is_asked_for_once() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let subject = of(&server);
    for number in 0..4 {
        assert_eq!(subject.deliver(number).await, delivered("7F01"));
    }
    let sent = server.sent();
    let queues: Vec<_> = sent.iter().map(|sent| sent.fields["e"].as_str()).collect();
    assert_eq!(queues, ["0", "1", "0", "1"]);
    assert!(sent.iter().all(|found| found.connection == sent[0].connection));
    assert_eq!(server.seen().len(), 5);
}

#[tokio::test]
async fn stored_is_delivered_although_a_disk_or_slave_is_late() {
    for code in [10, 11, 12] {
        let server = cluster(move |_| Reply::Code(code, "late")).await;
        // Without an id of the broker's, the message is known by ours.
        assert_eq!(of(&server).deliver(9).await, delivered(&key(9)));
    }
}

#[tokio::test]
async fn what_can_never_work_is_not_sent() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let subject = of(&server);
    let large =
        |bytes: usize| Delivery { envelope: vec![b'x'; bytes].into(), ..delivery(1, "orders") };
    let elsewhere =
        |arn: &str| Delivery { destination: Arn::parse(arn).unwrap(), ..delivery(1, "orders") };
    for (delivery, code, says) in [
        (
            large(ROCKETMQ_BODY_MAX + 1),
            "EntityTooLarge",
            "has 4194305 bytes, a RocketMQ message at most 4194304",
        ),
        (delivery(1, "a.b"), "InvalidDestinationResources", "'a.b' is no topic of RocketMQ"),
        (
            elsewhere("acs:mq:::/instances/other/topics/t"),
            "InvalidDestinationResources",
            "no [sinks.rocketmq.other]",
        ),
        (elsewhere("acs:fc:::functions/f"), "InvalidDestinationResources", "not a RocketMQ topic"),
    ] {
        let CallVerdict::Permanent { error } = subject.sink.deliver(&delivery).await else {
            panic!("{code} is permanent");
        };
        assert_eq!((&*error.code, error.status), (code, 0));
        assert!(error.message.contains(says), "{}", error.message);
    }
    assert!(server.seen().is_empty());
    assert_eq!(subject.sink.deliver(&large(ROCKETMQ_BODY_MAX)).await, delivered("7F01"));
    assert_eq!(server.sent()[0].body.len(), ROCKETMQ_BODY_MAX);
}

#[tokio::test]
async fn answers_of_a_broker_are_judged_by_their_code() {
    for (code, remark, name, is_permanent) in [
        (1, "java.lang.NullPointerException", "SYSTEM_ERROR", false),
        (1, "org.apache.rocketmq.acl.common.AclException: no", "SYSTEM_ERROR", true),
        (2, "[TIMEOUT_CLEAN_QUEUE]broker busy", "SYSTEM_BUSY", false),
        (13, "the message is illegal", "MESSAGE_ILLEGAL", true),
        (14, "service not available now", "SERVICE_NOT_AVAILABLE", false),
        (16, "the broker's permission", "NO_PERMISSION", true),
        (215, "slow down", "FLOW_CONTROL", false),
        (1500, "going away", "GO_AWAY", false),
    ] {
        let server = cluster(move |_| Reply::Code(code, remark)).await;
        let subject = of(&server);
        let fault = if is_permanent { subject.permanent(1).await } else { subject.retry(1).await };
        let message =
            format!("broker broker-a ({}) answered {name} ({code}): {remark}", server.address);
        assert_eq!((&*fault.code, &*fault.message), (name, &*message));
        assert_eq!(server.sent().len(), 1);
    }
}

#[tokio::test]
async fn a_refused_key_is_permanent_and_says_so() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let address = server.address;
    let checking = Server::start(move |seen| {
        if !seen.is_signed_with("12345678") {
            return Reply::Code(16, "check signature failed for accessKey=RocketMQ");
        }
        route(&[("broker-a", address.to_string())])
    })
    .await;
    let with = |secret| subject(config(&[&checking]).with_key("RocketMQ", secret).unwrap());
    assert_eq!(with("12345678").deliver(1).await, delivered("7F01"));
    let fault = with("wrong").permanent(1).await;
    assert_eq!(&*fault.code, "NO_PERMISSION");
    assert!(fault.message.contains("check signature failed"), "{}", fault.message);
    // As 4.9 says it.
    let old = Server::start(|_| Reply::Code(1, "AclException: Check signature failed")).await;
    let fault = of(&old).permanent(1).await;
    assert!(fault.message.contains("AclException"), "{}", fault.message);
}

#[tokio::test]
async fn a_namespace_stands_before_topic_and_group() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let subject = subject(config(&[&server]).with_namespace("MQ_INST_1_a").unwrap());
    assert_eq!(subject.deliver(1).await, delivered("7F01"));
    let seen = server.seen();
    assert_eq!(seen[0].fields["topic"], "MQ_INST_1_a%orders");
    assert_eq!(seen[1].fields["b"], "MQ_INST_1_a%orders");
    assert_eq!(seen[1].fields["a"], "MQ_INST_1_a%PG_invoked");
}

#[tokio::test]
async fn the_dialect_of_old_name_servers_is_understood() {
    let broker = cluster(|_| Reply::Taken("7F01")).await;
    let address = broker.address;
    let old = Server::start(move |_| {
        Reply::Body(format!(
            r#"{{"brokerDatas":[{{"brokerAddrs":{{0:"{address}"}},"brokerName":"broker-a"}}],"queueDatas":[{{"brokerName":"broker-a","perm":6,"readQueueNums":1,"writeQueueNums":1}}]}}"#
        ))
    })
    .await;
    assert_eq!(of(&old).deliver(1).await, delivered("7F01"));
}

#[tokio::test]
async fn a_topic_without_a_route_is_missing_if_brokers_are_alive() {
    for (brokers, is_permanent, code) in [
        (
            Reply::Body(r#"{"brokerAddrTable":{"b":{"brokerAddrs":{0:"h:1"}}}}"#.into()),
            true,
            "TOPIC_NOT_EXIST",
        ),
        (Reply::Body(r#"{"brokerAddrTable":{}}"#.into()), false, "NoBroker"),
        (Reply::Code(3, "not supported"), false, "TOPIC_NOT_EXIST"),
        (Reply::Cut, false, "TOPIC_NOT_EXIST"),
    ] {
        let server = Server::start(move |seen| match seen.code {
            CLUSTER => brokers.clone(),
            _ => Reply::Code(17, "No topic route info in name server for the topic: orders"),
        })
        .await;
        let subject = of(&server);
        let fault = if is_permanent { subject.permanent(1).await } else { subject.retry(1).await };
        assert_eq!(&*fault.code, code);
        assert!(fault.message.contains("orders"), "{}", fault.message);
    }
}

#[tokio::test]
async fn a_broker_that_comes_between_two_questions_is_found() {
    let broker = cluster(|_| Reply::Taken("7F03")).await;
    let address = broker.address.to_string();
    let asked = AtomicI64::new(0);
    let names = Server::start(move |seen| match seen.code {
        CLUSTER => Reply::Body(r#"{"brokerAddrTable":{"b":{"brokerAddrs":{0:"h:1"}}}}"#.into()),
        _ if asked.fetch_add(1, Ordering::Relaxed) == 0 => Reply::Code(17, "No topic route info"),
        _ => route(&[("broker-a", address.clone())]),
    })
    .await;
    assert_eq!(of(&names).deliver(1).await, delivered("7F03"));
}

#[tokio::test]
async fn a_topic_that_had_a_route_is_not_missing_while_its_broker_is_down() {
    let broker = cluster(|_| Reply::Taken("7F04")).await;
    let address = broker.address.to_string();
    let asked = AtomicI64::new(0);
    // Another broker lives on and keeps the cluster from looking dead.
    let names = Server::start(move |seen| match seen.code {
        CLUSTER => Reply::Body(r#"{"brokerAddrTable":{"b":{"brokerAddrs":{0:"h:1"}}}}"#.into()),
        _ if asked.fetch_add(1, Ordering::Relaxed) == 0 => route(&[("broker-a", address.clone())]),
        _ => Reply::Code(17, "No topic route info in name server for the topic: orders"),
    })
    .await;
    let subject = of(&names);
    assert_eq!(subject.deliver(1).await, delivered("7F04"));
    drop(broker);
    for message in 2..6 {
        subject.retry(message).await;
    }
}

#[tokio::test]
async fn a_topic_that_a_broker_no_longer_has_is_looked_up_once_more() {
    let server = cluster(|_| Reply::Code(17, "topic[orders] not exist")).await;
    let fault = of(&server).permanent(1).await;
    assert_eq!(&*fault.code, "TOPIC_NOT_EXIST");
    let codes: Vec<_> = server.seen().iter().map(|seen| seen.code).collect();
    assert_eq!(codes, [ROUTE, SEND, ROUTE, SEND]);
}

#[tokio::test]
async fn a_topic_that_has_moved_is_found() {
    let old = cluster(|_| Reply::Code(17, "topic[orders] not exist")).await;
    let new = cluster(|_| Reply::Taken("7F02")).await;
    let addresses = [old.address, new.address];
    let asked = AtomicI64::new(0);
    let names = Server::start(move |_| {
        let turn = usize::from(asked.fetch_add(1, Ordering::Relaxed) > 0);
        route(&[("broker-a", addresses[turn].to_string())])
    })
    .await;
    assert_eq!(of(&names).deliver(1).await, delivered("7F02"));
}

#[tokio::test]
async fn a_topic_nobody_may_write_is_tried_again_later() {
    let server = Server::start(|_| route(&[])).await;
    assert_eq!(&*of(&server).retry(1).await.code, "NoWritableQueue");
}

#[tokio::test]
async fn a_route_is_renewed_after_half_a_minute_while_the_old_one_serves() {
    let server = cluster(|_| Reply::Taken("7F01")).await;
    let subject = of(&server);
    let routes = || server.seen().iter().filter(|seen| seen.code == ROUTE).count();
    subject.deliver(1).await;
    subject.now.store(NOW + 29_999, Ordering::Relaxed);
    subject.deliver(2).await;
    assert_eq!(routes(), 1);
    subject.now.store(NOW + 30_000, Ordering::Relaxed);
    assert_eq!(subject.deliver(3).await, delivered("7F01"));
    server.until(|| routes() == 2).await;
    subject.deliver(4).await;
    assert_eq!(routes(), 2);
}
