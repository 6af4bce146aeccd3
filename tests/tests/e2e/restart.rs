//! What survives the process.

use std::collections::BTreeSet;

use invoked_tests::api::{DELAY_HEADER, accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::poll;
use serde_json::json;

const WAITING: usize = 30;

/// A function that holds the first call and lets nothing past it.
fn blocked(function: &FunctionServer) -> Site {
    let config = Config::new().set("dispatch", "drain_timeout", "500ms");
    Site::new(config.function("hello", &function.url()).of_function("hello", "concurrency", 1))
}

#[test]
fn waiting_invocations_run_after_a_kill() {
    let function = FunctionServer::start();
    let site = blocked(&function);
    let daemon = site.start();
    let held = json!({"plan": ["hold"]});
    let ids: BTreeSet<_> =
        (0..WAITING).map(|_| accepted(&daemon.send(&invoke_async("hello").json(&held)))).collect();
    assert_eq!(ids.len(), WAITING, "request ids are distinct");
    function.wait_for(1);
    daemon.kill();

    function.release();
    let daemon = site.start();
    poll::soon("every accepted invocation has run", || {
        let ran: BTreeSet<_> = function.calls().into_iter().map(|call| call.request_id).collect();
        ids.is_subset(&ran)
    });
    daemon.wait_until_idle();
}

#[test]
fn waiting_invocations_run_after_a_clean_stop() {
    let function = FunctionServer::start();
    let site = blocked(&function);
    let daemon = site.start();
    let held = json!({"plan": ["hold"]});
    let ids: BTreeSet<_> =
        (0..WAITING).map(|_| accepted(&daemon.send(&invoke_async("hello").json(&held)))).collect();
    function.wait_for(1);
    daemon.stop();

    let daemon = site.start();
    assert_eq!(daemon.metrics().backlog(), WAITING as u64, "all of them are still waiting");
    function.release();
    daemon.wait_until_idle();
    let ran: BTreeSet<_> = function.calls().into_iter().map(|call| call.request_id).collect();
    assert_eq!(ran, ids);
}

#[test]
fn a_retry_and_a_delay_that_were_pending_are_kept() {
    let function = FunctionServer::start();
    let config = Config::new().set("dispatch", "retry_initial_interval", "1s");
    let site = Site::new(config.function("hello", &function.url()));
    let daemon = site.start();
    let retried =
        accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["fail", "ok"]}))));
    let delayed = accepted(&daemon.send(&invoke_async("hello").header(DELAY_HEADER, 2).body("{}")));
    function.wait_for(1);
    // The failure is durable once the invocation waits again; killed before, the first attempt is repeated.
    daemon.kill();

    let daemon = site.start();
    daemon.wait_until_idle();
    assert_eq!(function.calls_of(&delayed).len(), 1);
    let attempts: Vec<_> = function.calls_of(&retried).iter().map(|call| call.attempt).collect();
    assert!(attempts.len() >= 2 && attempts.is_sorted(), "{attempts:?}");
}

#[test]
fn counts_survive_a_kill() {
    let (worker, audit) = (FunctionServer::start(), FunctionServer::start());
    let config = Config::new().function("worker", &worker.url()).function("audit", &audit.url());
    let site = Site::new(config.tells("worker", "audit"));
    let daemon = site.start();
    for _ in 0..5 {
        accepted(&daemon.send(&invoke_async("worker").body("{}")));
    }
    audit.wait_for(5);
    daemon.wait_until_idle();
    let before = daemon.metrics();
    daemon.kill();
    let after = site.start().metrics();
    assert_eq!((before.callbacks_settled(), after.callbacks_settled()), (5, 5));
    assert_eq!(before.accepted(), after.accepted());
}

#[test]
fn what_waits_goes_where_the_file_says_from_the_first_attempt_on() {
    let (old, new) = (FunctionServer::start(), FunctionServer::start());
    let site = blocked(&old);
    let daemon = site.start();
    let held = json!({"plan": ["hold"]});
    for _ in 0..WAITING {
        accepted(&daemon.send(&invoke_async("hello").json(&held)));
    }
    old.wait_for(1);
    daemon.kill();
    old.release();
    new.release();
    // Those that are new take a while to be brought in.
    let others = (0..500).map(|number| format!("other-{number}"));
    let config = Config::new().function("hello", &new.url());
    site.configure(others.fold(config, |config, name| config.function(&name, &new.url())));
    let daemon = site.start();
    daemon.wait_until_idle();
    assert_eq!((old.calls().len(), new.calls().len()), (1, WAITING));
}
