//! The bearer tokens of the admin API, and what each allows.
//!
//! A token itself is not kept: only a keyed hash under it, and comparing takes the same time
//! wherever two differ. The set is replaced whole, so that a reload of the configuration takes
//! effect with the next request and no connection is dropped.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What is hashed under each token; it only has to be always the same.
const MESSAGE: &[u8] = b"invoked admin token";

/// What a token allows. Each role may do what those before it may.
#[derive(Copy, Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Looks at everything and changes nothing.
    Viewer,
    /// Stops and retries tasks.
    Operator,
    /// Creates, changes and deletes functions.
    Admin,
}

impl Role {
    /// The word in the configuration and in messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Tokens with their names and roles. None at all means that none is asked for.
#[derive(Clone, Default)]
pub struct Tokens(Vec<Token>);

#[derive(Clone)]
struct Token {
    name: Arc<str>,
    rights: Rights,
    hash: [u8; 32],
}

/// How far a token goes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Rights {
    /// What it may do.
    pub role: Role,
    /// Whether it sees what invocations carry: events, answers and the messages of callbacks.
    pub payloads: bool,
}

impl From<Role> for Rights {
    /// A viewer's do not include payloads unless somebody says so.
    fn from(role: Role) -> Self {
        Self { role, payloads: role != Role::Viewer }
    }
}

/// Whose a token is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Owner {
    pub(super) name: Arc<str>,
    pub(super) rights: Rights,
    /// What the token is known by; it tells nothing of the token.
    pub(super) hash: [u8; 32],
}

impl Tokens {
    /// Adds a token under the name that the log knows it by.
    #[must_use]
    pub fn with(mut self, name: &str, rights: impl Into<Rights>, token: &str) -> Self {
        let hash = keyed(token).finalize().into_bytes().into();
        self.0.push(Token { name: name.into(), rights: rights.into(), hash });
        self
    }

    /// Whether there are none, so that none is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose token this is. Every known token is compared, so that the time tells nothing.
    pub(super) fn owner(&self, presented: &str) -> Option<Owner> {
        let presented = keyed(presented);
        let mut owner = None;
        for token in &self.0 {
            if presented.clone().verify_slice(&token.hash).is_ok() {
                owner = Some(token.owner());
            }
        }
        owner
    }

    /// The same, of a token that was presented before and is still one of these.
    pub(super) fn known(&self, hash: &[u8; 32]) -> Option<Owner> {
        self.0.iter().find(|token| token.hash == *hash).map(Token::owner)
    }
}

impl Token {
    fn owner(&self) -> Owner {
        Owner { name: Arc::clone(&self.name), rights: self.rights, hash: self.hash }
    }
}

fn keyed(token: &str) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(token.as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(MESSAGE);
    mac
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|token| (&token.name, token.rights))).finish()
    }
}

/// The tokens as they are now, shared with whoever may replace them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct SharedTokens(Arc<RwLock<Arc<Tokens>>>);

impl SharedTokens {
    /// These, until they are replaced.
    #[must_use]
    pub fn new(tokens: Tokens) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(tokens))))
    }

    /// From the next request on, these count and no others.
    pub fn replace(&self, tokens: Tokens) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
    }

    pub(super) fn current(&self) -> Arc<Tokens> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role_of(tokens: &SharedTokens, presented: &str) -> Option<Role> {
        tokens.current().owner(presented).map(|owner| owner.rights.role)
    }

    #[test]
    fn a_token_has_its_role_until_it_is_replaced() {
        let tokens = Tokens::default().with("day", Role::Viewer, "first-token-of-all");
        let tokens = SharedTokens::new(tokens.with("night", Role::Admin, "second-token-of-all"));
        assert_eq!(role_of(&tokens, "first-token-of-all"), Some(Role::Viewer));
        assert_eq!(role_of(&tokens, "second-token-of-all"), Some(Role::Admin));
        for wrong in ["", "first-token-of-al", "first-token-of-all ", "First-token-of-all"] {
            assert_eq!(role_of(&tokens, wrong), None, "{wrong}");
        }
        tokens.replace(Tokens::default().with("day", Role::Operator, "another-token-now"));
        assert_eq!(role_of(&tokens, "first-token-of-all"), None);
        assert_eq!(role_of(&tokens, "another-token-now"), Some(Role::Operator));
    }

    #[test]
    fn a_token_is_never_shown() {
        let tokens = Tokens::default().with("day", Role::Viewer, "hush-hush-hush-hush");
        let shown = format!("{tokens:?} {:?}", SharedTokens::new(tokens.clone()));
        assert!(shown.contains("day") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn each_role_may_what_those_before_it_may() {
        assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
    }
}
