//! A reload through the admin API: what it answers, what it changes, and what it leaves alone.

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, said, stdout};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Message, Request, send};
use invoked_tests::metrics::{DELIVERED, UNDELIVERED};
use invoked_tests::{poll, ports};
use serde_json::{Value, json};

fn reload(site: &Site, query: &str) -> Message {
    let request = Request::new("POST", format!("/v1/reload{query}")).header("x-invoked-admin", "1");
    send(site.admin, &request).expect("the admin listener answers")
}

/// The keys that an answer names, under `changes` or `problems`.
fn named(answer: &Message, list: &str) -> Vec<String> {
    let body = answer.json();
    let items = body[list].as_array().unwrap_or_else(|| panic!("no {list}: {body}"));
    items.iter().map(|item| item["path"].as_str().expect("a key").to_owned()).collect()
}

fn status(site: &Site, path: &str) -> u16 {
    send(site.admin, &Request::get(path)).expect("the admin listener answers").status()
}

#[test]
fn a_dry_run_says_what_a_reload_then_does() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new());
    let daemon = site.start();
    assert_eq!(named(&reload(&site, ""), "changes"), [""; 0]);

    let config = Config::new()
        .function("hello", &function.url())
        .set("limits", "sync_max", 7)
        .set("telemetry", "log_level", "debug")
        .set("auth", "mode", "off")
        .set("auth.keys.ak", "secret", "never-to-be-shown");
    site.configure(config.clone());
    let keys = ["auth.keys", "functions.hello", "limits.sync_max", "telemetry.log_level"];
    for (query, is_dry_run) in [("?dry_run=true", true), ("?dry_run=false", false)] {
        assert_eq!(status(&site, "/v1/functions/hello"), 404);
        let answer = reload(&site, query);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.json()["dry_run"], json!(is_dry_run));
        let changes = named(&answer, "changes").join(" ");
        assert!(keys.iter().all(|key| changes.contains(key)), "{changes}");
        assert!(!answer.text().contains("never-to-be-shown"));
    }
    assert_eq!(status(&site, "/v1/functions/hello"), 200);
    accepted(&daemon.send(&invoke_async("hello").body("{}")));
    function.wait_for(1);
    daemon.connect().write(b"nonsense\r\n\r\n").expect("sent");
    poll::soon("debug lines are logged", || {
        assert_eq!(status(&site, "/v1/no-such-page"), 404);
        site.said().contains("\"level\":\"DEBUG\"")
    });

    // Another secret is seen and not shown.
    site.configure(config.set("auth.keys.ak", "secret", "nor-this-one"));
    let answer = reload(&site, "");
    let change = json!({"path": "auth.keys.ak.secret", "change": "changed", "masked": true});
    assert_eq!(answer.json()["changes"], json!([change]));
    assert!(site.said().contains("changed auth.keys.ak.secret (masked)"));
    assert!(!site.said().contains("never-to-be-shown") && !site.said().contains("nor-this-one"));
    assert_eq!(reload(&site, "?dry_run=perhaps").status(), 400);
    daemon.stop();
}

#[test]
fn a_file_that_was_cut_short_lets_everybody_in_only_with_a_warning() {
    const TOKEN: &str = "a-token-that-is-long";
    let config = Config::new()
        .set("telemetry", "log_format", "json")
        .set("auth", "mode", "signed")
        .set("auth.keys.ak", "secret", "a-secret")
        .set("admin.tokens.actor", "role", "admin")
        .set("admin.tokens.actor", "token", TOKEN);
    let site = Site::new(config);
    let daemon = site.start();
    site.configure(Config::new().set("telemetry", "log_format", "json"));
    let url = format!("http://{}", site.admin);
    let run = |arguments: &[&str]| {
        let mut command = site.command(&[&["reload", "--admin", &url], arguments].concat());
        command.env("INVOKED_ADMIN_TOKEN", TOKEN).output().expect("the program starts")
    };
    let dry = stdout(&run(&["--dry-run"]));
    for key in ["admin.tokens", "auth.mode"] {
        assert!(dry.lines().any(|line| line.starts_with(&format!("warning: {key}: "))), "{dry}");
    }
    assert!(!site.said().contains("access_opened"), "nothing of it has happened");
    assert_eq!(status(&site, "/v1/status"), 401);

    let request = Request::new("POST", "/v1/reload").header("x-invoked-admin", "1");
    let request = request.header("authorization", format!("Bearer {TOKEN}"));
    let answer = send(site.admin, &request).expect("the admin listener answers");
    assert_eq!(named(&answer, "warnings"), ["admin.tokens", "auth.mode"]);
    assert_eq!(status(&site, "/v1/status"), 200);
    let said = site.said();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("access_opened")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("\"level\":\"WARN\"")), "{lines:?}");
    assert_eq!(named(&reload(&site, ""), "warnings"), [""; 0]);
    daemon.stop();
}

