//! Lists of tasks: every filter, and pages that hold while tasks end.

use std::collections::BTreeSet;

use invoked_api::ApiConfig;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::{ASYNC, Daemon, HELLO, INVOKE, until};

const TASKS: &str = "/2023-03-30/functions/hello/async-tasks";

async fn begin(client: &mut Client, id: &str, payload: impl AsRef<[u8]>, headers: &[(&str, &str)]) {
    let mut all = vec![ASYNC, ("x-fc-async-task-id", id)];
    all.extend_from_slice(headers);
    let answer = client.send("POST", INVOKE, &all, payload).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
}

async fn status(client: &mut Client, id: &str) -> String {
    let body = client.send("GET", &format!("{TASKS}/{id}"), &[], "").await.value();
    body.get("status").and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn ended(client: &mut Client, id: &str) {
    until(async || ["Succeeded", "Failed"].contains(&&*status(client, id).await).then_some(()))
        .await;
}

async fn ids(client: &mut Client, query: &str) -> Vec<String> {
    let body = client.send("GET", &format!("{TASKS}?{query}"), &[], "").await.value();
    let tasks = body.get("tasks").and_then(Value::as_array).expect("a list");
    let id = |task: &Value| Some(task.get("taskId")?.as_str()?.to_owned());
    tasks.iter().filter_map(id).collect()
}

async fn task_mode() -> (Daemon, Client) {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    for qualifier in ["", "?qualifier=prod"] {
        let path = format!("{HELLO}/async-invoke-config{qualifier}");
        let body = json!({"asyncTask": true, "maxAsyncRetryAttempts": 0});
        client.json("PUT", &path, &body).await;
    }
    (daemon, client)
}

#[tokio::test]
async fn every_filter_holds() {
    let (daemon, mut client) = task_mode().await;
    begin(&mut client, "a_done", "x", &[]).await;
    begin(&mut client, "a_failed", "fail", &[]).await;
    for id in ["a_done", "a_failed"] {
        ended(&mut client, id).await;
    }
    begin(&mut client, "b_running", "hold", &[]).await;
    until(async || (status(&mut client, "b_running").await == "Running").then_some(())).await;
    begin(&mut client, "b_waiting", "x", &[("x-fc-async-delay", "3600")]).await;
    let path = format!("{INVOKE}?qualifier=prod");
    let headers = [ASYNC, ("x-fc-async-task-id", "c_prod"), ("x-fc-async-delay", "3600")];
    assert_eq!(client.send("POST", &path, &headers, "x").await.status, 202);

    let started = client.send("GET", &format!("{TASKS}/a_done"), &[], "").await.value();
    let started = started["startedTime"].as_i64().unwrap();
    for (query, expected) in [
        ("", "a_done a_failed b_running b_waiting c_prod"),
        ("status=Succeeded", "a_done"),
        ("status=failed", "a_failed"),
        ("status=Running", "b_running"),
        ("status=Enqueued", "b_waiting c_prod"),
        ("status=Stopped", ""),
        ("prefix=a_", "a_done a_failed"),
        ("prefix=b_&status=Running", "b_running"),
        ("qualifier=prod", "c_prod"),
        ("qualifier=LATEST", "a_done a_failed b_running b_waiting"),
        (&format!("startedTimeBegin={started}&prefix=a_d"), "a_done"),
        (&format!("startedTimeBegin={}&prefix=a_d", started + 1), ""),
        (&format!("startedTimeEnd={started}&prefix=a_d"), "a_done"),
        (&format!("startedTimeEnd={}", started - 1), ""),
    ] {
        let expected: BTreeSet<_> = expected.split_whitespace().map(str::to_owned).collect();
        let found: BTreeSet<_> = ids(&mut client, query).await.into_iter().collect();
        assert_eq!(found, expected, "{query}");
    }
    let up = ids(&mut client, "sortOrderByTime=asc").await;
    let mut down = ids(&mut client, "sortOrderByTime=DESC").await;
    assert_eq!(ids(&mut client, "").await, down, "newest first");
    down.reverse();
    assert_eq!(up, down);
    for (query, payload) in [("", json!(null)), ("&includePayload=True", json!("fail"))] {
        let path = format!("{TASKS}?prefix=a_failed{query}");
        let body = client.send("GET", &path, &[], "").await.value();
        assert_eq!(body["tasks"][0]["taskPayload"], payload);
        assert_eq!(body["tasks"][0]["taskErrorMessage"], "as planned");
        assert_eq!(
            body["tasks"][0]["events"].as_array().unwrap().last().unwrap()["status"],
            "Failed"
        );
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn pages_hold_while_tasks_end() {
    let (daemon, mut client) = task_mode().await;
    let held: Vec<_> = (0..12).map(|number| format!("t_{number:02}")).collect();
    for id in &held {
        begin(&mut client, id, "hold", &[]).await;
    }
    for order in ["asc", "desc"] {
        let mut seen = Vec::new();
        let mut token = String::new();
        loop {
            let query = format!("sortOrderByTime={order}&limit=5&nextToken={token}");
            let body = client.send("GET", &format!("{TASKS}?{query}"), &[], "").await.value();
            let page = body["tasks"].as_array().unwrap();
            assert!(page.len() <= 5);
            seen.extend(page.iter().map(|task| task["taskId"].as_str().unwrap().to_owned()));
            token = body["nextToken"].as_str().unwrap().to_owned();
            if token.is_empty() {
                break;
            }
            // One that was shown and one that will be end in between.
            for id in [seen.first().unwrap(), held.iter().find(|id| !seen.contains(id)).unwrap()] {
                client.send("PUT", &format!("{TASKS}/{id}/stop"), &[], "").await;
                until(async || (status(&mut client, id).await != "Running").then_some(())).await;
            }
            // And one comes.
            begin(&mut client, &format!("{order}_{}", seen.len()), "x", &[]).await;
        }
        for id in &held {
            assert_eq!(seen.iter().filter(|seen| *seen == id).count(), 1, "{id} in {seen:?}");
        }
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn bytes_that_are_no_text_are_marked() {
    let (daemon, mut client) = task_mode().await;
    begin(&mut client, "bytes", [0xff, 0x00], &[]).await;
    ended(&mut client, "bytes").await;
    let body = client.send("GET", &format!("{TASKS}/bytes"), &[], "").await.value();
    for (field, value) in [
        ("taskPayload", "/wA="),
        ("taskPayloadEncoding", "base64"),
        ("returnPayload", "/wA="),
        ("returnPayloadEncoding", "base64"),
    ] {
        assert_eq!(body[field], value, "{field}");
    }
    // A Get does not look at the qualifier: ids are unique in a function.
    let other = client.send("GET", &format!("{TASKS}/bytes?qualifier=prod"), &[], "").await;
    assert_eq!((other.status, &other.value()["qualifier"]), (200, &json!("LATEST")));
    daemon.stopped().await;
}

#[tokio::test]
async fn what_is_kept_of_a_deleted_function_is_not_shown_as_the_new_ones() {
    let (daemon, mut client) = task_mode().await;
    begin(&mut client, "old", "x", &[("x-fc-async-delay", "3600")]).await;
    client.send("DELETE", HELLO, &[], "").await;
    let gone = client.send("GET", &format!("{TASKS}/old"), &[], "").await;
    gone.is_error(404, "FunctionNotFound", &["hello"]);
    let anew = json!({"functionName": "hello", "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9"}});
    client.json("POST", "/2023-03-30/functions", &anew).await;
    let config = format!("{HELLO}/async-invoke-config");
    client.send("GET", &config, &[], "").await.is_error(404, "AsyncConfigNotExists", &[]);
    let record = client.send("GET", &format!("{TASKS}/old"), &[], "").await;
    record.is_error(404, "StatefulAsyncInvocationNotFound", &["old"]);
    assert_eq!(ids(&mut client, "").await, Vec::<String>::new());
    daemon.stopped().await;
}
