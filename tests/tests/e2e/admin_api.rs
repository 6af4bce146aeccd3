//! The admin API of the real binary, looked at by Schemathesis: no 500, nothing that its description does not say.

use std::process::Command;

use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Message, Request, send};
use invoked_tests::{poll, ports, tools};

const TOKEN: &str = "a-token-for-this-test";
/// Cases for each operation and phase; more find nothing that these do not.
const EXAMPLES: &str = "40";

/// A daemon with something of everything: tasks that ended well and badly, callbacks that were given up, a function
/// that is gone.
fn site() -> (FunctionServer, Site) {
    let function = FunctionServer::start();
    let nowhere = "acs:fc:::functions/nowhere";
    let config = Config::new()
        .set("sinks.fc.default", "endpoint", format!("http://{}", ports::free()))
        .set("sinks.fc.default", "access_key_id", "id")
        .set("sinks.fc.default", "access_key_secret", "secret")
        .set("callback", "max_elapsed", "1s")
        .function("tasks", &function.url())
        .of_async("tasks", "async_task", true)
        .of_async("tasks", "max_async_retry_attempts", 0)
        .of_async("tasks", "on_failure", nowhere)
        .of_async("tasks", "on_success", nowhere)
        .set("admin.tokens.tester", "role", "admin")
        .set("admin.tokens.tester", "token", TOKEN);
    (function, Site::new(config))
}

fn admin(site: &Site, method: &'static str, path: &str, body: &str) -> Message {
    let bearer = format!("Bearer {TOKEN}");
    let request = Request::new(method, path)
        .header("authorization", &bearer)
        .header("x-invoked-admin", "1")
        .header("content-type", "application/json")
        .body(body);
    send(site.admin, &request).expect("the admin listener answers")
}

fn fill(site: &Site, daemon: &Daemon<'_>, function: &FunctionServer) {
    for name in ["gone", "svc$fn"] {
        let input = format!("{{\"url\":\"{}\"}}", function.url());
        let put = admin(site, "PUT", &format!("/v1/functions/{name}"), &input);
        assert_eq!(put.status(), 201, "{}", put.text());
    }
    for (name, id) in [("tasks", "done-1"), ("tasks", "done-2"), ("gone", "done-1")] {
        let request = Request::new("POST", format!("/2023-03-30/functions/{name}/invocations"))
            .header("x-fc-invocation-type", "Async")
            .header("x-fc-stateful-async-invocation-enable", "true")
            .header("x-fc-async-task-id", id)
            .body("{}");
        assert_eq!(daemon.send(&request).status(), 202);
        poll::soon("the task ends", || {
            admin(site, "GET", &format!("/v1/tasks/{name}/{id}"), "").json()["ended_at"].is_string()
        });
    }
    assert_eq!(admin(site, "DELETE", "/v1/functions/gone", "").status(), 204);
    poll::soon("a callback is given up", || {
        let given_up = admin(site, "GET", "/v1/callbacks?status=Failed", "").json();
        !given_up["callbacks"].as_array().expect("a list").is_empty()
    });
}

#[test]
fn schemathesis_finds_nothing() {
    let (function, site) = site();
    let mut daemon = site.start();
    fill(&site, &daemon, &function);
    let output = Command::new(tools::python().with_file_name("schemathesis"))
        .arg("--config-file")
        .arg(tools::root().join("tests/conformance/python/schemathesis.toml"))
        .arg("run")
        .arg(tools::root().join("docs/openapi.json"))
        .args(["--url", &format!("http://{}", site.admin)])
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--checks", "all", "--max-examples", EXAMPLES, "--seed", "1", "--no-color"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(site.store().parent().expect("the directory of the site"))
        .output()
        .expect("Schemathesis starts: run `cargo xtask prepare` once");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("Test cases:"), "it ran nothing:\n{said}");
    assert!(daemon.is_ready(), "the daemon lives and takes invocations");
}

#[test]
fn tokens_are_replaced_by_a_reload_and_old_ones_are_no_good() {
    let config = |token: &str| {
        Config::new().set("admin.tokens.tester", "role", "viewer").set(
            "admin.tokens.tester",
            "token",
            token,
        )
    };
    let site = Site::new(config(TOKEN));
    let daemon = site.start();
    let status = |token: &str| {
        let request = Request::get("/v1/status").header("authorization", format!("Bearer {token}"));
        send(site.admin, &request).expect("the admin listener answers").status()
    };
    assert_eq!(
        (status(TOKEN), status("another-token-now"), daemon.admin("/v1/status").status()),
        (200, 401, 401)
    );
    site.configure(config("another-token-now"));
    daemon.reload();
    poll::soon("the new token counts", || status("another-token-now") == 200);
    assert_eq!(status(TOKEN), 401);
    assert_eq!(daemon.admin("/healthz").status(), 200);
}
