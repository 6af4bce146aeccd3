//! Signatures: three schemes, each to sign and to verify.
//!
//! Signing and verifying build their string from the same [`Request`] with the same code, so that
//! they cannot drift apart. Where clients of one scheme disagree about the string (an escaped or
//! an unescaped path), signing produces one form and verifying accepts the few that are in use.
//!
//! [`Authorization`] finds out which scheme a received request uses and checks it. What a
//! signature covers differs: `x-fc-*` headers are signed by FC and by the Python clients of ACS3,
//! not by its Node clients; the query of a plain FC request is not signed at all.

pub mod acs3;
mod authorization;
pub mod fc;
mod mac;
pub mod roa;

use std::{cmp::Ordering, fmt};

pub use authorization::{Authorization, AuthorizationError, CLOCK_SKEW_MAX, Form, Scheme, limits};

/// A request as it is sent: nothing decoded, nothing normalized.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path, encoded, without the query.
    pub path: &'a str,
    /// What stands after the `?`, encoded; empty if there is none.
    pub query: &'a str,
    /// Every header, in any case and order.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> Request<'a> {
    /// The first value of a header, trimmed.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.header_values(name).next()
    }

    fn header_values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// Headers that start with `prefix` as `name:value` lines, names lower-cased and sorted: the
    /// form that FC and ROA share.
    fn header_lines(&self, prefix: &str) -> String {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .filter(|(name, _)| name.starts_with(prefix))
            .collect();
        headers.sort_by(|(left, _), (right, _)| left.cmp(right));
        headers.into_iter().map(|(name, value)| format!("{name}:{value}\n")).collect()
    }
}

/// The order of header names, whatever their case.
fn compare_names(left: &str, right: &str) -> Ordering {
    let left = left.bytes().map(|byte| byte.to_ascii_lowercase());
    left.cmp(right.bytes().map(|byte| byte.to_ascii_lowercase()))
}

impl fmt::Debug for Request<'_> {
    /// Shows no header and no query: they hold tokens and signatures.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// An access key, perhaps a temporary one.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The public half.
    pub access_key_id: &'a str,
    /// The secret half.
    pub access_key_secret: &'a str,
    /// The token that comes with a temporary key (STS).
    pub security_token: Option<&'a str>,
}

impl fmt::Debug for Credentials<'_> {
    /// Shows the public half alone.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}
