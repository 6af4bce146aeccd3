//! Who calls: a signature checked against the keys that an operator has configured.
//!
//! A request is judged by its head alone, before any of its body is read, so that a flood of
//! requests nobody signed costs no memory. In order: the claim is read, its key looked up, the
//! signature and the date verified; then the key's token and expiry, and last the nonce, which is
//! remembered only for requests whose signature holds. What the key may do is [`Caller`]'s. Where many are refused
//! in a second, the answers are held back for a moment, and with them whatever these connections would send next.
//!
//! The schemes `FC` and the signed URL carry no nonce: within 15 minutes (until it expires, a URL) such
//! a request can be sent again by whoever sees it, as in the cloud. TLS is what hides it.
//!
//! # Invariants
//!
//! `captured_requests_are_admitted`, `captured_requests_are_refused_when_a_signed_byte_changes`,
//! `a_nonce_is_remembered_only_for_a_signature_that_holds`.

pub(crate) mod action;
mod error;
mod key;
mod nonces;
mod report;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::request::Parts;
use invoked_core::envelope::Identity;
use invoked_core::time::Timestamp;
use invoked_fc::sign::{Authorization, CLOCK_SKEW_MAX, Form, Request, Scheme, acs3};
use invoked_fc::time;

pub(crate) use self::error::AuthError;
pub use self::key::AccessKey;
use self::nonces::{NonceError, Nonces};
use self::report::Report;
pub use self::report::describe;
use crate::caller::Caller;

/// How long strangers wait for their answers while there are too many of them.
const HELD_BACK: Duration = Duration::from_millis(100);

/// Whom requests have to be signed by.
#[derive(Clone, Debug)]
pub enum AuthConfig {
    /// By nobody: whoever can connect may do everything, in the daemon's own account.
    Off,
    /// By one of these keys.
    Signed {
        /// The keys.
        keys: Vec<AccessKey>,
        /// Nonces that are remembered at a time, over all keys; each key has an equal share. Beyond
        /// it, requests that carry one are told to try again.
        nonces_max: usize,
    },
}

/// Admits callers. Cheap to clone; all clones share what they know.
#[derive(Clone)]
pub struct Auth {
    shared: Arc<Shared>,
}

struct Shared {
    /// Replaced whole. `None` is [`AuthConfig::Off`].
    keys: RwLock<Option<Arc<Keys>>>,
    report: Report,
}

#[derive(Default)]
struct Keys {
    by_id: BTreeMap<Box<str>, Known>,
    /// Nonces that one key may have remembered.
    nonces_max: usize,
}

struct Known {
    key: Arc<AccessKey>,
    nonces: Arc<Nonces>,
}

impl Auth {
    /// Admits whom `config` says.
    #[must_use]
    pub fn new(config: AuthConfig) -> Self {
        let keys = Keys::of(config, None);
        Self { shared: Arc::new(Shared { keys: RwLock::new(keys), report: Report::default() }) }
    }

