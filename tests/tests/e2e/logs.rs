//! The log: one JSON line for what an operator has to know, none for what is well, and never a secret or a payload.

use std::fs;

use invoked_tests::api::{accepted, get_config, invoke_async, invoke_sync, put_config, request_id};
use invoked_tests::config::{ACCOUNT, Config};
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Request, send};
use invoked_tests::metrics::{DELIVERED, UNDELIVERED};
use invoked_tests::{poll, ports, tools};
use serde_json::{Value, json};

use crate::{prometheus, signed};

const SUPPRESSED: &str = "invoked_log_lines_suppressed_total";

/// All lines so far; each is an object.
fn lines(site: &Site) -> Vec<Value> {
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line}"))
    };
    site.said().lines().map(parse).collect()
}

pub fn of(site: &Site, event: &str) -> Vec<Value> {
    lines(site).into_iter().filter(|line| line["event"] == event).collect()
}

/// A change through the admin API.
pub fn change(site: &Site, method: &'static str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::new(method, path).header("x-invoked-admin", "1").json(body);
    let answer = send(site.admin, &request).expect("an answer");
    (answer.status(), answer.json())
}

/// Every line with an event has fields that the table of `docs/logging.md` has for it, and its level.
pub fn is_as_described(site: &Site) {
    let page = fs::read_to_string(tools::root().join("docs/logging.md")).expect("the page");
    for line in lines(site) {
        let level = line["level"].as_str().expect("a level").to_lowercase();
        let Some(event) = line["event"].as_str() else {
            // With debug for everything, libraries say theirs at info too: the store's, when it compacts.
            let is_ours = line["target"].as_str().expect("a target").starts_with("invoked");
            let is_told = ["info", "warn", "error"].contains(&level.as_str());
            assert!(!is_told || (level == "info" && !is_ours), "no event: {line}");
            continue;
        };
        let row = page.lines().find(|row| row.starts_with(&format!("| `{event}` |")));
        let cells: Vec<_> = row.unwrap_or_else(|| panic!("no row of {line}")).split('|').collect();
        assert!(cells[2].contains(&level), "{line}");
        for field in line.as_object().expect("an object").keys() {
            let is_of_all =
                ["timestamp", "level", "event", "target", "message"].contains(&field.as_str());
            assert!(is_of_all || cells[3].contains(&format!("`{field}`")), "{field} of {line}");
        }
    }
}

