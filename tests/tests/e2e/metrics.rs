//! What `/metrics` has, and what is built on it: the books, bounded labels, and that rules, dashboard and
//! documentation name nothing that is not there.

use std::collections::BTreeSet;
use std::fs;

use invoked_tests::api::{accepted, invoke_async, invoke_sync};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::Request;
use invoked_tests::metrics::Metrics;
use invoked_tests::poll;
use invoked_tests::tools::root;
use serde_json::{Value, json};

/// The expression of `instance:invoked_conservation:difference`, and its last reading.
fn difference(metrics: &Metrics) -> i64 {
    let of = |name| i64::try_from(metrics.sum(name, &[])).expect("a count");
    let live = of("invoked_books_live_rows") - of("invoked_books_callbacks_owed");
    of("invoked_books_accepted_total") - of("invoked_books_ended_total") - live
}

/// The books at rest: closed after everything that was accepted.
fn at_rest(daemon: &Daemon<'_>) -> Metrics {
    poll::until("the books are closed", poll::SOON, || {
        let metrics = daemon.metrics();
        let has_books = metrics.family("invoked_books_accepted_total", &[]).next().is_some();
        let is_closed =
            has_books && metrics.sum("invoked_books_accepted_total", &[]) == metrics.accepted();
        is_closed.then_some(metrics)
    })
}

/// With a function `owes` whose destination does not answer.
fn with_outage(config: Config, function: &FunctionServer) -> Config {
    config
        .function("owes", &function.url())
        .of_async("owes", "on_success", "acs:mns:::/queues/nowhere/messages")
        .set("sinks.mns.default", "endpoint", "http://127.0.0.1:9")
        .set("sinks.mns.default", "access_key_id", "id")
        .set("sinks.mns.default", "access_key_secret", "secret")
}

#[test]
fn the_books_fit_at_rest_also_after_a_kill() {
    let function = FunctionServer::start();
    let config = with_outage(Config::new(), &function)
        .function("hello", &function.url())
        .of_function("hello", "concurrency", 2);
    let site = Site::new(config);
    let daemon = site.start();
    for _ in 0..20 {
        accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["hold"]}))));
        accepted(&daemon.send(&invoke_async("owes").json(&json!({}))));
    }
    poll::soon("callbacks are owed", || {
        daemon.metrics().family("invoked_books_callbacks_owed", &[]).any(|of| of.value >= 20.0)
    });
    let metrics = at_rest(&daemon);
    assert_eq!(difference(&metrics), 0);
    assert_eq!(metrics.accepted(), 40);
    assert_eq!(metrics.sum("invoked_books_live_rows", &[]), 40, "20 wait, 20 owe a callback");
    daemon.kill();

    let daemon = site.start();
    let metrics = at_rest(&daemon);
    assert_eq!((metrics.accepted(), difference(&metrics)), (40, 0));
    function.release();
    daemon.wait_until_idle();
    let metrics = at_rest(&daemon);
    assert_eq!(difference(&metrics), 0);
    assert!(metrics.sum("invoked_books_ended_total", &[]) > 20);
}

#[test]
fn what_the_whole_daemon_refuses_is_no_throttle_of_a_function() {
    let function = FunctionServer::start();
    let config = Config::new().function("hello", &function.url()).set("limits", "sync_max", 1);
    let site = Site::new(config);
    let daemon = site.start();
    std::thread::scope(|scope| {
        let held =
            scope.spawn(|| daemon.send(&invoke_sync("hello").json(&json!({"plan": ["hold"]}))));
        function.wait_for(1);
        let refused = daemon.send(&invoke_sync("hello").body("{}"));
        function.release();
        assert_eq!(held.join().expect("the call ends").status(), 200);
        assert_eq!(refused.status(), 429, "{}", refused.text());
    });
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum("FunctionConcurrencyThrottles", &[]), 0);
    assert_eq!(metrics.sum("RegionThrottles", &[]), 1);
    daemon.stop();
}

#[test]
fn invented_names_make_no_series() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new().function("hello", &function.url()));
    let daemon = site.start();
    let names = |metrics: &Metrics| -> BTreeSet<String> {
        metrics.samples.iter().filter_map(|of| of.labels.get("function").cloned()).collect()
    };
    accepted(&daemon.send(&invoke_async("hello").body("{}")));
    assert_eq!(daemon.send(&invoke_async("first").body("{}")).status(), 404);
    daemon.wait_until_idle();
    let (before, count) = (names(&daemon.metrics()), daemon.metrics().samples.len());
    for number in 0..300 {
        let name = format!("invented-{number}");
        assert_eq!(daemon.send(&invoke_async(&name).body("{}")).status(), 404);
        assert_eq!(daemon.send(&invoke_sync(&name).body("{}")).status(), 404);
    }
    let after = daemon.metrics();
    assert_eq!(names(&after), before);
    assert_eq!(after.samples.len(), count);
    let refused = [("code", "FunctionNotFound")];
    assert_eq!(after.sum("invoked_accepts_total", &refused), 301);
}

