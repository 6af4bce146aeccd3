//! Bodies at their limits, and bodies that do not come as they should.

use std::time::Duration;

use invoked_api::ApiConfig;
use invoked_core::limits::{ASYNC_PAYLOAD_MAX, SYNC_PAYLOAD_MAX};

use crate::client::head;
use crate::daemon::{ASYNC, Daemon, HELLO, INVOKE};

#[tokio::test]
async fn a_payload_at_its_limit_is_taken_and_one_over_it_is_not() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let largest = vec![b'x'; ASYNC_PAYLOAD_MAX];
    assert_eq!(client.send("POST", INVOKE, &[ASYNC], &largest).await.status, 202);
    let echoed = client.send("POST", INVOKE, &[], vec![b'y'; 1_000_000]).await;
    assert!(echoed.status == 200 && echoed.body == vec![b'y'; 1_000_000]);
    let refused = client.send("POST", INVOKE, &[ASYNC], vec![b'x'; ASYNC_PAYLOAD_MAX + 1]).await;
    refused.is_error(400, "EntityTooLarge", &["payload size exceeds", "(131072 bytes)"]);
    assert_eq!(refused.header("connection"), Some("close"));
    assert!(client.answer().await.is_none(), "the connection ends in order");
    daemon.stopped().await;
}

#[tokio::test]
async fn a_declared_length_is_refused_before_the_body_comes() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    for (headers, length, limit) in
        [(&[ASYNC][..], 10_000_000, "131072"), (&[], SYNC_PAYLOAD_MAX + 1, "33554432")]
    {
        let mut client = daemon.client().await;
        let head = head("POST", INVOKE, headers) + &format!("content-length: {length}\r\n\r\n");
        assert!(client.write(head).await);
        client.answer().await.unwrap().is_error(400, "EntityTooLarge", &[limit]);
        // It is waited for in case it comes, but not for long.
        let ended = tokio::time::timeout(Duration::from_secs(5), client.answer()).await;
        assert!(ended.expect("the connection ends").is_none());
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn chunks_are_put_together_up_to_the_limit() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let chunked = |headers| head("POST", INVOKE, headers) + "transfer-encoding: chunked\r\n\r\n";
    assert!(client.write(chunked(&[]) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await);
    assert_eq!(client.answer().await.unwrap().text(), "abcde");

    assert!(client.write(chunked(&[ASYNC])).await);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..3 {
        assert!(client.write(&chunk).await);
    }
    client.answer().await.unwrap().is_error(400, "EntityTooLarge", &["131072"]);
    // What follows is thrown away for a while, and then the connection is cut.
    let mut written = 0;
    while written < 1024 && client.write(&chunk).await {
        written += 1;
    }
    assert!(written < 1024, "64 MiB were taken");
    daemon.stopped().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_cut_off() {
    let body_timeout = Duration::from_millis(50);
    let daemon = Daemon::start(ApiConfig { body_timeout, ..ApiConfig::default() }).await;
    for rest in
        ["content-length: 10\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
    {
        let mut client = daemon.client().await;
        assert!(client.write(head("POST", INVOKE, &[ASYNC]) + rest).await);
        let answer = client.answer().await.unwrap();
        answer.is_error(400, "InvalidArgument", &["did not arrive within 50 ms"]);
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.answer().await.is_none());
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn large_bodies_share_what_memory_there_is() {
    let large_bodies_bytes = 1024 * 1024;
    let daemon = Daemon::start(ApiConfig { large_bodies_bytes, ..ApiConfig::default() }).await;
    let mut client = daemon.client().await;
    let answer = client.send("POST", INVOKE, &[], vec![b'x'; 1024 * 1024]).await;
    assert_eq!(answer.status, 200);
    let answer = client.send("POST", INVOKE, &[], vec![b'x'; 1024 * 1024 + 1]).await;
    answer.is_error(429, "ResourceExhausted", &["large"]);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let mut client = daemon.client().await;
    let answer = client.send("POST", INVOKE, &[], vec![b'x'; 1024 * 1024]).await;
    assert_eq!(answer.status, 200, "what was held is given back");
    daemon.stopped().await;
}

#[tokio::test]
async fn bodies_that_mean_nothing_do_no_harm() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    for _ in 0..3 {
        assert_eq!(client.send("GET", HELLO, &[], "{}").await.status, 200);
        client.send("GET", "/2023-03-30/nothing", &[], "x".repeat(100_000)).await.is_error(
            400,
            "PathNotSupported",
            &["nothing"],
        );
    }
    // `s` sends a body after a DELETE without saying so.
    let config = format!("{HELLO}/async-invoke-config");
    assert!(client.write(head("DELETE", &config, &[]) + "\r\n{}").await);
    let answer = client.answer().await.unwrap();
    answer.is_error(404, "AsyncConfigNotExists", &["hello"]);
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.answer().await.is_none());
    daemon.stopped().await;
}

#[tokio::test]
async fn who_waits_for_a_word_gets_the_refusal_instead() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let expects = [ASYNC, ("expect", "100-continue")];
    assert!(
        client.write(head("POST", INVOKE, &expects) + "content-length: 10000000\r\n\r\n").await
    );
    client.answer().await.unwrap().is_error(400, "EntityTooLarge", &["131072"]);
    let ended = tokio::time::timeout(Duration::from_secs(1), client.answer()).await;
    assert!(ended.expect("nothing is waited for").is_none());
    let mut client = daemon.client().await;
    assert!(client.write(head("POST", INVOKE, &expects) + "content-length: 2\r\n\r\n").await);
    assert_eq!(client.answer().await.unwrap().status, 100);
    assert!(client.write("{}").await);
    assert_eq!(client.answer().await.unwrap().status, 202);
    daemon.stopped().await;
}
