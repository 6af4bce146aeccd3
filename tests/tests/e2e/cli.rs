//! Our own clients against the daemon: what they print where, and how they end.

mod admin;
mod lanes;
mod redrive;
mod signed;
mod why;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, said, stdout};
use invoked_tests::function::FunctionServer;
use invoked_tests::ports;
use serde_json::{Value, json};

/// A daemon's site with the function `worker`, whose invocations are tasks and are not retried.
fn site(worker: &FunctionServer) -> Site {
    let config = Config::new()
        .function("worker", &worker.url())
        .of_async("worker", "async_task", true)
        .of_async("worker", "max_async_retry_attempts", 0);
    Site::new(config)
}

/// A command against the daemon of the site, with nothing else from the environment of the tests.
fn command(site: &Site, arguments: &[&str]) -> Command {
    let mut command = site.command(arguments);
    for variable in std::env::vars_os().map(|(name, _)| name) {
        let name = variable.to_string_lossy();
        if name.starts_with("ALIBABA_CLOUD_") || name.starts_with("INVOKED_") {
            command.env_remove(&variable);
        }
    }
    command
        .env("INVOKED_ENDPOINT", format!("http://{}", site.api))
        .env("INVOKED_ADMIN", format!("http://{}", site.admin));
    command
}

fn run(site: &Site, arguments: &[&str]) -> Output {
    command(site, arguments).output().expect("the program starts")
}