#[test]
fn many_functions_are_all_in_the_destination_metrics_and_200_elsewhere() {
    const MANY: usize = 1_000;
    let function = FunctionServer::start();
    let config = (0..MANY).fold(Config::new(), |config, number| {
        config.function(&format!("f{number}"), &function.url())
    });
    let site = Site::new(config);
    let daemon = site.start();
    for number in [0, 7, MANY - 1] {
        accepted(&daemon.send(&invoke_async(&format!("f{number}")).body("{}")));
    }
    daemon.wait_until_idle();
    let metrics = daemon.metrics();
    for family in ["FunctionDestinationSucceed", "FunctionDestinationErrors"] {
        assert_eq!(metrics.family(family, &[]).count(), MANY);
    }
    let mut families: std::collections::BTreeMap<&str, BTreeSet<&str>> = Default::default();
    for sample in &metrics.samples {
        if let Some(function) = sample.labels.get("function") {
            families.entry(&sample.name).or_default().insert(function);
        }
    }
    for (family, functions) in families {
        let is_whole = family.starts_with("FunctionDestination");
        assert!(is_whole || functions.len() <= 201, "{family} shows {}", functions.len());
    }
    assert_eq!(metrics.accepted(), 3, "nothing is left out of a sum");
}

/// A scrape of daemons that have done everything once.
fn everything() -> Metrics {
    let function = FunctionServer::start();
    let config = with_outage(Config::new(), &function)
        .function("hello", &function.url())
        .function("audit", &function.url())
        .function("web", &function.url())
        .of_function("web", "kind", "http")
        .tells("hello", "audit");
    let site = Site::new(config.clone());
    let daemon = site.start();
    accepted(&daemon.send(&invoke_async("hello").body("{}")));
    accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["fail"]}))));
    daemon.send(&invoke_sync("hello").body("{}"));
    for _ in 0..10 {
        accepted(&daemon.send(&invoke_async("owes").body("{}")));
    }
    poll::soon("the outage is noticed", || {
        daemon.metrics().family("invoked_destination_breaker_state", &[]).next().is_some()
    });
    let stranger = Request::new("PUT", "/v1/functions/hello").body("{}");
    invoked_tests::http::send(site.admin, &stranger).expect("an answer");
    daemon.wait_until_idle();
    let mut metrics = at_rest(&daemon);
    daemon.stop();

    let signed = config.set("auth", "mode", "signed").set("auth.keys.testid", "secret", "s");
    let site = Site::new(signed);
    let daemon = site.start();
    assert!(daemon.send(&invoke_async("hello").body("{}")).status() >= 400);
    metrics.samples.extend(daemon.metrics().samples);
    metrics
}

/// The names of metrics in an expression: words of ours and of the field.
fn named(text: &str) -> BTreeSet<String> {
    let words = text
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != ':');
    let is_metric = |word: &&str| {
        !word.contains(':') && (word.starts_with("invoked_") || word.starts_with("process_"))
            || (word.starts_with("Function") || word.starts_with("Region")) && !word.contains(':')
    };
    words.filter(is_metric).map(str::to_owned).collect()
}

#[test]
fn rules_dashboard_and_runbooks_name_only_metrics_that_there_are() {
    let there: BTreeSet<_> = everything().samples.into_iter().map(|of| of.name).collect();
    let read = |file: &str| fs::read_to_string(root().join(file)).expect(file);
    let dashboard: Value =
        serde_json::from_str(&read("deploy/grafana/invoked.json")).expect("JSON");
    let mut texts = Vec::new();
    let panels = dashboard["panels"].as_array().expect("panels");
    for target in panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten() {
        texts.push(target["expr"].as_str().expect("a query").to_owned());
    }
    assert!(texts.len() > 20, "the dashboard has {} queries", texts.len());
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        texts.push(variable["query"].as_str().expect("a query").to_owned());
    }
    for file in ["alerts", "invoked"] {
        let rules = read(&format!("deploy/prometheus/rules/{file}.rules.yml"));
        let lines = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
        texts.extend(lines.map(str::to_owned));
    }
    for page in fs::read_dir(root().join("docs/runbooks")).expect("pages") {
        let page = fs::read_to_string(page.expect("a page").path()).expect("a page");
        let blocks = page.split("```promql\n").skip(1);
        texts.extend(blocks.filter_map(|rest| rest.split("\n```").next()).map(str::to_owned));
    }
    for text in texts {
        for name in named(&text) {
            assert!(there.contains(&name), "{text}: no metric {name}");
        }
    }
}

#[test]
fn every_metric_stands_in_the_documentation() {
    let page = fs::read_to_string(root().join("docs/metrics.md")).expect("the page");
    for name in everything().samples.into_iter().map(|of| of.name) {
        let stem = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let is_there = |name: &str| page.contains(&format!("| `{name}` |"));
        assert!(is_there(&name) || stem.is_some_and(is_there), "docs/metrics.md lacks {name}");
    }
}
