//! TLS for what listens: rustls with ring, HTTP/1.1, and a certificate that can be replaced.
//!
//! # Invariants
//!
//! A certificate and its key are checked against each other before they replace others: what was
//! replaced successfully will be served. Connections keep the certificate they began with.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The certificates are not PEM.
    #[error("the certificate is not PEM: {0}")]
    Certificate(pem::Error),
    /// There are none.
    #[error("there is no certificate in it")]
    Empty,
    /// The key is not PEM.
    #[error("the private key is not PEM: {0}")]
    Key(pem::Error),
    /// The two do not go together, or are of a kind that is not supported.
    #[error("the certificate cannot be used with the key: {0}")]
    Pair(rustls::Error),
    /// A fault of ours.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// A chain of certificates with its private key.
#[derive(Clone)]
pub struct Certificate(Arc<CertifiedKey>);

impl Certificate {
    /// Reads a chain, the server's own certificate first, and the key of that one, both as PEM.
    ///
    /// # Errors
    /// One does not read, or they do not go together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(CertificateError::Certificate)?;
        if chain.is_empty() {
            return Err(CertificateError::Empty);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Key)?;
        let pair = CertifiedKey::from_der(chain, key, &ring::default_provider());
        Ok(Self(Arc::new(pair.map_err(CertificateError::Pair)?)))
    }
}

impl PartialEq for Certificate {
    /// Whether it is the same chain. Its key goes with it.
    fn eq(&self, other: &Self) -> bool {
        self.0.cert == other.0.cert
    }
}

/// Makes TLS out of TCP. Cheap to clone; all clones serve the same certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    served: Arc<Served>,
}

struct Served(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// TLS with this certificate.
    ///
    /// # Errors
    /// The library does not take our settings.
    pub fn new(certificate: Certificate) -> Result<Self, CertificateError> {
        let served = Arc::new(Served(RwLock::new(certificate.0)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&served) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), served })
    }

    /// From here on serves this certificate to new connections.
    pub fn replace(&self, certificate: Certificate) {
        *self.served.0.write().unwrap_or_else(PoisonError::into_inner) = certificate.0;
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}

impl fmt::Debug for Certificate {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &[u8] = include_bytes!("../../../invoked-http/testdata/localhost.pem");
    const CA: &[u8] = include_bytes!("../../../invoked-http/testdata/ca.pem");
    const KEY: &[u8] = include_bytes!("../../../invoked-http/testdata/localhost.key");

    #[test]
    fn a_certificate_is_taken_with_its_own_key_alone() {
        let tls = Tls::new(Certificate::from_pem(CHAIN, KEY).unwrap()).unwrap();
        tls.replace(Certificate::from_pem(CHAIN, KEY).unwrap());
        for (chain, key, text) in [
            (CA, KEY, "cannot be used with the key"),
            (KEY, KEY, "there is no certificate in it"),
            (b"".as_slice(), KEY, "there is no certificate in it"),
            (CHAIN, CHAIN, "the private key is not PEM"),
        ] {
            let error = Certificate::from_pem(chain, key).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:?}", Certificate::from_pem(CHAIN, KEY).unwrap());
        assert_eq!(shown, "Certificate { .. }");
    }
}
