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
    Credentials, Request,
    mac::{self, Algorithm},
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
    let message = string_to_sign(&canonical_request(request, request.path, signed_headers));
    let signature = mac::sign(Algorithm::HmacSha256, credentials.access_key_secret, &message);
    format!(
        "{NAME} Credential={},SignedHeaders={},Signature={}",
        credentials.access_key_id,
        canonical_names(signed_headers).join(";"),
        mac::hex(&signature),
    )
}

/// Whether `signature` is the one of `request`, of whose headers `signed_headers` are covered.
#[must_use]
pub fn verify(
    request: &Request<'_>,
    secret: &str,
    signed_headers: &[&str],
    signature: &[u8],
) -> bool {
    let verifies = |path: &str| {
        let message = string_to_sign(&canonical_request(request, path, signed_headers));
        mac::verify(Algorithm::HmacSha256, secret, &message, signature)
    };
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
        Some(hash) => hash.eq_ignore_ascii_case(&mac::sha256_hex(body)),
    }
}

fn string_to_sign(canonical_request: &str) -> Vec<u8> {
    format!("{NAME}\n{}", mac::sha256_hex(canonical_request.as_bytes())).into_bytes()
}

fn canonical_request(request: &Request<'_>, path: &str, signed_headers: &[&str]) -> String {
    let path = if path.is_empty() { "/" } else { path };
    let query = query::encode(query::Query::parse(request.query).pairs());
    let names = canonical_names(signed_headers);
    let headers: String = names
        .iter()
        .map(|name| {
            let mut values: Vec<_> = request.header_values(name).collect();
            values.sort_unstable();
            format!("{name}:{}\n", values.join(","))
        })
        .collect();
    let names = names.join(";");
    let payload = request.header(CONTENT_SHA256).unwrap_or_default();
    format!("{}\n{path}\n{query}\n{headers}\n{names}\n{payload}", request.method)
}

fn canonical_names(signed_headers: &[&str]) -> Vec<String> {
    let mut names: Vec<_> = signed_headers.iter().map(|name| name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests;
