//! Who may come in: a bearer token, or, where none is configured, somebody on this machine who is
//! not a web page.
//!
//! Without tokens the listener is on loopback, and the one stranger who gets there is a browser that
//! some page has sent. Such a request shows itself: its `Host` is the page's name and not a loopback
//! one (DNS rebinding), or `Origin` or `Sec-Fetch-Site` say that it comes from another page. A
//! `Host`'s port is not looked at: a browser always sends the one that it connected to, and through
//! a tunnel that is not ours.
//!
//! Whatever changes something also needs the header `x-invoked-admin: 1`. Forms and simple requests
//! cannot carry it; a script's would have to be allowed by a preflight, which nothing answers.
//!
//! Where tokens are configured, the console's page has a session instead of one (`session.rs`), in a cookie that only
//! pages of this very listener can send along.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};

use crate::admin::problem::AdminProblem;
use crate::admin::session::Sessions;
use crate::admin::telemetry::{self, AuthFailure};
use crate::admin::tokens::{Owner, Rights, Role, Tokens};

/// The header that every change carries.
pub(super) const CHANGE_HEADER: &str = "x-invoked-admin";
const FETCH_SITE: &str = "sec-fetch-site";
/// A longer token is none of ours.
const TOKEN_BYTES_MAX: usize = 4 * 1024;

/// Who asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Visitor {
    /// The name of the token; none where no token is asked for.
    pub(super) name: Option<Arc<str>>,
    pub(super) rights: Rights,
}

impl From<Owner> for Visitor {
    fn from(owner: Owner) -> Self {
        Self { name: Some(owner.name), rights: owner.rights }
    }
}

/// Lets a request in, or says why not.
pub(super) fn enter(
    headers: &HeaderMap,
    tokens: &Tokens,
    sessions: &Sessions,
) -> Result<Visitor, AdminProblem> {
    if !tokens.is_empty() {
        if headers.contains_key(AUTHORIZATION) {
            return bearer(headers, tokens);
        }
        let owner = sessions.owner(headers, tokens).ok_or_else(|| {
            telemetry::refused(AuthFailure::Missing);
            AdminProblem::NoToken
        })?;
        is_of_our_page(headers)?;
        return Ok(owner.into());
    }
    let host = text(headers, &HOST).unwrap_or_default();
    if !is_loopback(host) {
        telemetry::refused(AuthFailure::Host);
        return Err(AdminProblem::Host);
    }
    is_of_our_page(headers)?;
    Ok(Visitor { name: None, rights: Role::Admin.into() })
}

/// What somebody who was let in may do by now, if they would still be: asked again and again while they read.
pub(super) fn rights_now(
    headers: &HeaderMap,
    tokens: &Tokens,
    sessions: &Sessions,
) -> Option<Rights> {
    if tokens.is_empty() {
        return Some(Role::Admin.into());
    }
    if headers.contains_key(AUTHORIZATION) {
        return bearer(headers, tokens).ok().map(|visitor| visitor.rights);
    }
    sessions.rights(headers, tokens)
}

/// Refuses what a page of somebody else has sent.
pub(super) fn is_of_our_page(headers: &HeaderMap) -> Result<(), AdminProblem> {
    let host = text(headers, &HOST).unwrap_or_default();
    if is_from_another_page(headers, host) {
        telemetry::refused(AuthFailure::Origin);
        return Err(AdminProblem::Origin);
    }
    Ok(())
}

/// Whose token this is, which came some other way than as a bearer token.
pub(super) fn presented(token: &str, tokens: &Tokens) -> Result<Owner, AdminProblem> {
    let owner = tokens.owner(token).filter(|_| token.len() <= TOKEN_BYTES_MAX);
    owner.ok_or_else(|| {
        telemetry::refused(AuthFailure::Unknown);
        AdminProblem::UnknownToken
    })
}

/// Whether a visitor may do what needs this role.
pub(super) fn allow(visitor: &Visitor, needed: Role) -> Result<(), AdminProblem> {
    let held = visitor.rights.role;
    if needed <= held {
        return Ok(());
    }
    telemetry::refused(AuthFailure::Role);
    Err(AdminProblem::Role { needed, held })
}

/// Whether a change was meant by whoever sent it.
pub(super) fn is_meant(headers: &HeaderMap) -> Result<(), AdminProblem> {
    if headers.get(CHANGE_HEADER).is_some_and(|value| value == "1") {
        return Ok(());
    }
    telemetry::refused(AuthFailure::Header);
    Err(AdminProblem::ChangeHeader)
}

fn bearer(headers: &HeaderMap, tokens: &Tokens) -> Result<Visitor, AdminProblem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let token = given.next().and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_matches(' '))
    });
    // Of two, nobody could say which one counts.
    let Some(token) = token.filter(|_| given.next().is_none()) else {
        telemetry::refused(AuthFailure::Missing);
        return Err(AdminProblem::NoToken);
    };
    presented(token, tokens).map(Visitor::from)
}

fn is_from_another_page(headers: &HeaderMap, host: &str) -> bool {
    let is_foreign_site = match headers.get(FETCH_SITE).map(|value| value.as_bytes()) {
        None | Some(b"same-origin" | b"none") => false,
        Some(_) => true,
    };
    let is_foreign_origin = headers.get_all(ORIGIN).iter().any(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        !authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    });
    is_foreign_site || is_foreign_origin
}

/// Whether a `Host` can only mean this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A header that is there once.
fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests;
