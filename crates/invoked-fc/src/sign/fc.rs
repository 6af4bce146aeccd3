//! The scheme `FC` (HMAC-SHA256, base64) of the 2016-08-15 version, and its signed URLs.
//!
//! Its clients are aliyun-fc2, @alicloud/fc2, the Go and Java SDKs and the older Terraform
//! resources. They disagree in three places, and verifying accepts each of the forms:
//!
//! - The path: Go signs it escaped, the others unescaped.
//! - The query of an HTTP function (`/{version}/proxy/…`): sorted, but the 2021 gateway utility
//!   leaves it in the order sent. The query of any other path is not signed.
//! - The date: Java's `x-fc-date` takes the place of `date`.
//!
//! `content-md5` is signed but cannot be checked: each client encodes it in its own way.
//!
//! # Invariants
//!
//! `contract_vectors_are_reproduced`, `contract_vectors_verify`, `signed_urls_are_bound_to_their_query`.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Credentials, Request, mac::HmacSha256};
use crate::{headers, percent, query};

/// The query parameters of a signed URL.
pub mod parameter {
    /// The access key.
    pub const ACCESS_KEY_ID: &str = "x-fc-access-key-id";
    /// Until when the URL may be used, in seconds since the epoch.
    pub const EXPIRES: &str = "x-fc-expires";
    /// The signature over everything else.
    pub const SIGNATURE: &str = "x-fc-signature";
    /// The token of a temporary key.
    pub const SECURITY_TOKEN: &str = "x-fc-security-token";
}

/// The `authorization` header for `request`, whose headers must be complete: `date`,
/// `content-type`, every `x-fc-*`, and `x-fc-security-token` if the key has one.
#[must_use]
pub fn sign(request: &Request<'_>, credentials: &Credentials<'_>) -> String {
    let resource = if is_proxy(request.path) {
        resource_with_query(request, Order::Sorted).into()
    } else {
        percent::decode(request.path)
    };
    let signature =
        keyed(request, date(request), credentials.access_key_secret).then(&resource).sign();
    format!("FC {}:{}", credentials.access_key_id, STANDARD.encode(signature))
}

/// The complete query for a URL that works without an `authorization` header until `expires_at`
/// (seconds since the epoch). What stands in `request.query` is kept.
#[must_use]
pub fn sign_url(request: &Request<'_>, credentials: &Credentials<'_>, expires_at: i64) -> String {
    let expires = expires_at.to_string();
    let mut pairs = query::Query::parse(request.query).pairs().to_vec();
    let mut add = |name: &str, value: &str| pairs.push((name.to_owned(), value.to_owned()));
    add(parameter::ACCESS_KEY_ID, credentials.access_key_id);
    add(parameter::EXPIRES, &expires);
    if let Some(token) = credentials.security_token {
        add(parameter::SECURITY_TOKEN, token);
    }
    let unsigned = query::encode(&pairs);
    let request = Request { query: &unsigned, ..*request };
    let resource = resource_with_query(&request, Order::Sorted);
    let signature = keyed(&request, &expires, credentials.access_key_secret).then(&resource).sign();
    pairs.push((parameter::SIGNATURE.to_owned(), STANDARD.encode(signature)));
    query::encode(&pairs)
}

/// Whether `signature`, taken from the `authorization` header, is the one of `request`.
#[must_use]
pub fn verify(request: &Request<'_>, secret: &str, signature: &[u8]) -> bool {
    let head = keyed(request, date(request), secret);
    let verifies = |resource: &[u8]| head.clone().then(resource).verify(signature);
    if is_proxy(request.path) {
        verifies(&resource_with_query(request, Order::Sorted))
            || verifies(&resource_with_query(request, Order::AsSent))
    } else {
        let path = request.path.as_bytes();
        let decoded = percent::decode(request.path);
        verifies(&decoded) || (*decoded != *path && verifies(path))
    }
}

/// Whether `signature`, taken from the query, is the one of the rest of the URL.
#[must_use]
pub fn verify_url(request: &Request<'_>, secret: &str, expires: &str, signature: &[u8]) -> bool {
    let resource = resource_with_query(request, Order::Sorted);
    keyed(request, expires, secret).then(&resource).verify(signature)
}

/// The value of the date line; empty if the request has no date.
pub(super) fn date<'a>(request: &Request<'a>) -> &'a str {
    request.header(headers::DATE).or_else(|| request.header("date")).unwrap_or_default()
}

/// How the query of an HTTP function is ordered in the string to sign.
#[derive(Clone, Copy)]
enum Order {
    Sorted,
    AsSent,
}

/// The keyed hash of the string to sign up to the resource.
fn keyed(request: &Request<'_>, date: &str, secret: &str) -> HmacSha256 {
    let mut head = String::with_capacity(request.header_bytes() + date.len() + 64);
    let header = |name| request.header(name).unwrap_or_default();
    for line in [request.method, header("content-md5"), header("content-type"), date] {
        head.push_str(line);
        head.push('\n');
    }
    request.header_lines_into(&mut head, "x-fc-");
    HmacSha256::new(secret).then(head.as_bytes())
}

/// The unescaped path and, line by line, the unescaped parameters, without the signature itself.
fn resource_with_query(request: &Request<'_>, order: Order) -> Vec<u8> {
    let mut parameters: Vec<_> = request
        .query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| match parameter.split_once('=') {
            // A parameter without a value is written without the sign as well.
            Some((key, "")) => percent::decode_query(key),
            _ => percent::decode_query(parameter),
        })
        .filter(|parameter| {
            parameter.split_once('=').is_none_or(|(key, _)| key != parameter::SIGNATURE)
        })
        .collect();
    match order {
        Order::Sorted => parameters.sort_unstable(),
        Order::AsSent => {}
    }
    let mut resource = percent::decode(request.path).into_owned();
    if parameters.is_empty() {
        resource.push(b'\n');
    }
    for parameter in parameters {
        resource.push(b'\n');
        resource.extend_from_slice(parameter.as_bytes());
    }
    resource
}

/// Whether the path is one of an HTTP function.
fn is_proxy(path: &str) -> bool {
    path.split('/').nth(2) == Some("proxy")
}

#[cfg(test)]
mod tests;
