//! What ships beside the binary is accepted by the programs that will read it.
//!
//! `cargo xtask prepare` gets those programs. Where promtool or systemd-analyze, which want Debian, is missing, the test
//! says that it did not run.

mod helm;
mod image;
mod package;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use invoked_tests::tools::{daemon, in_path, promtool, python, root};
use serde_json::Value;
use tempfile::TempDir;

/// 0 is the safest, 100 the most exposed; the unit stands at 12.
const EXPOSURE_MAX: &str = "15";

/// What a page of an alert has, for somebody who was asleep.
const RUNBOOK: [&str; 6] = [
    "What it means",
    "What users feel",
    "First look",
    "Causes, the likeliest first",
    "How to know that it is over",
    "When to wake somebody else",
];

fn deploy(file: &str) -> PathBuf {
    root().join("deploy").join(file)
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(root()).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn skip(program: &str) {
    eprintln!("{program} is not here: unchecked (see `cargo xtask prepare`)");
}

/// The unit with a program that exists here, which is what `verify` insists on.
fn unit(directory: &TempDir) -> String {
    let text = fs::read_to_string(deploy("systemd/invoked.service")).expect("the unit");
    assert!(text.contains("ExecStart=/usr/bin/invoked "), "the unit starts something else");
    let program = std::env::current_exe().expect("this test");
    let text = text.replace("/usr/bin/invoked", program.to_str().expect("a UTF-8 path"));
    let place = directory.path().join("invoked.service");
    fs::write(&place, text).expect("a copy of the unit");
    place.to_str().expect("a UTF-8 path").to_owned()
}

#[test]
fn systemd_understands_every_line_of_the_unit() {
    let Some(analyze) = in_path("systemd-analyze") else { return skip("systemd-analyze") };
    let directory = TempDir::new().expect("a temporary directory");
    let service = unit(&directory);
    let mut arguments = vec!["verify", service.as_str()];
    let mut sockets = Vec::new();
    for name in ["invoked-fc.socket", "invoked-admin.socket"] {
        let place = directory.path().join(name);
        fs::copy(deploy("systemd").join(name), &place).expect("a copy of the socket");
        sockets.push(place.to_str().expect("a UTF-8 path").to_owned());
    }
    arguments.extend(sockets.iter().map(String::as_str));
    let output = run(&analyze, &arguments);
    let said = said(&output);
    // An unknown key is only a warning to systemd, and a hole in the hardening to us. The one that is meant to be
    // ignored by systemd before 253 is named.
    let is_meant = |line: &&str| line.contains("service type, ignoring: notify-reload");
    let found: Vec<_> =
        said.lines().filter(|line| line.contains("invoked") && !is_meant(line)).collect();
    assert!(output.status.success() && found.is_empty(), "{said}");
}

#[test]
fn the_unit_is_told_how_the_daemon_is() {
    let text = fs::read_to_string(deploy("systemd/invoked.service")).expect("the unit");
    let lines: Vec<_> = text.lines().collect();
    for line in ["Type=notify", "Type=notify-reload", "WatchdogSec=30s"] {
        assert!(lines.contains(&line), "no {line}");
    }
    for name in ["fc", "admin"] {
        let socket = deploy("systemd").join(format!("invoked-{name}.socket"));
        let text = fs::read_to_string(socket).expect("the socket");
        assert!(text.contains(&format!("\nFileDescriptorName={name}\n")), "{text}");
    }
}

#[test]
fn the_unit_stays_hardened() {
    let Some(analyze) = in_path("systemd-analyze") else { return skip("systemd-analyze") };
    let directory = TempDir::new().expect("a temporary directory");
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let output =
        run(&analyze, &["security", "--no-pager", "--offline=true", &threshold, &unit(&directory)]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn prometheus_takes_the_scrape_config_and_the_rules() {
    let Some(promtool) = promtool() else { return skip("promtool") };
    let rules = run(
        &promtool,
        &[
            "check",
            "rules",
            "deploy/prometheus/rules/invoked.rules.yml",
            "deploy/prometheus/rules/alerts.rules.yml",
        ],
    );
    assert!(rules.status.success(), "{}", said(&rules));
    let config = run(&promtool, &["check", "config", "deploy/prometheus/prometheus.yml"]);
    assert!(
        config.status.success() && said(&config).contains("2 rule files found"),
        "{}",
        said(&config)
    );
}

#[test]
fn the_rules_record_one_minute_and_one_hour_of_both_metrics() {
    let Some(promtool) = promtool() else { return skip("promtool") };
    let output = run(&promtool, &["test", "rules", "tests/prometheus/invoked.rules.test.yml"]);
    assert!(output.status.success(), "{}", said(&output));
}

/// A YAML file as JSON, read by PyYAML: the document, or a list of them where there are several.
fn yaml(file: &Path) -> Value {
    let convert = "import json, sys, yaml; d = list(yaml.safe_load_all(open(sys.argv[1]))); json.dump(d if len(d) > 1 else d[0], sys.stdout)";
    let output = run(&python(), &["-c", convert, file.to_str().expect("a UTF-8 path")]);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text"))
}

/// A compose file whose images are pinned, whose ports are on loopback, and whose files are there.
fn is_for_trying_out(file: &str) -> Value {
    let compose = yaml(&deploy(&format!("compose/{file}")));
    let services = compose["services"].as_object().expect("services");
    let volumes = compose["volumes"].as_object().expect("volumes");
    for (name, service) in services {
        let image = service["image"].as_str().expect("an image");
        let (_, tag) =
            image.split_once(':').unwrap_or_else(|| panic!("{name}: {image} has no tag"));
        assert!(tag.split('.').count() >= 3, "{name}: {image} moves");
        assert!(service["mem_limit"].is_string(), "{name}: its memory has no limit");
        assert!(service.get("network_mode").is_none() && service.get("privileged").is_none());
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port} is open to the network");
        }
        for needed in texts(&service["depends_on"]) {
            assert!(services.contains_key(needed), "{name} needs {needed}");
        }
        for volume in texts(&service["volumes"]) {
            let (from, _) = volume.split_once(':').expect("a place inside");
            let exists = match from.starts_with('.') {
                true => deploy("compose").join(from).exists(),
                false => volumes.contains_key(from),
            };
            assert!(exists, "{name}: there is no {from}");
        }
    }
    compose
}

#[test]
fn the_brokers_for_trying_out_are_pinned_and_stay_on_loopback() {
    let compose = is_for_trying_out("compose.yml");
    let services = compose["services"].as_object().expect("services");
    assert!(services.len() >= 4, "RabbitMQ, Kafka, and both parts of RocketMQ");
}

#[test]
fn the_stack_for_looking_at_it_fits_together() {
    let compose = is_for_trying_out("stack.yml");
    let build = &compose["services"]["invoked"]["build"];
    let context = deploy("compose").join(build["context"].as_str().expect("a context"));
    assert!(context.join(build["dockerfile"].as_str().expect("a file")).is_file());

    let stack = |file: &str| format!("deploy/compose/stack/{file}");
    let judged = run(daemon(), &["config", "check", "--config", &stack("invoked.toml")]);
    assert!(judged.status.success(), "{}", said(&judged));
    let text = fs::read_to_string(root().join(stack("invoked.toml"))).expect("a configuration");
    let config: toml::Table = text.parse().expect("TOML");
    let prometheus = yaml(&deploy("compose/stack/prometheus.yml"));
    let scrape = &prometheus["scrape_configs"][0];
    assert_eq!(
        scrape["authorization"]["credentials"].as_str(),
        config["admin"]["tokens"]["prometheus"]["token"].as_str()
    );
    assert_eq!(texts(&scrape["static_configs"][0]["targets"]).next(), Some("invoked:7071"));
    if let Some(promtool) = promtool() {
        let words = ["check", "config", "--syntax-only", &stack("prometheus.yml")];
        let judged = run(&promtool, &words);
        assert!(judged.status.success(), "{}", said(&judged));
    }
    let sources = yaml(&deploy("compose/stack/grafana/datasources/prometheus.yml"));
    assert_eq!(sources["datasources"][0]["url"], "http://prometheus:9090");
}

#[test]
fn brokers_of_rocketmq_are_where_their_ports_lead() {
    let compose = yaml(&deploy("compose/compose.yml"));
    for (service, file) in [("rocketmq", "broker.conf"), ("rocketmq-acl", "broker-acl.conf")] {
        let text = fs::read_to_string(deploy("compose/rocketmq").join(file)).expect("a file");
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find(|(name, _)| *name == key).unwrap_or_else(|| panic!("{file}: no {key}")).1
        };
        // The broker tells its clients this address and this port; both sides of the mapping are the same.
        let (host, port) = (value("brokerIP1"), value("listenPort"));
        let ports: Vec<_> = texts(&compose["services"][service]["ports"]).collect();
        assert_eq!(ports, [format!("{host}:{port}:{port}")]);
        assert_eq!(value("autoCreateTopicEnable"), "false");
    }
}

