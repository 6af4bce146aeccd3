//! A disk that fills up: accepts stop, running work finishes where it can, and all comes back without a restart.

use std::collections::BTreeSet;

use invoked_tests::api::{accepted, error, invoke_async, invoke_sync};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::disk::SmallDisk;
use invoked_tests::function::FunctionServer;
use invoked_tests::poll;
use serde_json::json;

fn site(function: &FunctionServer, disk: &SmallDisk) -> Site {
    let config = Config::new()
        .function("hello", &function.url())
        .of_function("hello", "concurrency", 16)
        .function("told", &function.url())
        .tells("hello", "told");
    Site::new(disk.holds(config))
}

/// Sends until new work is refused for want of room; the ids of what was accepted on the way.
fn until_refused(daemon: &Daemon<'_>) -> Vec<String> {
    let mut taken = Vec::new();
    let refused = poll::until("new work is refused", poll::SOON, || {
        let answer = daemon.send(&invoke_async("hello").body("{}"));
        if answer.status() == 202 {
            taken.push(accepted(&answer));
            return None;
        }
        assert_eq!(answer.status(), 503, "{}", answer.text());
        // What came while the last room went is answered when its time is up; it may run or not.
        (answer.headers.first("retry-after") != Some("1")).then_some(answer)
    });
    assert_eq!(refused.headers.first("retry-after"), Some("10"));
    let (code, message) = error(&refused);
    assert_eq!(code, "ServiceUnavailable");
    assert!(message.contains("no room left in the store"), "{message}");
    taken
}

fn until_taken(daemon: &Daemon<'_>) -> String {
    poll::until("new work is taken again", poll::SOON, || {
        let answer = daemon.send(&invoke_async("hello").body("{}"));
        (answer.status() == 202).then(|| accepted(&answer))
    })
}

/// Everything that was accepted has run, and its callback has been made.
fn all_have_run(function: &FunctionServer, daemon: &Daemon<'_>, ids: &[String]) {
    daemon.wait_until_idle();
    let ran: BTreeSet<_> = function.calls().iter().map(|call| call.request_id.clone()).collect();
    let missing: Vec<_> = ids.iter().filter(|id| !ran.contains(*id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let told = u64::try_from(ids.len()).expect("few");
    assert!(daemon.metrics().callbacks_settled() >= told);
}

fn reason(daemon: &Daemon<'_>, family: &str) -> u64 {
    daemon.metrics().sum(family, &[("reason", "disk")])
}

#[test]
fn accepts_stop_work_finishes_and_all_comes_back_without_a_restart() {
    let (function, disk) = (FunctionServer::start(), SmallDisk::new());
    let site = site(&function, &disk);
    let daemon = disk.start(&site);
    let hold = json!({"plan": ["hold"]});
    let mut ids: Vec<_> =
        (0..8).map(|_| accepted(&daemon.send(&invoke_async("hello").json(&hold)))).collect();
    function.wait_for(8);
    assert_eq!(reason(&daemon, "invoked_admission_state"), 0);
    assert_eq!(reason(&daemon, "invoked_admission_refused_total"), 0);

    disk.make_tight(&daemon);
    ids.extend(until_refused(&daemon));
    assert_eq!(daemon.admin("/readyz").status(), 503);
    assert_eq!(daemon.admin("/healthz").status(), 200);
    let status = daemon.admin("/v1/status").json();
    assert_eq!(status["admission"]["refused_for"], json!(["disk"]), "{status}");
    assert_eq!(reason(&daemon, "invoked_admission_state"), 1);
    assert!(reason(&daemon, "invoked_admission_refused_total") >= 1);
    assert_eq!(daemon.send(&invoke_sync("hello").body("{}")).status(), 200);

    // What runs ends, durably, and its callbacks are made: the reserve is for them.
    function.release();
    all_have_run(&function, &daemon, &ids);
    until_refused(&daemon);

    disk.make_room(&daemon);
    ids.push(until_taken(&daemon));
    all_have_run(&function, &daemon, &ids);
    assert_eq!(daemon.admin("/readyz").status(), 200);
    let said = site.said();
    for (line, what) in [("are refused: no room", "refused"), ("are taken again", "taken again")] {
        assert_eq!(said.matches(line).count(), 1, "one line says that new work is {what}: {said}");
    }
    daemon.stop();
}

#[test]
fn not_a_byte_left_loses_nothing() {
    let (function, disk) = (FunctionServer::start(), SmallDisk::new());
    if !disk.is_own() {
        // Nobody may fill a disk that is everybody's; how a tight one is met is seen above.
        return;
    }
    let site = site(&function, &disk);
    let daemon = disk.start(&site);
    let hold = json!({"plan": ["hold"], "padding": "x".repeat(50_000)});
    let mut ids: Vec<_> =
        (0..200).map(|_| accepted(&daemon.send(&invoke_async("hello").json(&hold)))).collect();
    function.wait_for(16);

    disk.fill(&daemon);
    assert_eq!(disk.free(&daemon), 0);
    ids.extend(until_refused(&daemon));
    // Attempts end and nothing can be written of it: it waits, and the process goes on.
    function.release();
    poll::soon("commits are behind", || {
        let status = daemon.admin("/v1/status").json();
        status["admission"]["refused_for"] == json!(["disk", "commit_lag"])
    });
    assert_eq!(daemon.send(&invoke_sync("hello").body("{}")).status(), 200);
    assert_eq!(daemon.metrics().callbacks_settled(), 0);

    disk.make_room(&daemon);
    ids.push(until_taken(&daemon));
    all_have_run(&function, &daemon, &ids);
    daemon.stop();
}

#[test]
fn a_store_that_filled_its_disk_itself_gives_room_back_when_its_work_is_done() {
    let (function, disk) = (FunctionServer::start(), SmallDisk::new());
    if !disk.is_own() {
        return;
    }
    let site = site(&function, &disk);
    let daemon = disk.start(&site);
    let hold = json!({"plan": ["hold"], "padding": "x".repeat(120_000)});
    let request = invoke_async("told").json(&hold);
    let mut ids = Vec::new();
    let refused = poll::until("the disk is full", poll::SOON * 3, || {
        for _ in 0..16 {
            let answer = daemon.send(&request);
            if answer.status() != 202 {
                return Some(answer);
            }
            ids.push(accepted(&answer));
        }
        None
    });
    let (_, message) = error(&refused);
    assert!(message.contains("no room left in the store"), "{message}");

    function.release();
    poll::until("the work is done", poll::SOON * 3, || {
        (daemon.metrics().backlog() == 0).then_some(())
    });
    ids.push(poll::until("room is given back", poll::SOON * 2, || {
        let answer = daemon.send(&invoke_async("hello").body("{}"));
        (answer.status() == 202).then(|| accepted(&answer))
    }));
    function.wait_for(ids.len());
    daemon.stop();
}
