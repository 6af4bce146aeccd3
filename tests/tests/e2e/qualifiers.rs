//! Limits of versions and aliases: set in the file and by the API, kept, shown, and taken back.

use invoked_tests::api::accepted;
use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site, said};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Message, Request, send};
use invoked_tests::poll;
use serde_json::{Value, json};

const HELD: &str = r#"{"plan":["hold"]}"#;

/// A function whose `canary` takes one at a time.
fn limited(function: &FunctionServer) -> Config {
    let config = Config::new().set("dispatch", "drain_timeout", "300ms");
    let config = config.function("shop", &function.url());
    config.set("functions.shop.qualifiers.canary", "concurrency", 1)
}

fn admin(site: &Site, method: &'static str, path: &str, body: &Value) -> Message {
    let request = Request::new(method, path)
        .header("x-invoked-admin", "1")
        .header("content-type", "application/json")
        .json(body);
    send(site.admin, &request).expect("the admin listener answers")
}

fn shown(site: &Site, path: &str) -> Value {
    let answer = send(site.admin, &Request::get(path)).expect("the admin listener answers");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

fn invoke(daemon: &Daemon<'_>, function: &str, qualifier: &str) -> String {
    let path = format!("/2023-03-30/functions/{function}/invocations?qualifier={qualifier}");
    let request = Request::new("POST", path).header("x-fc-invocation-type", "Async").body(HELD);
    accepted(&daemon.send(&request))
}

fn why(site: &Site, id: &str) -> Value {
    shown(site, &format!("/v1/invocations/{id}/why"))
}

/// The qualifier's lane of `/v1/status`.
fn lane(site: &Site, qualifier: &Value) -> Option<Value> {
    let mut status = shown(site, "/v1/status");
    let lanes = status["lanes"].as_array_mut().expect("lanes").drain(..);
    lanes.into_iter().find(|lane| lane["name"] == "shop" && lane["qualifier"] == *qualifier)
}

/// The ids of all invocations of the function, a page with one at a time.
fn listed(site: &Site) -> Vec<String> {
    let (mut ids, mut token) = (Vec::new(), String::new());
    for _ in 0..20 {
        let page = shown(site, &format!("/v1/invocations?function=shop&limit=1{token}"));
        let items = page["invocations"].as_array().expect("invocations");
        ids.extend(items.iter().map(|item| item["request_id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        token = format!("&token={next}");
    }
    ids.sort_unstable();
    ids
}

/// What a check of the whole store says.
fn verified(site: &Site) -> String {
    let path = site.store().to_string_lossy().into_owned();
    said(&site.run(&["store", "verify", "--path", &path]))
}

#[test]
fn the_file_gives_a_qualifier_a_lane_and_takes_it_back_over_a_restart() {
    let function = FunctionServer::start();
    let site = Site::new(limited(&function));
    let daemon = site.start();
    let ids = [(); 3].map(|()| invoke(&daemon, "shop", "canary"));
    function.wait_for(1);
    let other = invoke(&daemon, "shop", "prod");
    poll::soon("the others go on", || !function.calls_of(&other).is_empty());
    let waits = why(&site, &ids[2]);
    assert_eq!((&waits["reason"], &waits["lane"]["limit"]), (&json!("Concurrency"), &json!(1)));
    assert_eq!(waits["lane"]["qualifier"], "canary");
    assert_eq!(waits["lane"]["waiting"], 2, "{waits}");
    assert_eq!(lane(&site, &json!("canary")).expect("its lane")["busy"], 1);
    assert_eq!(lane(&site, &Value::Null).expect("the function's")["busy"], 1);
    let mut expected = [&ids[..], std::slice::from_ref(&other)].concat();
    expected.sort_unstable();
    assert_eq!(listed(&site), expected, "of all lanes, page by page");
    assert_eq!(function.calls().len(), 2);
    let metrics = daemon.admin("/metrics").text();
    let series = r#"invoked_function_limit{function="shop",qualifier="canary"} 1"#;
    assert!(metrics.contains(series), "{metrics}");
    daemon.kill();
    assert!(verified(&site).contains("4 live rows, 0 wrong"), "{}", verified(&site));

    // The file names no qualifier any more: what waits goes on under the function's limits.
    site.configure(Config::new().function("shop", &function.url()));
    let daemon = site.start();
    poll::soon("all of them are under way", || {
        ids.iter().all(|id| why(&site, id)["reason"] == "Running")
    });
    assert!(!daemon.admin("/metrics").text().contains(series), "the function's limit holds it");
    let waits = why(&site, &invoke(&daemon, "shop", "canary"));
    assert_eq!(waits["lane"]["qualifier"], Value::Null, "what is new is in the function's lane");
    function.release();
    daemon.wait_until_idle();
    daemon.stop();
    assert!(verified(&site).contains("0 live rows, 0 wrong"), "{}", verified(&site));
}

#[test]
fn a_reload_sets_and_takes_back_the_limits_of_a_qualifier() {
    let function = FunctionServer::start();
    let site = Site::new(limited(&function));
    let daemon = site.start();
    let ids = [(); 3].map(|()| invoke(&daemon, "shop", "canary"));
    function.wait_for(1);
    assert_eq!(why(&site, &ids[1])["reason"], "Concurrency");
    let two = limited(&function).set("functions.shop.qualifiers.canary", "concurrency", 2);
    site.configure(two);
    daemon.reload();
    function.wait_for(2);
    assert_eq!(why(&site, &ids[2])["lane"]["limit"], 2);
    let wrong = limited(&function).set("functions.shop.qualifiers.canary", "rate", 0);
    site.configure(wrong);
    let refused = admin(&site, "POST", "/v1/reload", &json!({}));
    assert!(refused.text().contains("functions.shop.qualifiers.canary.rate"), "{refused:?}");
    let overdue = r#"invoked_function_overdue_seconds{function="shop",qualifier="canary"} "#;
    assert!(!daemon.admin("/metrics").text().contains(&format!("{overdue}0\n")), "one waits");
    site.configure(Config::new().function("shop", &function.url()));
    daemon.reload();
    function.wait_for(3);
    poll::soon("its lane is shown as empty", || {
        daemon.admin("/metrics").text().contains(&format!("{overdue}0\n"))
    });
    function.release();
    daemon.wait_until_idle();
}

#[test]
fn the_admin_api_sets_limits_that_updates_of_clients_keep() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new());
    let daemon = site.start();
    let put = |qualifiers: Value| {
        let body = json!({"url": function.url(), "weight": 2, "qualifiers": qualifiers});
        admin(&site, "PUT", "/v1/functions/shop", &body)
    };
    for (wrong, problem) in [
        (
            json!({"canary": {"concurrency": 0}}),
            "'canary': concurrency must be between 1 and 100000",
        ),
        (json!({"canary": {"rate": 100_001}}), "rate must be between 1 and 100000 a second"),
        (json!({"canary": {"weight": 0}}), "weight must be between 1 and 1000"),
        (json!({"": {}}), "must be a version, an alias or LATEST"),
        (json!({"a b": {}}), "has the name 'a b': must be letters"),
        (Value::from_iter((0..17).map(|of| (of.to_string(), json!({})))), "at most 16"),
    ] {
        let answer = put(wrong);
        let text = answer.text();
        assert!(answer.status() == 400 && text.contains(problem), "{problem}: {text}");
        assert!(text.contains("qualifiers"), "the field is named: {text}");
    }
    let unknown = put(json!({"canary": {"limit": 1}}));
    assert!(unknown.text().contains("unknown field `limit`"), "{unknown:?}");
    let limits = json!({
        "LATEST": {"concurrency": null, "rate": 50, "weight": 1},
        "canary": {"concurrency": 1, "rate": null, "weight": 3},
    });
    let given = json!({"LATEST": {"rate": 50}, "canary": {"concurrency": 1, "weight": 3}});
    let created = put(given);
    assert_eq!((created.status(), &created.json()["qualifiers"]), (201, &limits));

    let update = Request::new("PUT", "/2023-03-30/functions/shop").json(&json!({"timeout": 7}));
    assert_eq!(daemon.send(&update).status(), 200);
    let reserved = Request::new("PUT", "/2023-03-30/functions/shop/concurrency")
        .json(&json!({"reservedConcurrency": 5}));
    assert_eq!(daemon.send(&reserved).status(), 200);
    let present = shown(&site, "/v1/functions/shop");
    assert_eq!((&present["qualifiers"], &present["concurrency"]), (&limits, &json!(5)));

    let ids = [(); 3].map(|()| invoke(&daemon, "shop", "canary"));
    function.wait_for(1);
    daemon.kill();
    let daemon = site.start();
    poll::soon("one has begun again", || {
        ids.iter().filter(|id| why(&site, id)["reason"] == "Running").count() == 1
    });
    let of = |query: &str| shown(&site, &format!("/v1/functions/shop/why{query}"));
    assert_eq!(of("?qualifier=canary")["reason"], "Concurrency");
    assert_eq!(of("?qualifier=canary")["lane"]["qualifier"], "canary");
    let own = of("");
    assert_eq!((&own["reason"], &own["lane"]["qualifier"]), (&json!("Nothing"), &Value::Null));
    assert_eq!((&own["lane"]["waiting"], &own["lane"]["limit"]), (&json!(0), &json!(5)), "{own}");
    let unknown = send(site.admin, &Request::get("/v1/functions/shop/why?qualifier=a%20b"));
    assert_eq!(unknown.expect("an answer").status(), 400);
    let address = format!("http://{}", site.admin);
    let why_of = ["why", "--function", "shop", "--qualifier", "canary", "--admin", &address];
    let why_of = said(&site.run(&why_of));
    assert!(why_of.contains("Concurrency: "), "{why_of}");
    assert_eq!(put(json!({})).json()["qualifiers"], json!({}), "a put is whole");
    poll::soon("what waited goes on", || {
        ids.iter().all(|id| why(&site, id)["reason"] == "Running")
    });
    function.release();
    daemon.wait_until_idle();
}

#[test]
fn a_pause_and_a_purge_are_of_all_lanes_of_a_function() {
    let function = FunctionServer::start();
    let site = Site::new(limited(&function));
    let daemon = site.start();
    let done = |verb: &str, body: &Value| {
        let answer = admin(&site, "POST", &format!("/v1/functions/shop/{verb}"), body);
        assert!(matches!(answer.status(), 200 | 202), "{}", answer.text());
        answer.json()
    };
    done("pause", &json!({}));
    let canary = [(); 3].map(|()| invoke(&daemon, "shop", "canary"));
    let prod = invoke(&daemon, "shop", "prod");
    for id in canary.iter().chain([&prod]) {
        assert_eq!(why(&site, id)["reason"], "Paused");
    }
    let count = shown(&site, "/v1/functions/shop/count");
    assert_eq!(count["enqueued"], 4, "{count}");
    let begun = done("purge", &json!({}));
    let id = begun["id"].as_str().expect("an operation").to_owned();
    poll::soon("all of them are gone", || {
        let operation = shown(&site, &format!("/v1/operations/{id}"));
        operation["state"] == "Done" && operation["acted"] == 4
    });
    done("resume", &json!({}));
    daemon.wait_until_idle();
    assert!(function.calls().is_empty(), "nothing of it ran");
}
