//! The calls of Terraform's `alicloud_fcv3_async_invoke_config`, in its order: a second plan is empty
//! if what a GET says is what was put.

use invoked_api::ApiConfig;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;

const CONFIG: &str = "/2023-03-30/functions/hello/async-invoke-config";

/// What Terraform keeps of an answer. A side without a destination is dropped.
fn planned(body: &Value) -> Value {
    let at = |path: &str| body.pointer(path).cloned().unwrap_or_default();
    json!({
        "onSuccess": at("/destinationConfig/onSuccess/destination"),
        "onFailure": at("/destinationConfig/onFailure/destination"),
        "age": at("/maxAsyncEventAgeInSeconds"),
        "attempts": at("/maxAsyncRetryAttempts"),
        "task": at("/asyncTask"),
    })
}

async fn plan(client: &mut Client) -> Value {
    // Read comes without a qualifier, whatever was put.
    let answer = client.send("GET", CONFIG, &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    planned(&answer.value())
}

#[tokio::test]
async fn a_plan_after_an_apply_is_empty() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let put = format!("{CONFIG}?qualifier=LATEST");
    let arn = |name: &str| format!("acs:fc:cn-hangzhou:123:functions/{name}");
    client.send("GET", CONFIG, &[], "").await.is_error(404, "AsyncConfigNotExists", &["hello"]);
    let whole = json!({
        "functionName": "hello",
        "destinationConfig": {"onSuccess": {"destination": arn("a")}, "onFailure": {"destination": arn("b")}},
        "maxAsyncEventAgeInSeconds": 60, "maxAsyncRetryAttempts": 0, "asyncTask": true,
    });
    let created = client.json("PUT", &put, &whole).await.value();
    let mut expected = planned(&whole);
    assert_eq!(plan(&mut client).await, expected);

    for (change, field, value) in [
        (json!({"maxAsyncRetryAttempts": 1}), "attempts", json!(1)),
        (json!({"asyncTask": false}), "task", json!(false)),
        (json!({"maxAsyncEventAgeInSeconds": 86_400}), "age", json!(86_400)),
        (
            json!({"destinationConfig": {"onSuccess": {"destination": arn("c")}, "onFailure": {"destination": arn("b")}}}),
            "onSuccess",
            json!(arn("c")),
        ),
        (
            json!({"destinationConfig": {"onSuccess": {}, "onFailure": {"destination": arn("b")}}}),
            "onSuccess",
            json!(null),
        ),
    ] {
        let mut body = change.clone();
        body["functionName"] = json!("hello");
        assert_eq!(client.json("PUT", &put, &body).await.status, 200, "{change}");
        expected[field] = value;
        assert_eq!(plan(&mut client).await, expected, "{change}");
    }
    let now = client.send("GET", CONFIG, &[], "").await.value();
    assert_eq!(now["createdTime"], created["createdTime"]);

    let deleted = client.send("DELETE", &put, &[], "").await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    client.send("GET", CONFIG, &[], "").await.is_error(404, "AsyncConfigNotExists", &["hello"]);
    client.send("DELETE", &put, &[], "").await.is_error(404, "AsyncConfigNotExists", &["hello"]);
    daemon.stopped().await;
}
