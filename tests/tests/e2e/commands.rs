//! Commands other than `serve`.

use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, said, stdout};
use invoked_tests::ports;

#[test]
fn dev_once_walks_through_a_whole_invocation_and_ends() {
    let site = Site::new(Config::new());
    let admin = ports::free();
    let output = site
        .command(&["dev", "--once"])
        .env("INVOKED__SERVER__LISTEN", ports::free().to_string())
        .env("INVOKED__ADMIN__LISTEN", admin.to_string())
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));

    let walk = stdout(&output);
    let lower = walk.to_lowercase();
    for step in ["accepted", "attempt", "callback", "flaky"] {
        assert!(lower.contains(step), "no {step:?} in\n{walk}");
    }
    assert!(
        walk.contains("requestContext") && walk.contains("approximateInvokeCount"),
        "no envelope in\n{walk}"
    );
    for step in [
        "delivered to the queue failures",
        r#"function="fail",qualifier="LATEST",destination="mns"} 1"#,
    ] {
        assert!(walk.contains(step), "no {step:?} in\n{walk}");
    }
    assert!(walk.contains("/mailbox"), "no mailbox in\n{walk}");
    assert!(walk.contains(&format!("http://{admin}/console/")), "no console in\n{walk}");
}

#[test]
fn config_check_reports_all_problems_at_once_with_their_paths() {
    let config = Config::new()
        .set("limits", "body_timeout", "soon")
        .set("server", "liste", "127.0.0.1:1")
        .function("hello", "no url at all")
        .of_async("worker", "max_async_retry_attempts", 9)
        .of_function("worker", "url", "http://127.0.0.1:9000");
    let site = Site::new(config);
    let file = site.file();
    let output = site.run(&["config", "check", "--config", &file.to_string_lossy()]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for path in [
        "limits.body_timeout",
        "liste",
        "functions.hello.url",
        "functions.worker.async.max_async_retry_attempts",
    ] {
        assert!(said.contains(path), "no {path} in\n{said}");
    }
    assert!(!site.store().exists(), "checking creates nothing");
}

#[test]
fn config_check_says_yes_to_a_good_file() {
    let url = "http://127.0.0.1:9000";
    let site = Site::new(
        Config::new().function("hello", url).function("audit", url).tells("hello", "audit"),
    );
    let output = site.run(&["config", "check", "--config", &site.file().to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn serve_refuses_what_config_check_refuses() {
    let site = Site::new(Config::new().set("limits", "body_timeout", "soon"));
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("limits.body_timeout"), "{said}");
}

#[test]
fn a_cycle_of_destinations_in_the_file_is_refused_with_its_path() {
    let url = "http://127.0.0.1:9000";
    let config = Config::new().function("ping", url).function("pong", url);
    let site = Site::new(config.tells("ping", "pong").tells("pong", "ping"));
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("ping") && said.contains("pong"), "{said}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let site = Site::new(Config::new());
    for arguments in [&["serv"][..], &["serve", "--no-such-flag"]] {
        let output = site.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
}

#[test]
fn a_missing_configuration_file_is_named() {
    let site = Site::new(Config::new());
    let output = site.run(&["serve", "--config", "no-such-file.toml"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("no-such-file.toml"), "{}", said(&output));
}
