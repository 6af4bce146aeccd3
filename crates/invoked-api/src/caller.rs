//! Who makes a request.

use std::sync::Arc;

use invoked_core::envelope::Identity;

/// Whoever makes a request: what it names without an account is this account's.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) account: Arc<str>,
}

impl Caller {
    /// Anybody, where requests are not authenticated: the daemon's own account.
    pub(crate) fn anybody(identity: &Identity) -> Self {
        Self { account: identity.account.as_str().into() }
    }
}
