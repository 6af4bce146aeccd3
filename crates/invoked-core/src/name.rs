//! Names that clients write: functions, qualifiers, task ids. Parsed once, carried as types.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::limits::{FUNCTION_NAME_MAX, QUALIFIER_MAX, TASK_ID_MAX};

/// A name was not in the form it has to have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} must be {rule}")]
pub struct NameError {
    /// Which name.
    pub field: &'static str,
    /// What is allowed.
    pub rule: &'static str,
}

fn is_word(text: &str, length_max: usize) -> bool {
    let mut bytes = text.bytes();
    text.len() <= length_max
        && bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// A function's name: `function`, or `service$function` for a function of a service (the 2016 and
/// 2021 versions of the API), as Function Compute 3.0 names it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FunctionName(Arc<str>);

impl FunctionName {
    /// Parses `function` or `service$function`.
    ///
    /// # Errors
    /// Each part is a letter or `_`, then letters, digits, `_` and `-`, at most 128 characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let parts_valid = match text.split_once('$') {
            Some((service, function)) => {
                is_word(service, FUNCTION_NAME_MAX) && is_word(function, FUNCTION_NAME_MAX)
            }
            None => is_word(text, FUNCTION_NAME_MAX),
        };
        if parts_valid {
            Ok(Self(text.into()))
        } else {
            Err(NameError {
                field: "functionName",
                rule: "a letter or '_', then letters, digits, '_' and '-', at most 128 characters",
            })
        }
    }

    /// The name as text, with `$` where there is a service.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service and the function's name inside it; `None` for a function without one.
    #[must_use]
    pub fn service(&self) -> Option<(&str, &str)> {
        self.0.split_once('$')
    }

    /// The function as messages call it: never `service$function`.
    #[must_use]
    pub fn called(&self) -> Called<'_> {
        Called(self)
    }

    /// The resource part of the function's ARN. A function of a service has the `services/…` form,
    /// never `service$function`.
    #[must_use]
    pub fn resource(&self, qualifier: &Qualifier) -> String {
        match (self.service(), qualifier.as_named()) {
            (Some((service, function)), Some(named)) => {
                format!("services/{service}.{named}/functions/{function}")
            }
            (Some((service, function)), None) => format!("services/{service}/functions/{function}"),
            (None, Some(named)) => format!("functions/{}/{named}", self.0),
            (None, None) => format!("functions/{}", self.0),
        }
    }
}

/// See [`FunctionName::called`].
#[derive(Copy, Clone, Debug)]
pub struct Called<'a>(&'a FunctionName);

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.service() {
            Some((service, function)) => write!(f, "function '{function}' in service '{service}'"),
            None => write!(f, "function '{}'", self.0),
        }
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A function of an account: what tells functions apart. Shown by its name, as its owner knows it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FunctionKey {
    /// Whose it is.
    pub account: Arc<str>,
    /// Its name among those of the account.
    pub name: FunctionName,
}

impl FunctionKey {
    /// The function of `account` with this name.
    #[must_use]
    pub fn new(account: &str, name: FunctionName) -> Self {
        Self { account: account.into(), name }
    }
}

