//! From an operation and its arguments to a signed request. Pure.
//!
//! 2016-08-15 is signed with the scheme FC, the later versions with ACS3. Without a key nothing is
//! signed, and the request is otherwise the same: a daemon with `auth.mode = "off"` takes it.
//!
//! # Invariants
//!
//! `signed_requests_verify`, `a_path_gets_exactly_the_keys_it_has`.

use std::fmt;

use super::operations::Operation;
use crate::route::ApiVersion;
use crate::sign::{self, Credentials, acs3, fc};
use crate::{headers, percent, query, time};

/// A request, but for whom it goes to, who signs it and when.
#[derive(Clone)]
pub struct Request<'a> {
    operation: &'static Operation,
    version: ApiVersion,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

/// Whom a request goes to.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    /// The `host` header: host and port, the port only unless it is the scheme's own.
    pub authority: &'a str,
    /// What stands before the version in the path: empty, or with a slash before and none behind.
    pub base_path: &'a str,
}

/// What makes a request one of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Never used before under this key.
    pub nonce: &'a str,
    /// Now.
    pub unix_seconds: i64,
}

/// A request to be sent as it is; the body is the one of the [`Request`].
#[derive(Clone)]
pub struct Signed {
    /// The method, in capitals.
    pub method: &'static str,
    /// Path and query, encoded.
    pub target: String,
    /// Every header but those about the body's length, `host` among them.
    pub headers: Vec<(String, String)>,
}

/// The keys given for a path are not those it has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PathError {
    /// The operation's name.
    pub operation: &'static str,
    /// Keys that the path has and that were not given, or were empty.
    pub missing: Vec<&'static str>,
    /// Keys that were given and that the path does not have.
    pub unknown: Vec<String>,
    /// A value that no path segment can be.
    pub unusable: Option<String>,
}

impl fmt::Display for PathError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the path of {}", self.operation)?;
        let mut separator = "";
        if !self.missing.is_empty() {
            write!(formatter, " lacks {}", self.missing.join(", "))?;
            separator = " and";
        }
        if !self.unknown.is_empty() {
            write!(formatter, "{separator} has no {}", self.unknown.join(", "))?;
            separator = " and";
        }
        if let Some(key) = &self.unusable {
            write!(formatter, "{separator} cannot hold this {key}")?;
        }
        Ok(())
    }
}

impl<'a> Request<'a> {
    /// A request for `operation` in `version`, which must be one of its own. `path` gives the
    /// path's keys their values; a `qualifier` goes where the version has it.
    ///
    /// # Errors
    ///
    /// A key is missing, empty, unknown, or holds what no path can (`.` and `..`).
    pub fn new<K: AsRef<str>, V: AsRef<str>>(
        operation: &'static Operation,
        version: ApiVersion,
        path: &[(K, V)],
    ) -> Result<Self, PathError> {
        let given = |key: &str| {
            let found = path.iter().find(|(name, _)| name.as_ref() == key)?;
            Some(found.1.as_ref()).filter(|value| !value.is_empty())
        };
        let is_known = |key: &str| {
            operation.path_keys().any(|known| known == key)
                || (key == "qualifier" && operation.takes_qualifier())
        };
        let error = PathError {
            operation: operation.name,
            missing: operation.path_keys().filter(|key| given(key).is_none()).collect(),
            unknown: path
                .iter()
                .map(|(key, _)| key.as_ref())
                .filter(|key| !is_known(key))
                .map(str::to_owned)
                .collect(),
            unusable: operation
                .path_keys()
                .find(|key| matches!(given(key), Some("." | "..")))
                .map(str::to_owned),
        };
        if !error.missing.is_empty() || !error.unknown.is_empty() || error.unusable.is_some() {
            return Err(error);
        }

        let mut query = Vec::new();
        let mut text = format!("/{version}{}", operation.path);
        for key in operation.path_keys() {
            let value = percent::encode(given(key).unwrap_or_default());
            text = text.replace(&format!("{{{key}}}"), &value);
        }
        let in_path = operation.path.contains("{.qualifier}") && version == ApiVersion::V2016;
        let suffix = match given("qualifier") {
            Some(qualifier) if in_path => format!(".{}", percent::encode(qualifier)),
            Some(qualifier) => {
                query.push(("qualifier".to_owned(), qualifier.to_owned()));
                String::new()
            }
            None => String::new(),
        };
        let path = text.replace("{.qualifier}", &suffix);
        Ok(Self { operation, version, path, query, headers: Vec::new(), body: &[] })
    }

