//! The effective configuration, as it could be written to a file; secrets are masked.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::raw::{Node, Raw, RawConfig};
use super::secret::MASK;

pub(super) fn table(raw: &RawConfig, secrets: &BTreeSet<String>) -> Table {
    branch(&raw.root, "", secrets)
}

fn branch(nodes: &BTreeMap<String, Node>, above: &str, secrets: &BTreeSet<String>) -> Table {
    let entry = |(key, node): (&String, &Node)| {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        (key.clone(), leaf(&node.value, &path, secrets))
    };
    nodes.iter().map(entry).collect()
}

fn leaf(raw: &Raw, path: &str, secrets: &BTreeSet<String>) -> Value {
    if secrets.contains(path) {
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
