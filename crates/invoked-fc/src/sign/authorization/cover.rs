//! What a signature must cover before anything in the request is believed.
//!
//! ACS3 lets the request say which of its headers are signed. A caller who could leave out the
//! nonce or the token would sign nothing that tells his request from a replay of it, so these are
//! demanded. A header that decides something must also be there only once: the canonical form
//! joins repeated values with a comma, so that `a,b` once and `a`, `b` twice sign alike.
//!
//! # Invariants
//!
//! `api_calls_sign_what_decides`, `http_triggers_are_accepted_where_expected_alone`.

use super::{AuthorizationError, limits};
use crate::sign::{Request, acs3, compare_names};

/// Which of the two ways to sign with ACS3 the caller of [`verify_as`] expects.
///
/// [`verify_as`]: super::Authorization::verify_as
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An operation of the API: host, date, nonce and the body's hash are signed, and the token
    /// where there is one.
    Api,
    /// A call of a function over HTTP, whose documented recipe signs the date alone. The headers
    /// above are covered where they are sent, except the host, which no such client signs.
    HttpTrigger,
}

/// Whether a header must be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Demanded,
    AsSent,
}

/// Checks that `signed`, sorted with [`compare_names`], covers what `form` demands.
pub(super) fn check_acs3(
    request: &Request<'_>,
    form: Form,
    signed: &[&str],
) -> Result<(), AuthorizationError> {
    let others = match form {
        Form::Api => Presence::Demanded,
        Form::HttpTrigger => Presence::AsSent,
    };
    let covered = |name, presence| {
        if once(request, name, presence)?.is_none() {
            return Ok(());
        }
        match signed.binary_search_by(|other| compare_names(other, name)) {
            Ok(_) => Ok(()),
            Err(_) => Err(AuthorizationError::NotSigned { name }),
        }
    };
    covered(acs3::DATE, Presence::Demanded)?;
    match form {
        Form::Api => covered("host", Presence::Demanded)?,
        Form::HttpTrigger => {}
    }
    covered(acs3::NONCE, others)?;
    covered(acs3::CONTENT_SHA256, others)?;
    covered(acs3::SECURITY_TOKEN, Presence::AsSent)?;
    check_nonce(request)
}

/// Checks that a ROA request has its nonce; the scheme signs every `x-acs-*` header anyway.
pub(super) fn check_roa(request: &Request<'_>) -> Result<(), AuthorizationError> {
    once(request, acs3::NONCE, Presence::Demanded)?;
    once(request, acs3::SECURITY_TOKEN, Presence::AsSent)?;
    check_nonce(request)
}

fn check_nonce(request: &Request<'_>) -> Result<(), AuthorizationError> {
    let bytes = request.header(acs3::NONCE).map_or(0, str::len);
    limits::check(acs3::NONCE, bytes, limits::NONCE_BYTES_MAX, "bytes")
}

/// The only value of a header. An empty value counts as none where one is demanded.
fn once<'a>(
    request: &Request<'a>,
    name: &'static str,
    presence: Presence,
) -> Result<Option<&'a str>, AuthorizationError> {
    let mut values = request.header_values(name);
    let value = values.next();
    if values.next().is_some() {
        return Err(AuthorizationError::Repeated { name });
    }
    if presence == Presence::Demanded && value.is_none_or(str::is_empty) {
        return Err(AuthorizationError::MissingHeader { name });
    }
    Ok(value)
}
