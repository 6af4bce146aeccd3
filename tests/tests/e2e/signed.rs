//! Signed requests over TLS: certificates that can be rotated, and requests as the official clients sign them.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use invoked_fc::sign::{Credentials, acs3};
use invoked_tests::daemon::Site;
use invoked_tests::http::{Connection, Request, tcp};
use invoked_tests::tools;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

pub const FUNCTIONS: &str = "/2023-03-30/functions";

/// A certificate with its key, and the CA that signed it.
pub struct Pair {
    ca: &'static str,
    chain: &'static str,
    key: &'static str,
}

pub const FIRST: Pair = Pair {
    ca: "crates/invoked-http/testdata/ca.pem",
    chain: "crates/invoked-http/testdata/localhost.pem",
    key: "crates/invoked-http/testdata/localhost.key",
};

pub const SECOND: Pair = Pair {
    ca: "crates/invoked-api/testdata/rotated-ca.pem",
    chain: "crates/invoked-api/testdata/rotated.pem",
    key: "crates/invoked-api/testdata/rotated.key",
};

impl Pair {
    /// Puts the pair where the daemon looks for it.
    pub fn install(&self, site: &Site) {
        for (from, to) in [(self.chain, "tls.crt"), (self.key, "tls.key")] {
            fs::copy(tools::root().join(from), site.store().with_file_name(to)).expect("a copy");
        }
    }

    /// A connection of somebody who trusts this CA and no other; an error on the first request if the
    /// daemon shows another certificate.
    pub fn connect(&self, address: SocketAddr) -> Connection {
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
pub fn get(id: &str, secret: &str) -> Request {
    signed(("GET", FUNCTIONS, "ListFunctions"), &[], b"", (id, secret))
}

/// A signed asynchronous invocation.
pub fn invoke(function: &str, key: (&str, &str)) -> Request {
    invoke_with(function, key, b"{}")
}

/// The same with this payload.
pub fn invoke_with(function: &str, key: (&str, &str), payload: &[u8]) -> Request {
    let path = format!("{FUNCTIONS}/{function}/invocations");
    let headers = [("x-fc-invocation-type", "Async")];
    signed(("POST", &path, "InvokeFunction"), &headers, payload, key)
}

/// A signed change of what an asynchronous invocation does.
pub fn put(function: &str, key: (&str, &str), body: &[u8]) -> Request {
    let path = format!("{FUNCTIONS}/{function}/async-invoke-config");
    signed(("PUT", &path, "PutAsyncInvokeConfig"), &[], body, key)
}

/// A request as the official clients sign it.
fn signed(
    (method, path, action): (&'static str, &str, &str),
    headers: &[(&str, &str)],
    body: &[u8],
    (id, secret): (&str, &str),
) -> Request {
    static NONCE: AtomicU64 = AtomicU64::new(0);
    let nonce = format!("nonce-{}", NONCE.fetch_add(1, Ordering::Relaxed));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch").as_secs();
    let credentials =
        Credentials { access_key_id: id, access_key_secret: secret, security_token: None };
    let version = "2023-03-30";
    let host = "127.0.0.1";
    let call = acs3::Call { method, host, path, query: &[], headers, action, version, body };
    let now = i64::try_from(now).expect("not that late");
    let headers = acs3::sign(&call, &credentials, &nonce, now);
    let headers = headers.iter().filter(|(name, _)| name != "host");
    let request = headers
        .fold(Request::new(method, path), |request, (name, value)| request.header(name, value));
    request.body(body)
}
