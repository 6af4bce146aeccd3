//! What the function sees: the custom-runtime protocol.

use std::time::{Duration, Instant};

use invoked_tests::api::{DELAY_HEADER, accepted, invoke_async, invoke_sync, request_id};
use invoked_tests::config::{ACCOUNT, Config, REGION};
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;

#[test]
fn the_function_gets_the_payload_as_sent_and_the_common_headers() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new().function("hello", &function.url()));
    let daemon = site.start();

    let payload: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let id = accepted(
        &daemon.send(&invoke_async("hello").header("authorization", "x").body(payload.clone())),
    );
    let call = function.wait_for(1).remove(0);

    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", "/invoke"));
    assert!(call.body == payload, "the payload is not what was sent");
    for (header, value) in [
        ("content-type", "application/octet-stream"),
        ("x-fc-request-id", id.as_str()),
        ("x-fc-function-name", "hello"),
        ("x-fc-control-path", "/invoke"),
        ("x-fc-qualifier", "LATEST"),
        ("x-fc-region", REGION),
        ("x-fc-account-id", ACCOUNT),
        ("x-invoked-attempt", "1"),
    ] {
        assert_eq!(call.headers.first(header), Some(value), "{header} of {:?}", call.headers);
    }
}

#[test]
fn no_credential_reaches_the_function() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new().function("hello", &function.url()));
    let daemon = site.start();
    accepted(&daemon.send(
        &invoke_async("hello").header("authorization", "ACS3-HMAC-SHA256 Credential=testid"),
    ));
    let call = function.wait_for(1).remove(0);
    for header in
        ["authorization", "x-fc-access-key-id", "x-fc-access-key-secret", "x-fc-security-token"]
    {
        let value = call.headers.first(header).unwrap_or_default();
        assert_eq!(value, "", "{header} reached the function");
    }
}

#[test]
fn a_synchronous_call_gives_the_result_of_the_function() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new().function("hello", &function.url()));
    let daemon = site.start();

    let response = daemon.send(&invoke_sync("hello").body(r#"{"say":"hi"}"#));
    assert_eq!((response.status(), response.text().as_str()), (200, r#"{"say":"hi"}"#));
    assert_eq!(response.headers.first("x-fc-error-type"), None);
    assert_eq!(function.calls()[0].request_id, request_id(&response));

    let failed = daemon.send(&invoke_sync("hello").body(r#"{"plan":["fail"]}"#));
    assert_eq!(failed.status(), 200, "a failed function is not a failed request");
    assert!(failed.headers.first("x-fc-error-type").is_some(), "{failed:?}");
    assert_eq!(failed.json()["errorMessage"], "as planned");
    assert_eq!(function.calls().len(), 2, "a synchronous call is not retried");
}

#[test]
fn a_delayed_invocation_runs_after_its_delay() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new().function("hello", &function.url()));
    let daemon = site.start();
    let sent = Instant::now();
    accepted(&daemon.send(&invoke_async("hello").header(DELAY_HEADER, 1)));
    let call = function.wait_for(1).remove(0);
    let waited = call.arrived - sent;
    assert!(waited >= Duration::from_secs(1), "it ran after {waited:?}");
}
