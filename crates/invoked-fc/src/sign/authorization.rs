//! What a received request says about who made it, and whether that holds.
//!
//! Reading and verifying are two steps, because the secret is looked up in between: read, look up
//! [`Authorization::access_key_id`], verify.
//!
//! # Invariants
//!
//! `captured_requests_verify`, `captured_requests_are_refused_when_changed`,
//! `requests_out_of_time_are_refused`, `api_calls_sign_what_decides`,
//! `requests_beyond_every_client_are_refused`.

mod cover;
mod error;
pub mod limits;

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

pub use self::{cover::Form, error::AuthorizationError};
use super::{Request, acs3, compare_names, fc, mac, roa};
use crate::{headers, query::Query, time};

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
    /// Sorted, each name once.
    signed_headers: Vec<&'a str>,
}

impl<'a> Authorization<'a> {
    /// Reads the `authorization` header or, in its absence, a signed URL.
    ///
    /// # Errors
    ///
    /// There is neither, or it is of no known form, or the request is beyond [`limits`].
    pub fn read(request: &Request<'a>) -> Result<Self, AuthorizationError> {
        limits::check_request(request)?;
        let mut headers = request.header_values("authorization");
        let claim = match (headers.next(), headers.next()) {
            (None, _) => Self::read_url(request)?,
            (Some(header), None) => Self::read_header(header)?,
            (Some(_), Some(_)) => {
                return Err(AuthorizationError::Repeated { name: "Authorization" });
            }
        };
        let length = claim.access_key_id.len();
        limits::check("access key id", length, limits::ACCESS_KEY_ID_BYTES_MAX, "bytes")?;
        Ok(claim)
    }

    fn read_header(header: &'a str) -> Result<Self, AuthorizationError> {
        const MALFORMED: AuthorizationError =
            AuthorizationError::Malformed { part: "authorization" };

        limits::check("authorization", header.len(), limits::AUTHORIZATION_BYTES_MAX, "bytes")?;
        let (name, rest) = header.split_once(' ').ok_or(MALFORMED)?;
        let rest = rest.trim();
        if name.eq_ignore_ascii_case(acs3::NAME) {
            Self::read_acs3(rest)
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

    /// What tells this request from every other one of its key, under the signature: worth
    /// remembering once [`Authorization::verify`] has accepted the request, for as long as its
    /// date is good. The `FC` scheme has none, nor has an HTTP trigger's request as a rule.
    #[must_use]
    pub fn nonce(&self, request: &Request<'a>) -> Option<&'a str> {
        let signed = match self.scheme {
            Scheme::Acs3 => self.signs(acs3::NONCE),
            Scheme::Roa => true,
            Scheme::Fc | Scheme::FcUrl => false,
        };
        request.header(acs3::NONCE).filter(|nonce| signed && !nonce.is_empty())
    }

    /// Checks the claim of an operation of the API, [`Form::Api`], against the secret of
    /// [`Authorization::access_key_id`].
    ///
    /// # Errors
    ///
    /// Those of [`Authorization::verify_as`].
    pub fn verify(
        &self,
        request: &Request<'a>,
        secret: &str,
        now_unix_seconds: i64,
    ) -> Result<(), AuthorizationError> {
        self.verify_as(Form::Api, request, secret, now_unix_seconds)
    }

    /// Checks the claim against the secret of [`Authorization::access_key_id`]. The body is not
    /// looked at; see [`acs3::body_matches`]. `request` must be the one that was read. The form
    /// makes no difference to the other schemes.
    ///
    /// # Errors
    ///
    /// The request is not of this moment, its signature leaves out what it must cover, or it is
    /// not signed with this secret.
    pub fn verify_as(
        &self,
        form: Form,
        request: &Request<'a>,
        secret: &str,
        now_unix_seconds: i64,
    ) -> Result<(), AuthorizationError> {
        limits::check_request(request)?;
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
                cover::check_acs3(request, form, &self.signed_headers)?;
                acs3::verify(request, secret, &self.signed_headers, &self.signature)
            }
            Scheme::Roa => {
                let date = request.header("date").unwrap_or_default();
                check_skew(date, time::parse_rfc1123(date), now_unix_seconds)?;
                cover::check_roa(request)?;
                roa::verify(request, secret, &self.signature)
            }
        };
        if verifies { Ok(()) } else { Err(AuthorizationError::Mismatch) }
    }

    fn read_acs3(text: &'a str) -> Result<Self, AuthorizationError> {
        let field = |name: &str| {
            text.split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
                .ok_or(AuthorizationError::Malformed { part: "authorization" })
        };
        let names = field("SignedHeaders")?;
        let count = names.split(';').count();
        limits::check("SignedHeaders", count, limits::SIGNED_HEADERS_MAX, "names")?;
        let mut signed_headers: Vec<_> = names.split(';').collect();
        signed_headers.sort_unstable_by(|left, right| compare_names(left, right));
        signed_headers.dedup_by(|left, right| left.eq_ignore_ascii_case(right));
        Ok(Self {
            scheme: Scheme::Acs3,
            access_key_id: Cow::Borrowed(field("Credential")?),
            signature: mac::from_hex(field("Signature")?)
                .ok_or(AuthorizationError::Malformed { part: "authorization" })?,
            signed_headers,
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
        self.signed_headers.binary_search_by(|name| compare_names(name, header)).is_ok()
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
