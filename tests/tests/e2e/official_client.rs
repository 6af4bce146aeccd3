//! The official Python client, unmodified, against the real binary. The assertions stand in `tests/python`.

use std::process::Command;

use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::tools;

/// Runs one of the scripts against a daemon with the functions `hello`, `tasks` (in task mode) and `audit`.
fn client_is_content(script: &str) {
    let (hello, audit) = (FunctionServer::start(), FunctionServer::start());
    let config = Config::new()
        .function("hello", &hello.url())
        .function("tasks", &hello.url())
        .of_async("tasks", "async_task", true)
        .function("audit", &audit.url());
    let site = Site::new(config);
    let _daemon = site.start();

    let output = Command::new(tools::python())
        .arg(tools::root().join("tests/python").join(script))
        .env("FC_ENDPOINT", site.api.to_string())
        .env("FUNCTION_URL", hello.url())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {}\n{said}", output.status);
    assert!(said.contains("OK"), "{script} ran nothing:\n{said}");
}

#[test]
fn async_invoke_configs() {
    client_is_content("async_invoke_configs.py");
}

#[test]
fn functions() {
    client_is_content("functions.py");
}

#[test]
fn invocations() {
    client_is_content("invocations.py");
}

#[test]
fn tasks() {
    client_is_content("tasks.py");
}
