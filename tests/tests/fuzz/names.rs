//! ARNs and the names in them.

use invoked_core::arn::Arn;
use invoked_core::name::{FunctionName, Qualifier, TaskId};
use invoked_fc::time;

use crate::request::text;

pub fn read(bytes: &[u8]) {
    let text = text(bytes);
    let text = text.trim_end_matches('\n');
    match Arn::parse(text) {
        Ok(arn) => {
            assert_eq!(arn.as_str(), text, "an ARN is kept as it was written");
            assert!(!arn.kind().as_str().is_empty());
            drop(format!("{:?} {} {}", arn.resource(), arn.region(), arn.account()));
        }
        Err(refusal) => drop(refusal.to_string()),
    }
    let qualifier = Qualifier::parse(text);
    if let Ok(name) = FunctionName::parse(text) {
        assert_eq!(name.as_str(), text);
        let qualifier = qualifier.clone().unwrap_or_else(|_| Qualifier::other());
        // A function's resource is one that can be written into an ARN and read again.
        let arn = format!("acs:fc:::{}", name.resource(&qualifier));
        assert!(Arn::parse(&arn).is_ok(), "{arn}");
    }
    if let Ok(task) = TaskId::parse(text) {
        assert_eq!(task.as_str(), text);
    }
    if let Some(seconds) = time::parse_rfc3339(text) {
        assert_eq!(time::rfc3339(seconds), text, "a time has one spelling");
    }
    if let Some(seconds) = time::parse_rfc1123(text) {
        assert_eq!(time::parse_rfc1123(&time::rfc1123(seconds)), Some(seconds));
    }
}
