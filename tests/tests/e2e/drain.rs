//! SIGTERM: stop accepting, let attempts end within `drain_timeout`, keep the rest.

use std::time::{Duration, Instant};

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::{http, poll};
use serde_json::json;

fn site(function: &FunctionServer, drain_timeout: &str) -> Site {
    let config = Config::new().set("dispatch", "drain_timeout", drain_timeout);
    Site::new(config.function("hello", &function.url()).of_function("hello", "concurrency", 1))
}

#[test]
fn a_running_attempt_ends_and_is_not_repeated() {
    let function = FunctionServer::start();
    let site = site(&function, "20s");
    let daemon = site.start();
    let running = accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["hold"]}))));
    let waiting = accepted(&daemon.send(&invoke_async("hello").body("{}")));
    function.wait_for(1);

    daemon.terminate();
    poll::soon("nothing more is accepted", || {
        http::send(site.api, &invoke_async("hello").body("{}"))
            .map_or(true, |answer| answer.status() == 503)
    });
    function.release();
    let status = daemon.exit(poll::SOON);
    assert!(status.success(), "{status}");
    assert_eq!(function.calls_of(&waiting).len(), 0, "nothing new was started");

    let daemon = site.start();
    daemon.wait_until_idle();
    assert_eq!(function.calls_of(&running).len(), 1, "what ended while draining is done");
    assert_eq!(function.calls_of(&waiting).len(), 1, "what was waiting has run");
}

#[test]
fn an_attempt_that_does_not_end_is_given_up_and_repeated_later() {
    let function = FunctionServer::start();
    let site = site(&function, "500ms");
    let daemon = site.start();
    let id = accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["hold"]}))));
    function.wait_for(1);

    let asked = Instant::now();
    daemon.terminate();
    let status = daemon.exit(Duration::from_secs(10));
    assert!(status.success(), "{status}");
    assert!(
        asked.elapsed() >= Duration::from_millis(400),
        "it was given {:?} only",
        asked.elapsed()
    );

    function.release();
    let daemon = site.start();
    daemon.wait_until_idle();
    assert!(function.calls_of(&id).len() >= 2);
}
