//! Services, their functions, versions and aliases, in the words of 2016 and 2021.

use invoked_api::ApiConfig;
use invoked_core::pattern::Pattern;
use serde_json::{Value, json};

use crate::auth::{Signer, guarded_by, key};
use crate::daemon::{ASYNC, Daemon};

const VERSIONS: [&str; 2] = ["/2016-08-15", "/2021-04-06"];

fn function(name: &str) -> Value {
    json!({
        "functionName": name, "runtime": "custom", "handler": "index.handler",
        "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9"},
    })
}

#[tokio::test]
async fn a_service_is_created_updated_listed_and_deleted() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    for version in VERSIONS {
        let (services, svc) = (format!("{version}/services"), format!("{version}/services/svc"));
        let body = json!({"serviceName": "svc", "description": "d", "logConfig": {"project": "p"}});
        let created = client.json("POST", &services, &body).await;
        assert_eq!(created.status, 200, "{}", created.text());
        let tag = created.header("etag").unwrap().to_owned();
        let shown = client.send("GET", &svc, &[], "").await;
        assert_eq!((&shown.body, shown.header("etag")), (&created.body, Some(&*tag)));
        assert_eq!(shown.value()["logConfig"], json!({"project": "p"}));
        client.json("POST", &services, &body).await.is_error(409, "ServiceAlreadyExists", &["svc"]);
        let bad = json!({"serviceName": "1x"});
        client.json("POST", &services, &bad).await.is_error(
            400,
            "InvalidArgument",
            &["serviceName"],
        );

        let stale = [("if-match", "\"0\"")];
        let put = client.send("PUT", &svc, &stale, r#"{"description":"e"}"#).await;
        put.is_error(412, "PreconditionFailed", &["If-Match"]);
        let updated = client.json("PUT", &svc, &json!({"description": "e"})).await.value();
        assert_eq!(updated["description"], "e");
        assert_eq!(updated["logConfig"], json!({"project": "p"}));

        client.json("POST", &services, &json!({"serviceName": "other"})).await;
        let page = client.send("GET", &format!("{services}?limit=1"), &[], "").await.value();
        assert_eq!(
            (&page["services"][0]["serviceName"], &page["nextToken"]),
            (&json!("other"), &json!("svc"))
        );
        let rest = client.send("GET", &format!("{services}?nextToken=svc"), &[], "").await.value();
        assert_eq!(
            (&rest["services"][0]["serviceName"], &rest["nextToken"]),
            (&json!("svc"), &json!(""))
        );
        let some = client.send("GET", &format!("{services}?prefix=s"), &[], "").await.value();
        assert_eq!(some["services"].as_array().unwrap().len(), 1);

        for path in [&svc, &format!("{services}/other")] {
            let deleted = client.send("DELETE", path, &[], "").await;
            assert_eq!((deleted.status, deleted.body.len()), (204, 0));
            client.send("GET", path, &[], "").await.is_error(
                404,
                "ServiceNotFound",
                &["does not exist"],
            );
        }
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn functions_of_a_service_never_show_the_folded_name() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    for version in VERSIONS {
        let (services, svc) = (format!("{version}/services"), format!("{version}/services/svc"));
        let functions = format!("{svc}/functions");
        let none = client.json("POST", &functions, &function("fn")).await;
        none.is_error(404, "ServiceNotFound", &["svc"]);
        client.json("POST", &services, &json!({"serviceName": "svc"})).await;
        let created = client.json("POST", &functions, &function("fn")).await;
        assert_eq!(created.status, 200, "{}", created.text());
        assert!(!created.text().contains('$'), "{}", created.text());
        let body = created.value();
        assert_eq!((&body["functionName"], body.get("functionArn")), (&json!("fn"), None));
        client.json("POST", &functions, &function("fn")).await.is_error(
            409,
            "FunctionAlreadyExists",
            &["function 'fn' in service 'svc' already exists"],
        );
        client.json("POST", &functions, &function("a$b")).await.is_error(
            400,
            "InvalidArgument",
            &["functionName"],
        );
        client.json("POST", &functions, &function("g")).await;
        let page = client.send("GET", &format!("{functions}?limit=1"), &[], "").await.value();
        assert_eq!(
            (&page["functions"][0]["functionName"], &page["nextToken"]),
            (&json!("fn"), &json!("g"))
        );
        let rest = client.send("GET", &format!("{functions}?startKey=g"), &[], "").await.value();
        assert_eq!(rest["functions"].as_array().unwrap().len(), 1);
        assert_eq!(rest["functions"][0]["functionName"], "g");
        // The same function under its name of 2023.
        let now = client.send("GET", "/2023-03-30/functions/svc%24fn", &[], "").await.value();
        assert_eq!(now["functionName"], "svc$fn");
        let old = "/2023-03-30/functions?fcVersion=v2";
        assert_eq!(
            client.send("GET", old, &[], "").await.value()["functions"].as_array().unwrap().len(),
            2
        );
        let new = "/2023-03-30/functions?fcVersion=v3&runtime=custom";
        assert_eq!(
            client.send("GET", new, &[], "").await.value()["functions"][0]["functionName"],
            "hello"
        );

        let one = format!("{functions}/fn");
        let updated = client.json("PUT", &one, &json!({"timeout": 7})).await.value();
        assert_eq!((&updated["timeout"], &updated["functionName"]), (&json!(7), &json!("fn")));
        for path in ["", "/code", "/triggers", "/triggers/t", "/on-demand-config"] {
            let answer = client.send("GET", &format!("{one}{path}"), &[], "").await;
            let expected = if path.ends_with("/t") || path.ends_with("config") { 404 } else { 200 };
            assert_eq!(answer.status, expected, "{path} {}", answer.text());
        }
        client.send("GET", &format!("{one}/triggers/t"), &[], "").await.is_error(
            404,
            "TriggerNotFound",
            &["trigger 't' of function 'fn' in service 'svc' does not exist"],
        );
        client.send("DELETE", &svc, &[], "").await.is_error(409, "ServiceNotEmpty", &["svc"]);
        for name in ["fn", "g"] {
            client.send("DELETE", &format!("{functions}/{name}"), &[], "").await;
        }
        assert_eq!(client.send("DELETE", &svc, &[], "").await.status, 204);
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn a_function_implies_its_service() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    client.json("POST", "/2023-03-30/functions", &function("svc$fn")).await;
    let svc = "/2016-08-15/services/svc";
    let shown = client.send("GET", svc, &[], "").await;
    assert_eq!((shown.status, &shown.value()["serviceName"]), (200, &json!("svc")));
    let list = client.send("GET", "/2016-08-15/services", &[], "").await.value();
    assert_eq!(list["services"].as_array().unwrap().len(), 1);
    client.json("POST", "/2016-08-15/services", &json!({"serviceName": "svc"})).await.is_error(
        409,
        "ServiceAlreadyExists",
        &["svc"],
    );
    client.send("DELETE", "/2023-03-30/functions/svc%24fn", &[], "").await;
    client.send("GET", svc, &[], "").await.is_error(404, "ServiceNotFound", &["svc"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn versions_and_aliases_are_of_a_service_or_of_a_function() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    client.json("POST", "/2016-08-15/services", &json!({"serviceName": "svc"})).await;
    for owner in ["/2016-08-15/services/svc", "/2023-03-30/functions/hello"] {
        let (versions, aliases) = (format!("{owner}/versions"), format!("{owner}/aliases"));
        let unpublished = json!({"aliasName": "prod", "versionId": "1"});
        client.json("POST", &aliases, &unpublished).await.is_error(404, "VersionNotFound", &["1"]);
        for number in ["1", "2", "3"] {
            let published = client.json("POST", &versions, &json!({"description": "d"})).await;
            assert_eq!(published.value()["versionId"], number, "{}", published.text());
        }
        assert_eq!(client.send("DELETE", &format!("{versions}/3"), &[], "").await.status, 204);
        // A number is never given twice.
        assert_eq!(client.send("POST", &versions, &[], "").await.value()["versionId"], "4");
        let page = client.send("GET", &format!("{versions}?limit=2"), &[], "").await.value();
        assert_eq!(
            (&page["versions"][0]["versionId"], &page["nextToken"]),
            (&json!("4"), &json!("1"))
        );
        let up =
            client.send("GET", &format!("{versions}?direction=FORWARD&startKey=2"), &[], "").await;
        assert_eq!(up.value()["versions"][0]["versionId"], "2");
        client.send("DELETE", &format!("{versions}/9"), &[], "").await.is_error(
            404,
            "VersionNotFound",
            &["9"],
        );

        let prod = format!("{aliases}/prod");
        client.send("GET", &prod, &[], "").await.is_error(404, "AliasNotFound", &["prod"]);
        let body =
            json!({"aliasName": "prod", "versionId": 1, "additionalVersionWeight": {"2": 0.1}});
        let created = client.json("POST", &aliases, &body).await;
        assert_eq!(created.status, 200, "{}", created.text());
        assert_eq!(
            (&created.value()["versionId"], &created.value()["additionalVersionWeight"]),
            (&json!("1"), &json!({"2": 0.1}))
        );
        client.json("POST", &aliases, &body).await.is_error(409, "AliasAlreadyExists", &["prod"]);
        for bad in ["7", "LATEST", "", "a.b"] {
            let body = json!({"aliasName": bad, "versionId": "1"});
            client.json("POST", &aliases, &body).await.is_error(
                400,
                "InvalidArgument",
                &["aliasName"],
            );
        }
        client.send("DELETE", &format!("{versions}/1"), &[], "").await.is_error(
            400,
            "InvalidArgument",
            &["prod"],
        );
        let stale = [("if-match", "\"0\"")];
        client.send("PUT", &prod, &stale, r#"{"versionId":"2"}"#).await.is_error(
            412,
            "PreconditionFailed",
            &[],
        );
        let updated = client.json("PUT", &prod, &json!({"versionId": "2"})).await.value();
        assert_eq!((&updated["versionId"], &updated["aliasName"]), (&json!("2"), &json!("prod")));
        client.json("POST", &aliases, &json!({"aliasName": "dev", "versionId": "2"})).await;
        let list = client.send("GET", &format!("{aliases}?limit=1"), &[], "").await.value();
        assert_eq!(
            (&list["aliases"][0]["aliasName"], &list["nextToken"]),
            (&json!("dev"), &json!("prod"))
        );
        let list = client.send("GET", &format!("{aliases}?prefix=p"), &[], "").await.value();
        assert_eq!(list["aliases"][0]["aliasName"], "prod");
        assert_eq!(client.send("DELETE", &prod, &[], "").await.status, 204);
        client.send("GET", &prod, &[], "").await.is_error(404, "AliasNotFound", &["prod"]);
    }
    // What was of the service goes with it.
    client.send("DELETE", "/2016-08-15/services/svc", &[], "").await;
    let gone = client.send("GET", "/2016-08-15/services/svc/aliases", &[], "").await;
    gone.is_error(404, "ServiceNotFound", &["svc"]);
    client.json("POST", "/2016-08-15/services", &json!({"serviceName": "svc"})).await;
    let list = client.send("GET", "/2016-08-15/services/svc/aliases", &[], "").await.value();
    assert_eq!(list, json!({"aliases": [], "nextToken": ""}));
    daemon.stopped().await;
}

#[tokio::test]
async fn configurations_and_tasks_are_told_in_the_words_of_services() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = daemon.client().await;
    client.json("POST", "/2023-03-30/functions", &function("svc$fn")).await;
    let (old, new) =
        ("/2016-08-15/services/svc.prod/functions/fn", "/2021-04-06/services/svc/functions/fn");
    let put = json!({"statefulInvocation": true, "maxAsyncRetryAttempts": 2});
    let put = client.json("PUT", &format!("{old}/async-invoke-config"), &put).await;
    let body = put.value();
    for (field, value) in [
        ("service", json!("svc")),
        ("function", json!("fn")),
        ("qualifier", json!("prod")),
        ("statefulInvocation", json!(true)),
        ("maxAsyncRetryAttempts", json!(2)),
        ("maxAsyncEventAgeInSeconds", json!(null)),
        ("destinationConfig", json!({})),
    ] {
        assert_eq!(body[field], value, "{field}");
    }
    let got =
        client.send("GET", &format!("{new}/async-invoke-config?qualifier=prod"), &[], "").await;
    assert_eq!(got.value(), body);
    for path in [old, new] {
        let list =
            client.send("GET", &format!("{path}/async-invoke-configs"), &[], "").await.value();
        assert_eq!(list, json!({"configs": [body.clone()], "nextToken": ""}));
    }
    let functions =
        client.send("GET", "/2021-04-06/stateful-async-invocation-functions", &[], "").await;
    assert_eq!(
        functions.value(),
        json!({"data": [{"serviceName": "svc", "functionName": "fn", "qualifier": "prod"}], "nextToken": ""})
    );

    let id = ("x-fc-stateful-async-invocation-id", "t_1");
    let accepted = client.send("POST", &format!("{old}/invocations"), &[ASYNC, id], "hold").await;
    assert_eq!(accepted.header("x-fc-async-task-id"), Some("t_1"));
    let again = client.send("POST", &format!("{old}/invocations"), &[ASYNC, id], "").await;
    again.is_error(409, "StatefulAsyncInvocationAlreadyExists", &["t_1"]);
    let record = format!("{new}/stateful-async-invocations/t_1");
    let shown = client.send("GET", &record, &[], "").await.value();
    for (field, value) in [
        ("serviceName", json!("svc")),
        ("functionName", json!("fn")),
        ("qualifier", json!("prod")),
        ("invocationId", json!("t_1")),
        ("requestId", json!(accepted.id())),
        ("endTime", json!(0)),
        ("invocationPayload", json!("hold")),
        ("invocationErrorMessage", json!("")),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let lists = format!("{new}/stateful-async-invocations");
    for (query, count) in
        [("", 1), ("?qualifier=prod", 1), ("?qualifier=LATEST", 0), ("?invocationIdPrefix=u", 0)]
    {
        let list = client.send("GET", &format!("{lists}{query}"), &[], "").await.value();
        assert_eq!(list["invocations"].as_array().unwrap().len(), count, "{query}");
        assert_eq!(list["nextToken"], "");
    }
    assert_eq!(client.send("PUT", &record, &[], "").await.status, 204);
    let none = client.send("GET", &format!("{lists}/none"), &[], "").await;
    none.is_error(
        404,
        "StatefulAsyncInvocationNotFound",
        &["none", "function 'fn' in service 'svc'"],
    );
    daemon.stopped().await;
}

#[tokio::test]
async fn a_key_is_held_to_its_services() {
    let mut narrow = key("narrow", "123");
    let functions = ["mine$*", "theirs$one"];
    narrow.functions = functions.iter().map(|text| Pattern::parse(text).unwrap()).collect();
    let daemon = guarded_by(vec![key("ak", "123"), narrow]).await;
    let mut all = Signer::connect(&daemon, "ak").await;
    let mut narrow = Signer::connect(&daemon, "narrow").await;
    let services = "/2016-08-15/services";
    for name in ["mine", "theirs"] {
        let body = json!({"serviceName": name});
        assert_eq!(all.send("POST", services, &body).await.status, 200);
        let made =
            all.send("POST", &format!("{services}/{name}/functions"), &function("one")).await;
        assert_eq!(made.status, 200, "{}", made.text());
    }
    let list = narrow.send("GET", services, &Value::Null).await.value();
    assert_eq!(list["services"].as_array().unwrap().len(), 1, "{list}");
    for (method, path, body) in [
        ("POST", services.to_owned(), json!({"serviceName": "more"})),
        ("GET", format!("{services}/theirs"), Value::Null),
        ("PUT", format!("{services}/theirs"), json!({})),
        ("DELETE", format!("{services}/theirs"), Value::Null),
        ("POST", format!("{services}/theirs/versions"), json!({})),
        ("GET", format!("{services}/theirs/aliases"), Value::Null),
        ("POST", format!("{services}/theirs/functions"), function("two")),
        (
            "POST",
            "/2016-08-15/tag".to_owned(),
            json!({"resourceArn": "services/theirs", "tags": {"a": "b"}}),
        ),
        ("GET", "/2016-08-15/tag?resourceArn=services/theirs".to_owned(), Value::Null),
    ] {
        narrow.send(method, &path, &body).await.is_error(403, "AccessDenied", &[]);
    }
    let versions = format!("{services}/mine/versions");
    assert_eq!(narrow.send("POST", &versions, &json!({})).await.status, 200);
    let one = narrow.send("GET", &format!("{services}/theirs/functions/one"), &Value::Null).await;
    assert_eq!(one.status, 200, "{}", one.text());
    daemon.stopped().await;
}
