//! The API behind TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use invoked_api::auth::{Auth, AuthConfig};
use invoked_api::{ApiConfig, Certificate, Tls};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::auth::{Signer, key};
use crate::client::Client;
use crate::daemon::{Daemon, FUNCTIONS, INVOKE, hello};

/// A certificate with its key, and the CA that signed it.
struct Pair {
    ca: &'static [u8],
    chain: &'static [u8],
    key: &'static [u8],
}

const FIRST: Pair = Pair {
    ca: include_bytes!("../../../invoked-http/testdata/ca.pem"),
    chain: include_bytes!("../../../invoked-http/testdata/localhost.pem"),
    key: include_bytes!("../../../invoked-http/testdata/localhost.key"),
};

const SECOND: Pair = Pair {
    ca: include_bytes!("../../testdata/rotated-ca.pem"),
    chain: include_bytes!("../../testdata/rotated.pem"),
    key: include_bytes!("../../testdata/rotated.key"),
};

impl Pair {
    fn certificate(&self) -> Certificate {
        Certificate::from_pem(self.chain, self.key).expect("a pair")
    }

    /// A connection of somebody who trusts this CA and no other.
    async fn connect(&self, address: SocketAddr) -> Option<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.ca).expect("a CA");
        roots.add(ca).expect("a CA");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let stream = TcpStream::connect(address).await.expect("the daemon listens");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
    }
}

#[tokio::test]
async fn signed_requests_are_served_over_tls_and_nothing_in_the_clear() {
    let tls = Tls::new(FIRST.certificate()).unwrap();
    let auth = Auth::new(AuthConfig::Signed { keys: vec![key("ak", "123")], nonces_max: 100 });
    let daemon = Daemon::guarded(ApiConfig::default(), auth, Some(tls)).await;
    let stream = FIRST.connect(daemon.api).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let mut signer = Signer::over(&daemon, Client::over(stream), "ak");
    assert_eq!(signer.send("POST", FUNCTIONS, &hello()).await.status, 200);
    let large = json!({"text": "x".repeat(100_000)});
    assert_eq!(signer.send("POST", INVOKE, &large).await.status, 202);

    let mut clear = TcpStream::connect(daemon.api).await.unwrap();
    clear.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    clear.read_to_end(&mut said).await.unwrap_or_default();
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    daemon.stopped().await;
}

#[tokio::test]
async fn a_certificate_is_replaced_and_connections_stay() {
    let tls = Tls::new(FIRST.certificate()).unwrap();
    let open = Auth::new(AuthConfig::Off);
    let daemon = Daemon::guarded(ApiConfig::default(), open, Some(tls.clone())).await;
    let mut before = Client::over(FIRST.connect(daemon.api).await.expect("the first one"));
    assert!(SECOND.connect(daemon.api).await.is_none(), "not yet");
    tls.replace(SECOND.certificate());
    let mut after = Client::over(SECOND.connect(daemon.api).await.expect("the second one"));
    assert!(FIRST.connect(daemon.api).await.is_none(), "no more");
    for client in [&mut before, &mut after] {
        assert_eq!(client.send("GET", FUNCTIONS, &[], "").await.status, 200);
    }
    daemon.stopped().await;
}

#[tokio::test]
async fn a_handshake_that_does_not_come_keeps_nobody_from_stopping() {
    let tls = Tls::new(FIRST.certificate()).unwrap();
    let open = Auth::new(AuthConfig::Off);
    let daemon = Daemon::guarded(ApiConfig::default(), open, Some(tls)).await;
    let _silent = TcpStream::connect(daemon.api).await.unwrap();
    drop(FIRST.connect(daemon.api).await.expect("others are served"));
    daemon.stopped().await;
}
