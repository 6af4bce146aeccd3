//! The one way in which a well-signed, well-routed request can fail to read.
//!
//! Headers, queries and bodies share the type because they ask the same of the caller: answer
//! `InvalidArgument` with the text, and do nothing else.

use crate::error::ErrorCode;

/// A part of a request does not read. Answer [`InvalidArgument::code`] with this text.
#[derive(Debug, thiserror::Error)]
pub enum InvalidArgument {
    /// A header does not read.
    #[error("header '{name}' is invalid: expected {expected}")]
    Header {
        /// The header's name, lower-cased.
        name: &'static str,
        /// What it should have held, with its limits.
        expected: &'static str,
    },
    /// A query parameter does not read.
    #[error("query parameter '{name}' is invalid: expected {expected}")]
    Query {
        /// The parameter's name.
        name: &'static str,
        /// What it should have held, with its limits.
        expected: &'static str,
    },
    /// A field of the JSON body does not read.
    #[error("field '{name}' is invalid: expected {expected}")]
    Field {
        /// The field's path from the root, with dots.
        name: String,
        /// What it should have held.
        expected: &'static str,
    },
    /// The body is not JSON.
    #[error("request body is not valid JSON")]
    Body(#[source] serde_json::Error),
}

impl InvalidArgument {
    /// The code under which the refusal is answered.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::InvalidArgument
    }
}
