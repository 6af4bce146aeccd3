//! Why an exchange did not come to an answer, and whether the request may have arrived.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use http::response::Parts;

use crate::egress::Denied;

/// An exchange that did not come to a whole answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection came about; nothing was sent. It may work later.
    #[error("cannot connect to {authority}")]
    Connect {
        /// Host and port.
        authority: Box<str>,
        /// Why.
        #[source]
        source: ConnectError,
    },
    /// The address must not be connected to; nothing was sent. It will not work later either,
    /// unless the name resolves to another address by then.
    #[error("must not connect to {authority}")]
    Egress {
        /// Host and port.
        authority: Box<str>,
        /// Why.
        #[source]
        source: Denied,
    },
    /// The call's time is over.
    #[error("no answer within {} s", after.as_secs_f64())]
    Timeout {
        /// The call's timeout.
        after: Duration,
        /// Whether the request may have arrived.
        may_have_been_sent: bool,
    },
    /// The answer's body exceeds the call's limit; the rest was not read.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The call's limit.
        limit: usize,
        /// The answer's head, which arrived in full.
        head: Box<Parts>,
    },
    /// The connection ended before the answer did.
    #[error("the connection broke before the answer was complete")]
    Broken {
        /// Whether the request may have arrived.
        may_have_been_sent: bool,
        /// What broke it.
        #[source]
        source: hyper::Error,
    },
    /// What came back is not HTTP/1.
    #[error("the answer is not valid HTTP")]
    Protocol(#[source] hyper::Error),
}

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host's name has no address.
    #[error("the name cannot be resolved")]
    Resolve(#[source] io::Error),
    /// TCP failed at every address.
    #[error("the connection was refused or cannot be made")]
    Tcp(#[source] io::Error),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    /// TLS is not usable at all.
    #[error("TLS is not usable")]
    Tls(#[source] TlsError),
    /// It took longer than [`crate::Config::connect_timeout`].
    #[error("no connection within {} s", after.as_secs_f64())]
    Timeout {
        /// The limit.
        after: Duration,
    },
}

/// Why TLS is not usable. All of it is for the operator to mend.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TlsError {
    /// Neither the system nor the configuration has any certificate.
    #[error(
        "no root certificates were found; install ca-certificates, set SSL_CERT_FILE or configure a CA file"
    )]
    NoRoots,
    /// The configured certificates do not read.
    #[error("the configured CA certificates are not valid PEM")]
    Pem,
    /// The TLS library refuses its configuration.
    #[error("the TLS configuration is refused")]
    Config(#[source] rustls::Error),
    /// The host's name cannot stand in a certificate.
    #[error("the host is not a name that a certificate can be for")]
    ServerName,
}

impl Error {
    /// Whether the request, or a part of it, may have reached the other side.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Egress { .. } => false,
            Self::Timeout { may_have_been_sent, .. } | Self::Broken { may_have_been_sent, .. } => {
                *may_have_been_sent
            }
            Self::TooLarge { .. } | Self::Protocol(_) => true,
        }
    }

    /// Whether no connection came about because the other side's certificate is not trusted.
    pub(crate) fn is_about_certificate(&self) -> bool {
        let Self::Connect { source: ConnectError::Handshake(error), .. } = self else {
            return false;
        };
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
    }

    /// The error and everything that caused it, in one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            // Writing to a string does not fail.
            let _infallible = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }

    pub(crate) fn of_exchange(source: hyper::Error, may_have_been_sent: bool) -> Self {
        if source.is_parse() {
            Self::Protocol(source)
        } else {
            Self::Broken { may_have_been_sent, source }
        }
    }
}
