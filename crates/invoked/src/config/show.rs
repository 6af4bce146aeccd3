//! The effective configuration, as it could be written to a file; secrets are masked. And what is
//! another in a second one.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::raw::{Node, Raw, RawConfig};
use super::secret::{MASK, Secret};

/// Tables whose keys the operator chose, and what is above them: one that is new is told by its keys.
const NAMED: [&str; 8] = [
    "auth",
    "auth.keys",
    "auth.roles",
    "admin.tokens",
    "accounts",
    "functions",
    "sinks",
    "telemetry.traces.headers",
];

/// What is not shown, by its path.
#[derive(Clone, Debug, Default)]
pub(super) struct Hidden {
    pub(super) secrets: BTreeMap<String, Option<Secret>>,
    /// Hashes of what stands in the files that keys name.
    pub(super) contents: BTreeMap<String, u64>,
}

/// A configuration as it was written, over all sources.
#[derive(Clone, Debug)]
pub(crate) struct Effective {
    /// Its text; secrets are masked.
    pub(crate) table: Table,
    hidden: Hidden,
}

/// Something that is not the same in two configurations.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Difference {
    /// The outermost key that one of the two has not, or the value that differs.
    pub(crate) path: String,
    /// What became of it.
    pub(crate) kind: Kind,
    /// Whether it is a secret, or the content of a file.
    pub(crate) is_masked: bool,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Added,
    Removed,
    Changed,
}

impl Effective {
    pub(super) fn new(raw: &RawConfig, hidden: Hidden) -> Self {
        Self { table: branch(&raw.root, "", &hidden.secrets), hidden }
    }

    /// Whether the admin API asks for a token.
    pub(crate) fn has_tokens(&self) -> bool {
        let tokens = self.table.get("admin").and_then(|admin| admin.get("tokens"));
        tokens.and_then(Value::as_table).is_some_and(|tokens| !tokens.is_empty())
    }

    /// Whether requests of the API have to be signed.
    pub(crate) fn is_signed(&self) -> bool {
        let mode = self.table.get("auth").and_then(|auth| auth.get("mode"));
        mode.and_then(Value::as_str) == Some("signed")
    }

    /// What is not the same in `other`, by path.
    pub(crate) fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        compare(&self.table, &other.table, "", &mut found);
        let (ours, theirs) = (&self.hidden, &other.hidden);
        let masked = changed(&ours.secrets, &theirs.secrets)
            .chain(changed(&ours.contents, &theirs.contents))
            .map(|path| Difference { path, kind: Kind::Changed, is_masked: true });
        found.extend(masked);
        for difference in &mut found {
            let path = &difference.path;
            difference.is_masked |=
                ours.secrets.contains_key(path) || theirs.secrets.contains_key(path);
        }
        found.sort();
        found.dedup_by(|next, first| next.path == first.path);
        found
    }
}

/// The keys that both have, with other values.
fn changed<'a, T: PartialEq>(
    ours: &'a BTreeMap<String, T>,
    theirs: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = String> + 'a {
    let is_another =
        |(path, value): &(&String, &T)| theirs.get(*path).is_some_and(|other| other != *value);
    ours.iter().filter(is_another).map(|(path, _)| path.clone())
}

fn compare(ours: &Table, theirs: &Table, above: &str, found: &mut Vec<Difference>) {
    let none = Table::new();
    let only_theirs = theirs.keys().filter(|key| !ours.contains_key(*key));
    for key in ours.keys().chain(only_theirs) {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        let is_named = NAMED.contains(&path.as_str()) || above == "sinks";
        let mut note = |kind| {
            found.push(Difference { path: path.clone(), kind, is_masked: false });
        };
        match (ours.get(key), theirs.get(key)) {
            (Some(Value::Table(ours)), Some(Value::Table(theirs))) => {
                compare(ours, theirs, &path, found);
            }
            (Some(Value::Table(ours)), None) if is_named => compare(ours, &none, &path, found),
            (None, Some(Value::Table(theirs))) if is_named => compare(&none, theirs, &path, found),
            (ours, theirs) if ours == theirs => {}
            (None, _) => note(Kind::Added),
            (_, None) => note(Kind::Removed),
            (Some(_), Some(_)) => note(Kind::Changed),
        }
    }
}

fn branch(
    nodes: &BTreeMap<String, Node>,
    above: &str,
    secrets: &BTreeMap<String, Option<Secret>>,
) -> Table {
    let entry = |(key, node): (&String, &Node)| {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        (key.clone(), leaf(&node.value, &path, secrets))
    };
    nodes.iter().map(entry).collect()
}

fn leaf(raw: &Raw, path: &str, secrets: &BTreeMap<String, Option<Secret>>) -> Value {
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
