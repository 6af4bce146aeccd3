//! What a request asks for: the words of its path and query, each read once and none passed over.
//!
//! Strict, unlike the Function Compute API: there are no clients yet whose habits would have to be
//! borne, and a mistyped filter that is silently ignored lists too much.

use std::collections::BTreeMap;

use invoked_core::arn::Arn;
use invoked_core::name::{FunctionName, Qualifier, TaskId};
use invoked_core::time::Timestamp;
use invoked_fc::query::Query;

use crate::admin::problem::AdminProblem;
use crate::admin::time::parse_moment;

/// Items on a page when the request does not say.
const LIMIT_DEFAULT: usize = 20;
/// The most items a page may ask for.
const LIMIT_MAX: usize = 100;
/// An account's id, in bytes.
const ACCOUNT_BYTES_MAX: usize = 64;
/// A parameter's value, in bytes: longer than any that means something (an ARN).
const VALUE_BYTES_MAX: usize = 2_048;

/// The parameters of a query that nobody has read yet.
#[derive(Debug)]
pub(super) struct Asked {
    left: BTreeMap<String, String>,
}

impl Asked {
    /// The parameters of a query.
    ///
    /// # Errors
    /// One is empty, too long, or given twice.
    pub(super) fn parse(raw: &str) -> Result<Self, AdminProblem> {
        let mut left = BTreeMap::new();
        for (name, value) in Query::parse(raw).pairs() {
            // An empty filter would be one that somebody forgot to fill in.
            if value.is_empty() {
                return Err(AdminProblem::argument(name, "is empty"));
            }
            if VALUE_BYTES_MAX < value.len() {
                return Err(AdminProblem::argument(name, "is too long"));
            }
            if left.insert(name.clone(), value.clone()).is_some() {
                return Err(AdminProblem::argument(name, "is given more than once"));
            }
        }
        Ok(Self { left })
    }

    /// The value of `name`.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.left.remove(name)
    }

    /// An account.
    pub(super) fn account(&mut self) -> Result<Option<String>, AdminProblem> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        match self.text("account") {
            Some(text) if ACCOUNT_BYTES_MAX < text.len() || !text.bytes().all(is_word) => {
                let rule = "must be letters, digits, '-' and '_', at most 64";
                Err(AdminProblem::argument("account", rule))
            }
            found => Ok(found),
        }
    }

    /// Items on a page.
    pub(super) fn limit(&mut self) -> Result<usize, AdminProblem> {
        let Some(text) = self.left.remove("limit") else { return Ok(LIMIT_DEFAULT) };
        let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| {
            AdminProblem::argument("limit", format!("must be between 1 and {LIMIT_MAX}"))
        })
    }

    /// A function's name.
    pub(super) fn function(&mut self) -> Result<Option<FunctionName>, AdminProblem> {
        self.text("function").map(|text| function_name("function", &text)).transpose()
    }

    /// A version or alias.
    pub(super) fn qualifier(&mut self) -> Result<Option<Qualifier>, AdminProblem> {
        let parse = |text: String| {
            Qualifier::parse(&text).map_err(|error| {
                AdminProblem::argument("qualifier", format!("must be {}", error.rule))
            })
        };
        self.text("qualifier").map(parse).transpose()
    }

    /// Two points in time, both of which may be left out.
    pub(super) fn span(&mut self, from: &str, to: &str) -> Result<Span, AdminProblem> {
        let (first, last) = (self.text(from), self.text(to));
        span((from, first.as_deref()), (to, last.as_deref()))
    }

    /// A destination.
    pub(super) fn destination(&mut self) -> Result<Option<String>, AdminProblem> {
        self.text("destination").map(destination).transpose()
    }

    /// What ids begin with.
    pub(super) fn prefix(&mut self) -> Result<Option<String>, AdminProblem> {
        self.text("prefix").map(prefix).transpose()
    }

    /// One of some words.
    pub(super) fn choice<T>(
        &mut self,
        name: &str,
        words: impl IntoIterator<Item = (&'static str, T)>,
    ) -> Result<Option<T>, AdminProblem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let mut known = Vec::new();
        for (word, meaning) in words {
            if word == text {
                return Ok(Some(meaning));
            }
            known.push(word);
        }
        Err(AdminProblem::argument(name, format!("must be one of {}", known.join(", "))))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Something is left that nobody knows.
    pub(super) fn finish(self) -> Result<(), AdminProblem> {
        match self.left.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(AdminProblem::argument(&name, "is not a parameter of this request")),
        }
    }
}