#[test]
fn what_is_well_is_no_line_and_each_refusal_is_one() {
    let (worker, audit) = (FunctionServer::start(), FunctionServer::start());
    let config = Config::new()
        .set("telemetry", "log_format", "json")
        .function("worker", &worker.url())
        .function("audit", &audit.url())
        .tells("worker", "audit");
    let site = Site::new(config);
    let daemon = site.start();
    poll::soon("it is ready", || !of(&site, "ready").is_empty());
    let before = lines(&site).len();
    for _ in 0..200 {
        accepted(&daemon.send(&invoke_async("worker").body("{}")));
    }
    let worker = [("function", "worker")];
    poll::soon("all callbacks are delivered", || daemon.metrics().sum(DELIVERED, &worker) == 200);
    assert_eq!(lines(&site)[before..], [] as [Value; 0]);

    let nowhere = json!({ "destinationConfig": { "onSuccess": { "destination": "acs:oss:::b" } } });
    let requests = [
        (invoke_async("ghost").body("{}"), "no_function", json!("ghost")),
        (invoke_async("worker").header("x-fc-async-delay", "soon"), "argument", json!("worker")),
        (invoke_async("worker").body("x".repeat(200_000)), "too_large", json!("worker")),
        (get_config("ghost"), "config", json!("ghost")),
        (put_config("worker").json(&nowhere), "destination", json!("worker")),
        (put_config("worker").body("{"), "argument", json!("worker")),
        (Request::get("/nothing"), "path", Value::Null),
    ];
    for (request, reason, function) in requests {
        let before = of(&site, "request_refused").len();
        let answer = daemon.send(&request);
        assert!(answer.status() >= 400, "{reason}: {}", answer.status());
        let told = of(&site, "request_refused");
        assert_eq!(told.len(), before + 1, "{reason}: one line");
        let line = told.last().expect("a line");
        assert_eq!((&line["reason"], &line["function"]), (&json!(reason), &function), "{line}");
        assert_eq!(line["status"], answer.status());
        assert_eq!(line["request_id"], request_id(&answer));
        assert_eq!(line["code"], answer.json()["Code"]);
        let account = if reason == "path" { Value::Null } else { json!(ACCOUNT) };
        assert_eq!(line["account"], account, "{line}");
    }
    for (method, path, reason) in [
        ("GET", "/v1/nothing", "path"),
        ("GET", "/v1/functions/ghost", "function"),
        ("POST", "/v1/functions", "method"),
        ("POST", "/v1/reload", "change_header"),
    ] {
        let before = of(&site, "request_refused").len();
        let answer = send(site.admin, &Request::new(method, path)).expect("an answer");
        let told = of(&site, "request_refused");
        assert_eq!(told.len(), before + 1, "{path}: one line");
        let line = told.last().expect("a line");
        assert_eq!((&line["api"], &line["reason"]), (&json!("admin"), &json!(reason)), "{line}");
        assert_eq!(line["status"], answer.status());
    }
    daemon.stop();
    is_as_described(&site);
}

#[test]
fn a_flood_of_refusals_is_a_few_lines_whose_counts_add_up() {
    const FLOOD: u64 = 10_000;
    let site = Site::new(Config::new().set("telemetry", "log_format", "json"));
    let daemon = site.start();
    let counted = || daemon.metrics().sum(SUPPRESSED, &[("event", "request_refused")]);
    let told = || -> u64 {
        of(&site, "lines_suppressed").iter().filter_map(|line| line["suppressed"].as_u64()).sum()
    };
    // Before it was ready, the daemon has refused to say that it is, maybe often.
    poll::soon("what was left out at the start is told", || told() == counted());
    let at_the_start = told();
    let mut connection = daemon.connect();
    for _ in 0..FLOOD {
        assert_eq!(connection.send(&get_config("ghost")).expect("an answer").status(), 404);
    }
    poll::soon("what was left out is told", || told() == counted());
    let refused = of(&site, "request_refused").into_iter().filter(|line| line["api"] == "fc");
    let written = u64::try_from(refused.count()).expect("a number");
    assert_eq!(written + told() - at_the_start, FLOOD);
    let lines = lines(&site).len();
    // Ten and a count in each second; the flood takes some seconds at most.
    assert!(lines < 1_000, "{lines} lines");
    daemon.stop();
    is_as_described(&site);
}