impl fmt::Display for FunctionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// A service's name: what groups functions in the 2016 and 2021 versions of the API.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// Parses a service's name.
    ///
    /// # Errors
    /// The first character has to be a letter or `_`, the others letters, digits, `_` or `-`, at
    /// most 128 in all.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_word(text, FUNCTION_NAME_MAX) {
            Ok(Self(text.into()))
        } else {
            Err(NameError {
                field: "serviceName",
                rule: "a letter or '_', then letters, digits, '_' and '-', at most 128 characters",
            })
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the function is one of this service.
    #[must_use]
    pub fn holds(&self, function: &FunctionName) -> bool {
        function.service().is_some_and(|(service, _)| *service == *self.0)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A version or alias of a function. Missing, empty and `LATEST` are one.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Qualifier(Option<Arc<str>>);

impl Qualifier {
    /// The function as it is now.
    pub const LATEST: Self = Self(None);

    /// Parses a version number, an alias name, `LATEST` or nothing.
    ///
    /// # Errors
    /// Anything but letters, digits, `_` and `-`, or more than 128 characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text == "LATEST" {
            return Ok(Self::LATEST);
        }
        let valid = text.len() <= QUALIFIER_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if valid {
            Ok(Self(Some(text.into())))
        } else {
            Err(NameError {
                field: "qualifier",
                rule: "letters, digits, '_' and '-', at most 128 characters",
            })
        }
    }

    /// What stands for qualifiers that are too many to be told apart.
    #[must_use]
    pub fn other() -> Self {
        Self(Some("_other".into()))
    }

    /// The qualifier as text; `LATEST` when there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("LATEST")
    }

    /// The version or alias; `None` for LATEST.
    #[must_use]
    pub fn as_named(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The id of a task, unique per function for the retention.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TaskId(Box<str>);

impl TaskId {
    /// Parses an id that a caller chose.
    ///
    /// # Errors
    /// The first character has to be a letter or `_`, the others letters, digits, `_` or `-`, at
    /// most 128 in all.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_word(text, TASK_ID_MAX) {
            Ok(Self(text.into()))
        } else {
            Err(NameError {
                field: "x-fc-async-task-id",
                rule: "a letter or '_', then letters, digits, '_' and '-', at most 128 characters",
            })
        }
    }

    /// Whether an id can begin so, be it a caller's or a request id.
    #[must_use]
    pub fn may_begin(prefix: &str) -> bool {
        let mut bytes = prefix.bytes();
        prefix.len() <= TASK_ID_MAX
            && bytes.next().is_none_or(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    }

    /// Takes an id that was parsed before or made by the daemon (a request id starts with a digit).
    #[must_use]
    pub fn trusted(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_empty_and_latest_are_one_qualifier() {
        assert_eq!(Qualifier::parse(""), Ok(Qualifier::LATEST));
        assert_eq!(Qualifier::parse("LATEST"), Ok(Qualifier::LATEST));
        assert_ne!(Qualifier::parse("1"), Ok(Qualifier::LATEST));
    }

    #[test]
    fn a_service_function_has_the_services_form() {
        let name = FunctionName::parse("svc$fn").unwrap();
        assert_eq!(name.resource(&Qualifier::LATEST), "services/svc/functions/fn");
        let alias = Qualifier::parse("prod").unwrap();
        assert_eq!(name.resource(&alias), "services/svc.prod/functions/fn");
        assert_eq!(FunctionName::parse("fn").unwrap().resource(&alias), "functions/fn/prod");
    }

    #[test]
    fn messages_never_show_the_folded_name() {
        let called = |name: &str| format!("{}", FunctionName::parse(name).unwrap().called());
        assert_eq!(called("svc$fn"), "function 'fn' in service 'svc'");
        assert_eq!(called("fn"), "function 'fn'");
        let service = ServiceName::parse("svc").unwrap();
        assert!(service.holds(&FunctionName::parse("svc$fn").unwrap()));
        assert!(!service.holds(&FunctionName::parse("svc").unwrap()));
        assert!(ServiceName::parse("svc$fn").is_err());
    }

    #[test]
    fn malformed_names_are_refused() {
        for bad in ["", "1x", "a b", "a$b$c", "$b", "a$"] {
            assert!(FunctionName::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "1x", "-a", "a.b"] {
            assert!(TaskId::parse(bad).is_err(), "{bad}");
        }
        assert!(TaskId::parse(&"a".repeat(129)).is_err());
        assert!(TaskId::parse(&"a".repeat(128)).is_ok());
        for fits in ["", "_", "night-7", "000001a3-185c-", &"a".repeat(128)] {
            assert!(TaskId::may_begin(fits), "{fits}");
        }
        for none in ["-a", "a.b", "night 7", "ä", "a*", &"a".repeat(129)] {
            assert!(!TaskId::may_begin(none), "{none}");
        }
    }
}
