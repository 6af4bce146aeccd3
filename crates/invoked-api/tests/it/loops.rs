//! Destinations that lead back to where they started, by whatever name.

use invoked_api::ApiConfig;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;

const FUNCTIONS: &str = "/2023-03-30/functions";

async fn functions(client: &mut Client, names: &[&str]) {
    for name in names {
        let body = json!({
            "functionName": name, "runtime": "custom", "handler": "index.handler",
            "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9"},
        });
        assert_eq!(client.json("POST", FUNCTIONS, &body).await.status, 200);
    }
}

/// The path of a configuration, and one that tells `on_success`.
fn told(function: &str, on_success: &str) -> (String, Value) {
    let (name, qualifier) = function.split_once('/').unwrap_or((function, "LATEST"));
    let path = format!("{FUNCTIONS}/{name}/async-invoke-config?qualifier={qualifier}");
    let destination = format!("acs:fc:::functions/{on_success}");
    (path, json!({"destinationConfig": {"onSuccess": {"destination": destination}}}))
}

async fn put(client: &mut Client, from: &str, to: &str) {
    let (path, body) = told(from, to);
    let answer = client.json("PUT", &path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn is_refused(client: &mut Client, from: &str, to: &str, way: &str) {
    let (path, body) = told(from, to);
    let code = "InvalidDestinationResources";
    client.json("PUT", &path, &body).await.is_error(400, code, &[way]);
}

#[tokio::test]
async fn a_loop_is_refused_with_its_path_and_a_diamond_is_not() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    functions(&mut client, &["a", "b", "c", "d"]).await;
    is_refused(&mut client, "a", "a", "a -> a").await;
    put(&mut client, "a", "b").await;
    is_refused(&mut client, "b", "a", "b -> a -> b").await;
    // A diamond: a tells b and c, and both tell d.
    let (path, _) = told("a", "b");
    let both = json!({"destinationConfig": {
        "onSuccess": {"destination": "acs:fc:::functions/b"},
        "onFailure": {"destination": "acs:fc:::functions/c"},
    }});
    assert_eq!(client.json("PUT", &path, &both).await.status, 200);
    put(&mut client, "b", "d").await;
    put(&mut client, "c", "d").await;
    is_refused(&mut client, "d", "a", "d -> a -> b -> d").await;
}

#[tokio::test]
async fn a_loop_through_an_alias_is_refused_by_whoever_would_close_it() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    functions(&mut client, &["a", "b"]).await;
    for _ in 0..3 {
        let versions = format!("{FUNCTIONS}/b/versions");
        assert_eq!(client.json("POST", &versions, &json!({})).await.status, 200);
    }
    let aliases = format!("{FUNCTIONS}/b/aliases");
    let prod = format!("{aliases}/prod");
    let alias = |version: &str| json!({"aliasName": "prod", "versionId": version});
    assert_eq!(client.json("POST", &aliases, &alias("1")).await.status, 200);
    put(&mut client, "a", "b/prod").await;

    // The alias' own configuration, and that of the version it stands for.
    is_refused(&mut client, "b/prod", "a", "b/prod -> a -> b/prod").await;
    is_refused(&mut client, "b/1", "a", "b/1 -> a -> b/prod -> b/1").await;

    // Version 2 tells a; now no alias that a tells may come to stand for it.
    put(&mut client, "b/2", "a").await;
    let code = "InvalidDestinationResources";
    let way = "b/prod -> b/2 -> a -> b/prod";
    client.json("PUT", &prod, &alias("2")).await.is_error(400, code, &["prod", way]);
    let canary = json!({"versionId": "3", "additionalVersionWeight": {"2": 0.1}});
    client.json("PUT", &prod, &canary).await.is_error(400, code, &[way]);
    let shown = client.send("GET", &prod, &[], "").await.value();
    assert_eq!(shown["versionId"], "1");
    assert_eq!(client.json("PUT", &prod, &alias("3")).await.status, 200);

    // LATEST, under another name.
    put(&mut client, "b", "a").await;
    client.json("PUT", &prod, &alias("LATEST")).await.is_error(400, code, &["b -> a -> b/prod"]);
}

#[tokio::test]
async fn an_alias_of_a_service_is_one_of_its_functions() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    functions(&mut client, &["a"]).await;
    let services = "/2021-04-06/services";
    assert_eq!(client.json("POST", services, &json!({"serviceName": "svc"})).await.status, 200);
    let body = json!({
        "functionName": "fn", "runtime": "custom", "handler": "index.handler",
        "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9"},
    });
    let made = client.json("POST", &format!("{services}/svc/functions"), &body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    for _ in 0..2 {
        let versions = format!("{services}/svc/versions");
        assert_eq!(client.json("POST", &versions, &json!({})).await.status, 200);
    }
    let aliases = format!("{services}/svc/aliases");
    let alias = |version: &str| json!({"aliasName": "prod", "versionId": version});
    assert_eq!(client.json("POST", &aliases, &alias("1")).await.status, 200);
    let config =
        |qualifier: &str| format!("{services}/svc.{qualifier}/functions/fn/async-invoke-config");
    let to_a = json!({"destinationConfig": {"onSuccess": {"destination": "acs:fc:::functions/a"}}});
    assert_eq!(client.json("PUT", &config("2"), &to_a).await.status, 200);
    let (path, _) = told("a", "");
    let arn = "acs:fc:::services/svc.prod/functions/fn";
    let to_alias = json!({"destinationConfig": {"onSuccess": {"destination": arn}}});
    assert_eq!(client.json("PUT", &path, &to_alias).await.status, 200);
    let put = client.json("PUT", &format!("{aliases}/prod"), &alias("2")).await;
    put.is_error(400, "InvalidDestinationResources", &["svc$fn/prod -> svc$fn/2 -> a"]);
}
