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

/// A page of what a caller may see: `fetch` brings at most so many from a key on, and the key of
/// what comes after; what `is_shown` leaves out does not count.
pub(crate) fn visible<T>(
    start: Option<String>,
    limit: usize,
    mut fetch: impl FnMut(Option<&str>, usize) -> (Vec<T>, Option<String>),
    is_shown: impl Fn(&T) -> bool,
) -> (Vec<T>, Option<String>) {
    let mut shown = Vec::new();
    let mut start = start;
    loop {
        let (page, next) = fetch(start.as_deref(), limit.saturating_sub(shown.len()));
        shown.extend(page.into_iter().filter(&is_shown));
        if shown.len() >= limit || next.is_none() {
            return (shown, next);
        }
        start = next;
    }
}

#[cfg(test)]
mod tests {
    use super::visible;

    /// The numbers from 0 to 9, from a key on.
    fn numbers(start: Option<&str>, limit: usize) -> (Vec<usize>, Option<String>) {
        let start: usize = start.map_or(0, |start| start.parse().unwrap());
        let end = (start + limit).min(10);
        ((start..end).collect(), (end < 10).then(|| end.to_string()))
    }

    #[test]
    fn a_page_is_full_of_what_may_be_seen() {
        let is_odd = |number: &usize| !number.is_multiple_of(2);
        let (first, next) = visible(None, 3, numbers, is_odd);
        assert_eq!((first, next.as_deref()), (vec![1, 3, 5], Some("6")));
        let (second, next) = visible(next, 3, numbers, is_odd);
        assert_eq!((second, next), (vec![7, 9], None));
        assert_eq!(visible(None, 3, numbers, |_| false), (vec![], None));
    }
}
