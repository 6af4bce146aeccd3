//! The effective configuration, as it could be written to a file; secrets are masked. And what is
//! another in a second one.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::raw::{Node, Raw, RawConfig};
use super::secret::{MASK, Secret};

/// Secrets by their paths.
type Secrets = BTreeMap<String, Option<Secret>>;

/// A configuration as it was written, over all sources.
#[derive(Clone, Debug)]
pub(crate) struct Effective {
    /// Its text; secrets are masked.
    pub(crate) table: Table,
    secrets: Secrets,
}

impl Effective {
    pub(super) fn new(raw: &RawConfig, secrets: Secrets) -> Self {
        Self { table: branch(&raw.root, "", &secrets), secrets }
    }

    /// The paths of what is not the same in `other`: the outermost that one of the two has not, or
    /// the values that differ.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        compare(&self.table, &other.table, "", &mut found);
        let paths = self.secrets.iter().filter(|(path, secret)| {
            other.secrets.get(*path).is_some_and(|theirs| theirs != *secret)
        });
        found.extend(paths.map(|(path, _)| path.clone()));
        found.sort();
        found
    }
}

fn compare(ours: &Table, theirs: &Table, above: &str, found: &mut Vec<String>) {
    let only_theirs = theirs.keys().filter(|key| !ours.contains_key(*key));
    for key in ours.keys().chain(only_theirs) {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match (ours.get(key), theirs.get(key)) {
            (Some(Value::Table(ours)), Some(Value::Table(theirs))) => {
                compare(ours, theirs, &path, found);
            }
            (ours, theirs) if ours == theirs => {}
            (_, _) => found.push(path),
        }
    }
}

fn branch(nodes: &BTreeMap<String, Node>, above: &str, secrets: &Secrets) -> Table {
    let entry = |(key, node): (&String, &Node)| {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        (key.clone(), leaf(&node.value, &path, secrets))
    };
    nodes.iter().map(entry).collect()
}

fn leaf(raw: &Raw, path: &str, secrets: &Secrets) -> Value {
    if secrets.contains_key(path) {
        return Value::String(MASK.to_owned());
    }
    match raw {
        Raw::Flag(flag) => Value::Boolean(*flag),
        Raw::Integer(number) => Value::Integer(*number),
        Raw::Float(number) => Value::Float(*number),
        Raw::Text(text) | Raw::Untyped(text) => Value::String(text.clone()),
        Raw::List(items) => {
            Value::Array(items.iter().map(|node| leaf(&node.value, path, secrets)).collect())
        }
        Raw::Table(nodes) => Value::Table(branch(nodes, path, secrets)),
    }
}
