//! Exchanges over TLS, with a certificate for `localhost` from a CA of its own (`testdata/`).

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::{origin, send, server::answer};
use crate::{Client, Config, ConnectError, Egress, Error, TlsError};

const CA: &[u8] = include_bytes!("../../testdata/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../testdata/localhost.pem");
const KEY: &[u8] = include_bytes!("../../testdata/localhost.key");

/// Answers every connection's requests, which must arrive in one piece, with the connection's
/// number. Returns its port.
async fn start(connections: &mut JoinSet<()>) -> u16 {
    let certificates = CertificateDer::pem_slice_iter(CERTIFICATE).map(Result::unwrap).collect();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, PrivateKeyDer::from_pem_slice(KEY).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    connections.spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust us hangs up in the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = [0; 4_096];
            while stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                let text = answer("200 OK", "", &format!("connection {number}"));
                stream.write_all(text.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    });
    port
}

fn trusting(roots_pem: &[u8]) -> Client {
    let config = Config { roots_pem: roots_pem.to_vec(), ..Config::default() };
    Client::new(&config, Egress::default())
}

#[tokio::test]
async fn tls_is_verified_against_the_configured_roots() {
    let mut connections = JoinSet::new();
    let port = start(&mut connections).await;
    for host in ["localhost", "127.0.0.1"] {
        let origin = origin(&trusting(CA), &format!("https://{host}:{port}"));
        let first = send(&origin).await.unwrap().into_body();
        assert_eq!(send(&origin).await.unwrap().body(), &first, "the connection is reused");
    }
}

#[tokio::test]
async fn certificates_of_strangers_are_refused() {
    let mut connections = JoinSet::new();
    let port = start(&mut connections).await;
    // Trusting the leaf of another name is not enough, nor is a CA that nobody configured.
    for (client, url) in [
        (trusting(CA), format!("https://127.0.0.2:{port}")),
        (trusting(b""), format!("https://localhost:{port}")),
        (trusting(CERTIFICATE), format!("http://localhost:{port}")),
    ] {
        let error = send(&origin(&client, &url)).await.unwrap_err();
        let fails = match &error {
            Error::Connect { source: ConnectError::Handshake(_), .. } => url.starts_with("https"),
            // Where the system has no roots at all.
            Error::Connect { source: ConnectError::Tls(TlsError::NoRoots), .. } => true,
            // Nothing listens on this address of the loopback network.
            Error::Connect { source: ConnectError::Tcp(_), .. } => url.contains("127.0.0.2"),
            // In the clear to a TLS port: what comes back is no HTTP.
            Error::Protocol(_) | Error::Broken { .. } => url.starts_with("http:"),
            Error::Connect { .. }
            | Error::Egress { .. }
            | Error::Timeout { .. }
            | Error::TooLarge { .. } => false,
        };
        assert!(fails, "{url}: {}", error.in_full());
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_news_once() {
    let mut connections = JoinSet::new();
    let port = start(&mut connections).await;
    let url = format!("https://localhost:{port}");
    // A leaf is no authority for itself.
    let distrusted = send(&origin(&trusting(CERTIFICATE), &url)).await.unwrap_err();
    let refused = send(&origin(&trusting(CA), "https://localhost:1")).await.unwrap_err();
    let origin = origin(&trusting(CA), &url);
    for (error, is_news) in [
        (Some(&refused), false),
        (Some(&distrusted), true),
        (Some(&distrusted), false),
        (Some(&refused), false),
        (Some(&distrusted), false),
        (None, false),
        (Some(&distrusted), true),
    ] {
        assert_eq!(origin.begins_to_distrust(error), is_news, "{error:?}");
    }
    // A connection that comes about ends the row.
    send(&origin).await.unwrap();
    assert!(origin.begins_to_distrust(Some(&distrusted)));
}

#[tokio::test]
async fn roots_that_do_not_read_are_said() {
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mut connections = JoinSet::new();
    let port = start(&mut connections).await;
    let error = send(&origin(&trusting(broken), &format!("https://localhost:{port}"))).await;
    let error = error.unwrap_err();
    assert!(
        matches!(error, Error::Connect { source: ConnectError::Tls(TlsError::Pem), .. }),
        "{error:?}"
    );
}
