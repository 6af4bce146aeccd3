//! What passes through the daemon between a caller and an HTTP function.
//!
//! A caller's credentials are for the daemon and end with it: `authorization`, `x-acs-…` and the
//! `x-fc-…` of a signed URL are never seen by a function, nor kept with an invocation. Headers that
//! the daemon writes itself cannot be written by anybody else. Cookies know no ports: a browser sends the one of the
//! console's session to functions behind the same host as well, and it ends here too.
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

/// The cookie of a session of the console.
pub const SESSION_COOKIE: &str = "invoked_session";

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

/// A caller's `cookie` header as it goes on to an HTTP function: without a session of the console. `None` if nothing is
/// left of it.
#[must_use]
pub fn cookies(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let is_semicolon = |byte: &u8| *byte == b';';
    if !value.split(is_semicolon).any(is_session) {
        return Some(value.into());
    }
    let kept: Vec<_> = value.split(is_semicolon).filter(|pair| !is_session(pair)).collect();
    let kept = kept.join(&b';').trim_ascii_start().to_vec();
    (!kept.is_empty()).then(|| kept.into())
}

/// Whether a cookie, of a `cookie` or a `set-cookie` header, is a session of the console.
#[must_use]
pub fn is_session(cookie: &[u8]) -> bool {
    let name = cookie.split(|byte| *byte == b'=').next().unwrap_or_default();
    name.trim_ascii() == SESSION_COOKIE.as_bytes()
}

fn is_reserved(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::{cookies, is_named_by, is_session, query, reaches_caller, reaches_function};

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
    fn a_session_of_the_console_ends_here() {
        for (value, kept) in [
            ("a=1; b=2", Some("a=1; b=2")),
            ("invoked_session=s", None),
            ("a=1; invoked_session=s; b=2", Some("a=1; b=2")),
            ("invoked_session = s;a=1", Some("a=1")),
            (
                "invoked_sessions=1; x=invoked_session=2",
                Some("invoked_sessions=1; x=invoked_session=2"),
            ),
            ("", Some("")),
        ] {
            let found = cookies(value.as_bytes());
            assert_eq!(found.as_deref(), kept.map(str::as_bytes), "{value}");
        }
        assert!(
            is_session(b"invoked_session=planted; Path=/v1") && !is_session(b"sid=invoked_session")
        );
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
