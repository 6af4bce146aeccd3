//! Concurrency, the switch, tags, account settings, and where a client may put a function.

use invoked_api::ApiConfig;
use invoked_engine::TargetCheck;
use serde_json::json;

use crate::daemon::{ASYNC, Daemon, HELLO, INVOKE};

#[tokio::test]
async fn concurrency_is_put_got_listed_and_deleted() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let path = format!("{HELLO}/concurrency");
    let absent = client.send("GET", &path, &[], "").await;
    absent.is_error(404, "OnDemandConfigNotFound", &["hello"]);
    for bad in [json!({}), json!({"reservedConcurrency": 0}), json!({"reservedConcurrency": -1})] {
        client.json("PUT", &path, &bad).await.is_error(
            400,
            "InvalidArgument",
            &["reservedConcurrency", "100000"],
        );
    }
    let expected =
        json!({"functionArn": "acs:fc:cn-hangzhou:123:functions/hello", "reservedConcurrency": 7});
    let put = client
        .json("PUT", &path, &json!({"reservedConcurrency": 7, "functionName": "hello"}))
        .await;
    assert_eq!(put.value(), expected);
    assert_eq!(client.send("GET", &path, &[], "").await.value(), expected);
    // An update of other fields keeps it.
    client.json("PUT", HELLO, &json!({"description": "d"})).await;
    let list = client.send("GET", "/2023-03-30/concurrency-configs", &[], "").await.value();
    assert_eq!(list, json!({"configs": [expected], "nextToken": ""}));
    let other = "/2023-03-30/concurrency-configs?functionName=other";
    assert_eq!(client.send("GET", other, &[], "").await.value()["configs"], json!([]));
    assert_eq!(client.send("DELETE", &path, &[], "").await.status, 204);
    client.send("DELETE", &path, &[], "").await.is_error(404, "OnDemandConfigNotFound", &["hello"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_disabled_function_takes_nothing_new() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let disable = format!("{HELLO}/invoke/disable");
    let held = [
        ASYNC,
        ("x-fc-invocation-type", "Async"),
        ("x-fc-async-delay", "3600"),
        ("x-fc-async-task-id", "t"),
        ("x-fc-stateful-async-invocation-enable", "true"),
    ];
    assert_eq!(client.send("POST", INVOKE, &held, "").await.status, 202);
    let answer = client.json("POST", &disable, &json!({"reason": "moved"})).await;
    assert_eq!(answer.value(), json!({"success": true}));
    for headers in [&[][..], &[ASYNC]] {
        client.send("POST", INVOKE, headers, "").await.is_error(
            403,
            "AccessDenied",
            &["hello", "disabled", "moved"],
        );
    }
    let shown = client.send("GET", HELLO, &[], "").await.value();
    assert_eq!(shown["invocationRestriction"]["disable"], true);
    assert_eq!(shown["invocationRestriction"]["reason"], "moved");
    // What was accepted before is still to run.
    let task = client.send("GET", &format!("{HELLO}/async-tasks/t"), &[], "").await.value();
    assert_eq!(task["status"], "Enqueued");
    client.json("PUT", HELLO, &json!({"description": "d"})).await;
    client.send("POST", INVOKE, &[], "").await.is_error(403, "AccessDenied", &["moved"]);
    client.json("POST", &disable, &json!({"abortOngoingRequest": true})).await.is_error(
        400,
        "InvalidArgument",
        &["abortOngoingRequest"],
    );
    assert_eq!(client.send("PUT", &format!("{HELLO}/invoke/enable"), &[], "").await.status, 200);
    assert_eq!(client.send("POST", INVOKE, &[], "").await.status, 200);
    daemon.stopped().await;
}

#[tokio::test]
async fn tags_are_set_listed_and_removed_in_both_spellings() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let arn = "acs:fc:cn-hangzhou:123:functions/hello";
    let tags = "/2023-03-30/tags-v2";
    let body = json!({"ResourceId": [arn], "ResourceType": "function", "Tag": [{"Key": "k", "Value": "v"}, {"Key": "l"}]});
    let tagged = client.json("POST", tags, &body).await;
    assert_eq!((tagged.status, tagged.body.len()), (204, 0), "{}", tagged.text());
    assert_eq!(
        client.send("GET", HELLO, &[], "").await.value()["tags"][0],
        json!({"Key": "k", "Value": "v"})
    );
    let query = "?ResourceId=%5B%22hello%22%5D&Limit=1";
    let page = client.send("GET", &format!("{tags}{query}"), &[], "").await.value();
    assert_eq!(
        page["TagResources"],
        json!([{"ResourceId": "hello", "ResourceType": "function", "TagKey": "k", "TagValue": "v"}])
    );
    let token = page["NextToken"].as_str().unwrap().replace('#', "%23");
    let page =
        client.send("GET", &format!("{tags}{query}&NextToken={token}"), &[], "").await.value();
    assert_eq!((&page["TagResources"][0]["TagKey"], &page["NextToken"]), (&json!("l"), &json!("")));
    let all = client.send("GET", tags, &[], "").await.value();
    assert_eq!(all["TagResources"][0]["ResourceId"], arn);
    for (bad, code, named) in [
        (json!({"ResourceId": []}), "InvalidArgument", "ResourceId"),
        (
            json!({"ResourceId": ["acs:fc:cn-hangzhou:9:functions/hello"]}),
            "InvalidArgument",
            "another account",
        ),
        (json!({"ResourceId": ["hello"], "Tag": [{"Key": ""}]}), "InvalidArgument", "Tag.Key"),
        (json!({"ResourceId": ["none"]}), "FunctionNotFound", "none"),
    ] {
        let answer = client.json("POST", tags, &bad).await;
        let (_, found, message) = answer.error();
        assert!(found == code && message.contains(named), "{found} {message}");
    }
    let many: Vec<_> = (0..21).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect();
    client.json("POST", tags, &json!({"ResourceId": ["hello"], "Tag": many})).await.is_error(
        400,
        "LimitExceededError",
        &["20"],
    );
    let untag = format!("{tags}?ResourceId=%5B%22hello%22%5D&TagKey=%5B%22k%22%5D");
    assert_eq!(client.send("DELETE", &untag, &[], "").await.status, 204);
    let left = client.send("GET", &format!("{tags}{query}"), &[], "").await.value();
    assert_eq!((&left["TagResources"][0]["TagKey"], &left["NextToken"]), (&json!("l"), &json!("")));

    client.json("POST", "/2016-08-15/services", &json!({"serviceName": "svc"})).await;
    let (tag, arn) = ("/2016-08-15/tag", "acs:fc:cn-hangzhou:123:services/svc");
    let set = client
        .json("POST", tag, &json!({"resourceArn": "services/svc", "tags": {"a": "b", "c": ""}}))
        .await;
    assert_eq!(set.value(), json!({}));
    let get = format!("{tag}?resourceArn={}", arn.replace(':', "%3A").replace('/', "%2F"));
    assert_eq!(
        client.send("GET", &get, &[], "").await.value(),
        json!({"resourceArn": arn, "tags": {"a": "b", "c": ""}})
    );
    assert_eq!(
        client
            .json("DELETE", tag, &json!({"resourceArn": arn, "tagKeys": ["a"], "all": false}))
            .await
            .value(),
        json!({})
    );
    let list = client.send("GET", "/2021-04-06/tags", &[], "").await.value();
    assert_eq!(list["resources"][1], json!({"resourceArn": arn, "tags": {"c": ""}}));
    assert_eq!(
        client.send("GET", "/2016-08-15/services/svc", &[], "").await.value().get("tags"),
        None
    );
    client.json("PUT", "/2021-04-06/tag", &json!({"resourceArn": arn, "all": true})).await;
    assert_eq!(client.send("GET", &get, &[], "").await.value()["tags"], json!({}));
    daemon.stopped().await;
}

