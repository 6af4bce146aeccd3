//! Patterns in what operators allow: names with `*` in them, and ARNs part by part.
//!
//! `*` stands for any characters, also none; every other character is itself. There is no other
//! sign, so that a pattern never means more than it seems to.
//!
//! # Invariants
//!
//! `a_star_is_any_text_and_nothing_else_is`, `empty_parts_of_an_arn_are_our_own`.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::{borrow::Cow, format};

use crate::arn::{Arn, Resource};
use crate::limits::ARN_MAX;

/// A text is not a pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be visible ASCII characters, at most {ARN_MAX}, with '*' for any others")]
pub struct PatternError;

/// A text in which `*` stands for any characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// It is empty, longer than [`ARN_MAX`], or holds what no name of ours does.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let is_fine = !text.is_empty()
            && text.len() <= ARN_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_fine { Ok(Self(text.into())) } else { Err(PatternError) }
    }

    /// Whether the whole of `text` is of this form.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        matches(&self.0, text)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A pattern of destination ARNs: `*`, or an ARN with `*` in its parts. Empty region and account are
/// those of whoever is asked about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ArnPattern {
    whole: Pattern,
    /// Kind, region, account, resource; of a pattern that names all of them.
    parts: Option<[Box<str>; 4]>,
}

impl ArnPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// As [`Pattern::parse`]; also if no ARN could ever match.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let whole = Pattern::parse(text)?;
        let parts = parts(text);
        let could_match = parts.is_some_and(|[scheme, ..]| matches(scheme, "acs"))
            || (parts.is_none() && text.contains('*'));
        if !could_match {
            return Err(PatternError);
        }
        let parts = parts.map(|[_scheme, kind, region, account, resource]| {
            [kind.into(), region.into(), account.into(), resource.into()]
        });
        Ok(Self { whole, parts })
    }

    /// Whether `arn`, named by somebody of `account` in `region`, is of this form. A function is
    /// compared in one spelling, whatever way it was written.
    #[must_use]
    pub fn matches(&self, arn: &Arn, region: &str, account: &str) -> bool {
        let Some([_, kind, arn_region, arn_account, _]) = parts(arn.as_str()) else { return false };
        let (arn_region, arn_account) = (or(arn_region, region), or(arn_account, account));
        let resource = resource(arn);
        match &self.parts {
            Some([kind_of, region_of, account_of, resource_of]) => {
                matches(kind_of, kind)
                    && matches(or(region_of, region), arn_region)
                    && matches(or(account_of, account), arn_account)
                    && matches(resource_of, &resource)
            }
            None => {
                self.whole.matches(&format!("acs:{kind}:{arn_region}:{arn_account}:{resource}"))
            }
        }
    }
}

/// An ARN with empty region and account filled in, its resource in the one spelling.
#[must_use]
pub fn in_full(arn: &Arn, region: &str, account: &str) -> String {
    match parts(arn.as_str()) {
        Some([_, kind, arn_region, arn_account, _]) => {
            let (arn_region, arn_account) = (or(arn_region, region), or(arn_account, account));
            format!("acs:{kind}:{arn_region}:{arn_account}:{}", resource(arn))
        }
        None => arn.to_string(),
    }
}

fn or<'a>(part: &'a str, own: &'a str) -> &'a str {
    if part.is_empty() { own } else { part }
}

fn parts(text: &str) -> Option<[&str; 5]> {
    let mut parts = text.splitn(5, ':');
    let mut part = || parts.next();
    Some([part()?, part()?, part()?, part()?, part()?])
}

fn resource(arn: &Arn) -> Cow<'_, str> {
    match arn.resource() {
        Resource::Function { function, qualifier } => function.resource(qualifier).into(),
        Resource::RocketMq { instance, topic } => {
            format!("/instances/{instance}/topics/{topic}").into()
        }
        Resource::MnsQueue { .. }
        | Resource::MnsTopic { .. }
        | Resource::EventBus { .. }
        | Resource::Kafka { .. }
        | Resource::Amqp { .. } => parts(arn.as_str()).map_or("", |[.., resource]| resource).into(),
    }
}

/// The text between two stars has to be found after the one before; the first found is as good as
/// any, so there is nothing to try again.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    let Some(mut rest) = rest.strip_suffix(last) else { return false };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_nothing_else_is() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything$at-all", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a", "ba", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("**", "x", true),
            ("svc$*", "svc$fn", true),
            ("svc$*", "svc2$fn", false),
            ("svc$*", "svc", false),
            ("a.c", "abc", false),
            ("a?c", "abc", false),
            ("[ab]", "a", false),
        ] {
            let found = Pattern::parse(pattern).unwrap().matches(text);
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_longer() {
        let pattern = Pattern::parse(&"a*".repeat(ARN_MAX / 2)).unwrap();
        assert!(!pattern.matches(&"b".repeat(ARN_MAX)));
        assert!(!Pattern::parse(&("*a".repeat(500) + "b")).unwrap().matches(&"a".repeat(100_000)));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in ["", "two words", "ü", &"x".repeat(ARN_MAX + 1)] {
            assert_eq!(Pattern::parse(bad), Err(PatternError), "{bad}");
            assert_eq!(ArnPattern::parse(bad), Err(PatternError), "{bad}");
        }
        for never in ["queue", "arn:mns:::x", "acs:mns"] {
            assert_eq!(ArnPattern::parse(never), Err(PatternError), "{never}");
        }
    }

    fn allows(pattern: &str, arn: &str) -> bool {
        let arn = Arn::parse(arn).unwrap();
        ArnPattern::parse(pattern).unwrap().matches(&arn, "cn-hangzhou", "123")
    }

    #[test]
    fn empty_parts_of_an_arn_are_our_own() {
        let queue = "acs:mns:::/queues/orders/messages";
        for pattern in [
            "*",
            "acs:mns:*",
            "acs:mns:::/queues/*/messages",
            "acs:mns:cn-hangzhou:123:/queues/orders/messages",
            "acs:mns:*:*:/queues/ord*",
            "acs:*:cn-hangzhou:*:*",
        ] {
            assert!(allows(pattern, queue), "{pattern}");
            assert!(allows(pattern, "acs:mns:cn-hangzhou:123:/queues/orders/messages"));
        }
        for pattern in [
            "acs:mns:::/queues/other/messages",
            "acs:mns:cn-beijing::/queues/orders/messages",
            "acs:mns::999:/queues/orders/messages",
            "acs:fc:::*",
        ] {
            assert!(!allows(pattern, queue), "{pattern}");
        }
        for strange in
            ["acs:mns:cn-beijing:123:/queues/orders/messages", "acs:mns::9:/queues/orders/messages"]
        {
            assert!(!allows("acs:mns:::/queues/*/messages", strange), "{strange}");
            assert!(allows("acs:mns:*:*:/queues/*/messages", strange), "{strange}");
        }
    }

    #[test]
    fn a_destination_has_one_spelling() {
        for arn in ["acs:fc:::functions/f", "acs:fc:cn-hangzhou:123:functions/f/LATEST"] {
            assert!(allows("acs:fc:::functions/f", arn), "{arn}");
            let arn = Arn::parse(arn).unwrap();
            assert_eq!(in_full(&arn, "cn-hangzhou", "123"), "acs:fc:cn-hangzhou:123:functions/f");
        }
        assert!(allows("acs:fc:::services/s/functions/*", "acs:fc:::functions/s$f"));
        assert!(!allows("acs:fc:::functions/f", "acs:fc:::functions/f/prod"));
        assert!(allows("acs:mq:::/instances/i/topics/t", "acs:mq:::/instances/i/topic/t"));
    }
}
