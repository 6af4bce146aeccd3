//! Connections, in the clear or with TLS.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::address::Address;
use crate::wire::Stream;

/// Whose certificates are taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trust {
    /// Those that the system's authorities signed.
    System,
    /// Those that these authorities signed, in PEM, and no others.
    Authorities(Vec<u8>),
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

/// Opens a connection to `address`, and with TLS where there is a configuration for it.
pub(crate) async fn dial(
    address: &Address,
    tls: Option<&Arc<ClientConfig>>,
) -> io::Result<Box<dyn Stream>> {
    let tcp = TcpStream::connect((&*address.host, address.port)).await?;
    tcp.set_nodelay(true)?;
    let Some(config) = tls else { return Ok(Box::new(tcp)) };
    let name = ServerName::try_from(address.host.to_string()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?;
    Ok(Box::new(stream))
}

/// Whether a connection failed because the peer's certificate is not trusted.
pub(crate) fn is_certificate(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// TLS for clients that trust so.
pub(crate) fn client(trust: &Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = match trust {
        Trust::System => system()?,
        Trust::Authorities(pem) => authorities(pem)?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
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