#[test]
fn what_is_wrong_is_answered_whole_and_nothing_of_it_takes_effect() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new());
    let daemon = site.start();
    let put = |name: &str, body: &Value| {
        let request = Request::new("PUT", format!("/v1/functions/{name}"))
            .header("x-invoked-admin", "1")
            .json(body);
        let answer = send(site.admin, &request).expect("an answer");
        assert_eq!(answer.status(), 201, "{}", answer.text());
    };
    put("by-api", &json!({"url": function.url()}));
    let body =
        json!({"destinationConfig": {"onSuccess": {"destination": "acs:fc:::functions/hello"}}});
    let request = invoked_tests::api::put_config("by-api").json(&body);
    assert_eq!(daemon.send(&request).status(), 200);

    let good = Config::new().function("hello", &function.url());
    for (config, paths) in [
        (
            good.clone()
                .set("limits", "body_timeout", "soon")
                .set("telemetry", "log_level", "info=loud")
                .set("no_such", "key", 1),
            ["limits.body_timeout", "no_such", "telemetry.log_level"].as_slice(),
        ),
        (
            good.clone()
                .set("store", "path", "/elsewhere")
                .set("account", "id", "7")
                .set("limits", "accepts_max", 7)
                .set("server", "listen", ports::free().to_string()),
            &["account.id", "limits.accepts_max", "server.listen", "store.path"],
        ),
        // Only the registry shows that this is a loop.
        (good.clone().tells("hello", "by-api"), &["functions.hello.async"]),
    ] {
        site.configure(config);
        for query in ["?dry_run=true", ""] {
            let answer = reload(&site, query);
            assert_eq!(answer.status(), 409, "{}", answer.text());
            assert_eq!(answer.json()["code"], "InvalidConfiguration");
            assert_eq!(named(&answer, "problems"), paths);
        }
        poll::soon("each is in the log", || paths.iter().all(|path| site.said().contains(path)));
        assert_eq!(status(&site, "/v1/functions/hello"), 404);
    }
    assert!(site.said().contains("store.path: needs a restart"));
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum("invoked_config_reloads_total", &[("outcome", "refused")]), 3);
    assert_eq!(metrics.sum("invoked_config_reloads_total", &[("outcome", "applied")]), 0);

    site.configure(good);
    assert_eq!(named(&reload(&site, ""), "changes"), ["functions.hello"]);
    daemon.stop();
}

#[test]
fn the_command_prints_what_is_different_or_wrong() {
    let site = Site::new(Config::new());
    let daemon = site.start();
    let url = format!("http://{}", site.admin);
    let run = |arguments: &[&str]| {
        let mut all = vec!["reload", "--admin", url.as_str()];
        all.extend(arguments);
        site.run(&all)
    };
    assert_eq!(stdout(&run(&[])), "nothing is different\n");
    site.configure(Config::new().set("limits", "sync_max", 7));
    let dry = "changed limits.sync_max\nnothing of it is in force: a dry run\n";
    assert_eq!(stdout(&run(&["--dry-run"])), dry);
    assert_eq!(stdout(&run(&[])), "changed limits.sync_max\n");
    assert_eq!(stdout(&run(&[])), "nothing is different\n");

    site.configure(Config::new().set("limits", "sync_max", 0).set("store", "kind", "none"));
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("limits.sync_max") && said.contains("store.kind"), "{said}");
    daemon.stop();
}

