//! New work while the daemon has too much: refused early, everything else goes on, and it comes back.

use std::time::Duration;

use invoked_api::ApiConfig;
use invoked_testkit::mem_store::Faults;
use serde_json::{Value, json};

use crate::auth::{Signer, guarded_by, key};
use crate::client::{Answer, Client, head};
use crate::daemon::{ASYNC, Daemon, FUNCTIONS, GOOD, HELLO, INVOKE, hello, until};
use crate::operator::Operator;

#[track_caller]
fn says_when(answer: &Answer, status: u16, code: &str, seconds: &str, names: &[&str]) {
    answer.is_error(status, code, names);
    assert_eq!(answer.header("retry-after"), Some(seconds));
}

/// Asks until an asynchronous invocation is taken.
async fn taken_again(client: &mut Client) {
    let accepted = until(async || {
        let answer = client.send("POST", INVOKE, &[ASYNC], "{}").await;
        (answer.status == 202).then_some(answer)
    });
    accepted.await;
}

#[tokio::test]
async fn the_refusal_comes_before_the_body_and_the_connection_goes_on() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    daemon.store.set_full(true);
    let mut client = daemon.client().await;
    for rest in ["content-length: 100000\r\n\r\n", "transfer-encoding: chunked\r\n\r\n"] {
        let mut client = daemon.client().await;
        assert!(client.write(head("POST", INVOKE, &[ASYNC]) + rest).await);
        let answer = client.answer().await.expect("an answer, although no body was sent");
        says_when(&answer, 503, "ServiceUnavailable", "10", &["no room left in the store"]);
    }

    // A client that sends its body all the same can go on with the same connection.
    for payload in [&b"{}"[..], &[b'x'; 100_000]] {
        let refused = client.send("POST", INVOKE, &[ASYNC], payload).await;
        says_when(&refused, 503, "ServiceUnavailable", "10", &["refused for now"]);
        let answer = client.send("POST", INVOKE, &[], "of use").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "of use"));
        assert_eq!(client.send("GET", HELLO, &[], "").await.status, 200);
    }
    // One that waits for a word is told at once, and nothing is waited for.
    let mut waiting = daemon.client().await;
    let expects = [ASYNC, ("expect", "100-continue")];
    assert!(waiting.write(head("POST", INVOKE, &expects) + "content-length: 2\r\n\r\n").await);
    assert_eq!(waiting.answer().await.expect("an answer").status, 503);

    daemon.http_function("web").await;
    let web = "/2023-03-30/proxy/web/x";
    let refused = client.send("POST", web, &[ASYNC], "{}").await;
    says_when(&refused, 503, "ServiceUnavailable", "10", &["no room"]);
    assert_eq!(client.send("POST", web, &[], "{}").await.status, 200);

    daemon.store.set_full(false);
    taken_again(&mut client).await;
    daemon.stopped().await;
}

#[tokio::test]
async fn behind_with_its_commits_only_new_work_is_refused() {
    let mut operator = Operator::start().await;
    let told = json!({"destinationConfig": {"onSuccess": {"destination": GOOD}}});
    let mut client = operator.daemon.client().await;
    let config = format!("{HELLO}/async-invoke-config");
    assert_eq!(client.json("PUT", &config, &told).await.status, 200);
    let task =
        [ASYNC, ("x-fc-async-task-id", "t"), ("x-fc-stateful-async-invocation-enable", "true")];
    assert_eq!(client.send("POST", INVOKE, &task, "hold").await.status, 202);

    let slow = Duration::from_secs(3);
    operator.daemon.store.set_faults(Faults { commit_delay: slow..=slow, ..Faults::default() });
    let mut waiting = operator.daemon.client().await;
    let request = head("POST", INVOKE, &[ASYNC]) + "content-length: 2\r\n\r\n{}";
    assert!(waiting.write(request).await);
    let not_ready = until(async || {
        let answer = operator.client.send("GET", "/readyz", &[], "").await;
        (answer.status == 503).then_some(answer)
    });
    let not_ready = not_ready.await;
    assert_eq!(not_ready.value()["message"], "the store is behind with its commits");
    assert_eq!(operator.client.send("GET", "/healthz", &[], "").await.status, 200);
    let admission = operator.get("/v1/status").await["admission"].clone();
    assert_eq!(admission["refused_for"], json!(["commit_lag"]), "{admission}");
    assert_eq!(admission["commit_lag_max_ms"], 500);
    assert!(admission["commit_lag_ms"].as_u64() > Some(250), "{admission}");
    assert_eq!(admission["memory_bytes"], Value::Null);
    let refused = client.send("POST", INVOKE, &[ASYNC], "{}").await;
    says_when(&refused, 429, "ResourceExhausted", "1", &["behind with its commits"]);
    let answer = client.send("POST", INVOKE, &[], "of use").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "of use"));
    let stop = format!("{HELLO}/async-tasks/t/stop");
    assert!(client.write(head("PUT", &stop, &[]) + "\r\n").await);

    operator.daemon.store.set_faults(Faults::default());
    assert_eq!(waiting.answer().await.expect("an answer").status, 202, "it was accepted before");
    let stopped = client.answer().await.expect("an answer");
    assert_eq!(stopped.status, 204, "a stop waits for its commit, and is not refused");
    taken_again(&mut client).await;
    until(async || {
        let answer = operator.client.send("GET", "/readyz", &[], "").await;
        (answer.status == 200).then_some(())
    })
    .await;
    let callbacks = until(async || {
        let status = operator.get("/v1/status").await;
        (status["live"] == 0).then_some(status)
    });
    callbacks.await;
    assert_eq!(operator.get("/v1/callbacks").await["callbacks"], json!([]), "all are delivered");
    operator.daemon.stopped().await;
}