    /// With another query parameter, not encoded.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a header, in place of one of the same name. It must not be one that signing writes:
    /// see [`Request::is_reserved`].
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn with_body(self, content_type: &str, body: &'a [u8]) -> Self {
        Self { body, ..self.with_header("content-type", content_type) }
    }

    /// Whether a header is written by signing or by sending, and so is not the caller's to set.
    #[must_use]
    pub fn is_reserved(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let reserved = [
            "accept",
            "authorization",
            "connection",
            "content-length",
            "date",
            "host",
            "transfer-encoding",
            headers::SECURITY_TOKEN,
        ];
        reserved.contains(&name.as_str()) || name.starts_with("x-acs-")
    }

    /// What is asked for.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The request as it is sent to `to`, signed if there is a key.
    #[must_use]
    pub fn sign(
        &self,
        to: Destination<'_>,
        credentials: Option<&Credentials<'_>>,
        moment: Moment<'_>,
    ) -> Signed {
        let path = format!("{}{}", to.base_path, self.path);
        let own: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let headers = match (credentials, self.version) {
            (None, _) => {
                let fixed = [("host", to.authority), ("accept", "application/json")];
                owned(own.iter().chain(&fixed))
            }
            (Some(credentials), ApiVersion::V2016) => {
                self.sign_fc(&path, to, own, credentials, moment)
            }
            (Some(credentials), ApiVersion::V2021 | ApiVersion::V2023) => {
                let query: Vec<_> = self
                    .query
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let call = acs3::Call {
                    method: self.operation.method,
                    host: to.authority,
                    path: &path,
                    query: &query,
                    headers: &own,
                    action: self.operation.name,
                    version: self.version.as_str(),
                    body: self.body,
                };
                acs3::sign(&call, credentials, moment.nonce, moment.unix_seconds)
            }
        };
        let target = if self.query.is_empty() {
            path
        } else {
            format!("{path}?{}", query::encode(&self.query))
        };
        Signed { method: self.operation.method, target, headers }
    }

    fn sign_fc(
        &self,
        path: &str,
        to: Destination<'_>,
        own: Vec<(&str, &str)>,
        credentials: &Credentials<'_>,
        moment: Moment<'_>,
    ) -> Vec<(String, String)> {
        let date = time::rfc1123(moment.unix_seconds);
        let mut headers = own;
        headers.extend([
            ("host", to.authority),
            ("accept", "application/json"),
            ("date", date.as_str()),
        ]);
        if let Some(token) = credentials.security_token {
            headers.push((headers::SECURITY_TOKEN, token));
        }
        let query = query::encode(&self.query);
        let request =
            sign::Request { method: self.operation.method, path, query: &query, headers: &headers };
        let authorization = fc::sign(&request, credentials);
        let mut headers = owned(headers.iter());
        headers.push(("authorization".to_owned(), authorization));
        headers
    }
}

fn owned<'a>(headers: impl Iterator<Item = &'a (&'a str, &'a str)>) -> Vec<(String, String)> {
    headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl fmt::Debug for Request<'_> {
    /// Shows what is called, not what is said.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("operation", &self.operation.name)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Signed {
    /// Shows no header: they hold tokens and signatures.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signed")
            .field("method", &self.method)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
