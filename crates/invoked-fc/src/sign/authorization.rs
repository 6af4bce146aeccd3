//! What a received request says about who made it, and whether that holds.
//!
//! Reading and verifying are two steps, because the secret is looked up in between: read, look up
//! [`Authorization::access_key_id`], verify.
//!
//! # Invariants
//!
//! `captured_requests_verify`, `captured_requests_are_refused_when_changed`,
//! `requests_out_of_time_are_refused`, `dates_must_be_signed`.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Request, acs3, fc, mac, roa};
use crate::{error::ErrorCode, headers, query::Query, time};

/// How far a request's date may be from ours, in seconds; the documented 15 minutes.
pub const CLOCK_SKEW_MAX: i64 = 15 * 60;

/// The scheme of an [`Authorization`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `FC`, in the header.
    Fc,
    /// `FC`, in the query of a signed URL.
    FcUrl,
    /// `ACS3-HMAC-SHA256`.
    Acs3,
    /// `acs`, the HMAC-SHA1 of Terraform.
    Roa,
}

/// A claim to have been made with an access key; nothing of it is proven before
/// [`Authorization::verify`].
#[derive(Clone, Debug)]
pub struct Authorization<'a> {
    scheme: Scheme,
    access_key_id: Cow<'a, str>,
    signature: Vec<u8>,
    signed_headers: Vec<&'a str>,
}

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
            Self::Malformed { .. } => ErrorCode::InvalidArgument,
            Self::Skewed { .. } | Self::Expired { .. } => ErrorCode::AccessDenied,
            Self::Mismatch => ErrorCode::SignatureNotMatch,
        }
    }
}

impl<'a> Authorization<'a> {
    /// Reads the `authorization` header or, in its absence, a signed URL.
    ///
    /// # Errors
    ///
    /// There is neither, or it is of no known form.
    pub fn read(request: &Request<'a>) -> Result<Self, AuthorizationError> {
        const MALFORMED: AuthorizationError =
            AuthorizationError::Malformed { part: "authorization" };

        let Some(header) = request.header("authorization") else {
            return Self::read_url(request);
        };
        let (name, rest) = header.split_once(' ').ok_or(MALFORMED)?;
        let rest = rest.trim();
        if name.eq_ignore_ascii_case(acs3::NAME) {
            Self::read_acs3(rest).ok_or(MALFORMED)
        } else if name.eq_ignore_ascii_case("FC") {
            Self::read_pair(Scheme::Fc, rest).ok_or(MALFORMED)
        } else if name.eq_ignore_ascii_case("acs") {
            Self::read_pair(Scheme::Roa, rest).ok_or(MALFORMED)
        } else {
            Err(MALFORMED)
        }
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The access key whose secret [`Authorization::verify`] needs.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The token of a temporary key, if one was sent; as open as the rest of the claim.
    #[must_use]
    pub fn security_token(&self, request: &Request<'a>) -> Option<Cow<'a, str>> {
        let token = match self.scheme {
            Scheme::Fc => request.header(headers::SECURITY_TOKEN).map(Cow::Borrowed),
            Scheme::Acs3 | Scheme::Roa => request.header(acs3::SECURITY_TOKEN).map(Cow::Borrowed),
            Scheme::FcUrl => Query::parse(request.query)
                .text(fc::parameter::SECURITY_TOKEN)
                .map(|token| Cow::Owned(token.to_owned())),
        };
        token.filter(|token| !token.is_empty())
    }

    /// Checks the claim against the secret of [`Authorization::access_key_id`]. The body is not
    /// looked at; see [`acs3::body_matches`].
    ///
    /// # Errors
    ///
    /// The request is not of this moment, or not signed with this secret.
    pub fn verify(
        &self,
        request: &Request<'a>,
        secret: &str,
        now_unix_seconds: i64,
    ) -> Result<(), AuthorizationError> {
        let verifies = match self.scheme {
            Scheme::Fc => {
                let date = fc::date(request);
                check_skew(date, time::parse_rfc1123(date), now_unix_seconds)?;
                fc::verify(request, secret, &self.signature)
            }
            Scheme::FcUrl => {
                let query = Query::parse(request.query);
                let expires = query.text(fc::parameter::EXPIRES).unwrap_or_default();
                check_expiry(expires, now_unix_seconds)?;
                fc::verify_url(request, secret, expires, &self.signature)
            }
            Scheme::Acs3 => {
                let date = request.header(acs3::DATE).unwrap_or_default();
                check_skew(date, time::parse_rfc3339(date), now_unix_seconds)?;
                self.signs(acs3::DATE)
                    && acs3::verify(request, secret, &self.signed_headers, &self.signature)
            }
            Scheme::Roa => {
                let date = request.header("date").unwrap_or_default();
                check_skew(date, time::parse_rfc1123(date), now_unix_seconds)?;
                roa::verify(request, secret, &self.signature)
            }
        };
        if verifies { Ok(()) } else { Err(AuthorizationError::Mismatch) }
    }

    fn read_acs3(text: &'a str) -> Option<Self> {
        let field = |name: &str| {
            text.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
        };
        Some(Self {
            scheme: Scheme::Acs3,
            access_key_id: Cow::Borrowed(field("Credential")?),
            signature: mac::from_hex(field("Signature")?)?,
            signed_headers: field("SignedHeaders")?.split(';').collect(),
        })
    }

    fn read_pair(scheme: Scheme, text: &'a str) -> Option<Self> {
        let (access_key_id, signature) = text.split_once(':')?;
        Some(Self {
            scheme,
            access_key_id: Cow::Borrowed(access_key_id),
            signature: STANDARD.decode(signature).ok()?,
            signed_headers: Vec::new(),
        })
    }

    fn read_url(request: &Request<'a>) -> Result<Self, AuthorizationError> {
        let query = Query::parse(request.query);
        let (Some(access_key_id), Some(signature)) =
            (query.text(fc::parameter::ACCESS_KEY_ID), query.text(fc::parameter::SIGNATURE))
        else {
            return Err(AuthorizationError::MissingHeader { name: "Authorization" });
        };
        Ok(Self {
            scheme: Scheme::FcUrl,
            access_key_id: Cow::Owned(access_key_id.to_owned()),
            signature: STANDARD
                .decode(signature)
                .map_err(|_| AuthorizationError::Malformed { part: "signature" })?,
            signed_headers: Vec::new(),
        })
    }

    fn signs(&self, header: &str) -> bool {
        self.signed_headers.iter().any(|name| name.eq_ignore_ascii_case(header))
    }
}

fn check_skew(date: &str, requested: Option<i64>, now: i64) -> Result<(), AuthorizationError> {
    if date.is_empty() {
        return Err(AuthorizationError::MissingHeader { name: "Date" });
    }
    let requested = requested.ok_or(AuthorizationError::Malformed { part: "date" })?;
    if requested.abs_diff(now) > CLOCK_SKEW_MAX.unsigned_abs() {
        let current = time::rfc3339(now);
        return Err(AuthorizationError::Skewed { requested: date.to_owned(), current });
    }
    Ok(())
}

fn check_expiry(expires: &str, now: i64) -> Result<(), AuthorizationError> {
    let expires_at: i64 =
        expires.parse().map_err(|_| AuthorizationError::Malformed { part: "expiry" })?;
    if expires_at < now {
        let current = time::rfc3339(now);
        return Err(AuthorizationError::Expired { expired: expires.to_owned(), current });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
