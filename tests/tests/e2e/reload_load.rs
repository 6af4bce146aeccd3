//! A reload under load: a rotated key, a new limit and a new certificate, and no request that fails because of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use invoked_tests::poll;

use crate::signed::{FIRST, SECOND, get, invoke};

const CLIENTS: usize = 4;
const STEADY: (&str, &str) = ("steady", "a-secret-that-stays");

fn config(site: Option<&Site>, function: &FunctionServer, secret: &str, limit: u32) -> Config {
    let beside = |name: &str| {
        let store = site.map(Site::store).unwrap_or_default();
        store.with_file_name(name).to_string_lossy().into_owned()
    };
    Config::new()
        .set("auth", "mode", "signed")
        .set("auth.keys.steady", "secret", STEADY.1)
        .set("auth.keys.rotated", "secret", secret)
        .set("server.tls", "cert", beside("tls.crt"))
        .set("server.tls", "key", beside("tls.key"))
        .function("hello", &function.url())
        .of_function("hello", "concurrency", limit)
}

/// Attempts of `hello` at a time, as the lane has it.
fn limit(daemon: &Daemon<'_>) -> u64 {
    daemon.admin("/v1/functions/hello/why").json()["lane"]["limit"].as_u64().unwrap_or_default()
}

#[test]
fn nothing_fails_while_a_key_a_limit_and_a_certificate_change() {
    let function = FunctionServer::start();
    let site = Site::new(config(None, &function, "one", 3));
    site.configure(config(Some(&site), &function, "one", 3));
    FIRST.install(&site);
    let daemon = site.start();
    let api = site.api;
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    // A connection that is open over all that happens.
                    let mut open = FIRST.connect(api);
                    while !stop.load(Ordering::Relaxed) {
                        let answer = open.send(&invoke("hello", STEADY)).expect("an answer");
                        assert_eq!(answer.status(), 202, "{}", answer.text());
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let change = || {
            poll::soon("the load runs", || done.load(Ordering::Relaxed) > 100);
            assert_eq!(limit(&daemon), 3);
            SECOND.install(&site);
            site.configure(config(Some(&site), &function, "two", 5));
            let began = Instant::now();
            daemon.reload();
            poll::soon("the new certificate is served", || {
                SECOND
                    .connect(api)
                    .send(&get("rotated", "two"))
                    .is_ok_and(|got| got.status() == 200)
            });
            poll::soon("the new limit holds", || limit(&daemon) == 5);
            println!("a key, a limit and a certificate are in force after {:?}", began.elapsed());
            let refused = SECOND.connect(api).send(&get("rotated", "one")).expect("an answer");
            assert_eq!(refused.status(), 403, "{}", refused.text());
            // A few more reloads, each while requests run.
            for turn in 6..12 {
                site.configure(config(Some(&site), &function, "two", turn));
                daemon.reload();
                poll::soon("the next limit holds", || limit(&daemon) == u64::from(turn));
            }
        };
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(change));
        let before = done.load(Ordering::Relaxed);
        poll::soon("the load still runs", || {
            clients.iter().any(|client| client.is_finished())
                || done.load(Ordering::Relaxed) > before
        });
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("every request was served");
        }
        changed.expect("the changes");
    });
    let metrics = daemon.metrics();
    assert_eq!(metrics.sum("invoked_config_reloads_total", &[("outcome", "applied")]), 7);
    daemon.wait_until_idle();
    assert_eq!(metrics.sum("invoked_config_reloads_total", &[("outcome", "refused")]), 0);
    assert_eq!(daemon.metrics().accepted(), done.load(Ordering::Relaxed));
    daemon.stop();
}
