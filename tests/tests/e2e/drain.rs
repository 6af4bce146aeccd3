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

    assert!(site.said().contains("\"phase\":\"mark\""), "{}", site.said());

    function.release();
    let daemon = site.start();
    daemon.wait_until_idle();
    assert!(function.calls_of(&id).len() >= 2);
}

#[test]
fn each_phase_is_seen_while_it_lasts_and_readyz_goes_first() {
    let function = FunctionServer::start();
    let site = site(&function, "20s");
    let daemon = site.start();
    let phase = |name: &str| daemon.metrics().sum("invoked_drain_phase", &[("phase", name)]);
    assert_eq!(["refuse", "drain", "mark", "close"].map(&phase), [0, 0, 0, 0]);
    accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["hold"]}))));
    function.wait_for(1);
    daemon.terminate();
    poll::soon("it is not ready", || daemon.admin("/readyz").status() == 503);
    poll::soon("it drains", || phase("drain") == 1);
    assert_eq!(["refuse", "mark", "close"].map(&phase), [0, 0, 0]);
    function.release();
    assert!(daemon.exit(poll::SOON).success());
    let said = site.said();
    let at = |name: &str| said.find(&format!("\"phase\":\"{name}\"")).unwrap_or(usize::MAX);
    assert!(at("refuse") < at("drain") && at("drain") < at("close"), "{said}");
    assert_eq!(at("mark"), usize::MAX, "nothing was left to mark");
}

#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() {
    let function = FunctionServer::start();
    let site = site(&function, "1h");
    let daemon = site.start();
    let running = accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["hold"]}))));
    let waiting = accepted(&daemon.send(&invoke_async("hello").body("{}")));
    function.wait_for(1);
    daemon.terminate();
    poll::soon("it drains", || {
        daemon.metrics().sum("invoked_drain_phase", &[("phase", "drain")]) == 1
    });
    // Signals that are closer together than a quarter of a second are one.
    std::thread::sleep(Duration::from_millis(300));
    daemon.terminate();
    let status = daemon.exit(poll::SOON);
    assert_eq!(status.code(), Some(1), "{status}");

    function.release();
    let daemon = site.start();
    daemon.wait_until_idle();
    for id in [running, waiting] {
        assert!(!function.calls_of(&id).is_empty(), "{id} has run");
    }
    assert_eq!(daemon.metrics().accepted(), 2);
}
