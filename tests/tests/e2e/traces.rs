//! A trace that a caller began goes on: to every attempt, over a kill, and to whoever is told.

use invoked_tests::api::{accepted, invoke_async, invoke_sync};
use invoked_tests::config::{ACCOUNT, Config};
use invoked_tests::daemon::Site;
use invoked_tests::function::{Call, FunctionServer};
use invoked_tests::http::Request;
use serde_json::json;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

fn traced(request: Request) -> Request {
    request.header("traceparent", PARENT).header("tracestate", STATE)
}

fn context(call: &Call) -> (Option<&str>, Option<&str>) {
    (call.headers.first("traceparent"), call.headers.first("tracestate"))
}

#[test]
fn it_reaches_every_attempt_over_a_kill_and_the_functions_that_are_told() {
    let [work, near, far] = std::array::from_fn(|_| FunctionServer::start());
    let there = Site::new(Config::new().function("far", &far.url()));
    let there_arn = format!("acs:fc:cn-far:{ACCOUNT}:functions/far");
    let config = Config::new()
        .set("dispatch", "retry_initial_interval", "1s")
        .set("sinks.fc.default", "endpoint", format!("http://{}", there.api))
        .set("sinks.fc.default", "access_key_id", "id")
        .set("sinks.fc.default", "access_key_secret", "secret")
        .function("work", &work.url())
        .of_async("work", "on_success", "acs:fc:::functions/near")
        .function("near", &near.url())
        .of_async("near", "on_success", there_arn.as_str());
    let here = Site::new(config);
    let (there, daemon) = (there.start(), here.start());

    let plan = json!({"plan": ["fail", "ok"]});
    accepted(&daemon.send(&traced(invoke_async("work").json(&plan))));
    work.wait_for(1);
    daemon.kill();
    let daemon = here.start();
    daemon.wait_until_idle();
    there.wait_until_idle();
    // A kill may repeat the first attempt.
    let calls = [work.calls(), near.calls(), far.calls()].concat();
    assert!(calls.len() >= 4, "two attempts, and two that are told");
    for call in &calls {
        assert_eq!(context(call), (Some(PARENT), Some(STATE)), "{:?}", call.path);
    }
}

#[test]
fn a_synchronous_call_passes_it_on_and_what_is_none_is_passed_over() {
    let work = FunctionServer::start();
    let site = Site::new(Config::new().function("work", &work.url()));
    let daemon = site.start();
    let sync = || invoke_sync("work").body("{}");
    assert_eq!(daemon.send(&traced(sync())).status(), 200);
    for (parent, state) in [("00-1-2-01", STATE), (PARENT, "no state")] {
        let request = sync().header("traceparent", parent).header("tracestate", state);
        assert_eq!(daemon.send(&request).status(), 200);
    }
    let twice = traced(sync()).header("traceparent", PARENT);
    assert_eq!(daemon.send(&twice).status(), 200, "whose is it?");
    let calls = work.calls();
    let contexts: Vec<_> = calls.iter().map(context).collect();
    let none = (None, None);
    assert_eq!(contexts, [(Some(PARENT), Some(STATE)), none, (Some(PARENT), None), none]);
}
