//! The scheme `ACS3-HMAC-SHA256` (hexadecimal) of the 2021-04-06 and 2023-03-30 versions, and of
//! the HTTP triggers of Function Compute 3.0.
//!
//! The request says itself which of its headers are signed: Python signs all its own, Node only
//! `content-type`, `host` and `x-acs-*`. The query is signed re-encoded, because Python sends `+`
//! and signs `%20`. The body is signed through its hash in `x-acs-content-sha256`; HTTP triggers
//! send no such header and leave the body out ([`body_matches`]). They also write `$` in the path
//! as `%24` before signing, whatever is sent.
//!
//! # Invariants
//!
//! `contract_vectors_verify`, `contract_canonical_requests_are_reproduced`, `own_calls_verify`,
//! `unsigned_parts_are_open_and_signed_parts_are_not`.

use std::fmt;

use super::{
    Credentials, Request, compare_names, lower_into,
    mac::{self, HmacSha256},
};
use crate::{query, time};

/// The scheme's name, which starts the `authorization` header and the string to sign.
pub(super) const NAME: &str = "ACS3-HMAC-SHA256";
/// When the request was signed, as RFC 3339.
pub(super) const DATE: &str = "x-acs-date";
pub(super) const SECURITY_TOKEN: &str = "x-acs-security-token";
/// What tells one request from another with the same date.
pub(super) const NONCE: &str = "x-acs-signature-nonce";
/// The SHA-256 of the body, in hexadecimal.
pub(super) const CONTENT_SHA256: &str = "x-acs-content-sha256";

/// A call to be signed and sent.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The `host` header as it will be sent, with the port unless it is the default one.
    pub host: &'a str,
    /// The path, each segment encoded with [`crate::percent::encode`].
    pub path: &'a str,
    /// The query, not encoded; send [`query::encode`] of it.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers of the caller's own, `content-type` and `x-fc-*` among them; all are signed.
    pub headers: &'a [(&'a str, &'a str)],
    /// The operation's name in the API version.
    pub action: &'a str,
    /// The API version, `2023-03-30` or `2021-04-06`.
    pub version: &'a str,
    /// The body; empty if there is none.
    pub body: &'a [u8],
}

impl fmt::Debug for Call<'_> {
    /// Shows what is called, not what is said.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("action", &self.action)
            .field("host", &self.host)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Every header to send with `call`: the caller's own, `host`, `accept`, the `x-acs-*` and
/// `authorization`. `nonce` must not have been used before.
#[must_use]
pub fn sign(
    call: &Call<'_>,
    credentials: &Credentials<'_>,
    nonce: &str,
    now_unix_seconds: i64,
) -> Vec<(String, String)> {
    let date = time::rfc3339(now_unix_seconds);
    let payload = mac::sha256_hex(call.body);
    let provider = if credentials.security_token.is_some() { "static_sts" } else { "static_ak" };
    let mut headers = call.headers.to_vec();
    headers.extend([
        ("host", call.host),
        ("accept", "application/json"),
        ("x-acs-version", call.version),
        ("x-acs-action", call.action),
        (DATE, date.as_str()),
        (NONCE, nonce),
        (CONTENT_SHA256, payload.as_str()),
        ("x-acs-credentials-provider", provider),
    ]);
    if let Some(token) = credentials.security_token {
        headers.push(("x-acs-accesskey-id", credentials.access_key_id));
        headers.push((SECURITY_TOKEN, token));
    }

    let query = query::encode(call.query);
    let request =
        Request { method: call.method, path: call.path, query: &query, headers: &headers };
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let authorization = authorization(&request, credentials, &names);

    let mut headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.push(("authorization".to_owned(), authorization));
    headers
}

