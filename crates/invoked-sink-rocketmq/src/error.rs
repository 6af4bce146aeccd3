//! What can go wrong between us and a name server or broker, before it has said anything.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::frame::FrameError;

/// Why a request has no answer. Everybody who waited on a connection gets a copy.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("cannot connect: {0}")]
    Connect(Arc<str>),
    #[error("the certificate was refused: {0}")]
    Certificate(Arc<str>),
    #[error("the connection was closed before the request was sent")]
    Unsent,
    #[error("the connection broke before the answer: {0}")]
    Broken(Arc<str>),
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("there are too many brokers to keep connections to")]
    TooManyPeers,
}

impl LinkError {
    /// Of a connection that could not be opened.
    pub(crate) fn connecting(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        if matches!(cause, Some(rustls::Error::InvalidCertificate(_))) {
            return Self::Certificate(error.to_string().into());
        }
        Self::Connect(error.to_string().into())
    }

    /// Of a connection that was open.
    pub(crate) fn broken(error: &io::Error) -> Self {
        Self::Broken(error.to_string().into())
    }

    /// What those are told whose requests had not been sent when the connection ended with this.
    pub(crate) fn for_unsent(&self) -> Self {
        match self {
            Self::Connect(_) | Self::Certificate(_) | Self::TooManyPeers => self.clone(),
            Self::Unsent | Self::Broken(_) | Self::Timeout(_) | Self::Frame(_) => Self::Unsent,
        }
    }
}
