//! Functions and asynchronous invoke configurations.

use invoked_api::ApiConfig;
use serde_json::json;

use crate::daemon::{Daemon, INVOKE};

const FUNCTIONS: &str = "/2023-03-30/functions";
const CONFIG: &str = "/2023-03-30/functions/hello/async-invoke-config";

#[tokio::test]
async fn a_function_is_created_updated_listed_and_deleted() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let made = json!({
        "functionName": "made", "runtime": "custom", "timeout": 30, "description": "of a test",
        "code": {"zipFile": "UEsDBA=="},
        "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9"},
    });
    let created = client.json("POST", FUNCTIONS, &made).await;
    assert_eq!(created.status, 200, "{}", created.text());
    let tag = created.header("etag").unwrap().to_owned();
    let path = format!("{FUNCTIONS}/made");
    let shown = client.send("GET", &path, &[], "").await;
    assert_eq!((shown.body.as_slice(), shown.header("etag")), (&*created.body, Some(&*tag)));
    let body = shown.value();
    assert_eq!(body["functionArn"], "acs:fc:cn-hangzhou:123:functions/made");
    assert_eq!((&body["timeout"], &body["code"]), (&json!(30), &json!(null)));

    let again = client.json("POST", FUNCTIONS, &made).await;
    again.is_error(409, "FunctionAlreadyExists", &["made"]);

    let stale = [("if-match", "\"0\"")];
    client.send("PUT", &path, &stale, r#"{"timeout":40}"#).await.is_error(
        412,
        "PreconditionFailed",
        &["If-Match"],
    );
    let fresh = [("if-match", tag.as_str())];
    let updated = client.send("PUT", &path, &fresh, r#"{"timeout":40}"#).await.value();
    assert_eq!((&updated["timeout"], &updated["description"]), (&json!(40), &json!("of a test")));
    client.json("PUT", &path, &json!({"timeout": 0})).await.is_error(
        400,
        "InvalidArgument",
        &["timeout", "86400"],
    );

    let list = client.send("GET", &format!("{FUNCTIONS}?limit=1"), &[], "").await.value();
    assert_eq!(list["functions"][0]["functionName"], "hello");
    let token = list["nextToken"].as_str().unwrap();
    let rest = client.send("GET", &format!("{FUNCTIONS}?nextToken={token}"), &[], "").await.value();
    assert_eq!(
        (&rest["functions"][0]["functionName"], &rest["nextToken"]),
        (&json!("made"), &json!(""))
    );

    let triggers = client.send("GET", &format!("{path}/triggers"), &[], "").await.value();
    assert_eq!(triggers, json!({"triggers": [], "nextToken": ""}));
    assert_eq!(client.send("GET", &format!("{path}/code"), &[], "").await.value()["url"], "");

    let deleted = client.send("DELETE", &path, &[], "").await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    for (method, path) in [("GET", path.clone()), ("POST", format!("{path}/invocations"))] {
        client.send(method, &path, &[], "").await.is_error(404, "FunctionNotFound", &["made"]);
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn a_function_without_a_target_cannot_be_invoked() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    client.json("POST", FUNCTIONS, &json!({"functionName": "bare"})).await;
    let path = INVOKE.replace("hello", "bare");
    let answer = client.send("POST", &path, &[], "").await;
    answer.is_error(400, "InvalidArgument", &["bare", "INVOKED_TARGET_URL"]);
    client.json("POST", FUNCTIONS, &json!({"functionName": "1x"})).await.is_error(
        400,
        "InvalidArgument",
        &["functionName"],
    );
    client.json("POST", FUNCTIONS, &json!({})).await.is_error(
        400,
        "InvalidArgument",
        &["functionName"],
    );
    daemon.stopped().await;
}

#[tokio::test]
async fn a_configuration_is_put_got_listed_and_deleted() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let put = json!({
        "destinationConfig": {"onSuccess": {"destination": "acs:mns:::/queues/q/messages"}, "onFailure": {}},
        "MaxAsyncRetryAttempts": "5",
    });
    let answer = client.json("PUT", &format!("{CONFIG}?qualifier=LATEST"), &put).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client.json("PUT", CONFIG, &json!({"maxAsyncEventAgeInSeconds": 100})).await;
    let body = client.send("GET", CONFIG, &[], "").await.value();
    assert_eq!(body["functionArn"], "acs:fc:cn-hangzhou:123:functions/hello");
    assert_eq!(
        body["destinationConfig"],
        json!({"onSuccess": {"destination": "acs:mns:::/queues/q/messages"}})
    );
    assert_eq!(
        (&body["maxAsyncRetryAttempts"], &body["maxAsyncEventAgeInSeconds"]),
        (&json!(5), &json!(100))
    );
    client.json("PUT", &format!("{CONFIG}?qualifier=prod"), &json!({"asyncTask": true})).await;
    let list = "/2023-03-30/async-invoke-configs?functionName=hello&limit=1";
    let page = client.send("GET", list, &[], "").await.value();
    let token = page["nextToken"].as_str().unwrap().replace('/', "%2F");
    let next = client.send("GET", &format!("{list}&nextToken={token}"), &[], "").await.value();
    assert_eq!((&next["configs"][0]["asyncTask"], &next["nextToken"]), (&json!(true), &json!("")));
    assert_eq!(client.send("DELETE", CONFIG, &[], "").await.status, 204);
    client.send("GET", CONFIG, &[], "").await.is_error(404, "AsyncConfigNotExists", &["hello"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn configurations_that_cannot_be_are_refused() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let to =
        |arn: &str| json!({"destinationConfig": {"onSuccess": {"destination": arn}}}).to_string();
    let http = json!({
        "functionName": "web",
        "environmentVariables": {"INVOKED_FUNCTION_KIND": "http"},
    });
    assert_eq!(client.json("POST", FUNCTIONS, &http).await.status, 200);
    let destination = "InvalidDestinationResources";
    for (body, code, names) in [
        (to("acs:oss:::bucket"), destination, ["onSuccess", "acs:oss:::bucket"]),
        (to("queue"), destination, ["onSuccess", "'queue'"]),
        (to("acs:fc:::functions/hello"), destination, ["loop", "hello"]),
        (to("acs:fc:::functions/web"), destination, ["onSuccess", "web"]),
        (
            r#"{"maxAsyncRetryAttempts":9}"#.into(),
            "InvalidArgument",
            ["maxAsyncRetryAttempts", "8"],
        ),
        (r#"{"maxAsync"#.into(), "InvalidArgument", ["JSON", ""]),
        ("[1]".into(), "InvalidArgument", ["object", ""]),
    ] {
        client.send("PUT", CONFIG, &[], body).await.is_error(400, code, &names);
    }
    client.send("GET", CONFIG, &[], "").await.is_error(404, "AsyncConfigNotExists", &[]);
    let nobody = CONFIG.replace("hello", "nobody");
    client.send("PUT", &nobody, &[], "{}").await.is_error(404, "FunctionNotFound", &["nobody"]);
    daemon.stopped().await;
}
