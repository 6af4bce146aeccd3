//! An access key: its secret, and what whoever has it may do.

use std::fmt;
use std::sync::Arc;

use invoked_core::arn::Arn;
use invoked_core::pattern::{ArnPattern, Pattern};

/// An access key.
#[derive(Clone, Eq, PartialEq)]
pub struct AccessKey {
    /// The public half.
    pub id: Box<str>,
    /// The secret half.
    pub secret: Box<str>,
    /// Of a temporary key (STS): the token that comes with every request.
    pub security_token: Option<Box<str>>,
    /// When the key stops being good, in seconds since the epoch; `None` is never.
    pub expires_at: Option<i64>,
    /// The account that it acts in.
    pub account: Arc<str>,
    /// What may be done: `fc:InvokeFunction`, `fc:Get*`.
    pub actions: Vec<Pattern>,
    /// To which functions: `orders-*`, `svc$*`.
    pub functions: Vec<Pattern>,
    /// Which destinations a configuration may name.
    pub destinations: Vec<ArnPattern>,
}

impl AccessKey {
    /// Whether one of these actions, which are names of the same thing, may be done at all.
    pub(crate) fn may(&self, actions: &[&str]) -> bool {
        let allows = |pattern: &Pattern| actions.iter().any(|action| pattern.matches(action));
        self.actions.iter().any(allows)
    }

    /// Whether anything may be done to this function.
    pub(crate) fn sees(&self, function: &str) -> bool {
        self.functions.iter().any(|pattern| pattern.matches(function))
    }

    /// Whether a configuration may name this destination.
    pub(crate) fn may_tell(&self, arn: &Arn, region: &str) -> bool {
        self.destinations.iter().any(|pattern| pattern.matches(arn, region, &self.account))
    }

    /// Whether the token of a request is this key's. A key without one takes none.
    pub(super) fn has_token(&self, given: Option<&str>) -> bool {
        match (&self.security_token, given) {
            (None, None) => true,
            (Some(token), Some(given)) => is_same(token.as_bytes(), given.as_bytes()),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

/// How long it takes tells nothing of where the two differ.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    let differences = left.iter().zip(right).fold(0, |found, (left, right)| found | (left ^ right));
    left.len() == right.len() && differences == 0
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("expires_at", &self.expires_at)
            .field("actions", &self.actions)
            .field("functions", &self.functions)
            .field("destinations", &self.destinations)
            .finish_non_exhaustive()
    }
}