/// The `authorization` header for `request` with the named headers signed, for callers that bring
/// their own set of headers.
#[must_use]
pub fn authorization(
    request: &Request<'_>,
    credentials: &Credentials<'_>,
    signed_headers: &[&str],
) -> String {
    let names = canonical_names(signed_headers);
    let signature = keyed(request, request.path, &names, credentials.access_key_secret).sign();
    let mut text = format!("{NAME} Credential={},SignedHeaders=", credentials.access_key_id);
    names_into(&mut text, &names);
    text.push_str(",Signature=");
    text.push_str(&mac::hex(&signature));
    text
}

/// Whether `signature` is the one of `request`, of whose headers `signed_headers` are covered.
#[must_use]
pub fn verify(
    request: &Request<'_>,
    secret: &str,
    signed_headers: &[&str],
    signature: &[u8],
) -> bool {
    let names = canonical_names(signed_headers);
    let verifies = |path: &str| keyed(request, path, &names, secret).verify(signature);
    verifies(request.path)
        || (request.path.contains('$') && verifies(&request.path.replace('$', "%24")))
}

/// Whether `body` is the one whose hash was signed.
///
/// A request without the hash matches any body: HTTP triggers sign none. So does GET and DELETE,
/// where Node hashes a `{}` that it never sends.
#[must_use]
pub fn body_matches(request: &Request<'_>, body: &[u8]) -> bool {
    match request.header(CONTENT_SHA256) {
        None => true,
        Some(_) if matches!(request.method, "GET" | "DELETE") => true,
        Some(hash) => mac::from_hex(hash).is_some_and(|hash| hash == mac::sha256(body)),
    }
}

/// The keyed hash of the string to sign, which names the request by its hash.
fn keyed(request: &Request<'_>, path: &str, names: &[&str], secret: &str) -> HmacSha256 {
    let canonical = canonical_request(request, path, names);
    HmacSha256::new(secret)
        .then(NAME.as_bytes())
        .then(b"\n")
        .then(mac::sha256_hex(canonical.as_bytes()).as_bytes())
}

/// Takes names as [`canonical_names`] makes them.
fn canonical_request(request: &Request<'_>, path: &str, names: &[&str]) -> String {
    let length = path.len() + request.query.len() + 2 * request.header_bytes() + 128;
    let mut text = String::with_capacity(length);
    text.push_str(request.method);
    text.push('\n');
    text.push_str(if path.is_empty() { "/" } else { path });
    text.push('\n');
    query::canonicalize_into(&mut text, request.query);
    text.push('\n');
    headers_into(&mut text, request, names);
    text.push('\n');
    names_into(&mut text, names);
    text.push('\n');
    text.push_str(request.header(CONTENT_SHA256).unwrap_or_default());
    text
}

/// Writes a line for each of `names`, with all values of that header. Looks at each header once,
/// so that many names times many headers cost no more than their sum.
fn headers_into(text: &mut String, request: &Request<'_>, names: &[&str]) {
    let mut signed: Vec<(usize, &str)> = request
        .headers
        .iter()
        .filter_map(|(name, value)| {
            let index = names.binary_search_by(|other| compare_names(other, name)).ok()?;
            Some((index, value.trim()))
        })
        .collect();
    signed.sort_unstable();
    let mut signed = signed.into_iter().peekable();
    for (index, name) in names.iter().enumerate() {
        lower_into(text, name);
        let mut separator = ':';
        while let Some((_, value)) = signed.next_if(|(of, _)| *of == index) {
            text.push(separator);
            text.push_str(value);
            separator = ',';
        }
        if separator == ':' {
            text.push(separator);
        }
        text.push('\n');
    }
}

fn names_into(text: &mut String, names: &[&str]) {
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push(';');
        }
        lower_into(text, name);
    }
}

/// Sorted, each name once, in whatever case.
fn canonical_names<'a>(signed_headers: &[&'a str]) -> Vec<&'a str> {
    let mut names = signed_headers.to_vec();
    names.sort_unstable_by(|left, right| compare_names(left, right));
    names.dedup_by(|left, right| left.eq_ignore_ascii_case(right));
    names
}

#[cfg(test)]
mod tests;