/// From when to when; `None` is without an end.
pub(super) type Span = (Option<Timestamp>, Option<Timestamp>);

/// Two points in time that these fields say, the first of them first.
///
/// # Errors
/// One does not read, or they are the wrong way round: nothing would ever fit.
pub(super) fn span(
    (from, first): (&str, Option<&str>),
    (to, last): (&str, Option<&str>),
) -> Result<Span, AdminProblem> {
    let moment = |field: &str, text: Option<&str>| {
        let rule = "must be a time such as 2026-11-23T08:00:00Z";
        text.map(|text| parse_moment(text).ok_or_else(|| AdminProblem::argument(field, rule)))
            .transpose()
    };
    let (first, last) = (moment(from, first)?, moment(to, last)?);
    if first.zip(last).is_some_and(|(first, last)| last < first) {
        return Err(AdminProblem::argument(from, format!("is later than {to}: nothing is both")));
    }
    Ok((first, last))
}

/// The ARN that `destination` says.
///
/// # Errors
/// It is none: nothing is ever owed to it.
pub(super) fn destination(text: String) -> Result<String, AdminProblem> {
    match Arn::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(AdminProblem::argument("destination", error.to_string())),
    }
}

/// What `prefix` says that ids begin with.
///
/// # Errors
/// No id can begin so.
pub(super) fn prefix(text: String) -> Result<String, AdminProblem> {
    if TaskId::may_begin(&text) {
        return Ok(text);
    }
    let rule = "is how no id begins: a letter, a digit or '_', then also '-', at most 128 in all";
    Err(AdminProblem::argument("prefix", rule))
}

/// A function's name, from the field `field`.
pub(super) fn function_name(field: &str, text: &str) -> Result<FunctionName, AdminProblem> {
    FunctionName::parse(text)
        .map_err(|error| AdminProblem::argument(field, format!("must be {}", error.rule)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_passed_over() {
        let mut asked = Asked::parse("prefix=a%20b&limit=7&account=1-a").unwrap();
        assert_eq!(asked.text("prefix").as_deref(), Some("a b"));
        assert_eq!(asked.limit().unwrap(), 7);
        assert_eq!(asked.account().unwrap().as_deref(), Some("1-a"));
        assert_eq!(asked.qualifier().unwrap(), None);
        asked.finish().unwrap();
        let message = |raw: &str| {
            let read = Asked::parse(raw).and_then(|mut asked| {
                asked.limit()?;
                asked.finish()
            });
            read.unwrap_err().refusal().message
        };
        assert_eq!(message("statsu=Failed"), "statsu is not a parameter of this request");
        assert_eq!(message("a=1&a=2"), "a is given more than once");
        assert_eq!(message("prefix=&a=1"), "prefix is empty");
        assert!(Asked::parse("account=a%20b").unwrap().account().is_err());
        for limit in ["0", "101", "x", "-1", "99999999999999999999"] {
            let raw = format!("limit={limit}");
            assert_eq!(message(&raw), "limit must be between 1 and 100", "{limit}");
        }
    }

    #[test]
    fn a_choice_names_what_there_is() {
        let mut asked = Asked::parse("order=up").unwrap();
        let refused = asked.choice("order", [("asc", true), ("desc", false)]).unwrap_err();
        assert_eq!(refused.refusal().message, "order must be one of asc, desc");
    }
}
