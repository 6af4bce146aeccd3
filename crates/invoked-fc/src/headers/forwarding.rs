//! What passes through the daemon between a caller and an HTTP function.
//!
//! A caller's credentials are for the daemon and end with it: `authorization`, `x-acs-…` and the
//! `x-fc-…` of a signed URL are never seen by a function, nor kept with an invocation. Headers that
//! the daemon writes itself cannot be written by anybody else.
//!
//! # Invariants
//!
//! `credentials_end_here`, `what_is_ours_is_not_taken_from_others`.

use std::borrow::Cow;

use crate::headers;
use crate::percent;

/// Headers of one connection, not of the message. `proxy-connection` is no standard, but common.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Of a request besides: credentials, and what follows from the body and the connection.
const OF_REQUESTS: &[&str] = &["authorization", "content-length", "expect", "host"];
/// The daemon's own, and those of the ACS signature schemes.
const RESERVED_PREFIXES: &[&str] = &[headers::PREFIX, "x-acs-", "x-invoked-"];

/// Whether a caller's header goes on to an HTTP function. The name is in lower case.
#[must_use]
pub fn reaches_function(name: &str) -> bool {
    !HOP_BY_HOP.contains(&name) && !OF_REQUESTS.contains(&name) && !is_reserved(name)
}

/// Whether an HTTP function's header goes back to the caller. The name is in lower case. The length
/// of the body is not decided here: it is the body's where there is one.
#[must_use]
pub fn reaches_caller(name: &str) -> bool {
    !HOP_BY_HOP.contains(&name) && !is_reserved(name)
}

/// Whether a `connection` header declares the header `name` to be one of the connection.
#[must_use]
pub fn is_named_by(connection: &str, name: &str) -> bool {
    connection.split(',').any(|token| token.trim().eq_ignore_ascii_case(name))
}

/// A caller's query, still encoded, as it goes on to an HTTP function: without the parameters of a
/// signed URL.
#[must_use]
pub fn query(raw: &str) -> Cow<'_, str> {
    if raw.split('&').all(reaches_function_in_query) {
        return raw.into();
    }
    let kept: Vec<_> = raw.split('&').filter(|pair| reaches_function_in_query(pair)).collect();
    kept.join("&").into()
}

fn reaches_function_in_query(pair: &str) -> bool {
    let (key, _) = pair.split_once('=').unwrap_or((pair, ""));
    !percent::decode_query(key).to_ascii_lowercase().starts_with(headers::PREFIX)
}

fn is_reserved(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{is_named_by, query, reaches_caller, reaches_function};

    #[test]
    fn credentials_end_here() {
        for name in ["authorization", "x-acs-security-token", "x-fc-security-token"] {
            assert!(!reaches_function(name), "{name}");
        }
        for name in ["cookie", "content-type", "x-forwarded-for", "accept-encoding", "x-f"] {
            assert!(reaches_function(name), "{name}");
        }
        for (raw, kept) in [
            ("a=1&b", "a=1&b"),
            ("", ""),
            ("x-fc-signature=s&x-fc-expires=1", ""),
            ("a=x-fc-&X-Fc-Signature=s&b=%20&&c", "a=x-fc-&b=%20&&c"),
            ("x%2Dfc-security-token=t&a", "a"),
        ] {
            assert_eq!(query(raw), kept);
        }
    }

    #[test]
    fn what_is_ours_is_not_taken_from_others() {
        for name in ["x-fc-request-id", "x-invoked-lineage", "x-invoked-attempt", "connection"] {
            assert!(!reaches_function(name) && !reaches_caller(name), "{name}");
        }
        assert!(reaches_caller("set-cookie") && reaches_caller("www-authenticate"));
        assert!(is_named_by("close, X-Mine", "x-mine") && !is_named_by("close", "clos"));
    }
}
