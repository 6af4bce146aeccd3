//! SIGHUP: keys and certificates change while requests run.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use invoked_tests::api::{accepted, error, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Message, Request};
use invoked_tests::metrics::{DELIVERED, UNDELIVERED};
use invoked_tests::{poll, ports};
use serde_json::json;

use crate::signed::{FIRST, FUNCTIONS, SECOND, get};

fn config(site: Option<&Site>, secret: &str) -> Config {
    let beside = |name: &str| {
        let store = site.map(Site::store).unwrap_or_default();
        store.with_file_name(name).to_string_lossy().into_owned()
    };
    Config::new()
        .set("auth", "mode", "signed")
        .set("auth.keys.steady", "secret", "unchanged")
        .set("auth.keys.rotated", "secret", secret)
        .set("server.tls", "cert", beside("tls.crt"))
        .set("server.tls", "key", beside("tls.key"))
}

fn code(answer: &Message) -> String {
    error(answer).0
}

#[test]
fn a_key_and_a_certificate_are_rotated_while_requests_run() {
    let site = Site::new(config(None, "one"));
    site.configure(config(Some(&site), "one"));
    FIRST.install(&site);
    let daemon = site.start();
    let api = site.api;
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            // One connection over all that happens; every request on it has to be served.
            let mut steady = FIRST.connect(api);
            while !stop.load(Ordering::Relaxed) {
                let answer = steady.send(&get("steady", "unchanged")).expect("an answer");
                assert_eq!(answer.status(), 200, "{}", answer.text());
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
        let rotate = || {
            poll::soon("requests run", || done.load(Ordering::Relaxed) > 0);
            let first = FIRST.connect(api).send(&get("rotated", "one")).expect("an answer");
            assert_eq!(first.status(), 200, "{}", first.text());

            SECOND.install(&site);
            site.configure(config(Some(&site), "two"));
            daemon.reload();
            poll::soon("the second certificate is served", || {
                SECOND.connect(api).send(&get("steady", "unchanged")).is_ok()
            });
            assert!(FIRST.connect(api).send(&get("steady", "unchanged")).is_err());
            let mut client = SECOND.connect(api);
            let mut send = |secret| client.send(&get("rotated", secret)).expect("an answer");
            assert_eq!(code(&send("one")), "SignatureNotMatch");
            assert_eq!(send("two").status(), 200);
        };
        let rotated = std::panic::catch_unwind(std::panic::AssertUnwindSafe(rotate));
        let before = done.load(Ordering::Relaxed);
        poll::soon("requests still run", || {
            running.is_finished() || done.load(Ordering::Relaxed) > before
        });
        stop.store(true, Ordering::Relaxed);
        running.join().expect("every request was served");
        rotated.expect("the rotation");
    });
    let failures = daemon.admin("/metrics").text();
    assert!(failures.contains("invoked_auth_failures_total{reason=\"signature\"} 1"), "{failures}");
    assert!(!site.said().contains("unchanged"), "a secret in the log");
    daemon.stop();
}

#[test]
fn a_configuration_with_a_problem_changes_nothing() {
    let site = Site::new(config(None, "one"));
    site.configure(config(Some(&site), "one"));
    FIRST.install(&site);
    let daemon = site.start();
    let works = |secret| {
        let answer = FIRST.connect(site.api).send(&get("rotated", secret)).expect("an answer");
        answer.status() == 200
    };
    assert!(works("one"));

    site.configure(config(Some(&site), "two").set("limits", "body_timeout", "soon"));
    fs::write(site.store().with_file_name("tls.crt"), "no certificate").expect("a file");
    daemon.reload();
    poll::soon("both problems are said", || {
        let said = site.said();
        ["limits.body_timeout", "server.tls"].iter().all(|path| said.contains(path))
    });
    assert!(works("one") && !works("two"));

    // Whether nobody has to sign was judged for another address.
    FIRST.install(&site);
    let elsewhere = Config::new().set("server", "listen", ports::free().to_string());
    site.configure(elsewhere.set("auth", "mode", "off"));
    daemon.reload();
    poll::soon("that it needs a restart is said", || {
        site.said()
            .lines()
            .any(|line| line.contains("server.listen") && line.contains("needs a restart"))
    });
    let unsigned = FIRST.connect(site.api).send(&Request::get(FUNCTIONS)).expect("an answer");
    assert_eq!(code(&unsigned), "MissingRequiredHeader");

    site.configure(config(Some(&site), "two").set("limits", "body_timeout", "20s"));
    daemon.reload();
    poll::soon("the new secret is in force", || works("two"));
    daemon.stop();
}

#[test]
fn a_role_of_the_file_is_held_to_from_the_start_and_can_be_widened() {
    let (worker, audit) = (FunctionServer::start(), FunctionServer::start());
    let allowing = |destination: &str| {
        let arn = format!("acs:fc:::functions/{destination}");
        Config::new()
            .function("worker", &worker.url())
            .function("audit", &audit.url())
            .of_function("worker", "role", "acting")
            .tells("worker", "audit")
            .set("auth.roles.acting", "destinations", json!([arn]))
    };
    let site = Site::new(allowing("other"));
    let daemon = site.start();
    let worker = [("function", "worker")];
    accepted(&daemon.send(&invoke_async("worker").body("{}")));
    poll::soon("the callback is refused", || daemon.metrics().sum(UNDELIVERED, &worker) == 1);

    site.configure(allowing("audit"));
    daemon.reload();
    poll::soon("it is read again", || site.said().contains("the configuration is read again"));
    accepted(&daemon.send(&invoke_async("worker").body("{}")));
    poll::soon("the callback is delivered", || daemon.metrics().sum(DELIVERED, &worker) == 1);
    audit.wait_for(1);
    assert_eq!(daemon.metrics().sum(UNDELIVERED, &worker), 1);
    daemon.stop();
}
