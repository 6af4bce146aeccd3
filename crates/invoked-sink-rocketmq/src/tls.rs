//! Connections, in the clear or with TLS: servers tell them apart on the same port.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::address::Address;
use crate::error::LinkError;

/// Whose certificates are taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Those that the system's authorities signed.
    System,
    /// Those that these authorities signed, in PEM, and no others.
    Authorities(Vec<u8>),
    /// Any, of anybody: RocketMQ's own test certificate cannot be verified.
    Anybody,
}

/// TLS cannot be configured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The file of authorities.
    #[error("the file holds no certificate authority in PEM that can be used")]
    Pem,
    /// There is nothing to verify with.
    #[error("the system has no certificate authorities; name a file of them")]
    NoRoots,
    /// The library.
    #[error("{0}")]
    Library(#[from] rustls::Error),
}

/// Opens connections.
pub(crate) struct Dialer {
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// How long opening one may take.
    pub(crate) timeout: Duration,
}

/// A connection, whatever it is made of.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Dialer {
    pub(crate) async fn dial(&self, address: &Address) -> Result<Box<dyn Stream>, LinkError> {
        match timeout(self.timeout, self.connect(address)).await {
            Ok(opened) => opened.map_err(|error| LinkError::connecting(&error)),
            Err(_) => {
                let limit = self.timeout.as_millis();
                Err(LinkError::Connect(format!("not within {limit} ms").into()))
            }
        }
    }

    async fn connect(&self, address: &Address) -> io::Result<Box<dyn Stream>> {
        let tcp = TcpStream::connect((address.host(), address.port())).await?;
        tcp.set_nodelay(true)?;
        let Some(config) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(address.host().to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?;
        Ok(Box::new(stream))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("has_tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// TLS for clients that trust so.
pub(crate) fn client(trust: &Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let config = match trust {
        Trust::Anybody => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TakesAny(provider)))
            .with_no_client_auth(),
        Trust::System => builder.with_root_certificates(system()?).with_no_client_auth(),
        Trust::Authorities(pem) => {
            builder.with_root_certificates(authorities(pem)?).with_no_client_auth()
        }
    };
    Ok(Arc::new(config))
}

fn system() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // Certificates of the system that do not read are passed over, as every other client does.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoRoots) } else { Ok(roots) }
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| TlsError::Pem)?;
        roots.add(certificate).map_err(|_| TlsError::Pem)?;
    }
    if roots.is_empty() { Err(TlsError::Pem) } else { Ok(roots) }
}

/// Asks no certificate where it comes from; whoever shows one has to have its key.
#[derive(Debug)]
struct TakesAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
