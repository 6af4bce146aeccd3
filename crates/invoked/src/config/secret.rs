//! A secret: written out, or named by the variable or file that holds it. Never shown.

use std::fmt;

use super::environment::Environment;
use super::file;
use super::raw::Raw;
use super::value::{HEADER_TEXT, is_header_text};

/// How a secret looks wherever it could be seen.
pub(crate) const MASK: &str = "***";

/// A secret.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Secret(String);

impl Secret {
    /// The secret itself, for the one who needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A secret that was given as it is.
    ///
    /// # Errors
    /// It cannot stand in a header.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if is_header_text(text) { Ok(Self(text.to_owned())) } else { Err(HEADER_TEXT.to_owned()) }
    }

    /// `"…"`, `{ env = "NAME" }` or `{ file = "PATH" }`.
    pub(super) fn read(raw: &Raw, environment: &Environment) -> Result<Self, String> {
        let found = match raw {
            Raw::Text(text) | Raw::Untyped(text) => text.clone(),
            Raw::Table(table) => {
                let entries: Vec<_> =
                    table.iter().map(|(key, node)| (key.as_str(), &node.value)).collect();
                match entries.as_slice() {
                    [("env", Raw::Text(name) | Raw::Untyped(name))] => {
                        let value = environment.get(name);
                        value.ok_or(format!("the environment has no variable {name}"))?.to_owned()
                    }
                    [("file", Raw::Text(path) | Raw::Untyped(path))] => {
                        let content = file::small_text(path);
                        let content = content.map_err(|error| format!("{path}: {error}"))?;
                        content.trim_end_matches(['\n', '\r']).to_owned()
                    }
                    _ => return Err(FORM.to_owned()),
                }
            }
            Raw::Flag(_) | Raw::Integer(_) | Raw::Float(_) | Raw::List(_) => {
                return Err(FORM.to_owned());
            }
        };
        Self::parse(&found)
    }
}

const FORM: &str = r#"must be a text, { env = "NAME" } or { file = "PATH" }"#;

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
