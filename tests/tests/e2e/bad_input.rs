//! Bad input, as a table: each row gets the error that the contract names, with field and limit in its message, in
//! the body that every official client can read; and nothing is stored.

use invoked_tests::api::{
    DELAY_HEADER, TASK_HEADER, accepted, error, get_config, get_task, invoke_async, put_config,
    request_id,
};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::Request;
use serde_json::json;

const PAYLOAD_BYTES_MAX: usize = 131_072;
const ATTEMPTS: &str = "maxAsyncRetryAttempts";
const AGE: &str = "maxAsyncEventAgeInSeconds";

struct Row {
    claim: &'static str,
    request: Request,
    status: u16,
    /// The codes that the contract allows; it leaves some open.
    codes: &'static [&'static str],
    /// What the message has to name, in any case: the field and its limit.
    names: &'static [&'static str],
}

fn row(
    claim: &'static str,
    request: Request,
    (status, codes): (u16, &'static [&'static str]),
    names: &'static [&'static str],
) -> Row {
    Row { claim, request, status, codes, names }
}

const INVALID: (u16, &[&str]) = (400, &["InvalidArgument"]);
const BAD_DESTINATION: (u16, &[&str]) = (400, &["InvalidArgument", "InvalidDestinationResources"]);

struct Scene {
    function: FunctionServer,
    site: Site,
}

/// `hello` is plain, `tasks` is in task mode, `web` is an HTTP function.
fn scene() -> Scene {
    let function = FunctionServer::start();
    let config = Config::new()
        .function("hello", &function.url())
        .function("tasks", &function.url())
        .of_async("tasks", "async_task", true)
        .function("web", &function.url())
        .of_function("web", "kind", "http");
    Scene { site: Site::new(config), function }
}

/// Sends every row and checks the answer, then that the daemon is as it was.
fn refuses(daemon: &Daemon, rows: Vec<Row>) {
    let before = daemon.metrics();
    for Row { claim, request, status, codes, names } in rows {
        let response = daemon.send(&request);
        assert_eq!(response.status(), status, "{claim}: {}", response.text());
        let (code, message) = error(&response);
        assert!(codes.contains(&code.as_str()), "{claim}: {code} ({message})");
        for name in names {
            assert!(
                message.to_lowercase().contains(&name.to_lowercase()),
                "{claim}: no {name:?} in {message:?}"
            );
        }
    }
    let after = daemon.metrics();
    assert_eq!(
        (after.accepted(), after.backlog()),
        (before.accepted(), before.backlog()),
        "something was stored"
    );
}

#[test]
fn invocations_out_of_bounds_are_refused() {
    let scene = scene();
    let daemon = scene.site.start();
    let delayed = |delay: &str| invoke_async("hello").header(DELAY_HEADER, delay).body("{}");
    let task = |id: &str| invoke_async("tasks").header(TASK_HEADER, id).body("{}");
    let too_large = invoke_async("hello").body(vec![b'x'; PAYLOAD_BYTES_MAX + 1]);
    refuses(
        &daemon,
        vec![
            row(
                "a payload over the limit",
                too_large,
                (400, &["EntityTooLarge"]),
                &["payload", "131072"],
            ),
            row("a delay over the limit", delayed("3601"), INVALID, &[DELAY_HEADER, "3600"]),
            row("a negative delay", delayed("-1"), INVALID, &[DELAY_HEADER, "3600"]),
            row("a delay that is no number", delayed("abc"), INVALID, &[DELAY_HEADER]),
            row("a fraction of a second", delayed("0.5"), INVALID, &[DELAY_HEADER]),
            row("a task id that starts with a digit", task("9lives"), INVALID, &[TASK_HEADER]),
            row("a task id with a space", task("a b"), INVALID, &[TASK_HEADER]),
            row("a task id over the limit", task(&"a".repeat(129)), INVALID, &[TASK_HEADER, "128"]),
            row(
                "an unknown function",
                invoke_async("nobody"),
                (404, &["FunctionNotFound"]),
                &["nobody"],
            ),
        ],
    );
    assert!(scene.function.calls().is_empty(), "a refused invocation ran");
}