#[test]
fn limits_and_defaults_hold_for_what_starts_after_they_change() {
    let function = FunctionServer::start();
    let config = |attempts: u32, retries: u32, timeout: &str| {
        Config::new()
            .function("one", &function.url())
            .function("two", &function.url())
            .of_function("one", "timeout", timeout)
            .set("dispatch", "attempts_max", attempts)
            .set("defaults", "max_async_retry_attempts", retries)
            .set("accounts.1234567890", "share", attempts)
    };
    let site = Site::new(config(1, 1, "60s"));
    let daemon = site.start();
    let hold = json!({"plan": ["hold"]});
    for name in ["one", "two"] {
        accepted(&daemon.send(&invoke_async(name).json(&hold)));
    }
    let under_way = || daemon.metrics().sum("invoked_attempts_under_way", &[]);
    function.wait_for(1);
    assert_eq!(under_way(), 1, "there is one slot");
    site.configure(config(8, 0, "200ms"));
    let changed = named(&reload(&site, ""), "changes");
    let keys = [
        "accounts.1234567890.share",
        "defaults.max_async_retry_attempts",
        "dispatch.attempts_max",
        "functions.one.timeout",
    ];
    assert_eq!(changed, keys);
    poll::soon("both run", || under_way() == 2);

    // No retry any more, and the new timeout.
    let fails = json!({"plan": ["fail", "ok"]});
    let failed = accepted(&daemon.send(&invoke_async("two").json(&fails)));
    let late = accepted(&daemon.send(&invoke_async("one").json(&hold)));
    poll::soon("those that came later have ended", || daemon.metrics().backlog() == 2);
    for id in [failed, late] {
        assert_eq!(function.calls_of(&id).len(), 1, "{id}");
    }
    function.release();
    daemon.wait_until_idle();
    daemon.stop();
}

#[test]
fn what_is_owed_to_an_instance_that_is_taken_out_waits_until_it_is_back() {
    let (function, told) = (FunctionServer::start(), FunctionServer::start());
    let remote = Site::new(Config::new().function("told", &told.url()));
    let elsewhere = remote.start();
    // It might be one of the daemon's own, but there is none of that name.
    let arn = "acs:fc:::functions/told";
    let config = Config::new().function("hello", &function.url());
    let with_sink = |endpoint: String| {
        config
            .clone()
            .set("sinks.fc.default", "endpoint", endpoint)
            .set("sinks.fc.default", "access_key_id", "id")
            .set("sinks.fc.default", "access_key_secret", "secret")
    };
    let here = format!("http://{}", remote.api);
    let site = Site::new(with_sink(here.clone()));
    let daemon = site.start();
    let put = invoked_tests::api::put_config("hello");
    let body = json!({"destinationConfig": {"onSuccess": {"destination": arn}}});
    assert_eq!(daemon.send(&put.json(&body)).status(), 200);
    let invoke = || accepted(&daemon.send(&invoke_async("hello").body("{}")));
    invoke();
    told.wait_for(1);

    site.configure(config.clone());
    assert_eq!(named(&reload(&site, ""), "changes"), ["sinks.fc.default"]);
    invoke();
    let why = || daemon.admin(&format!("/v1/destinations/why?destination={arn}")).json();
    poll::soon("it is said why it waits", || why()["reason"] == "Unconfigured");
    assert!(why()["advice"].as_str().is_some_and(|advice| advice.contains("[sinks]")));

    // First with an endpoint that nobody is at, then with the right one.
    site.configure(with_sink(format!("http://{}", ports::free())));
    assert_eq!(reload(&site, "").status(), 200);
    poll::soon("it is tried again", || why()["reason"] != "Unconfigured");
    site.configure(with_sink(here));
    assert_eq!(named(&reload(&site, ""), "changes"), ["sinks.fc.default.endpoint"]);
    told.wait_for(2);
    daemon.wait_until_idle();
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum(DELIVERED, &[]), 2);
    assert_eq!(metrics.family(UNDELIVERED, &[]).map(|of| of.value).sum::<f64>(), 0.0);
    daemon.stop();
    elsewhere.stop();
}