#[tokio::test]
async fn what_there_is_none_of_is_listed_as_nothing() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    for (path, name) in [
        ("/2016-08-15/provision-configs", "provisionConfigs"),
        ("/2021-04-06/on-demand-configs", "configs"),
        ("/2016-08-15/reservedCapacities", "reservedCapacities"),
        ("/2021-04-06/custom-domains", "customDomains"),
        ("/2023-03-30/scaling-configs", "scalingConfigs"),
        ("/2023-03-30/layers", "layers"),
    ] {
        let answer = client.send("GET", path, &[], "").await.value();
        assert_eq!(answer, json!({name: [], "nextToken": ""}), "{path}");
    }
    let settings = client.send("GET", "/2021-04-06/account-settings", &[], "").await.value();
    assert_eq!(settings, json!({"availableAZs": [], "defaultRole": ""}));
    daemon.stopped().await;
}

#[tokio::test]
async fn a_target_of_a_client_has_to_pass_the_check() {
    let check = TargetCheck::new(|address| match format!("{address:?}").contains("127.0.0.1") {
        true => Ok(()),
        false => Err("it is not in egress.allow".to_owned()),
    });
    let daemon = Daemon::start_checked(ApiConfig::default(), check).await;
    let mut client = daemon.client().await;
    let at = |url: &str| json!({"functionName": "fn", "environmentVariables": {"INVOKED_TARGET_URL": url}});
    let functions = "/2023-03-30/functions";
    for url in ["http://10.0.0.1", "fc://cloud/fn", "ftp://127.0.0.1"] {
        let refused = client.json("POST", functions, &at(url)).await;
        refused.is_error(400, "InvalidArgument", &["environmentVariables.INVOKED_TARGET_URL"]);
    }
    assert_eq!(client.json("POST", functions, &at("http://127.0.0.1:9")).await.status, 200);
    let path = format!("{functions}/fn");
    let moved = client.json("PUT", &path, &at("http://10.0.0.1")).await;
    moved.is_error(400, "InvalidArgument", &["INVOKED_TARGET_URL", "egress.allow"]);
    // It stays where it was, until it is told to be nowhere.
    client.json("PUT", &path, &json!({"timeout": 9})).await;
    assert_eq!(client.send("POST", &format!("{path}/invocations"), &[], "").await.status, 200);
    client.json("PUT", &path, &json!({"environmentVariables": {}})).await;
    client.send("POST", &format!("{path}/invocations"), &[], "").await.is_error(
        400,
        "InvalidArgument",
        &["no target"],
    );
    daemon.stopped().await;
}

