//! A function of this daemon as the destination of another: the envelope (contract 5.3) and its count.

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::{ACCOUNT, Config, REGION};
use invoked_tests::daemon::Site;
use invoked_tests::function::{Call, FunctionServer};
use invoked_tests::metrics::{DELIVERED, UNDELIVERED};
use serde_json::{Value, json};

struct Scene {
    worker: FunctionServer,
    audit: FunctionServer,
    site: Site,
}

/// `worker` tells `audit` of everything, after one retry.
fn scene() -> Scene {
    let (worker, audit) = (FunctionServer::start(), FunctionServer::start());
    let config = Config::new()
        .function("worker", &worker.url())
        .function("audit", &audit.url())
        .tells("worker", "audit")
        .of_async("worker", "max_async_retry_attempts", 1);
    Scene { site: Site::new(config), worker, audit }
}

/// Invokes `worker` with this payload and returns its request id and the one callback that `audit` got.
fn callback_of(scene: &Scene, payload: &Value) -> (String, Call) {
    let daemon = scene.site.start();
    let before = daemon.metrics();
    let id = accepted(&daemon.send(&invoke_async("worker").json(payload)));
    scene.audit.wait_for(1);
    daemon.wait_until_idle();

    let worker = [("function", "worker")];
    let after = daemon.metrics();
    assert_eq!(after.sum(DELIVERED, &worker), before.sum(DELIVERED, &worker) + 1, "counted once");
    assert_eq!(after.sum(UNDELIVERED, &worker), 0);
    assert_eq!(after.accepted(), before.accepted() + 2, "the callback is an invocation of its own");
    let mut calls = scene.audit.calls();
    assert_eq!(calls.len(), 1, "delivered once");
    (id, calls.remove(0))
}

#[test]
fn success_is_told_with_payload_and_result() {
    let scene = scene();
    let payload = json!({"order": 17, "note": "grün \"zitiert\"\n"});
    let (id, callback) = callback_of(&scene, &payload);

    let envelope = callback.json();
    assert!(envelope["timestamp"].as_u64().is_some_and(|at| at > 1_700_000_000_000), "{envelope}");
    assert_eq!(
        envelope["requestContext"],
        json!({
            "requestId": id,
            "functionArn": format!("acs:fc:{REGION}:{ACCOUNT}:functions/worker"),
            "condition": "",
            "approximateInvokeCount": 1,
        })
    );
    assert_eq!(envelope["requestPayload"], Value::from(payload.to_string()));
    assert_eq!(envelope["responseContext"], json!({"statusCode": 200, "functionError": ""}));
    assert_eq!(
        envelope["responsePayload"],
        Value::from(payload.to_string()),
        "the function echoes"
    );
    assert_ne!(callback.request_id, id, "the child has an id of its own");
    assert_eq!(scene.worker.calls_of(&id).len(), 1);
}

#[test]
fn failure_is_told_after_the_last_retry_with_the_error_of_the_function() {
    let scene = scene();
    let payload = json!({"plan": ["fail"]});
    let (id, callback) = callback_of(&scene, &payload);

    let envelope = callback.json();
    let context = &envelope["requestContext"];
    assert_eq!(
        (&context["requestId"], &context["approximateInvokeCount"]),
        (&Value::from(id.as_str()), &json!(2))
    );
    assert_eq!(context["condition"], "InvocationError");
    assert_eq!(
        envelope["responseContext"],
        json!({"statusCode": 200, "functionError": "InvocationError"})
    );
    assert_eq!(envelope["requestPayload"], Value::from(payload.to_string()));
    assert_eq!(envelope["responsePayload"], r#"{"errorMessage":"as planned"}"#);
    assert_eq!(scene.worker.calls_of(&id).len(), 2);
}

#[test]
fn an_expired_invocation_is_told_though_it_never_ran() {
    let (worker, audit) = (FunctionServer::start(), FunctionServer::start());
    let config = Config::new().function("worker", &worker.url()).function("audit", &audit.url());
    let config = config.tells("worker", "audit").of_async("worker", "max_async_event_age", "1s");
    let scene = Scene { site: Site::new(config), worker, audit };
    let daemon = scene.site.start();
    let id =
        accepted(&daemon.send(&invoke_async("worker").header("x-fc-async-delay", 2).body("{}")));
    let envelope = scene.audit.wait_for(1).remove(0).json();
    assert_eq!(envelope["requestContext"]["requestId"], Value::from(id));
    assert_ne!(
        envelope["requestContext"]["condition"], "",
        "a condition of ours, not that of a success"
    );
    assert!(scene.worker.calls().is_empty());
}

#[test]
fn both_counters_stand_at_zero_for_every_function_from_the_start() {
    let scene = scene();
    let daemon = scene.site.start();
    let metrics = daemon.metrics();
    for name in [DELIVERED, UNDELIVERED] {
        for function in ["worker", "audit"] {
            let labels = [("function", function)];
            let sample = metrics.family(name, &labels).next();
            let sample = sample.unwrap_or_else(|| panic!("no {name} for {function}"));
            assert_eq!(sample.value, 0.0);
            let labels: Vec<_> = sample.labels.keys().map(String::as_str).collect();
            assert_eq!(labels, ["destination", "function", "qualifier"]);
        }
    }
}
