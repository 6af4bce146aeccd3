//! The scheme `acs` (HMAC-SHA1, base64) that Terraform's fcv3 resources use through tea-roa.
//!
//! It names no action, so nothing may be routed by action. tea-roa signs the query as it was
//! before encoding; verifying also accepts it as it was sent, and the same for the path.
//!
//! # Invariants
//!
//! `contract_vector_is_reproduced`, `decoded_and_raw_forms_verify`.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Credentials, Request,
    mac::{self, Algorithm},
};
use crate::percent;

/// The `authorization` header for `request`, whose headers must be complete: `date`, `accept`,
/// `content-type` and every `x-acs-*`.
#[must_use]
pub fn sign(request: &Request<'_>, credentials: &Credentials<'_>) -> String {
    let message = string_to_sign(request, &percent::decode(request.path), &decoded_query(request));
    let signature = mac::sign(Algorithm::HmacSha1, credentials.access_key_secret, &message);
    format!("acs {}:{}", credentials.access_key_id, STANDARD.encode(signature))
}

/// Whether `signature` is the one of `request`.
#[must_use]
pub fn verify(request: &Request<'_>, secret: &str, signature: &[u8]) -> bool {
    let decoded = percent::decode(request.path);
    let paths = [decoded.as_ref(), request.path.as_bytes()];
    let queries = [decoded_query(request), raw_query(request)];
    paths.iter().any(|path| {
        queries.iter().any(|query| {
            let message = string_to_sign(request, path, query);
            mac::verify(Algorithm::HmacSha1, secret, &message, signature)
        })
    })
}

fn string_to_sign(request: &Request<'_>, path: &[u8], query: &str) -> Vec<u8> {
    let header = |name| request.header(name).unwrap_or_default();
    let head = format!(
        "{}\n{}\n{}\n{}\n{}\n{}",
        request.method,
        header("accept"),
        header("content-md5"),
        header("content-type"),
        header("date"),
        request.header_lines("x-acs-"),
    );
    let mark = if query.is_empty() { "" } else { "?" };
    [head.as_bytes(), path, mark.as_bytes(), query.as_bytes()].concat()
}

fn raw_query(request: &Request<'_>) -> String {
    sorted_query(request, str::to_owned)
}

fn decoded_query(request: &Request<'_>) -> String {
    sorted_query(request, percent::decode_query)
}

fn sorted_query(request: &Request<'_>, form: impl Fn(&str) -> String) -> String {
    let mut pairs: Vec<(String, String)> = request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (form(key), form(value)))
        .collect();
    pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(key, value)| if value.is_empty() { key } else { format!("{key}={value}") })
        .collect();
    pairs.join("&")
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
        assert_eq!(decoded_query(&request), "a&b=x/y&c=1 2");
        assert_eq!(raw_query(&request), "a&b=x%2Fy&c=1+2");
    }
}
