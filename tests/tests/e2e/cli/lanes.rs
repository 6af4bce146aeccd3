//! Whole lanes from the command line, across restarts, and the counts of the store behind them.

use std::fs;

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::daemon::{said, stdout};
use invoked_tests::function::FunctionServer;
use serde_json::Value;

use super::{document, failed, run, site};

#[test]
fn a_function_is_held_across_a_restart_and_purged_and_its_store_agrees() {
    let worker = FunctionServer::start();
    let site = site(&worker);
    let daemon = site.start();
    let path = site.store().to_string_lossy().into_owned();
    let verify = ["store", "verify", "--path", &path];
    let held = document(&site, &["functions", "pause", "worker", "--note", "a deploy"]);
    assert_eq!(held["paused"], true);
    for _ in 0..5 {
        accepted(&daemon.send(&invoke_async("worker").body("{}")));
    }
    let error = failed(&site, &verify, 1);
    assert!(error.contains("in use"), "{error}");
    daemon.kill();

    let output = run(&site, &verify);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(stdout(&output).contains("5 live rows, 0 wrong"), "{}", said(&output));
    assert_eq!(document(&site, &["store", "stat", "--path", &path])["waiting_or_running"], 5);

    let daemon = site.start();
    assert_eq!(document(&site, &["functions", "count", "worker"])["enqueued"], 5);
    assert!(worker.calls().is_empty(), "the pause has outlived the daemon");
    failed(&site, &["tasks", "stop", "worker"], 2);
    failed(&site, &["tasks", "retry", "worker", "--all", "--prefix", "x"], 2);
    let old = ["tasks", "stop", "worker", "--older-than", "1h", "--dry-run"];
    let counted = document(&site, &old);
    assert_eq!((&counted["examined"], &counted["matched"]), (&5.into(), &0.into()), "{counted}");
    let of_alias = ["tasks", "stop", "worker", "--qualifier", "prod", "--dry-run"];
    let counted = document(&site, &of_alias);
    assert_eq!((&counted["examined"], &counted["matched"]), (&5.into(), &0.into()), "{counted}");
    for never in
        [&["functions", "purge", "worker"][..], &["callbacks", "redrive"], &["callbacks", "list"]]
    {
        let wrong = [never, &["--older-than", "2h", "--newer-than", "1h"]].concat();
        let error = failed(&site, &wrong, 2);
        assert!(error.contains("--newer-than is a later time than --older-than"), "{error}");
    }
    let purged =
        document(&site, &["functions", "purge", "worker", "--status", "Enqueued", "--wait"]);
    assert_eq!((&purged["state"], &purged["acted"]), (&"Done".into(), &5.into()), "{purged}");
    let resumed = document(&site, &["functions", "resume", "worker"]);
    assert_eq!((&resumed["paused"], &resumed["paused_since"]), (&false.into(), &Value::Null));
    document(&site, &["invoke", "worker", "--wait", "--payload", r#"{"n":1}"#]);
    assert_eq!(worker.calls().len(), 1, "what was purged never ran");
    let again = document(&site, &["tasks", "retry", "worker", "--status", "Stopped", "--wait"]);
    assert_eq!((&again["kind"], &again["acted"]), (&"Retry".into(), &5.into()), "{again}");
    worker.wait_for(6);
    daemon.wait_until_idle();
    daemon.stop();
    let output = run(&site, &verify);
    assert!(stdout(&output).contains("0 live rows, 0 wrong"), "{}", said(&output));
    let nothing = fs::canonicalize(".").expect("a directory").join("no-such-store");
    let error = failed(&site, &["store", "verify", "--path", &nothing.to_string_lossy()], 1);
    assert!(error.contains("no store") && !nothing.exists(), "{error}");
}