#[test]
fn invocations_at_the_bounds_are_accepted() {
    let scene = scene();
    let daemon = scene.site.start();
    let before = daemon.metrics().accepted();
    for request in [
        invoke_async("hello").body(vec![b'x'; PAYLOAD_BYTES_MAX]),
        invoke_async("hello").header(DELAY_HEADER, 0),
        invoke_async("hello").header(DELAY_HEADER, 3600),
        invoke_async("tasks").header(TASK_HEADER, "_".repeat(128)),
    ] {
        accepted(&daemon.send(&request));
    }
    // The control of every "nothing was stored" in this file: the counters do move.
    assert_eq!(daemon.metrics().accepted(), before + 4);
}

#[test]
fn a_task_id_used_twice_is_a_conflict_and_leaves_the_first_as_it_is() {
    let scene = scene();
    let daemon = scene.site.start();
    let first =
        daemon.send(&invoke_async("tasks").header(TASK_HEADER, "once").body(r#"{"first":true}"#));
    let first = accepted(&first);
    scene.function.wait_for(1);
    daemon.wait_until_idle();

    let again = invoke_async("tasks").header(TASK_HEADER, "once").body(r#"{"first":false}"#);
    let conflict = (409, &["StatefulAsyncInvocationAlreadyExists"][..]);
    refuses(&daemon, vec![row("a task id used twice", again, conflict, &["once"])]);

    let record = daemon.send(&get_task("tasks", "once")).json();
    assert_eq!(
        (&record["requestId"], &record["taskPayload"]),
        (&json!(first), &json!(r#"{"first":true}"#))
    );
    assert_eq!(scene.function.calls().len(), 1);
}

#[test]
fn async_invoke_configs_out_of_bounds_are_refused() {
    let scene = scene();
    let daemon = scene.site.start();
    let put = |body: serde_json::Value| put_config("hello").json(&body);
    let to = |arn: &str| put(json!({"destinationConfig": {"onSuccess": {"destination": arn}}}));
    refuses(
        &daemon,
        vec![
            row("malformed JSON", put_config("hello").body(r#"{"maxAsync"#), INVALID, &["json"]),
            row("JSON that is no object", put_config("hello").body("[1]"), INVALID, &[]),
            row(
                "an unknown kind of ARN",
                to("acs:oss:::bucket"),
                BAD_DESTINATION,
                &["onSuccess", "acs:oss:::bucket"],
            ),
            row("no ARN at all", to("queue"), BAD_DESTINATION, &["onSuccess"]),
            row(
                "itself as destination",
                to("acs:fc:::functions/hello"),
                BAD_DESTINATION,
                &["hello"],
            ),
            row(
                "an HTTP function as destination",
                to("acs:fc:::functions/web"),
                BAD_DESTINATION,
                &["web"],
            ),
            row("too many retries", put(json!({ATTEMPTS: 9})), INVALID, &[ATTEMPTS, "8"]),
            row("fewer than no retries", put(json!({ATTEMPTS: -1})), INVALID, &[ATTEMPTS, "8"]),
            row("retries that are no number", put(json!({ATTEMPTS: "many"})), INVALID, &[ATTEMPTS]),
            row("no time to live", put(json!({AGE: 0})), INVALID, &[AGE, "2592000"]),
            row(
                "too long a time to live",
                put(json!({AGE: 2_592_001})),
                INVALID,
                &[AGE, "2592000"],
            ),
            row(
                "a config of nobody",
                put_config("nobody").body("{}"),
                (404, &["FunctionNotFound"]),
                &["nobody"],
            ),
        ],
    );
    let missing = daemon.send(&get_config("hello"));
    assert_eq!(missing.status(), 404, "a refused configuration was stored: {}", missing.text());
    assert_eq!(error(&missing).0, "AsyncConfigNotExists");
}

#[test]
fn unknown_paths_and_tasks_get_an_error_that_clients_can_read() {
    let scene = scene();
    let daemon = scene.site.start();
    let unknown = (404, &["StatefulAsyncInvocationNotFound"][..]);
    refuses(
        &daemon,
        vec![
            row(
                "an unknown path",
                Request::get("/2023-03-30/nothing"),
                (400, &["PathNotSupported"]),
                &["nothing"],
            ),
            row(
                "an unknown version",
                Request::get("/2001-01-01/functions"),
                (400, &["PathNotSupported"]),
                &[],
            ),
            row("an unknown task", get_task("tasks", "nobody"), unknown, &["nobody"]),
        ],
    );
}

#[test]
fn every_refusal_has_a_request_id_of_its_own() {
    let scene = scene();
    let daemon = scene.site.start();
    let id = || request_id(&daemon.send(&invoke_async("nobody")));
    assert_ne!(id(), id());
}