#[test]
fn the_daemon_takes_the_destinations_that_the_recipes_name() {
    let (example, sinks) = ("config/example.toml", "deploy/compose/sinks.toml");
    let output = run(daemon(), &["config", "check", "--config", example, "--config", sinks]);
    assert!(output.status.success(), "{}", said(&output));

    let text = fs::read_to_string(root().join(sinks)).expect("the destinations");
    let arns: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# acs:")).collect();
    assert_eq!(arns.len(), text.matches("\n[sinks.").count(), "each instance has an example");
    for arn in arns {
        invoked_core::arn::Arn::parse(&format!("acs:{arn}")).expect(arn);
    }
}

#[test]
fn each_alert_fires_and_stays_quiet_and_has_a_page() {
    if let Some(promtool) = promtool() {
        let output = run(&promtool, &["test", "rules", "tests/prometheus/alerts.rules.test.yml"]);
        assert!(output.status.success(), "{}", said(&output));
    } else {
        skip("promtool");
    }
    let read = |file: &str| fs::read_to_string(root().join(file)).expect(file);
    let tests = read("tests/prometheus/alerts.rules.test.yml");
    let rules = yaml(&deploy("prometheus/rules/alerts.rules.yml"));
    let mut alerts = std::collections::BTreeSet::new();
    let groups = rules["groups"].as_array().expect("groups");
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")) {
        let Some(alert) = rule["alert"].as_str() else { continue };
        let page = format!("docs/runbooks/{alert}.md");
        assert_eq!(rule["annotations"]["runbook_url"], page.as_str());
        let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["info", "warning", "critical"].contains(&severity), "{alert}: {severity:?}");
        for text in ["summary", "description"] {
            assert!(rule["annotations"][text].is_string(), "{alert} has no {text}");
        }
        let page = read(&page);
        assert!(
            page.contains(rule["expr"].as_str().expect("an expression")),
            "{alert}: another one"
        );
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings, RUNBOOK, "{alert}");
        let tested = format!("alertname=\"{alert}\"");
        assert_eq!(tests.matches(&tested).count(), 2, "{alert}: fires, and does not");
        alerts.insert(format!("{alert}.md"));
    }
    let pages = fs::read_dir(root().join("docs/runbooks")).expect("pages");
    let pages = pages.map(|page| page.expect("a page").file_name().into_string().expect("UTF-8"));
    assert_eq!(pages.collect::<std::collections::BTreeSet<_>>(), alerts);
}

