//! Sessions of the console: a token is presented once, and a cookie that no script can read stands for it.
//!
//! A session lives in memory. It ends after twelve hours, after an hour without a request, when it is given up, when the
//! daemon ends, and when its token is no longer one of the configuration's.

mod guesses;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Method, StatusCode};
use invoked_engine::clock::stopwatch;
use invoked_fc::headers::forwarding::SESSION_COOKIE;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use utoipa::ToSchema;

use self::guesses::{Guesses, PATIENCE};
use crate::admin::dto::session::Session as Shown;
use crate::admin::guard::{self, Visitor};
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::admin::tokens::{Owner, Rights, Tokens};
use crate::reply::{Reply, empty};
use crate::serve::peers::network;

/// Cookies of that name that are looked at: others on the same host may have set one too.
const COOKIES_MAX: usize = 8;
/// Sessions at a time. At the limit the one that was used longest ago ends.
const SESSIONS_MAX: usize = 1_000;
const LIFE: Duration = Duration::from_secs(12 * 3_600);
const IDLE: Duration = Duration::from_secs(3_600);

/// The sessions there are.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By the hash of the cookie's value: what is in memory lets nobody in.
    by_cookie: BTreeMap<[u8; 32], Session>,
    guesses: Guesses,
}

#[derive(Debug)]
struct Session {
    token: [u8; 32],
    began: Instant,
    used: Instant,
}

/// A token that a person has typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// One of the tokens of the configuration.
    token: String,
}

impl Sessions {
    /// Whose session a request is of.
    pub(super) fn owner(&self, headers: &HeaderMap, tokens: &Tokens) -> Option<Owner> {
        let now = stopwatch();
        let mut state = self.state();
        cookies(headers).find_map(|hash| {
            let session = state.by_cookie.get_mut(&hash)?;
            let owner = tokens.known(&session.token).filter(|_| session.lives(now));
            match &owner {
                Some(_) => session.used = now,
                None => drop(state.by_cookie.remove(&hash)),
            }
            owner
        })
    }

    /// The rights of a request's session, if it lives. It is not used by being asked after.
    pub(super) fn rights(&self, headers: &HeaderMap, tokens: &Tokens) -> Option<Rights> {
        let now = stopwatch();
        cookies(headers).find_map(|hash| {
            let state = self.state();
            let session = state.by_cookie.get(&hash).filter(|session| session.lives(now))?;
            tokens.known(&session.token).map(|owner| owner.rights)
        })
    }

    /// Begins one for the owner of a token; the value of its cookie.
    fn begin(&self, owner: &Owner) -> Result<String, AdminProblem> {
        let mut value = [0; 32];
        getrandom::fill(&mut value).map_err(|_| AdminProblem::NoRandomness)?;
        let value: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        let now = stopwatch();
        let mut state = self.state();
        state.by_cookie.retain(|_, session| session.lives(now));
        if SESSIONS_MAX <= state.by_cookie.len() {
            let oldest = state.by_cookie.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
                state.by_cookie.remove(&oldest);
            }
        }
        let session = Session { token: owner.hash, began: now, used: now };
        state.by_cookie.insert(hash_of(&value), session);
        Ok(value)
    }

    fn end(&self, headers: &HeaderMap) {
        let mut state = self.state();
        for hash in cookies(headers) {
            state.by_cookie.remove(&hash);
        }
    }

    /// Refuses while this peer has presented too many wrong tokens.
    fn is_patient(&self, peer: Option<IpAddr>) -> Result<(), AdminProblem> {
        if self.state().guesses.is_too_many(peer) {
            return Err(AdminProblem::TooManySignIns { after: PATIENCE });
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        now.duration_since(self.began) < LIFE && now.duration_since(self.used) < IDLE
    }
}

/// Says who is asking: for the page, which shows what they may.
#[utoipa::path(
    get,
    path = "/v1/session",
    operation_id = "getSession",
    tag = "session",
    responses((status = 200, description = "Who asks.", body = Shown), Common)
)]
pub(super) fn get(visitor: &Visitor, tokens: &Tokens) -> Result<Reply, AdminProblem> {
    json(StatusCode::OK, &Shown::of(visitor, !tokens.is_empty()))
}

/// Signs in: the answer sets a cookie that stands for the token from here on.
#[utoipa::path(
    post,
    path = "/v1/session",
    operation_id = "signIn",
    tag = "session",
    params(("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant.")),
    request_body = SignIn,
    responses((status = 200, description = "Who has signed in.", body = Shown), Common)
)]
pub(super) fn begin(
    sessions: &Sessions,
    tokens: &Tokens,
    head: &Parts,
    peer: Option<IpAddr>,
    input: &SignIn,
) -> Result<Reply, AdminProblem> {
    let peer = peer.map(network);
    sessions.is_patient(peer)?;
    if tokens.is_empty() {
        return Err(AdminProblem::NoTokens);
    }
    let owner = guard::presented(&input.token, tokens)
        .inspect_err(|_| sessions.state().guesses.count(peer))?;
    let value = sessions.begin(&owner)?;
    tracing::info!(event = "signed_in", by = owner.name.as_ref(), "signed in to the console");
    let mut reply = json(StatusCode::OK, &Shown::of(&owner.into(), true))?;
    set(&mut reply, &value, LIFE, &head.headers);
    Ok(reply)
}

/// Signs out: the session ends, wherever its cookie is.
#[utoipa::path(
    delete,
    path = "/v1/session",
    operation_id = "signOut",
    tag = "session",
    params(("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant.")),
    responses((status = 204, description = "The session has ended, if there was one."), Common)
)]
pub(super) fn end(sessions: &Sessions, head: &Parts) -> Reply {
    sessions.end(&head.headers);
    let mut reply = empty(StatusCode::NO_CONTENT);
    set(&mut reply, "", Duration::ZERO, &head.headers);
    reply
}

/// The methods of the path.
pub(super) const METHODS: &str = "GET, HEAD, POST, DELETE";

/// Whether a request is one for sessions.
pub(super) fn is_one(path: &str) -> bool {
    path == "/v1/session"
}

/// Whether a request begins or ends one: it need not have one, only to be meant and of our own page.
pub(super) fn is_change(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::DELETE)
}

fn set(reply: &mut Reply, value: &str, life: Duration, headers: &HeaderMap) {
    let is_secure = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https")
        || headers.get("origin").is_some_and(|origin| origin.as_bytes().starts_with(b"https:"));
    let secure = if is_secure { "; Secure" } else { "" };
    let life = life.as_secs();
    let cookie = format!(
        "{SESSION_COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life}{secure}"
    );
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        reply.headers_mut().insert(SET_COOKIE, cookie);
    }
}

/// The hashes of the session's cookies that came.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = [u8; 32]> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';'));
    let values =
        pairs.filter_map(|pair| pair.trim().strip_prefix(SESSION_COOKIE)?.strip_prefix('='));
    values.take(COOKIES_MAX).map(hash_of)
}

fn hash_of(value: &str) -> [u8; 32] {
    Sha256::digest(value.as_bytes()).into()
}

#[cfg(test)]
mod tests;
