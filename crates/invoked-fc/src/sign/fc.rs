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

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Credentials, Request,
    mac::{self, Algorithm},
};
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
    let message = string_to_sign(request, date(request), &resource(request));
    let signature = mac::sign(Algorithm::HmacSha256, credentials.access_key_secret, &message);
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
    let message = string_to_sign(&request, &expires, &resource_with_query(&request, Order::Sorted));
    let signature = mac::sign(Algorithm::HmacSha256, credentials.access_key_secret, &message);
    pairs.push((parameter::SIGNATURE.to_owned(), STANDARD.encode(signature)));
    query::encode(&pairs)
}

/// Whether `signature`, taken from the `authorization` header, is the one of `request`.
#[must_use]
pub fn verify(request: &Request<'_>, secret: &str, signature: &[u8]) -> bool {
    let date = date(request);
    let resources = if is_proxy(request.path) {
        vec![
            resource_with_query(request, Order::Sorted),
            resource_with_query(request, Order::AsSent),
        ]
    } else {
        vec![percent::decode(request.path).into_owned(), request.path.as_bytes().to_vec()]
    };
    resources.iter().any(|resource| {
        let message = string_to_sign(request, date, resource);
        mac::verify(Algorithm::HmacSha256, secret, &message, signature)
    })
}

/// Whether `signature`, taken from the query, is the one of the rest of the URL.
#[must_use]
pub fn verify_url(request: &Request<'_>, secret: &str, expires: &str, signature: &[u8]) -> bool {
    let message = string_to_sign(request, expires, &resource_with_query(request, Order::Sorted));
    mac::verify(Algorithm::HmacSha256, secret, &message, signature)
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

fn string_to_sign(request: &Request<'_>, date: &str, resource: &[u8]) -> Vec<u8> {
    let head = format!(
        "{}\n{}\n{}\n{}\n{}",
        request.method,
        request.header("content-md5").unwrap_or_default(),
        request.header("content-type").unwrap_or_default(),
        date,
        request.header_lines("x-fc-"),
    );
    [head.as_bytes(), resource].concat()
}

fn resource<'a>(request: &Request<'a>) -> Cow<'a, [u8]> {
    if is_proxy(request.path) {
        resource_with_query(request, Order::Sorted).into()
    } else {
        percent::decode(request.path)
    }
}

/// The unescaped path and, line by line, the unescaped parameters, without the signature itself.
fn resource_with_query(request: &Request<'_>, order: Order) -> Vec<u8> {
    let mut parameters: Vec<String> = request
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
        Order::Sorted => parameters.sort(),
        Order::AsSent => {}
    }
    let path = percent::decode(request.path);
    [path.as_ref(), b"\n", parameters.join("\n").as_bytes()].concat()
}

/// Whether the path is one of an HTTP function.
fn is_proxy(path: &str) -> bool {
    path.split('/').nth(2) == Some("proxy")
}

#[cfg(test)]
mod tests;