/// The JSON document of a command that must succeed.
#[track_caller]
fn document(site: &Site, arguments: &[&str]) -> Value {
    let output = run(site, &[arguments, &["--output", "json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", said(&output)))
}

/// A command that must fail: what it says on standard error.
#[track_caller]
fn failed(site: &Site, arguments: &[&str], code: i32) -> String {
    let output = run(site, arguments);
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_invocation_gives_the_functions_answer_and_nothing_else() {
    let worker = FunctionServer::start();
    let site = site(&worker);
    let daemon = site.start();

    let output = run(&site, &["invoke", "worker", "--payload", r#"{"order":17}"#]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(stdout(&output), r#"{"order":17}"#);
    assert!(output.stderr.is_empty(), "{}", said(&output));

    let mut piped = command(&site, &["invoke", "worker", "--payload", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    piped.stdin.take().expect("a pipe").write_all(br#"{"from":"a pipe"}"#).expect("it reads");
    let output = piped.wait_with_output().expect("its output");
    assert_eq!(stdout(&output), r#"{"from":"a pipe"}"#);

    let plan = r#"{"plan":["fail"]}"#;
    let error = failed(&site, &["invoke", "worker", "--payload", plan], 1);
    assert!(error.contains("the function failed"), "{error}");
    daemon.stop();
}

#[test]
fn a_task_is_waited_for_listed_and_shown() {
    let worker = FunctionServer::start();
    let site = site(&worker);
    let daemon = site.start();

    let wait = ["invoke", "worker", "--wait", "--task-id", "first", "--payload", r#"{"n":1}"#];
    let output = run(&site, &wait);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(stdout(&output), r#"{"n":1}"#);
    assert!(output.stderr.is_empty(), "no progress without a terminal: {}", said(&output));

    let plan = r#"{"plan":["fail"]}"#;
    let fail = ["invoke", "worker", "--wait", "--task-id", "second", "--payload", plan];
    let error = failed(&site, &fail, 1);
    assert!(error.contains("task second ended as Failed"), "{error}");
    let error = failed(&site, &fail, 1);
    assert!(error.contains("StatefulAsyncInvocationAlreadyExists"), "{error}");

    let ids = |list: &Value| -> Vec<String> {
        let tasks = list["tasks"].as_array().expect("a list").iter();
        tasks.map(|task| task["taskId"].as_str().expect("an id").to_owned()).collect()
    };
    let all = document(&site, &["tasks", "list", "worker", "--order", "asc"]);
    assert_eq!(ids(&all), ["first", "second"]);
    assert_eq!(all["next"], Value::Null);
    let page = document(&site, &["tasks", "list", "worker", "--limit", "1"]);
    assert_eq!(ids(&page), ["second"]);
    let next = page["next"].as_str().expect("there is more");
    let rest = document(&site, &["tasks", "list", "worker", "--next", next]);
    assert_eq!(ids(&rest), ["first"]);
    for (filter, expected) in [
        (["--status", "Failed"], &["second"][..]),
        (["--prefix", "fir"], &["first"]),
        (["--started-before", "1h"], &[]),
    ] {
        let filter = [&["tasks", "list", "worker"][..], &filter].concat();
        assert_eq!(ids(&document(&site, &filter)), expected, "{filter:?}");
    }
    let table = stdout(&run(&site, &["tasks", "list", "worker", "--all"]));
    assert!(table.starts_with("TASK    STATUS"), "{table}");
    assert_eq!(table.lines().count(), 3, "{table}");

    let task = document(&site, &["tasks", "get", "worker", "first"]);
    assert_eq!(task["status"], "Succeeded");
    let error = failed(&site, &["tasks", "stop", "worker", "first"], 1);
    assert!(error.contains("InvalidArgument"), "{error}");
    let error = failed(&site, &["tasks", "get", "worker", "third"], 1);
    assert!(error.contains("next: ") && error.contains("tasks list"), "{error}");
    daemon.stop();
}

#[test]
fn a_waiting_task_is_stopped() {
    let worker = FunctionServer::start();
    let site = site(&worker);
    let daemon = site.start();
    let later = ["invoke", "worker", "--delay", "1h", "--task-id", "later"];
    assert_eq!(document(&site, &later)["taskId"], "later");
    assert_eq!(document(&site, &["tasks", "stop", "worker", "later"]), json!({"taskId": "later"}));
    assert_eq!(document(&site, &["tasks", "get", "worker", "later"])["status"], "Stopped");
    assert!(worker.calls().is_empty(), "it never ran");
    daemon.stop();
}

#[test]
fn api_takes_the_documented_arguments_in_every_version() {
    let (worker, service) = (FunctionServer::start(), FunctionServer::start());
    let site = Site::new(
        Config::new().function("worker", &worker.url()).function(r#""svc$worker""#, &service.url()),
    );
    let daemon = site.start();
    let services = r#"{"serviceName":"svc","functionName":"worker","qualifier":"LATEST"}"#;
    let body = r#"{"maxAsyncEventAgeInSeconds":"3600","maxAsyncRetryAttempts":"2"}"#;
    for (version, prefix, path) in [
        ("20160815", "Function", services),
        ("20210416", "Function", services),
        ("20230330", "", r#"{"functionName":"worker"}"#),
    ] {
        let fixed = ["--region", "cn-hangzhou", "--apiVersion", version, "--path", path];
        let [put, get, delete] =
            ["Put", "Get", "Delete"].map(|verb| format!("{verb}{prefix}AsyncInvokeConfig"));
        let api = |operation| [&["api", operation], &fixed[..]].concat();
        let put = document(&site, &[&api(put.as_str())[..], &["--body", body]].concat());
        assert_eq!(put["maxAsyncRetryAttempts"], 2, "{version}");
        let get = api(get.as_str());
        assert_eq!(document(&site, &get)["maxAsyncEventAgeInSeconds"], 3600, "{version}");
        assert_eq!(document(&site, &api(delete.as_str()))["httpStatus"], 204, "{version}");
        let error = failed(&site, &get, 1);
        assert!(error.contains("AsyncConfigNotExists"), "{error}");
    }
    daemon.stop();
}

#[test]
fn failures_say_what_to_do_next() {
    let worker = FunctionServer::start();
    let site = site(&worker);
    let nobody = format!("http://{}", ports::free());
    for (arguments, code, words) in [
        (
            &["invoke", "worker", "--endpoint", &nobody][..],
            3,
            &["is the daemon running", "--endpoint"][..],
        ),
        (
            &["functions", "list", "--admin", &nobody],
            3,
            &["is the daemon running", "INVOKED_ADMIN"],
        ),
        (&["invoke", "worker", "--endpoint", "localhost"], 2, &["INVOKED_ENDPOINT", "http://"]),
        (&["invoke", "worker", "--payload", "@nowhere"], 2, &["--payload @nowhere"]),
        (&["invoke", "worker", "--access", "team"], 2, &["INVOKED_ACCESS_TEAM_ID"]),
        (&["invoke", "worker", "--ca", "nowhere"], 2, &["--ca nowhere"]),
        (&["api", "ListFunctions", "--query", r#"{"x":1}"#], 2, &["ListFunctions has no x"]),
        (&["api", "ListFunktions"], 2, &["ListFunctions"]),
        (&["tasks", "list", "worker", "--started-after", "soon"], 2, &["2026-11-22T19:00:00Z"]),
    ] {
        let error = failed(&site, arguments, code);
        for word in words {
            assert!(error.contains(word), "{word:?} in {error}");
        }
    }

    let daemon = site.start();
    let output = run(&site, &["invoke", "nobody", "--output", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(output.stdout.is_empty(), "{}", said(&output));
    let error: Value = serde_json::from_slice(&output.stderr).expect("JSON on standard error");
    assert_eq!(error["refusal"]["code"], "FunctionNotFound", "{error}");
    assert_eq!(error["refusal"]["httpStatus"], 404, "{error}");
    assert!(error["advice"].as_str().is_some_and(|advice| advice.contains("functions list")));
    daemon.stop();
}

#[test]
fn other_variables_of_ours_are_not_configuration() {
    let worker = FunctionServer::start();
    let site = site(&worker);
    let output = command(&site, &["config", "check", "--config", &site.file().to_string_lossy()])
        .env("INVOKED_ADMIN_TOKEN", "secret-of-sixteen")
        .env("INVOKED_ACCESS_X_ID", "id")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn every_shell_gets_its_completions() {
    let site = Site::new(Config::new());
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&run(&site, &["completions", shell]));
        for word in ["invoked", "callbacks", "GetAsyncTask", "endpoint"] {
            // What hides from the help is still completed where the shell has lists of values.
            let is_listed = word != "GetAsyncTask" || matches!(shell, "bash" | "zsh");
            assert!(!is_listed || script.contains(word), "{word:?} for {shell}");
        }
    }
}
