//! Who makes a request, and what they may do.
//!
//! The head of a request says which function an operation is done to, and [`Caller::check`] is asked
//! before the body is read. What only the body or the engine can say is asked by the operation itself:
//! the function that is created, the destinations of a configuration, the functions of a list.

use std::sync::Arc;

use invoked_core::arn::Arn;
use invoked_core::envelope::Identity;
use invoked_core::pattern::in_full;

use crate::auth::action::{Asked, On};
use crate::auth::{AccessKey, AuthError};

/// Who makes a request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// What they name without an account is this account's.
    pub(crate) account: Arc<str>,
    /// What they may do; `None` is everything.
    key: Option<Arc<AccessKey>>,
}

impl Caller {
    /// Anybody, where requests are not authenticated: they may do everything in the daemon's own
    /// account.
    pub(crate) fn anybody(identity: &Identity) -> Self {
        Self { account: identity.account.as_str().into(), key: None }
    }

    /// Whoever has this key.
    pub(crate) fn of(key: Arc<AccessKey>) -> Self {
        Self { account: Arc::clone(&key.account), key: Some(key) }
    }

    /// Whether an operation may be done to what the request's head names.
    pub(crate) fn check(&self, asked: Asked<'_>) -> Result<(), AuthError> {
        let Some(key) = &self.key else { return Ok(()) };
        let (is_allowed, resource) = match asked.on {
            On::Function(name) => (key.may(asked.actions) && key.sees(name), name),
            On::Service(name) => (key.may(asked.actions) && key.sees(&whole(name)), name),
            On::Several => (key.may(asked.actions), "*"),
        };
        if is_allowed {
            return Ok(());
        }
        Err(AuthError::NotAllowed {
            id: key.id.to_string(),
            action: asked.actions.first().copied().unwrap_or_default(),
            resource: resource.to_owned(),
        })
    }

    /// Whether `action` may be done to a function that the body named.
    pub(crate) fn check_function(
        &self,
        actions: &'static [&'static str],
        function: &str,
    ) -> Result<(), AuthError> {
        self.check(Asked { actions, on: On::Function(function) })
    }

    /// Whether a function may be shown among others.
    pub(crate) fn sees(&self, function: &str) -> bool {
        self.key.as_ref().is_none_or(|key| key.sees(function))
    }

    /// Whether `action` may be done to a service that the body named.
    pub(crate) fn check_service(
        &self,
        actions: &'static [&'static str],
        service: &str,
    ) -> Result<(), AuthError> {
        self.check(Asked { actions, on: On::Service(service) })
    }

    /// Whether a service may be shown among others.
    pub(crate) fn sees_service(&self, service: &str) -> bool {
        self.sees(&whole(service))
    }

    /// Whether a configuration may name a destination. `region` is the daemon's.
    pub(crate) fn check_destination(
        &self,
        field: &'static str,
        arn: &Arn,
        region: &str,
    ) -> Result<(), AuthError> {
        if !arn.account().is_empty() && *arn.account() != *self.account {
            return Err(AuthError::Foreign { field, arn: arn.to_string() });
        }
        match &self.key {
            Some(key) if !key.may_tell(arn, region) => Err(AuthError::NotTold {
                id: key.id.to_string(),
                field,
                arn: in_full(arn, region, &self.account),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// What stands for all functions of a service: only a pattern that holds for each of them, such as
/// `svc$*`, holds for it too.
fn whole(service: &str) -> String {
    format!("{service}$")
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_service_is_seen_by_patterns_that_see_all_of_it() {
        use invoked_core::pattern::Pattern;
        for (pattern, sees) in [("*", true), ("svc$*", true), ("svc$fn", false), ("other$*", false)]
        {
            assert_eq!(
                Pattern::parse(pattern).is_ok_and(|of| of.matches(&whole("svc"))),
                sees,
                "{pattern}"
            );
        }
    }
}
