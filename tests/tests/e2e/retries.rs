//! What is tried again, how often, and with which number.

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use serde_json::json;

/// The attempt numbers that the function saw of one invocation with this plan, once it has ended.
fn attempts(daemon: &Daemon, function: &FunctionServer, plan: &[&str]) -> Vec<u32> {
    let id = accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": plan}))));
    daemon.wait_until_idle();
    let calls = function.calls_of(&id);
    assert!(!calls.is_empty(), "idle before the function was called");
    calls.iter().map(|call| call.attempt).collect()
}

fn site(function: &FunctionServer, retries: u32) -> Site {
    let config = Config::new().function("hello", &function.url());
    Site::new(config.of_async("hello", "max_async_retry_attempts", retries))
}

#[test]
fn a_function_error_is_tried_again_with_the_same_id_and_the_next_number() {
    let function = FunctionServer::start();
    let site = site(&function, 3);
    let daemon = site.start();
    assert_eq!(attempts(&daemon, &function, &["fail", "fail", "ok"]), [1, 2, 3]);
}

#[test]
fn a_function_error_is_tried_again_only_as_often_as_configured() {
    let function = FunctionServer::start();
    let site = site(&function, 1);
    let daemon = site.start();
    assert_eq!(attempts(&daemon, &function, &["fail"]), [1, 2]);
}

#[test]
fn without_retries_a_function_error_is_final() {
    let function = FunctionServer::start();
    let site = site(&function, 0);
    let daemon = site.start();
    assert_eq!(attempts(&daemon, &function, &["fail"]), [1]);
    // Any other status without x-fc-status is a function error, too.
    assert_eq!(attempts(&daemon, &function, &["status:500"]), [1]);
}

#[test]
fn throttling_and_system_errors_do_not_use_up_the_retries() {
    let function = FunctionServer::start();
    let site = site(&function, 0);
    let daemon = site.start();
    for step in ["status:429", "status:502", "status:503", "status:504", "drop"] {
        let attempts = attempts(&daemon, &function, &[step, "ok"]);
        assert_eq!(attempts.len(), 2, "{step}: {attempts:?}");
    }
}

#[test]
fn a_retry_waits_longer_than_the_one_before() {
    let function = FunctionServer::start();
    let config = Config::new().set("dispatch", "retry_initial_interval", "200ms");
    let config =
        config.function("hello", &function.url()).of_async("hello", "max_async_retry_attempts", 2);
    let site = Site::new(config);
    let daemon = site.start();
    accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["fail"]}))));
    let calls = function.wait_for(3);
    let waits: Vec<_> = calls.windows(2).map(|pair| pair[1].arrived - pair[0].arrived).collect();
    // Doubled, with jitter on both: the second is longer, if not by half.
    assert!(waits[0].as_millis() >= 100 && waits[1] > waits[0], "{waits:?}");
}

#[test]
fn an_attempt_longer_than_the_timeout_is_a_function_error() {
    let function = FunctionServer::start();
    let config =
        Config::new().function("hello", &function.url()).of_function("hello", "timeout", "200ms");
    let site = Site::new(config.of_async("hello", "max_async_retry_attempts", 1));
    let daemon = site.start();
    assert_eq!(attempts(&daemon, &function, &["hold", "ok"]), [1, 2]);
}
