//! Our clients with a key, against a daemon that takes nothing without one.

use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, said, stdout};
use invoked_tests::function::FunctionServer;
use invoked_tests::tools;

use super::{command, failed};

const KEY: [(&str, &str); 2] =
    [("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret")];

/// A daemon with a key, and with a temporary one.
fn config(worker: &FunctionServer) -> Config {
    Config::new()
        .function("worker", &worker.url())
        .set("auth", "mode", "signed")
        .set("auth.keys.testid", "secret", "testsecret")
        .set("auth.keys.temporary", "secret", "testsecret")
        .set("auth.keys.temporary", "security_token", "ststoken123")
}

#[test]
fn requests_of_every_version_are_signed() {
    let worker = FunctionServer::start();
    let site = Site::new(config(&worker));
    let daemon = site.start();
    let plain = ["invoke", "worker", "--payload", r#"{"n":1}"#];
    let output = command(&site, &plain).envs(KEY).output().expect("the program starts");
    assert_eq!(stdout(&output), r#"{"n":1}"#, "{}", said(&output));

    let services = r#"{"serviceName":"s","functionName":"f","qualifier":"1"}"#;
    let odd = r#"{"functionName":"worker","qualifier":"a b+c/~"}"#;
    for arguments in [
        &["ListFunctions", "--query", r#"{"prefix":"wor ker+/","limit":3}"#][..],
        &["GetAsyncInvokeConfig", "--path", odd],
        &["GetFunction", "--apiVersion", "20160815", "--path", services],
        &["GetFunction", "--apiVersion", "20210416", "--path", services],
    ] {
        let arguments = [&["api"], arguments].concat();
        for token in [None, Some("ststoken123")] {
            let id = if token.is_some() { "temporary" } else { "testid" };
            let mut command = command(&site, &arguments);
            command.envs(KEY).env("ALIBABA_CLOUD_ACCESS_KEY_ID", id);
            if let Some(token) = token {
                command.env("ALIBABA_CLOUD_SECURITY_TOKEN", token);
            }
            let said = said(&command.output().expect("the program starts"));
            // Who asks is never in doubt; what is asked for may not be there.
            for refusal in ["SignatureNotMatch", "InvalidAccessKeyID", "AccessDenied", "Header"] {
                assert!(!said.contains(refusal), "{arguments:?}: {said}");
            }
        }
    }
    daemon.stop();
}

#[test]
fn a_refused_key_comes_with_the_place_it_came_from() {
    let worker = FunctionServer::start();
    let site = Site::new(config(&worker));
    let daemon = site.start();
    let list = ["api", "ListFunctions"];
    let error = failed(&site, &list, 1);
    assert!(error.contains("the request was not signed"), "{error}");
    for (key, code, place) in [
        (
            ["--access-key-id", "testid", "--access-key-secret", "wrong"],
            "SignatureNotMatch",
            "--access-key-id",
        ),
        (
            ["--access-key-id", "who", "--access-key-secret", "x"],
            "InvalidAccessKeyID",
            "--access-key-id",
        ),
    ] {
        let error = failed(&site, &[&list[..], &key].concat(), 1);
        assert!(error.contains(code) && error.contains(place), "{error}");
    }
    let output = command(&site, &[&list[..], &["--access", "team"]].concat())
        .env("INVOKED_ACCESS_TEAM_ID", "testid")
        .env("INVOKED_ACCESS_TEAM_SECRET", "wrong")
        .output()
        .expect("the program starts");
    let said = said(&output);
    assert!(said.contains("INVOKED_ACCESS_TEAM_SECRET") && !said.contains("wrong"), "{said}");
    daemon.stop();
}

#[test]
fn a_private_authority_is_trusted_when_it_is_named() {
    let worker = FunctionServer::start();
    let site = Site::new(config(&worker));
    let data = tools::root().join("crates/invoked-http/testdata");
    let path = |name: &str| data.join(name).to_string_lossy().into_owned();
    site.configure(config(&worker).set("server.tls", "cert", path("localhost.pem")).set(
        "server.tls",
        "key",
        path("localhost.key"),
    ));
    let daemon = site.start();
    let endpoint = format!("https://localhost:{}", site.api.port());
    let invoke = ["invoke", "worker", "--payload", r#"{"n":1}"#, "--endpoint", &endpoint];
    let error = failed(&site, &invoke, 3);
    assert!(error.contains("--ca FILE"), "{error}");
    let output = command(&site, &[&invoke[..], &["--ca", &path("ca.pem")]].concat())
        .envs(KEY)
        .output()
        .expect("the program starts");
    assert_eq!(stdout(&output), r#"{"n":1}"#, "{}", said(&output));
    daemon.stop();
}
