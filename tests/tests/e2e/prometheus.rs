//! Debian's Prometheus scrapes the real daemon: the shipped rules load, alerts fire on an outage of a destination
//! and on a stuck lane, and resolve after it; the books fit after a kill.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use invoked_doubles::mns::{Account, Mns};
use invoked_doubles::{Options, Server};
use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Request, send};
use invoked_tests::tools::{prometheus, root};
use invoked_tests::{poll, ports};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an alert may take to come and to go.
const LONG: Duration = Duration::from_secs(60);

struct Prometheus {
    address: SocketAddr,
    child: Child,
    _home: TempDir,
}

impl Prometheus {
    fn start(program: &std::path::Path, daemon: SocketAddr) -> Self {
        let home = TempDir::with_prefix("invoked-prometheus-").expect("a temporary directory");
        let shipped = root().join("deploy/prometheus/rules/alerts.rules.yml");
        let rules = scaled(&fs::read_to_string(shipped).expect("the rules"));
        fs::write(home.path().join("alerts.rules.yml"), rules).expect("a copy of the rules");
        let config = format!(
            "global: {{scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 250ms}}\n\
             rule_files: [alerts.rules.yml]\n\
             scrape_configs: [{{job_name: invoked, static_configs: [{{targets: ['{daemon}']}}]}}]\n"
        );
        fs::write(home.path().join("prometheus.yml"), config).expect("its configuration");
        let address = ports::free();
        let child = Command::new(program)
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=data")
            .arg(format!("--web.listen-address={address}"))
            .current_dir(home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Prometheus starts");
        let this = Self { address, child, _home: home };
        poll::soon("Prometheus is ready", || {
            send(address, &Request::get("/-/ready")).is_ok_and(|answer| answer.status() == 200)
        });
        this
    }

    fn get(&self, path: &str) -> Value {
        send(self.address, &Request::get(path)).expect("Prometheus answers").json()
    }

    fn fires(&self, alert: &str) -> bool {
        let alerts = self.get("/api/v1/alerts");
        let mut alerts = alerts["data"]["alerts"].as_array().expect("alerts").iter();
        alerts.any(|of| of["labels"]["alertname"] == alert && of["state"] == "firing")
    }

    /// The only value that an instant query has.
    fn value(&self, query: &str) -> Option<String> {
        let answer = self.get(&format!("/api/v1/query?query={query}"));
        answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The shipped rules, in which minutes and hours are seconds, and the ten minutes of a stuck lane are two seconds.
fn scaled(rules: &str) -> String {
    let lines = rules.lines().map(|line| match line.trim().strip_prefix("for: ") {
        Some(_) => line.split("for:").next().unwrap_or_default().to_owned() + "for: 1s",
        None => line
            .replace("m]", "s]")
            .replace("[1h]", "[60s]")
            .replace("_seconds) > 600", "_seconds) > 2"),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// A double of MNS with any queue, for the key `id`.
pub async fn mns(address: SocketAddr) -> Server {
    let account = Account {
        access_key_id: "id".to_owned(),
        access_key_secret: "secret".to_owned(),
        security_token: None,
    };
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        i64::try_from(since.as_millis()).expect("a time")
    };
    let options = Options { address, ..Options::new(Arc::new(now)) };
    Server::start(Mns::with_any(account), options).await.expect("its port is free")
}

#[test]
fn alerts_fire_on_an_outage_and_on_a_stuck_lane_and_resolve() {
    let Some(program) = prometheus() else {
        return eprintln!("prometheus is not here: unchecked (see `cargo xtask prepare`)");
    };
    let (function, queue) = (FunctionServer::start(), ports::free());
    let config = Config::new()
        .function("stuck", &function.url())
        .of_function("stuck", "concurrency", 1)
        .function("owes", &function.url())
        .of_async("owes", "on_success", "acs:mns:::/queues/q/messages")
        .set("callback", "max_interval", "200ms")
        .set("sinks.mns.default", "endpoint", format!("http://{queue}"))
        .set("sinks.mns.default", "access_key_id", "id")
        .set("sinks.mns.default", "access_key_secret", "secret");
    let site = Site::new(config);
    let daemon = site.start();
    let watch = Prometheus::start(&program, site.admin);
    let groups = watch.get("/api/v1/rules")["data"]["groups"].as_array().map(Vec::len);
    assert_eq!(groups, Some(2), "the shipped rules are loaded");
    assert!(!watch.fires("InvokedLaneStuck") && !watch.fires("InvokedDestinationBreakerOpen"));

    for _ in 0..2 {
        accepted(&daemon.send(&invoke_async("stuck").json(&json!({"plan": ["hold"]}))));
    }
    for _ in 0..20 {
        accepted(&daemon.send(&invoke_async("owes").body("{}")));
    }
    poll::until("a stuck lane is noticed", LONG, || watch.fires("InvokedLaneStuck").then_some(()));
    let outage = "InvokedDestinationBreakerOpen";
    poll::until("an outage is noticed", LONG, || watch.fires(outage).then_some(()));

    function.release();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let double = runtime.block_on(mns(queue));
    for alert in ["InvokedLaneStuck", outage] {
        poll::until("the alert resolves", LONG, || (!watch.fires(alert)).then_some(()));
    }
    assert_eq!(watch.value("up").as_deref(), Some("1"), "resolved by a daemon that lives");

    daemon.kill();
    poll::until("a dead daemon is noticed", LONG, || watch.fires("InvokedDown").then_some(()));
    let daemon = site.start();
    daemon.wait_until_idle();
    poll::until("every invocation has a fate", LONG, || {
        let is_settled = watch.value("invoked_books_ended_total").as_deref() == Some("22")
            && watch.value("invoked_books_live_rows").as_deref() == Some("0");
        is_settled.then_some(())
    });
    let recorded = "instance:invoked_conservation:difference";
    let difference = poll::until("the rule is recorded", LONG, || watch.value(recorded));
    assert_eq!(difference, "0");
    poll::until("the daemon is up again", LONG, || (!watch.fires("InvokedDown")).then_some(()));
    assert!(!watch.fires("InvokedConservationBroken"));
    runtime.block_on(double.close());
}
