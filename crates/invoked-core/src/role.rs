//! Roles: what the functions that carry one may tell.
//!
//! In the cloud a function's role needs `mns:SendMessage`, `fc:InvokeFunction` and the like for its
//! destinations. Here a role is a list of destinations in the operator's configuration.
//!
//! # Invariants
//!
//! `an_unknown_role_tells_nobody`, `without_roles_there_is_nothing_to_hold_to`.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;

use crate::arn::Arn;
use crate::fault::Fault;
use crate::pattern::{ArnPattern, in_full};

/// A role, as a function carries it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Role {
    name: Box<str>,
    /// `None` if nobody has said what it may tell.
    destinations: Option<Box<[ArnPattern]>>,
}

/// The roles that an operator has configured.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Roles {
    by_name: BTreeMap<Box<str>, Arc<Role>>,
    /// Whether a role that is not among them is held to nothing at all.
    is_strict: bool,
}

impl Roles {
    /// These roles. `is_strict` says that a role which is none of them may tell nobody, even if there
    /// are none at all.
    #[must_use]
    pub fn new(
        roles: impl IntoIterator<Item = (Box<str>, Box<[ArnPattern]>)>,
        is_strict: bool,
    ) -> Self {
        let role = |(name, destinations): (Box<str>, _)| {
            (name.clone(), Arc::new(Role { name, destinations: Some(destinations) }))
        };
        let by_name: BTreeMap<_, _> = roles.into_iter().map(role).collect();
        let is_strict = is_strict || !by_name.is_empty();
        Self { by_name, is_strict }
    }

    /// What a function is held to whose role is written `text`: a name, or
    /// `acs:ram::{account}:role/{name}`. Nothing if it has none.
    #[must_use]
    pub fn of(&self, text: &str) -> Option<Arc<Role>> {
        let name = match text.strip_prefix("acs:ram:") {
            Some(rest) => rest.split_once(":role/").map_or(text, |(_, name)| name),
            None => text,
        };
        if name.is_empty() {
            return None;
        }
        let unknown =
            || self.is_strict.then(|| Arc::new(Role { name: name.into(), destinations: None }));
        self.by_name.get(name).cloned().or_else(unknown)
    }
}

impl Role {
    /// Why a function of `account` in `region` with this role may not tell `arn`; nothing if it may.
    #[must_use]
    pub fn refusal(&self, arn: &Arn, region: &str, account: &str) -> Option<Fault> {
        let name = &self.name;
        let message = match &self.destinations {
            None => format!("the function's role '{name}' is not configured: [auth.roles.{name}]"),
            Some(patterns) => {
                if patterns.iter().any(|pattern| pattern.matches(arn, region, account)) {
                    return None;
                }
                let arn = in_full(arn, region, account);
                format!("the function's role '{name}' does not allow the destination '{arn}'")
            }
        };
        Some(Fault::new("AccessDenied", &message, 403))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles() -> Roles {
        let patterns = ["acs:fc:::functions/*"].map(|text| ArnPattern::parse(text).unwrap());
        Roles::new([("worker".into(), patterns.into())], false)
    }

    fn refusal(role: &Role, arn: &str) -> Option<Fault> {
        role.refusal(&Arn::parse(arn).unwrap(), "cn-hangzhou", "123")
    }

    #[test]
    fn a_role_is_held_to_its_list() {
        for written in ["worker", "acs:ram::123:role/worker"] {
            let role = roles().of(written).unwrap();
            assert_eq!(refusal(&role, "acs:fc:::functions/audit"), None);
            let fault = refusal(&role, "acs:mns:::/queues/q/messages").unwrap();
            assert_eq!((&*fault.code, fault.status), ("AccessDenied", 403));
            let named = "'worker' does not allow the destination 'acs:mns:cn-hangzhou:123:/queues/";
            assert!(fault.message.contains(named), "{}", fault.message);
        }
    }

    #[test]
    fn an_unknown_role_tells_nobody() {
        let strict = Roles::new([], true);
        for roles in [roles(), strict] {
            let role = roles.of("acs:ram::123:role/other").unwrap();
            let fault = refusal(&role, "acs:fc:::functions/audit").unwrap();
            assert!(fault.message.contains("[auth.roles.other]"), "{}", fault.message);
        }
    }

    #[test]
    fn without_roles_there_is_nothing_to_hold_to() {
        assert_eq!(Roles::default().of("acs:ram::123:role/other"), None);
        assert_eq!(Roles::new([], true).of(""), None);
    }
}
