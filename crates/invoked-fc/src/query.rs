//! Queries, read tolerantly.
//!
//! Python writes a space as `+` and booleans as `True`; Node writes `%20` and `true`; some clients
//! send a parameter that is unset as an empty one. All read alike here. Of a repeated key the
//! first value counts.

use std::borrow::Cow;

use crate::{argument::InvalidArgument, percent};

/// Items of a page when the request does not say.
pub const PAGE_LIMIT_DEFAULT: u8 = 20;
/// The most items a page may ask for.
pub const PAGE_LIMIT_MAX: u8 = 100;

/// The most parameters of a query that are read; those behind them are passed over. The daemon
/// knows some twenty.
pub const PARAMETERS_MAX: usize = 1024;

/// The decoded parameters of a query, in the order they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// At most this many items, 1 to [`PAGE_LIMIT_MAX`].
    pub limit: u8,
    /// Where the previous page ended; opaque to clients.
    pub next_token: Option<String>,
}

impl Query {
    /// Reads what stands after the `?`, still encoded; every text is a query, of at most
    /// [`PARAMETERS_MAX`] parameters.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        let pairs = decoded(raw).map(|(key, value)| (key.into_owned(), value.into_owned()));
        Self { pairs: pairs.collect() }
    }

    /// All parameters, repeated and empty ones included.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The value of `name`, unless it is absent or empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// The value of `name` as `true` or `false`, in any case.
    ///
    /// # Errors
    ///
    /// It is neither.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, InvalidArgument> {
        let expected = "true or false";
        self.text(name)
            .map(|text| parse_flag(text).ok_or(InvalidArgument::Query { name, expected }))
            .transpose()
    }

    /// The value of `name` as a decimal integer.
    ///
    /// # Errors
    ///
    /// It is none, or does not fit.
    pub fn integer(&self, name: &'static str) -> Result<Option<i64>, InvalidArgument> {
        let expected = "a 64-bit integer";
        self.text(name)
            .map(|text| text.parse().map_err(|_| InvalidArgument::Query { name, expected }))
            .transpose()
    }

    /// The parameters `limit` and `nextToken`, which every list has.
    ///
    /// # Errors
    ///
    /// The limit is not an integer from 1 to 100.
    pub fn page(&self) -> Result<Page, InvalidArgument> {
        // Lists of tags spell both with a capital.
        let limit = match self.integer("limit")?.or(self.integer("Limit")?) {
            None => PAGE_LIMIT_DEFAULT,
            Some(limit) => u8::try_from(limit)
                .ok()
                .filter(|limit| (1..=PAGE_LIMIT_MAX).contains(limit))
                .ok_or(InvalidArgument::Query {
                    name: "limit",
                    expected: "an integer from 1 to 100",
                })?,
        };
        let next_token = self.text("nextToken").or_else(|| self.text("NextToken"));
        Ok(Page { limit, next_token: next_token.map(str::to_owned) })
    }
}

/// Encodes a query in the canonical form: sorted by key, `%20` for a space, `key=` for an empty
/// value. It is a query to send as well as the one that ACS3 signs.
#[must_use]
pub fn encode<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> String {
    let mut text = String::new();
    let pairs = pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref()));
    encode_into(&mut text, pairs.collect());
    text
}

/// Writes the canonical form of a query, as it was sent, at the end of `buffer`.
pub(crate) fn canonicalize_into(buffer: &mut String, raw: &str) {
    encode_into(buffer, decoded(raw).collect());
}

fn encode_into<T: AsRef<str>>(buffer: &mut String, mut pairs: Vec<(T, T)>) {
    pairs.sort_by(|(left, _), (right, _)| left.as_ref().cmp(right.as_ref()));
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            buffer.push('&');
        }
        percent::encode_into(buffer, key.as_ref());
        buffer.push('=');
        percent::encode_into(buffer, value.as_ref());
    }
}

/// The parameters in the order they were sent.
fn decoded(raw: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    raw.split('&').filter(|pair| !pair.is_empty()).take(PARAMETERS_MAX).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent::decode_query(key), percent::decode_query(value))
    })
}

/// Reads `true` and `false` in any case.
pub(crate) fn parse_flag(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{PARAMETERS_MAX, Page, Query, encode};

    #[test]
    fn python_and_node_queries_read_alike() {
        let python = Query::parse("includePayload=True&nextToken=a%2Fb%2Bc+&empty=&bare&&a=x&a=y");
        let node = Query::parse("includePayload=true&nextToken=a%2Fb%2Bc%20");
        for query in [&python, &node] {
            assert_eq!(query.flag("includePayload").unwrap(), Some(true));
            assert_eq!(query.text("nextToken"), Some("a/b+c "));
        }
        assert_eq!(python.text("empty"), None);
        assert_eq!(python.text("bare"), None);
        assert_eq!(python.text("a"), Some("x"));
        assert_eq!(python.pairs().len(), 6);
    }

    #[test]
    fn refusals_name_the_parameter() {
        let query = Query::parse("includePayload=1&startedTimeBegin=now&limit=101");
        assert_eq!(
            query.flag("includePayload").unwrap_err().to_string(),
            "query parameter 'includePayload' is invalid: expected true or false"
        );
        assert_eq!(
            query.integer("startedTimeBegin").unwrap_err().to_string(),
            "query parameter 'startedTimeBegin' is invalid: expected a 64-bit integer"
        );
        assert_eq!(
            query.page().unwrap_err().to_string(),
            "query parameter 'limit' is invalid: expected an integer from 1 to 100"
        );
    }

    #[test]
    fn pages_are_bounded() {
        let page = |raw| Query::parse(raw).page();
        assert_eq!(page("").unwrap(), Page { limit: 20, next_token: None });
        assert_eq!(page("limit=1").unwrap().limit, 1);
        assert_eq!(
            page("limit=100&nextToken=t").unwrap(),
            Page { limit: 100, next_token: Some("t".to_owned()) }
        );
        for raw in ["limit=0", "limit=-1", "limit=300", "limit=x"] {
            assert!(page(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn parameters_beyond_the_limit_are_passed_over() {
        let query = Query::parse(&"a&".repeat(PARAMETERS_MAX + 1));
        assert_eq!(query.pairs().len(), PARAMETERS_MAX);
    }

    #[test]
    fn encoded_queries_are_canonical() {
        let pairs = [("nextToken", "a/b+c ~"), ("include", ""), ("Z", "1")];
        assert_eq!(encode(&pairs), "Z=1&include=&nextToken=a%2Fb%2Bc%20~");
    }
}
