//! Where a function lives: what a record's URL means, and which URLs there may be.

use invoked_core::directory::FunctionKind;
use invoked_core::lane::Rate;
use invoked_core::limits::{ATTRIBUTES_MAX, CONCURRENCY_MAX};
use invoked_core::name::{FunctionName, Qualifier};
use invoked_sink::{NamedBy, StatusRule, TargetAddress, TargetSpec};

use crate::config::EngineConfig;
use crate::error::FunctionError;
use crate::qualifiers::check_qualifiers;
use crate::registry::{FunctionChange, FunctionRecord, Origin, StatusMode, WEIGHT_MAX};
use crate::target_check::TargetCheck;

/// Longest URL of a target, in bytes. Ours.
const URL_MAX: usize = 2_048;

/// Why it cannot be: what passes HTTP requests on speaks HTTP, not the API.
pub(crate) const REMOTE_HTTP: &str = "an HTTP function cannot be one of a remote Function Compute; \
                                      name its own http:// URL instead of fc://";

/// How a function is called; `None` if it lives nowhere.
pub(crate) fn target_spec(record: &FunctionRecord, config: &EngineConfig) -> Option<TargetSpec> {
    let attributes: serde_json::Value =
        serde_json::from_str(&record.attributes).unwrap_or_default();
    let handler =
        attributes.get("handler").and_then(serde_json::Value::as_str).unwrap_or("index.handler");
    let memory = attributes.get("memorySize").and_then(serde_json::Value::as_u64).unwrap_or(512);
    Some(TargetSpec {
        function: record.name.clone(),
        account: record.account.as_str().into(),
        region: config.identity.region.as_str().into(),
        kind: record.kind,
        address: address(record.url.as_deref()?)?,
        named_by: match record.origin {
            Origin::File => NamedBy::Operator,
            Origin::Api => NamedBy::Client,
        },
        timeout: record.timeout,
        status: match record.status {
            StatusMode::Header => StatusRule::Header,
            StatusMode::Ignore => StatusRule::Ignore,
        },
        initialize: record.initialize,
        handler: handler.into(),
        memory_mb: u32::try_from(memory).unwrap_or(u32::MAX),
    })
}

/// What a URL means; `None` if it means nothing.
fn address(url: &str) -> Option<TargetAddress> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(TargetAddress::Runtime { url: url.trim_end_matches('/').into() });
    }
    let (instance, function) = url.strip_prefix("fc://")?.split_once('/')?;
    let (function, qualifier) = function.split_once('/').unwrap_or((function, ""));
    Some(TargetAddress::Remote {
        instance: instance.into(),
        function: FunctionName::parse(function).ok()?,
        qualifier: Qualifier::parse(qualifier).ok()?,
    })
}

/// Checks an address that a client gave.
///
/// # Errors
/// The daemon's operator does not let clients point functions there.
pub(crate) fn check_of_client(url: Option<&str>, check: &TargetCheck) -> Result<(), FunctionError> {
    let Some(address) = url.and_then(address) else { return Ok(()) };
    check.judge(&address).map_err(|problem| FunctionError::Invalid { field: "url", problem })
}

/// Checks that the instance of a remote address is one that there is.
///
/// # Errors
/// There is none.
pub(crate) fn check_remote(url: &str, check: &TargetCheck) -> Result<(), String> {
    match address(url) {
        Some(remote @ TargetAddress::Remote { .. }) => check.judge(&remote),
        Some(TargetAddress::Runtime { .. }) | None => Ok(()),
    }
}

impl FunctionChange {
    /// Checks every value, whoever gave it.
    ///
    /// # Errors
    /// One is not allowed; the error names it.
    pub(crate) fn check(&self) -> Result<(), FunctionError> {
        let invalid = |field, problem: String| Err(FunctionError::Invalid { field, problem });
        if let Some(timeout) = self.timeout
            && !(1..=86_400_000).contains(&timeout.as_millis())
        {
            return invalid("timeout", "must be between 1 ms and 24 h".to_owned());
        }
        if self.concurrency.is_some_and(|asked| !(1..=CONCURRENCY_MAX).contains(&asked)) {
            return invalid("concurrency", format!("must be between 1 and {CONCURRENCY_MAX}"));
        }
        if self.rate.is_some_and(|rate| !(1..=Rate::MAX).contains(&rate)) {
            return invalid("rate", format!("must be between 1 and {} a second", Rate::MAX));
        }
        if self.weight.is_some_and(|weight| !(1..=WEIGHT_MAX).contains(&weight)) {
            return invalid("weight", format!("must be between 1 and {WEIGHT_MAX}"));
        }
        if let Err(problem) = check_qualifiers(&self.qualifiers) {
            return invalid("qualifiers", problem);
        }
        if self.attributes.len() > ATTRIBUTES_MAX {
            return invalid("function", too_long(ATTRIBUTES_MAX, self.attributes.len()));
        }
        match self.url.as_deref() {
            None => Ok(()),
            Some(url) if url.len() > URL_MAX => invalid("url", too_long(URL_MAX, url.len())),
            Some(url) if url.starts_with("fc://") && self.kind == FunctionKind::Http => {
                invalid("url", REMOTE_HTTP.to_owned())
            }
            Some(url) if address(url).is_some() => Ok(()),
            Some(url) => invalid(
                "url",
                format!("'{url}' is neither http://…, https://… nor fc://<instance>/<function>"),
            ),
        }
    }
}

/// Why a text is refused for its length.
pub(crate) fn too_long(limit: usize, got: usize) -> String {
    format!("must be at most {limit} bytes, got {got}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_mean_a_process_or_a_remote_function() {
        let runtime = TargetAddress::Runtime { url: "http://127.0.0.1:9000/a".into() };
        assert_eq!(address("http://127.0.0.1:9000/a/"), Some(runtime));
        let remote = TargetAddress::Remote {
            instance: "cloud".into(),
            function: FunctionName::parse("svc$fn").unwrap(),
            qualifier: Qualifier::parse("prod").unwrap(),
        };
        assert_eq!(address("fc://cloud/svc$fn/prod"), Some(remote));
        for nothing in ["", "ftp://h/", "fc://cloud", "fc://cloud/1x", "fc://cloud/fn/a.b"] {
            assert_eq!(address(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_client_is_held_to_the_check() {
        let check = TargetCheck::new(|address| match address {
            TargetAddress::Runtime { url } => Err(format!("{url} is out of reach")),
            TargetAddress::Remote { .. } => Ok(()),
        });
        assert!(check_of_client(None, &check).is_ok());
        assert!(check_of_client(Some("fc://cloud/fn"), &check).is_ok());
        let refused = check_of_client(Some("http://10.0.0.1/"), &check).unwrap_err();
        assert_eq!(refused.to_string(), "url: http://10.0.0.1 is out of reach");
    }
}
