//! The environment of the process, read once, and the part of it that is configuration.
//!
//! The `config` crate's own source for variables makes every key lower case, and with it the names
//! of functions and instances. Here `INVOKED__FUNCTIONS__Hello__URL` is `functions.Hello.url`: what
//! we named is lower case, what the operator named stays as it is written.

use std::collections::BTreeMap;

use config::{ConfigError, Map, Source, Value, ValueKind};

const PREFIX: &str = "INVOKED__";
const SEPARATOR: &str = "__";
const ORIGIN: &str = "environment variable ";

/// Variables by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. What is not UTF-8 cannot be configuration of ours.
    pub(crate) fn of_process() -> Self {
        let readable = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(readable).collect())
    }

    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        Self(variables.iter().map(owned).collect())
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a value of this origin was a variable.
    pub(super) fn is_origin(origin: &str) -> bool {
        origin.starts_with(ORIGIN)
    }
}

impl Source for Environment {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut root = Map::new();
        for (variable, text) in &self.0 {
            if let Some(key) = variable.strip_prefix(PREFIX) {
                let origin = format!("{ORIGIN}{variable}");
                insert(&mut root, &path(key), &origin, text);
            }
        }
        Ok(root)
    }
}

/// The keys that lead to a value, from the outermost on.
fn path(variable: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for part in variable.split(SEPARATOR) {
        let above: Vec<&str> = keys.iter().map(String::as_str).collect();
        let is_name = matches!(
            above.as_slice(),
            ["functions"] | ["sinks", _] | ["auth", "keys" | "roles"] | ["admin", "tokens"]
        );
        keys.push(if is_name { part.to_owned() } else { part.to_lowercase() });
    }
    keys
}

fn insert(table: &mut Map<String, Value>, path: &[String], origin: &str, text: &str) {
    let Some((key, rest)) = path.split_first() else { return };
    let origin_owned = origin.to_owned();
    if rest.is_empty() {
        table.insert(key.clone(), Value::new(Some(&origin_owned), text.to_owned()));
        return;
    }
    let entry = table
        .entry(key.clone())
        .or_insert_with(|| Value::new(Some(&origin_owned), ValueKind::Table(Map::new())));
    if !matches!(entry.kind, ValueKind::Table(_)) {
        *entry = Value::new(Some(&origin_owned), ValueKind::Table(Map::new()));
    }
    if let ValueKind::Table(inner) = &mut entry.kind {
        insert(inner, rest, origin, text);
    }
}