#[test]
fn lanes_callbacks_and_levels_are_told() {
    let worker = FunctionServer::start();
    let config = Config::new()
        .set("telemetry", "log_format", "json")
        .function("worker", &worker.url())
        .tells("worker", "nowhere");
    let site = Site::new(config);
    let daemon = site.start();
    let id = accepted(&daemon.send(&invoke_async("worker").body("{}")));
    poll::soon("the callback is given up", || {
        daemon.metrics().sum(UNDELIVERED, &[("function", "worker")]) == 1
    });
    poll::soon("one line says so", || of(&site, "callback_given_up").len() == 1);
    let line = &of(&site, "callback_given_up")[0];
    assert_eq!((&line["request_id"], &line["function"]), (&json!(id), &json!("worker")), "{line}");

    for verb in ["pause", "resume"] {
        let path = format!("/v1/functions/worker/{verb}");
        assert_eq!(change(&site, "POST", &path, &json!({ "note": "a deploy" })).0, 200);
    }
    assert_eq!((of(&site, "lane_paused").len(), of(&site, "lane_resumed").len()), (1, 1));
    assert_eq!(of(&site, "lane_paused")[0]["note"], "a deploy");

    let path = "/v1/log-level";
    for (body, field) in
        [(json!({ "level": "loud" }), "level"), (json!({ "level": "debug", "for": "soon" }), "for")]
    {
        let (status, answer) = change(&site, "PUT", path, &body);
        assert_eq!((status, &answer["field"]), (400, &json!(field)), "{answer}");
    }
    let (status, answer) = change(&site, "PUT", path, &json!({ "level": "debug", "for": "1s" }));
    assert_eq!((status, &answer["level"]), (200, &json!("debug")), "{answer}");
    let present = || send(site.admin, &Request::get(path)).expect("an answer").json();
    let configured = present()["configured"].clone();
    poll::soon("the configured level is back", || present()["level"] == configured);
    assert_eq!(of(&site, "log_level_changed").len(), 1);
    let changed = of(&site, "admin_changed");
    assert_eq!(changed.last().expect("a line")["operation"], "setLogLevel");

    let url = format!("http://{}", site.admin);
    let set = site.run(&["log-level", "set", "warn,invoked=debug", "--for", "1h", "--admin", &url]);
    assert!(set.status.success(), "{set:?}");
    let get = site.run(&["log-level", "get", "--admin", &url]);
    let said = invoked_tests::daemon::stdout(&get);
    assert!(said.starts_with("warn,invoked=debug (for 3600 s, then "), "{said}");
    daemon.reload();
    poll::soon("a reload brings the configured level back", || present()["level"] == configured);
    daemon.stop();
    for event in ["ready", "stopping", "drain_started", "drain_ended", "stopped", "reload_applied"]
    {
        assert_eq!(of(&site, event).len(), 1, "{event}");
    }
    is_as_described(&site);
}

#[test]
fn who_does_not_answer_is_told_until_he_does() {
    const QUEUE: &str = "acs:mns:::/queues/q/messages";
    let (worker, absent, queue) = (FunctionServer::start(), ports::free(), ports::free());
    let config = |absent: &str| {
        let config = ["dispatch", "callback"].into_iter().fold(Config::new(), |config, section| {
            let different =
                if section == "dispatch" { "breaker_invocations" } else { "breaker_callbacks" };
            config
                .set(section, "breaker_failures", 2)
                .set(section, different, 2)
                .set(section, "breaker_hold", "10ms")
                .set(section, "breaker_hold_max", "200ms")
        });
        config
            .set("telemetry", "log_format", "json")
            .set("sinks.mns.default", "endpoint", format!("http://{queue}"))
            .set("sinks.mns.default", "access_key_id", "id")
            .set("sinks.mns.default", "access_key_secret", "secret")
            .function("absent", absent)
            .function("owes", &worker.url())
            .of_async("owes", "on_success", QUEUE)
    };
    let site = Site::new(config(&format!("http://{absent}")));
    let daemon = site.start();
    for function in ["absent", "owes"] {
        for _ in 0..4 {
            accepted(&daemon.send(&invoke_async(function).body("{}")));
        }
    }
    let told = |event: &str, key: &str, name: &str| {
        of(&site, event).iter().filter(|line| line[key] == name).count()
    };
    let both = [("function", "absent"), ("destination", QUEUE)];
    for (key, name) in both {
        for event in ["breaker_opened", "breaker_half_open"] {
            poll::soon("a line says so", || told(event, key, name) > 0);
        }
        assert_eq!(told("breaker_closed", key, name), 0);
    }
    for line in of(&site, "breaker_opened") {
        assert!(line["hold_seconds"].as_f64().is_some_and(|hold| hold > 0.0), "{line}");
    }

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let double = runtime.block_on(prometheus::mns(queue));
    site.configure(config(&worker.url()));
    daemon.reload();
    for (key, name) in both {
        poll::soon("a line says that it is over", || told("breaker_closed", key, name) == 1);
    }
    daemon.wait_until_idle();
    daemon.stop();
    runtime.block_on(double.close());
    is_as_described(&site);
}

