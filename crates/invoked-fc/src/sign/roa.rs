//! The scheme `acs` (HMAC-SHA1, base64) that Terraform's fcv3 resources use through tea-roa.
//!
//! It names no action, so nothing may be routed by action. tea-roa signs the query as it was
//! before encoding; verifying also accepts it as it was sent, and the same for the path.
//!
//! # Invariants
//!
//! `contract_vector_is_reproduced`, `decoded_and_raw_forms_verify`.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Credentials, Request, mac::HmacSha1};
use crate::percent;

/// The `authorization` header for `request`, whose headers must be complete: `date`, `accept`,
/// `content-type` and every `x-acs-*`.
#[must_use]
pub fn sign(request: &Request<'_>, credentials: &Credentials<'_>) -> String {
    let signature = keyed(request, credentials.access_key_secret)
        .then(&percent::decode(request.path))
        .then(decoded_query(request).as_bytes())
        .sign();
    format!("acs {}:{}", credentials.access_key_id, STANDARD.encode(signature))
}

/// Whether `signature` is the one of `request`.
#[must_use]
pub fn verify(request: &Request<'_>, secret: &str, signature: &[u8]) -> bool {
    let head = keyed(request, secret);
    let verifies =
        |path: &[u8], query: &str| head.clone().then(path).then(query.as_bytes()).verify(signature);
    let path = percent::decode(request.path);
    let query = decoded_query(request);
    if verifies(&path, &query) {
        return true;
    }
    let raw_path = request.path.as_bytes();
    let raw_query = raw_query(request);
    let (same_path, same_query) = (*path == *raw_path, query == raw_query);
    (!same_query && verifies(&path, &raw_query))
        || (!same_path && verifies(raw_path, &query))
        || (!same_path && !same_query && verifies(raw_path, &raw_query))
}

/// The keyed hash of the string to sign up to the path.
fn keyed(request: &Request<'_>, secret: &str) -> HmacSha1 {
    let mut head = String::with_capacity(request.header_bytes() + 64);
    let header = |name| request.header(name).unwrap_or_default();
    for line in [
        request.method,
        header("accept"),
        header("content-md5"),
        header("content-type"),
        header("date"),
    ] {
        head.push_str(line);
        head.push('\n');
    }
    request.header_lines_into(&mut head, "x-acs-");
    HmacSha1::new(secret).then(head.as_bytes())
}

fn raw_query(request: &Request<'_>) -> String {
    sorted_query(request, Cow::Borrowed)
}

fn decoded_query(request: &Request<'_>) -> String {
    sorted_query(request, percent::decode_query)
}

/// The query with its mark; empty if there is none.
fn sorted_query<'a>(request: &Request<'a>, form: impl Fn(&'a str) -> Cow<'a, str>) -> String {
    let mut pairs: Vec<_> = request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (form(key), form(value)))
        .collect();
    pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mut text = String::with_capacity(request.query.len() + 1);
    for (index, (key, value)) in pairs.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(key);
        if !value.is_empty() {
            text.push('=');
            text.push_str(value);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::{decoded_query, raw_query, sign, verify};
    use crate::sign::{Credentials, Request};

    const KEY: Credentials<'_> = Credentials {
        access_key_id: "testid",
        access_key_secret: "testsecret",
        security_token: None,
    };

    /// Vector L.
    const REQUEST: Request<'_> = Request {
        method: "PUT",
        path: "/2023-03-30/functions/fn/async-invoke-config",
        query: "qualifier=LATEST",
        headers: &[
            ("accept", "application/json"),
            ("content-type", "application/json; charset=utf-8"),
            ("date", "Mon, 03 Jun 2024 08:00:00 GMT"),
            ("host", "127.0.0.1:9000"),
            ("x-acs-version", "2023-03-30"),
            ("x-acs-signature-method", "HMAC-SHA1"),
            ("x-acs-signature-nonce", "0123456789abcdef0123456789abcdef"),
            ("x-acs-signature-version", "1.0"),
        ],
    };

    fn verifies(request: &Request<'_>, authorization: &str) -> bool {
        let signature = authorization.strip_prefix("acs testid:").unwrap();
        verify(request, "testsecret", &STANDARD.decode(signature).unwrap())
    }

    #[test]
    fn contract_vector_is_reproduced() {
        let authorization = "acs testid:fqqqXhOTgU+0/abeV34ZxNJwr5o=";
        assert_eq!(sign(&REQUEST, &KEY), authorization);
        assert!(verifies(&REQUEST, authorization));
        assert!(!verifies(&Request { query: "qualifier=prod", ..REQUEST }, authorization));
        assert!(!verifies(&Request { method: "GET", ..REQUEST }, authorization));
    }

    #[test]
    fn decoded_and_raw_forms_verify() {
        let wire = Request {
            path: "/2023-03-30/functions/svc%24fn",
            query: "b=x%2Fy&a=&c=1+2",
            ..REQUEST
        };
        // The literals are what tea-roa holds before encoding.
        let by_hand =
            Request { path: "/2023-03-30/functions/svc$fn", query: "a&b=x/y&c=1 2", ..wire };
        assert!(verifies(&wire, &sign(&by_hand, &KEY)));
        let as_sent = Request {
            path: "/2023-03-30/functions/svc%2524fn",
            query: "a&b=x%252Fy&c=1%2B2",
            ..wire
        };
        assert!(verifies(&wire, &sign(&as_sent, &KEY)));
    }

    #[test]
    fn empty_parameters_are_signed_without_a_sign() {
        let request = Request { query: "b=x%2Fy&a=&c=1+2", ..REQUEST };
        assert_eq!(decoded_query(&request), "?a&b=x/y&c=1 2");
        assert_eq!(raw_query(&request), "?a&b=x%2Fy&c=1+2");
    }
}
