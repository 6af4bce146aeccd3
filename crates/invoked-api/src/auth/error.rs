//! Why a caller was not admitted, or not to this.

use invoked_fc::error::ErrorCode;
use invoked_fc::sign::AuthorizationError;

/// A request is refused for who made it. No text tells more than the request itself did: neither the
/// string that was signed nor a secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum AuthError {
    /// It is not signed, not well, or not now.
    #[error(transparent)]
    Claim(#[from] AuthorizationError),
    /// A header that may have to be signed is not text.
    #[error("the header {name} is not text")]
    Unreadable { name: String },
    /// Nobody has this key.
    #[error("invalid access key ID '{id}'")]
    UnknownKey { id: String },
    /// The key was good for a time.
    #[error("the access key '{id}' is expired")]
    ExpiredKey { id: String },
    /// A temporary key came without its token, or a key with one that is not its own.
    #[error("the security token does not belong to the access key '{id}'")]
    Token { id: String },
    /// The request was made before.
    #[error("the signature nonce was used already")]
    Replayed { id: String },
    /// It cannot be told whether the request was made before.
    #[error("too many requests were signed with the access key '{id}'")]
    NoncesFull { id: String },
    /// The body is not the one that was signed.
    #[error("x-acs-content-sha256 is not the hash of the request body")]
    Body,
    /// The key may do something else.
    #[error("the access key '{id}' may not do {action} on '{resource}'")]
    NotAllowed { id: String, action: &'static str, resource: String },
    /// The key may tell others.
    #[error("the access key '{id}' does not allow the destination '{arn}' ({field})")]
    NotTold { id: String, field: &'static str, arn: String },
    /// A destination belongs to somebody else.
    #[error("{field} '{arn}' is of another account")]
    Foreign { field: &'static str, arn: String },
}

impl AuthError {
    /// The code under which it is answered.
    pub(crate) const fn code(&self) -> ErrorCode {
        match self {
            Self::Claim(error) => error.code(),
            Self::Unreadable { .. } => ErrorCode::InvalidArgument,
            Self::UnknownKey { .. } => ErrorCode::InvalidAccessKeyID,
            Self::Body => ErrorCode::SignatureNotMatch,
            Self::ExpiredKey { .. }
            | Self::Token { .. }
            | Self::Replayed { .. }
            | Self::NotAllowed { .. }
            | Self::NotTold { .. } => ErrorCode::AccessDenied,
            Self::NoncesFull { .. } => ErrorCode::ServiceUnavailable,
            Self::Foreign { .. } => ErrorCode::InvalidDestinationResources,
        }
    }

    /// Every value of the metric's label; [`AuthError::reason`] gives them.
    pub(crate) const REASONS: [&'static str; 13] = [
        "missing_header",
        "skewed",
        "expired_url",
        "signature",
        "malformed",
        "unknown_key",
        "expired_key",
        "token",
        "replayed",
        "nonces_full",
        "body",
        "not_allowed",
        "destination",
    ];

    /// The value of the metric's label.
    pub(crate) const fn reason(&self) -> &'static str {
        use AuthorizationError as C;

        match self {
            Self::Claim(C::MissingHeader { .. }) => "missing_header",
            Self::Claim(C::Skewed { .. }) => "skewed",
            Self::Claim(C::Expired { .. }) => "expired_url",
            Self::Claim(C::Mismatch | C::NotSigned { .. }) => "signature",
            Self::Claim(C::Malformed { .. } | C::Repeated { .. } | C::TooLarge { .. })
            | Self::Unreadable { .. } => "malformed",
            Self::UnknownKey { .. } => "unknown_key",
            Self::ExpiredKey { .. } => "expired_key",
            Self::Token { .. } => "token",
            Self::Replayed { .. } => "replayed",
            Self::NoncesFull { .. } => "nonces_full",
            Self::Body => "body",
            Self::NotAllowed { .. } => "not_allowed",
            Self::NotTold { .. } | Self::Foreign { .. } => "destination",
        }
    }

    /// Whether nothing shows that whoever made the request has a key.
    pub(crate) const fn is_of_a_stranger(&self) -> bool {
        match self {
            Self::Claim(_)
            | Self::Unreadable { .. }
            | Self::UnknownKey { .. }
            | Self::ExpiredKey { .. }
            | Self::Token { .. }
            | Self::Replayed { .. } => true,
            Self::NoncesFull { .. }
            | Self::Body
            | Self::NotAllowed { .. }
            | Self::NotTold { .. }
            | Self::Foreign { .. } => false,
        }
    }

    /// The key that was named, where that says something.
    pub(crate) fn key_id(&self) -> &str {
        match self {
            Self::UnknownKey { id }
            | Self::ExpiredKey { id }
            | Self::Token { id }
            | Self::Replayed { id }
            | Self::NoncesFull { id }
            | Self::NotAllowed { id, .. }
            | Self::NotTold { id, .. } => id,
            Self::Claim(_) | Self::Unreadable { .. } | Self::Body | Self::Foreign { .. } => "",
        }
    }
}
