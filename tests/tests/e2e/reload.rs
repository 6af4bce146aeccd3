//! SIGHUP: keys and certificates change while requests run.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use invoked_fc::sign::{Credentials, acs3};
use invoked_tests::api::error;
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::http::{Connection, Message, Request, tcp};
use invoked_tests::{poll, tools};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const FUNCTIONS: &str = "/2023-03-30/functions";

/// A certificate with its key, and the CA that signed it.
struct Pair {
    ca: &'static str,
    chain: &'static str,
    key: &'static str,
}

const FIRST: Pair = Pair {
    ca: "crates/invoked-http/testdata/ca.pem",
    chain: "crates/invoked-http/testdata/localhost.pem",
    key: "crates/invoked-http/testdata/localhost.key",
};

const SECOND: Pair = Pair {
    ca: "crates/invoked-api/testdata/rotated-ca.pem",
    chain: "crates/invoked-api/testdata/rotated.pem",
    key: "crates/invoked-api/testdata/rotated.key",
};

impl Pair {
    /// Puts the pair where the daemon looks for it.
    fn install(&self, site: &Site) {
        for (from, to) in [(self.chain, "tls.crt"), (self.key, "tls.key")] {
            fs::copy(tools::root().join(from), site.store().with_file_name(to)).expect("a copy");
        }
    }

    /// A connection of somebody who trusts this CA and no other; an error on the first request if the
    /// daemon shows another certificate.
    fn connect(&self, address: SocketAddr) -> Connection {
        let ca = CertificateDer::from_pem_file(tools::root().join(self.ca)).expect("a CA");
        let mut roots = RootCertStore::empty();
        roots.add(ca).expect("a CA");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        Connection::over(StreamOwned::new(session, tcp(address).expect("the daemon listens")))
    }
}

/// A signed GET.
fn get(id: &str, secret: &str) -> Request {
    static NONCE: AtomicU64 = AtomicU64::new(0);
    let nonce = format!("nonce-{}", NONCE.fetch_add(1, Ordering::Relaxed));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch").as_secs();
    let credentials =
        Credentials { access_key_id: id, access_key_secret: secret, security_token: None };
    let call = acs3::Call {
        method: "GET",
        host: "127.0.0.1",
        path: FUNCTIONS,
        query: &[],
        headers: &[],
        action: "ListFunctions",
        version: "2023-03-30",
        body: b"",
    };
    let now = i64::try_from(now).expect("not that late");
    let headers = acs3::sign(&call, &credentials, &nonce, now);
    let headers = headers.iter().filter(|(name, _)| name != "host");
    headers.fold(Request::get(FUNCTIONS), |request, (name, value)| request.header(name, value))
}

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

    FIRST.install(&site);
    site.configure(config(Some(&site), "two").set("limits", "body_timeout", "20s"));
    daemon.reload();
    poll::soon("the new secret is in force", || works("two"));
    poll::soon("what needs a restart is said", || {
        site.said()
            .lines()
            .any(|line| line.contains("limits.body_timeout") && line.contains("needs a restart"))
    });
    daemon.stop();
}