#[tokio::test]
async fn what_a_client_gives_is_bounded() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    let long = "x".repeat(40_000);
    let functions = "/2023-03-30/functions";
    let body = json!({"functionName": "long", "description": long});
    client.json("POST", functions, &body).await.is_error(400, "InvalidArgument", &["32768"]);
    let body = json!({"serviceName": "long", "description": long});
    client.json("POST", "/2016-08-15/services", &body).await.is_error(
        400,
        "InvalidArgument",
        &["32768"],
    );
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let body = format!(r#"{{"functionName":"deep","x":{deep}}}"#);
    client.send("POST", functions, &[], body).await.is_error(400, "InvalidArgument", &["JSON"]);
    let mut other = daemon.client().await;
    other.send("POST", functions, &[], vec![b' '; 1024 * 1024 + 1]).await.is_error(
        400,
        "EntityTooLarge",
        &["1048576"],
    );
    for number in 0..200 {
        let path = format!("{HELLO}/async-invoke-config?qualifier={number}");
        assert_eq!(client.json("PUT", &path, &json!({})).await.status, 200, "{number}");
    }
    let path = format!("{HELLO}/async-invoke-config?qualifier=more");
    client.json("PUT", &path, &json!({})).await.is_error(400, "LimitExceededError", &["200"]);
    for number in 0..100 {
        assert_eq!(
            client.send("POST", &format!("{HELLO}/versions"), &[], "").await.status,
            200,
            "{number}"
        );
    }
    client.send("POST", &format!("{HELLO}/versions"), &[], "").await.is_error(
        400,
        "LimitExceededError",
        &["100 versions"],
    );
    daemon.stopped().await;
}
