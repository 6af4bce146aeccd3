//! Limits of a version or alias on the command line: `canary,concurrency=2,rate=10,weight=1`.

use std::collections::BTreeMap;

/// What may be limited.
const LIMITS: [&str; 3] = ["concurrency", "rate", "weight"];

/// Limits of one version or alias. Their bounds are the daemon's to know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct QualifierLimits {
    /// The version or alias.
    pub(crate) qualifier: String,
    /// By what they limit.
    pub(crate) limits: BTreeMap<String, u32>,
}

pub(super) fn qualifier_limits(text: &str) -> Result<QualifierLimits, String> {
    let mut parts = text.split(',');
    let qualifier = parts.next().unwrap_or_default().to_owned();
    if qualifier.is_empty() || qualifier.contains('=') {
        return Err("expected a version or alias first, as in canary,concurrency=2".to_owned());
    }
    let mut limits = BTreeMap::new();
    for part in parts {
        let (name, number) = part.split_once('=').unwrap_or((part, ""));
        if !LIMITS.contains(&name) {
            return Err(format!("'{name}' is not one of {}", LIMITS.join(", ")));
        }
        let number =
            number.parse().map_err(|_| format!("{name} must be a number, got '{number}'"))?;
        if limits.insert(name.to_owned(), number).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(QualifierLimits { qualifier, limits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_after_the_qualifier() {
        let read = qualifier_limits("canary,concurrency=2,rate=10").unwrap();
        assert_eq!(read.qualifier, "canary");
        assert_eq!(read.limits, [("concurrency".to_owned(), 2), ("rate".to_owned(), 10)].into());
        assert!(qualifier_limits("1").unwrap().limits.is_empty());
        for (wrong, problem) in [
            ("", "a version or alias first"),
            ("rate=1", "a version or alias first"),
            ("a,limit=1", "'limit' is not one of concurrency, rate, weight"),
            ("a,rate=fast", "rate must be a number, got 'fast'"),
            ("a,rate", "rate must be a number, got ''"),
            ("a,rate=1,rate=2", "rate is given twice"),
        ] {
            let error = qualifier_limits(wrong).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