/// The queries of a page: its blocks marked `promql`.
fn queries(page: &str) -> impl Iterator<Item = &str> {
    page.split("```promql\n").skip(1).filter_map(|rest| rest.split("\n```").next())
}

#[test]
fn prometheus_can_read_every_query_of_the_runbooks() {
    let pages = fs::read_dir(root().join("docs/runbooks")).expect("pages");
    let pages = pages.map(|page| page.expect("a page").path());
    let pages: Vec<_> = pages.map(|page| fs::read_to_string(page).expect("a page")).collect();
    let mut found = Vec::new();
    for page in &pages {
        let of_page: Vec<_> = queries(page).map(str::to_owned).collect();
        // The alert's own, and what to look at.
        assert!(of_page.len() > 1, "a query to look at: {page}");
        found.extend(of_page);
    }
    check_queries(&found);
}

#[test]
fn prometheus_can_read_every_query_of_the_dashboard() {
    let text = fs::read_to_string(deploy("grafana/invoked.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let query = |target: &Value| {
        target["expr"].as_str().expect("a query").replace("$__rate_interval", "5m")
    };
    let queries: Vec<_> = targets.map(query).collect();
    assert!(queries.len() > 20, "the dashboard has {} queries", queries.len());
    check_queries(&queries);
}

/// Has promtool read queries. Each is a recording rule to it, which has no other way to check one.
fn check_queries(queries: &[String]) {
    let Some(promtool) = promtool() else { return skip("promtool") };
    let mut rules = "groups:\n- name: queries\n  rules:\n".to_owned();
    for (count, query) in queries.iter().enumerate() {
        rules += &format!("  - record: query:{count}\n    expr: {}\n", Value::from(query.as_str()));
    }
    let directory = TempDir::new().expect("a temporary directory");
    let place = directory.path().join("queries.rules.yml");
    fs::write(&place, rules).expect("a file");
    let output = run(&promtool, &["check", "rules", place.to_str().expect("a UTF-8 path")]);
    assert!(output.status.success(), "{}", said(&output));
}
