//! TLS: rustls with ring, and whom it trusts.
//!
//! The roots are the system's, because operators put their own CA there and expect it to be
//! honoured; a bundled list would age with the binary and know no private CA. Distroless images
//! bring `ca-certificates`; where an image has none, `SSL_CERT_FILE` or the configured PEM does it,
//! and the error says so. They are read at the first `https` connection, since most functions are
//! called in the clear and need none of it in memory.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::error::{ConnectError, TlsError};

/// Makes TLS out of TCP.
#[derive(Debug)]
pub(crate) struct Tls {
    roots_pem: Vec<u8>,
    config: OnceLock<Result<Arc<ClientConfig>, TlsError>>,
}

impl Tls {
    pub(crate) fn new(roots_pem: Vec<u8>) -> Self {
        Self { roots_pem, config: OnceLock::new() }
    }

    pub(crate) async fn handshake(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let config = self.config.get_or_init(|| configure(&self.roots_pem));
        let config = config.as_ref().map_err(|error| ConnectError::Tls(error.clone()))?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| ConnectError::Tls(TlsError::ServerName))?;
        TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await
            .map_err(ConnectError::Handshake)
    }
}

fn configure(roots_pem: &[u8]) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    // Certificates of the system that do not read are passed over, as every other client does.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in CertificateDer::pem_slice_iter(roots_pem) {
        let certificate = certificate.map_err(|_| TlsError::Pem)?;
        roots.add(certificate).map_err(|_| TlsError::Pem)?;
    }
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