#[tokio::test]
async fn strangers_learn_nothing_and_a_signature_is_not_used_up() {
    let daemon = guarded_by(vec![key("ak", "123")]).await;
    let mut signer = Signer::connect(&daemon, "ak").await;
    assert_eq!(signer.send("POST", FUNCTIONS, &hello()).await.status, 200);
    daemon.store.set_full(true);
    let mut stranger = daemon.client().await;
    let there = stranger.send("POST", INVOKE, &[ASYNC], "{}").await;
    let nowhere = "/2023-03-30/functions/no-such/invocations";
    let not_there = stranger.send("POST", nowhere, &[ASYNC], "{}").await;
    for answer in [&there, &not_there] {
        says_when(answer, 503, "ServiceUnavailable", "10", &["refused for now; try again later"]);
        assert!(!answer.text().contains("store"), "{}", answer.text());
    }
    // What is not new work is still asked who it is.
    stranger.send("GET", HELLO, &[], "").await.is_error(400, "MissingRequiredHeader", &[]);

    let headers = signer.signed("POST", INVOKE, "{}");
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    headers.push(ASYNC);
    let refused = signer.client.send("POST", INVOKE, &headers, "{}").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")));
    daemon.store.set_full(false);
    let accepted = until(async || {
        let answer = signer.client.send("POST", INVOKE, &headers, "{}").await;
        (answer.status != 503).then_some(answer)
    });
    assert_eq!(accepted.await.status, 202, "the same request, with the same nonce");
    let replayed = signer.client.send("POST", INVOKE, &headers, "{}").await;
    replayed.is_error(403, "AccessDenied", &["nonce"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn short_of_memory_it_takes_nothing_new_until_there_is_enough_again() {
    let daemon = Daemon::limited(1_000).await;
    let mut client = daemon.client().await;
    let handle = daemon.engine.handle();
    handle.note_memory(1_000);
    assert_eq!(client.send("POST", INVOKE, &[ASYNC], "{}").await.status, 202);
    for resident in [1_001, 900] {
        handle.note_memory(resident);
        let refused = client.send("POST", INVOKE, &[ASYNC], "{}").await;
        says_when(&refused, 503, "ServiceUnavailable", "2", &["short of memory"]);
        assert_eq!(client.send("POST", INVOKE, &[], "{}").await.status, 200);
    }
    handle.note_memory(899);
    assert_eq!(client.send("POST", INVOKE, &[ASYNC], "{}").await.status, 202);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_flood_of_strangers_is_refused_and_a_caller_with_a_key_is_served() {
    let daemon = guarded_by(vec![key("ak", "123")]).await;
    let mut signer = Signer::connect(&daemon, "ak").await;
    assert_eq!(signer.send("POST", FUNCTIONS, &hello()).await.status, 200);
    let mut strangers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut stranger = daemon.client().await;
        strangers.spawn(async move {
            // More than a hundred a second, all together: they wait for their answers from then on.
            for _ in 0..20 {
                let answer = stranger.send("POST", INVOKE, &[ASYNC], "{}").await;
                answer.is_error(400, "MissingRequiredHeader", &["Authorization"]);
            }
        });
    }
    while !strangers.is_empty() {
        assert_eq!(signer.send("POST", INVOKE, &json!({})).await.status, 202);
        while let Some(ended) = strangers.try_join_next() {
            ended.expect("a stranger is answered");
        }
    }
    // What they have not sent yet is not waited for.
    let mut stranger = daemon.client().await;
    for _ in 0..200 {
        let head = head("POST", INVOKE, &[ASYNC]) + "content-length: 100000\r\n\r\n";
        assert!(stranger.write(head).await);
        let answer = stranger.answer().await.expect("an answer before the body");
        answer.is_error(400, "MissingRequiredHeader", &[]);
        stranger = daemon.client().await;
    }
    assert_eq!(signer.send("POST", INVOKE, &json!({})).await.status, 202);
    daemon.stopped().await;
}