/// Texts that must not be in the log, whatever happens.
const PLANTED: [&str; 17] = [
    "planted-key-secret",
    "planted-admin-token",
    "planted-wrong-token",
    "planted-sink-secret",
    "planted-amqp-password",
    "planted-mns-secret",
    "planted-eventbridge-secret",
    "planted-rocketmq-secret",
    "planted-kafka-password",
    "planted-collector-key",
    "planted-payload",
    "planted-result",
    "planted-userinfo",
    "planted-security-token",
    "planted-cookie",
    "planted-bearer",
    "planted-signature",
];

/// A function for each kind of destination, and whom it tells.
const DESTINATIONS: [(&str, &str); 5] = [
    ("to-mns", "acs:mns:::/queues/q/messages"),
    ("to-eventbridge", "acs:eventbridge:::eventbus/b"),
    ("to-rocketmq", "acs:mq:::/instances/main/topics/t"),
    ("to-kafka", "acs:alikafka:::/instances/main/topics/t"),
    ("to-amqp", "acs:amqp:::/instances/default/vhosts/%2F/exchanges//routing-keys/q"),
];

#[test]
fn no_secret_and_no_payload_is_in_any_line() {
    let worker = FunctionServer::start();
    let nowhere = ports::free();
    let config = |level: &str| {
        Config::new()
            .set("telemetry", "log_format", "json")
            .set("telemetry", "log_level", level)
            .set("auth", "mode", "signed")
            .set("auth.keys.known", "secret", "planted-key-secret")
            .set("admin.tokens.tester", "role", "admin")
            .set("admin.tokens.tester", "token", "planted-admin-token")
            .set("sinks.fc.default", "endpoint", format!("http://{nowhere}"))
            .set("sinks.fc.default", "access_key_id", "id")
            .set("sinks.fc.default", "access_key_secret", "planted-sink-secret")
            .set(
                "sinks.amqp.default",
                "url",
                format!("amqp://guest:planted-amqp-password@{nowhere}"),
            )
            .set("sinks.mns.default", "endpoint", format!("http://{nowhere}"))
            .set("sinks.mns.default", "access_key_id", "id")
            .set("sinks.mns.default", "access_key_secret", "planted-mns-secret")
            .set("sinks.eventbridge.default", "endpoint", format!("http://{nowhere}"))
            .set("sinks.eventbridge.default", "access_key_id", "id")
            .set("sinks.eventbridge.default", "access_key_secret", "planted-eventbridge-secret")
            .set("sinks.rocketmq.main", "name_servers", json!([nowhere.to_string()]))
            .set("sinks.rocketmq.main", "access_key", "id")
            .set("sinks.rocketmq.main", "secret_key", "planted-rocketmq-secret")
            .set("sinks.kafka.main", "bootstrap_servers", json!([nowhere.to_string()]))
            .set("sinks.kafka.main", "username", "id")
            .set("sinks.kafka.main", "password", "planted-kafka-password")
            .set("sinks.kafka.main", "timeout", "1s")
            .set("telemetry.traces", "endpoint", format!("http://{nowhere}"))
            .set("telemetry.traces.headers", "x-key", "planted-collector-key")
            .set("callback", "max_elapsed", "1s")
            .function("worker", &worker.url())
            .tells("worker", "nowhere")
    };
    let config = |level: &str| {
        DESTINATIONS.iter().fold(config(level), |config, (name, arn)| {
            config.function(name, &worker.url()).of_async(name, "on_success", *arn)
        })
    };
    let everything = "debug,invoked=trace,invoked_api=trace,invoked_core=trace,invoked_engine=trace,\
        invoked_fc=trace,invoked_http=trace,invoked_store_fjall=trace,invoked_target_http=trace,\
        invoked_otlp=trace,invoked_sink_amqp=trace,invoked_sink_eventbridge=trace,invoked_sink_fc=trace,\
        invoked_sink_kafka=trace,invoked_sink_mns=trace,invoked_sink_rocketmq=trace";
    let site = Site::new(config(everything));
    let daemon = site.start();
    let key = ("known", "planted-key-secret");
    accepted(&daemon.send(&signed::invoke_with("worker", key, b"\"planted-payload\"")));
    for (name, _) in DESTINATIONS {
        accepted(&daemon.send(&signed::invoke_with(name, key, b"\"planted-payload\"")));
    }
    let wrong = "planted-wrong-token";
    for request in [
        signed::get("known", "planted-wrong-token"),
        invoke_async("worker")
            .body("planted-payload")
            .header("authorization", "FC known:planted-signature"),
        invoke_sync("worker")
            .body("planted-payload")
            .header("x-acs-security-token", "planted-security-token"),
        Request::get(
            "/2023-03-30/functions?SecurityToken=planted-security-token&Signature=planted-signature",
        ),
        Request::get("http://me:planted-userinfo@host/2023-03-30/functions"),
        signed::put("worker", key, b"\"planted-payload\""),
    ] {
        assert!(daemon.send(&request).status() >= 400, "{request:?}");
    }
    let bearer = |token: &str| format!("Bearer {token}");
    let admin = |method: &'static str, path: &str, token: &str, body: &str| {
        let request = Request::new(method, path)
            .header("authorization", bearer(token))
            .header("x-invoked-admin", "1")
            .header("cookie", "invoked_session=planted-cookie")
            .header("content-type", "application/json")
            .body(body);
        send(site.admin, &request).expect("an answer")
    };
    assert_eq!(admin("GET", "/v1/status", "planted-admin-token", "").status(), 200);
    assert_eq!(admin("GET", "/v1/status", "planted-bearer", "").status(), 401);
    let put = r#"{"url":"http://me:planted-userinfo@127.0.0.1:1/"}"#;
    for (method, path, body) in [
        ("PUT", "/v1/functions/other", put),
        ("PUT", "/v1/functions/other", "\"planted-payload\""),
        ("PUT", "/v1/log-level", "\"planted-payload\""),
        ("POST", "/v1/session", r#""planted-wrong-token""#),
        ("POST", "/v1/session", r#"{"token":"planted-wrong-token"}"#),
        ("POST", "/v1/destinations/probe", r#"{"destination":"planted-payload"}"#),
    ] {
        assert!(admin(method, path, "planted-admin-token", body).status() >= 400, "{path} {body}");
    }
    assert_eq!(admin("GET", "/v1/functions?limit=planted-payload", wrong, "").status(), 401);
    poll::soon("each callback is given up", || {
        DESTINATIONS.len() < of(&site, "callback_given_up").len()
    });

    let bad = config(everything)
        .set("auth.keys.known", "secret", 17)
        .set("sinks.amqp.default", "url", "planted-amqp-password")
        .set("admin.tokens.tester", "token", "planted-admin-token planted-admin-token")
        .of_function("worker", "url", "http://me:planted-userinfo@127.0.0.1:1/");
    site.configure(bad);
    daemon.reload();
    poll::soon("the reload is refused", || !of(&site, "reload_refused").is_empty());
    daemon.stop();
    let (code, said) = site.serve_refused();
    assert_ne!(code, Some(0));
    let all = site.said() + &said;
    assert!(all.contains("TRACE") || all.contains("DEBUG"), "the level is what it was set to");
    let found: Vec<_> = PLANTED
        .iter()
        .flat_map(|planted| all.lines().filter(move |line| line.contains(planted)))
        .collect();
    assert!(found.is_empty(), "{} lines:\n{}", found.len(), found.join("\n"));
}
