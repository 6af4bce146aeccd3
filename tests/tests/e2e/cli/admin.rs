//! Our clients of the admin listener: functions, retries of tasks, callbacks.

use std::process::{Child, Stdio};

use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, stdout};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Request, send};
use invoked_tests::poll;
use serde_json::{Map, Value};

use super::{command, document, failed, run, site};

#[test]
fn a_function_is_registered_replaced_and_deleted() {
    let worker = FunctionServer::start();
    let url = worker.url();
    let site = Site::new(Config::new().function("filed", &url));
    let daemon = site.start();

    let put = ["functions", "put", "mine", "--url", &url, "--timeout", "30s", "--concurrency", "4"];
    let mine = document(&site, &put);
    assert_eq!((&mine["timeout_ms"], &mine["concurrency"]), (&30_000.into(), &4.into()));
    let output = run(&site, &["invoke", "mine", "--payload", r#"{"n":1}"#]);
    assert_eq!(stdout(&output), r#"{"n":1}"#);
    let canary = ["--qualifier", "canary,concurrency=2", "--qualifier", "1,rate=5"];
    let of = document(&site, &[&["functions", "put", "mine", "--url", &url][..], &canary].concat());
    let of = &of["qualifiers"];
    assert_eq!((&of["canary"]["concurrency"], &of["1"]["rate"]), (&2.into(), &5.into()), "{of}");
    let twice = ["functions", "put", "mine", "--url", &url, "--qualifier", "1", "--qualifier", "1"];
    failed(&site, &twice, 2);
    let again = document(&site, &["functions", "put", "mine", "--url", &url]);
    assert_eq!(again["qualifiers"], Value::Object(Map::new()));
    assert_eq!(again["concurrency"], Value::Null, "all settings are replaced");

    let list = document(&site, &["functions", "list", "--prefix", "mi"]);
    assert_eq!(list["functions"].as_array().map(Vec::len), Some(1), "{list}");
    let error = failed(&site, &["functions", "delete", "filed"], 1);
    assert!(error.contains("OwnedByFile") && error.contains("next: "), "{error}");
    document(&site, &["functions", "delete", "mine"]);
    let error = failed(&site, &["functions", "get", "mine"], 1);
    assert!(error.contains("FunctionNotFound"), "{error}");
    daemon.stop();
}

/// `invoked dev` of the site; killed when dropped.
struct Playground(Child);

impl Playground {
    fn start(site: &Site, function: &str) -> Self {
        let child = command(site, &["dev", "--function", function])
            .env("INVOKED__SERVER__LISTEN", site.api.to_string())
            .env("INVOKED__ADMIN__LISTEN", site.admin.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let this = Self(child.expect("the program starts"));
        poll::soon("the playground is ready", || {
            send(site.admin, &Request::get("/readyz")).is_ok_and(|answer| answer.status() == 200)
        });
        this
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn what_a_playground_was_started_with_is_changed_by_another_start() {
    let worker = FunctionServer::start();
    let (site, url) = (Site::new(Config::new()), worker.url());
    let playground = Playground::start(&site, &format!("mine={url}"));
    let error = failed(&site, &["functions", "put", "mine", "--url", "http://127.0.0.1:9/"], 1);
    assert!(error.contains("OwnedByFile") && !error.contains("the configuration file"), "{error}");
    let advice = error.split("next: ").nth(1).expect("advice");
    assert!(advice.contains("`invoked dev` has no file"), "{error}");
    assert!(advice.contains("--function NAME=URL, or take another name"), "{error}");
    // There is nothing to reload, and both of the advice's ways lead on.
    assert!(failed(&site, &["reload"], 1).contains("NoReload"));
    assert_eq!(document(&site, &["functions", "put", "other", "--url", &url])["url"], url);
    drop(playground);
    let _again = Playground::start(&site, &format!("mine={url}/other"));
    assert_eq!(document(&site, &["functions", "get", "mine"])["url"], format!("{url}/other"));
}

#[test]
fn a_finished_task_is_run_again() {
    let worker = FunctionServer::start();
    let site = site(&worker);
    let daemon = site.start();
    let first = ["invoke", "worker", "--wait", "--task-id", "first", "--payload", r#"{"n":1}"#];
    document(&site, &first);
    let retried = ["tasks", "retry", "worker", "first", "--task-id", "second"];
    assert_eq!(document(&site, &retried)["task_id"], "second");
    worker.wait_for(2);
    daemon.wait_until_idle();
    let second = document(&site, &["tasks", "get", "worker", "second"]);
    assert_eq!(second["taskPayload"], r#"{"n":1}"#);
    let error = failed(&site, &retried, 1);
    assert!(error.contains("TaskExists"), "{error}");
    daemon.stop();
}

#[test]
fn callbacks_that_never_were_are_not_found() {
    let worker = FunctionServer::start();
    let site = site(&worker);
    let daemon = site.start();
    let none = document(&site, &["callbacks", "list", "--status", "failed"]);
    assert_eq!(none["callbacks"].as_array().map(Vec::len), Some(0));
    assert_eq!(stdout(&run(&site, &["callbacks", "list"])), "no callbacks\n");
    let error = failed(&site, &["callbacks", "get", "nothing"], 1);
    assert!(error.contains("CallbackNotFound"), "{error}");
    daemon.stop();
}
