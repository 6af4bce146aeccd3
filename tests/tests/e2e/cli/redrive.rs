//! A callback that failed, found, tried and sent again from the command line.

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::{ACCOUNT, Config};
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::metrics::{DELIVERED, UNDELIVERED};
use invoked_tests::poll;
use serde_json::Value;

use super::{document, failed, run};

#[test]
fn a_failed_callback_is_sent_again_once_its_destination_is_there() {
    let (worker, audit) = (FunctionServer::start(), FunctionServer::start());
    // The other daemon does not know the function yet.
    let west = Site::new(Config::new().set("account", "region", "cn-west"));
    let arn = format!("acs:fc:cn-west:{ACCOUNT}:functions/audit");
    let east = Site::new(
        Config::new()
            .set("account", "region", "cn-east")
            .function("worker", &worker.url())
            .of_async("worker", "on_success", arn.as_str())
            .set("sinks.fc.default", "endpoint", format!("http://{}", west.api))
            .set("sinks.fc.default", "access_key_id", "id")
            .set("sinks.fc.default", "access_key_secret", "secret"),
    );
    let (daemon, other) = (east.start(), west.start());
    accepted(&daemon.send(&invoke_async("worker").body("{}")));
    let list = ["callbacks", "list", "--status", "failed", "--code", "FunctionNotFound"];
    let callback = poll::until("the callback has failed", poll::SOON, || {
        document(&east, &list)["callbacks"].get(0).cloned()
    });
    assert_eq!(callback["destination"], arn.as_str());
    let older = document(&east, &["callbacks", "list", "--older-than", "1h"]);
    assert_eq!(older["callbacks"], Value::Array(Vec::new()), "it is not an hour old");
    let said = failed(&east, &["destinations", "probe", &arn], 1);
    assert!(said.contains("FunctionNotFound"), "{said}");
    failed(&east, &["callbacks", "redrive"], 2);

    document(&west, &["functions", "put", "audit", "--url", &audit.url()]);
    let by_code = ["callbacks", "redrive", "--code", "FunctionNotFound"];
    let counted = document(&east, &[&by_code[..], &["--dry-run"]].concat());
    assert_eq!((&counted["matched"], &counted["redriven"]), (&1.into(), &0.into()), "{counted}");
    assert!(audit.calls().is_empty(), "it was only counted");

    let id = callback["id"].as_str().expect("an id");
    let redriven = document(&east, &["callbacks", "redrive", id, "--wait"]);
    assert_eq!((&redriven["state"], &redriven["redriven"]), (&"Done".into(), &1.into()));
    let told = audit.wait_for(1).remove(0).json();
    assert_eq!(told["requestContext"]["requestId"], callback["request_id"]);
    poll::soon("it is kept no more", || {
        document(&east, &["callbacks", "list"])["callbacks"] == Value::Array(Vec::new())
    });
    // Without --wait it goes on when the command has ended.
    let begun = run(&east, &["callbacks", "redrive", "--all"]);
    let begun = String::from_utf8_lossy(&begun.stderr);
    assert!(begun.contains("GET /v1/operations/") && begun.contains("--wait"), "{begun}");
    // The callback counts once, as it ended first; the redrive counts apart.
    let metrics = daemon.metrics();
    let redriven = metrics.sum("invoked_callback_redrives_delivered_total", &[]);
    assert_eq!((metrics.sum(DELIVERED, &[]), metrics.sum(UNDELIVERED, &[])), (0, 1));
    assert_eq!(redriven, 1);
    let shown = document(&east, &["destinations", "list"]);
    assert_eq!(shown["destinations"][0]["destination"], arn.as_str());
    assert_eq!(shown["destinations"][0]["breaker"], "Closed");
    daemon.stop();
    other.stop();
}
