//! The ways in which a claim is refused, with their texts and codes.

use crate::error::ErrorCode;

/// The request is refused. Answer [`AuthorizationError::code`] with this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// A header that the scheme needs is absent.
    #[error("required HTTP header {name} was not specified")]
    MissingHeader {
        /// The header's name as clients know it.
        name: &'static str,
    },
    /// The authorization, or the date, is of no known form.
    #[error("the {part} of the request cannot be read")]
    Malformed {
        /// Which part.
        part: &'static str,
    },
    /// The request was made too long ago, or its clock is wrong.
    #[error(
        "the difference between the request time '{requested}' and the current time '{current}' is too large"
    )]
    Skewed {
        /// The request's time as it was sent.
        requested: String,
        /// Our time.
        current: String,
    },
    /// The signed URL is out of date.
    #[error("the signed URL expired at '{expired}', the current time is '{current}'")]
    Expired {
        /// Until when it was good.
        expired: String,
        /// Our time.
        current: String,
    },
    /// A header that decides what the request may do is not under the signature.
    #[error("HTTP header {name} must be among the signed headers")]
    NotSigned {
        /// The header's name.
        name: &'static str,
    },
    /// A header that must be unambiguous was sent more than once.
    #[error("HTTP header {name} was sent more than once")]
    Repeated {
        /// The header's name.
        name: &'static str,
    },
    /// More than a client of any kind sends, refused before it costs anything.
    #[error("the {part} of the request is too large: at most {limit} {unit}")]
    TooLarge {
        /// Which part.
        part: &'static str,
        /// The most that is read.
        limit: usize,
        /// What `limit` counts.
        unit: &'static str,
    },
    /// Another key, another request, or a fault in the client.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your access key and signing method."
    )]
    Mismatch,
}

impl AuthorizationError {
    /// The code under which the refusal is answered.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::MissingHeader { .. } => ErrorCode::MissingRequiredHeader,
            Self::Malformed { .. } | Self::Repeated { .. } | Self::TooLarge { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::Skewed { .. } | Self::Expired { .. } => ErrorCode::AccessDenied,
            Self::NotSigned { .. } | Self::Mismatch => ErrorCode::SignatureNotMatch,
        }
    }
}