    /// From here on admits whom `config` says. Requests that were admitted go on; nonces of keys that
    /// stay are not forgotten.
    pub fn replace(&self, config: AuthConfig) {
        let old = self.keys();
        let new = Keys::of(config, old.as_deref());
        *self.shared.keys.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// Whether requests have to be signed.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.keys().is_some()
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        self.shared.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who makes a request, by its head. `own` is who the daemon is.
    pub(crate) fn admit(
        &self,
        head: &Parts,
        form: Form,
        own: &Identity,
        now: Timestamp,
    ) -> Result<Caller, AuthError> {
        let Some(keys) = self.keys() else { return Ok(Caller::anybody(own)) };
        let headers = headers(head)?;
        let key = keys.admit(&request(head, &headers), form, now.millis().div_euclid(1_000))?;
        Ok(Caller::of(key))
    }

    /// Whether a body is the one that was signed, where one was.
    pub(crate) fn check_body(&self, head: &Parts, body: &[u8]) -> Result<(), AuthError> {
        if !self.is_on() {
            return Ok(());
        }
        let headers = headers(head)?;
        let mut request = request(head, &headers);
        if !body.is_empty() {
            // Clients that sign a body with a GET or DELETE and never send it are forgiven; one that
            // comes is held to its hash, whatever the method.
            request.method = "POST";
        }
        let is_signed_one = acs3::body_matches(&request, body);
        if is_signed_one { Ok(()) } else { Err(AuthError::Body) }
    }

    /// How long the answer to a refused request is held back, so that a flood of them waits instead of being
    /// worked on: whoever waits sends nothing meanwhile.
    pub(crate) fn held_back(&self, error: &AuthError, now: Timestamp) -> Duration {
        let is_held = error.is_of_a_stranger() && self.shared.report.is_flooded(now);
        if is_held { HELD_BACK } else { Duration::ZERO }
    }

    /// Counts a refusal.
    pub(crate) fn report(&self, error: &AuthError, now: Timestamp) {
        self.shared.report.note(error, now);
    }
}

impl Keys {
    fn of(config: AuthConfig, old: Option<&Self>) -> Option<Arc<Self>> {
        let AuthConfig::Signed { keys, nonces_max } = config else { return None };
        let share = nonces_max.checked_div(keys.len()).unwrap_or_default();
        let known = |key: AccessKey| {
            let before = old.and_then(|old| old.by_id.get(&key.id));
            let nonces = before.map(|known| Arc::clone(&known.nonces)).unwrap_or_default();
            (key.id.clone(), Known { key: Arc::new(key), nonces })
        };
        let by_id = keys.into_iter().map(known).collect();
        Some(Arc::new(Self { by_id, nonces_max: share.max(1) }))
    }

    /// The key that a request was signed with. `now` is in seconds since the epoch.
    fn admit(
        &self,
        request: &Request<'_>,
        form: Form,
        now: i64,
    ) -> Result<Arc<AccessKey>, AuthError> {
        let claim = Authorization::read(request)?;
        let id = claim.access_key_id();
        let Some(Known { key, nonces }) = self.by_id.get(id) else {
            return Err(AuthError::UnknownKey { id: id.to_owned() });
        };
        claim.verify_as(form, request, &key.secret, now)?;
        if key.expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(AuthError::ExpiredKey { id: id.to_owned() });
        }
        if !key.has_token(claim.security_token(request).as_deref()) {
            return Err(AuthError::Token { id: id.to_owned() });
        }
        if let Some(nonce) = claim.nonce(request) {
            // As long as the request would be taken, so long is its nonce refused.
            let good_until = signed_at(&claim, request).unwrap_or(now) + CLOCK_SKEW_MAX;
            nonces.remember(nonce, good_until, now, self.nonces_max).map_err(
                |error| match error {
                    NonceError::Used => AuthError::Replayed { id: id.to_owned() },
                    NonceError::Full => AuthError::NoncesFull { id: id.to_owned() },
                },
            )?;
        }
        Ok(Arc::clone(key))
    }
}

/// When a request with a nonce was made, in seconds since the epoch. It is signed.
fn signed_at(claim: &Authorization<'_>, request: &Request<'_>) -> Option<i64> {
    match claim.scheme() {
        Scheme::Acs3 => time::parse_rfc3339(request.header("x-acs-date")?),
        Scheme::Roa => time::parse_rfc1123(request.header("date")?),
        Scheme::Fc | Scheme::FcUrl => None,
    }
}

/// The headers as texts. What is not one cannot have been signed by any client; where it could be
/// taken for something that was, the request is refused.
fn headers(head: &Parts) -> Result<Vec<(&str, &str)>, AuthError> {
    let mut headers = Vec::with_capacity(head.headers.len());
    for (name, value) in &head.headers {
        let name = name.as_str();
        match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => headers.push((name, value)),
            Err(_) if name.starts_with("x-fc-") || name.starts_with("x-acs-") => {
                return Err(AuthError::Unreadable { name: name.to_owned() });
            }
            Err(_) => {}
        }
    }
    Ok(headers)
}

fn request<'a>(head: &'a Parts, headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
    Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers,
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("is_on", &self.is_on()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
