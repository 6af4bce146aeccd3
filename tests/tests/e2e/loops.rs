//! A chain of hand-overs that leaves the daemon and comes back.

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::{ACCOUNT, Config};
use invoked_tests::daemon::Site;
use invoked_tests::function::{Call, FunctionServer};
use invoked_tests::metrics::{DELIVERED, UNDELIVERED};
use invoked_tests::poll;

/// `here` tells `there` of another daemon, which knows it as a remote Function Compute.
fn config(region: &str, here: (&str, &str), there: (&str, &str), endpoint: &str) -> Config {
    let arn = format!("acs:fc:{}:{ACCOUNT}:functions/{}", there.0, there.1);
    Config::new()
        .set("account", "region", region)
        .function(here.0, here.1)
        .of_async(here.0, "on_success", arn.as_str())
        .set("sinks.fc.default", "endpoint", endpoint)
        .set("sinks.fc.default", "access_key_id", "id")
        .set("sinks.fc.default", "access_key_secret", "secret")
}

#[test]
fn two_daemons_that_tell_each_other_stop_after_sixteen_hand_overs() {
    let (ping, pong) = (FunctionServer::start(), FunctionServer::start());
    let (east, west) = (Site::new(Config::new()), Site::new(Config::new()));
    let url = |site: &Site| format!("http://{}", site.api);
    east.configure(config("cn-east", ("ping", &ping.url()), ("cn-west", "pong"), &url(&west)));
    west.configure(config("cn-west", ("pong", &pong.url()), ("cn-east", "ping"), &url(&east)));
    let (east, west) = (east.start(), west.start());

    // The fourteenth link of the chain: an envelope holds the one before it, so that sixteen of them
    // would be too large before they are too many.
    accepted(&east.send(&invoke_async("ping").header("x-invoked-lineage", 13).body("{}")));
    // Depths 13 and 15 here, 14 and 16 there.
    let lineage = |calls: Vec<Call>| -> Vec<String> {
        calls
            .iter()
            .filter_map(|call| Some(call.headers.first("x-invoked-lineage")?.to_owned()))
            .collect()
    };
    assert_eq!(lineage(ping.wait_for(2)), ["13", "15"]);
    assert_eq!(lineage(pong.wait_for(2)), ["14", "16"]);
    east.wait_until_idle();
    west.wait_until_idle();
    assert_eq!((ping.calls().len(), pong.calls().len()), (2, 2), "no further hand-over");

    poll::until("the fourth callback is settled", poll::SOON, || {
        (west.metrics().callbacks_settled() == 2).then_some(())
    });
    let (here, there) = (east.metrics(), west.metrics());
    assert_eq!((here.sum(DELIVERED, &[]), here.sum(UNDELIVERED, &[])), (2, 0));
    assert_eq!((there.sum(DELIVERED, &[]), there.sum(UNDELIVERED, &[])), (1, 1));
    let kept = west.admin("/v1/callbacks?status=Failed").json();
    assert_eq!(kept["callbacks"][0]["error"]["code"], "LoopDetected", "{kept}");
}
