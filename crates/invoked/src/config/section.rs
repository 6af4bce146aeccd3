//! Reading the tree: one table at a time, each key once, every problem noted and none fatal.
//!
//! A reader takes all keys of its table first and uses `?` on them only then, so that a bad value
//! hides no other. A key that nobody took is unknown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};

use super::environment::Environment;
use super::problem::{Problem, Problems};
use super::raw::{Node, Raw};
use super::secret::Secret;
use super::show::Hidden;

/// What was found while reading, and what reading needs beside the tree.
#[derive(Debug)]
pub(super) struct Reading<'raw> {
    pub(super) environment: &'raw Environment,
    problems: RefCell<Problems>,
    secrets: RefCell<BTreeMap<String, Option<Secret>>>,
    /// What stands in the files that keys name, as a hash.
    contents: RefCell<BTreeMap<String, u64>>,
}

/// A table of the tree.
#[derive(Debug)]
pub(super) struct Section<'raw> {
    path: String,
    left: BTreeMap<&'raw str, &'raw Node>,
    known: Vec<&'static str>,
    reading: &'raw Reading<'raw>,
}

impl<'raw> Reading<'raw> {
    pub(super) fn new(environment: &'raw Environment) -> Self {
        Self {
            environment,
            problems: RefCell::default(),
            secrets: RefCell::default(),
            contents: RefCell::default(),
        }
    }

    /// Notes what stands in the file that the key at `path` names, so that a change of it is seen.
    pub(super) fn note_content(&self, path: &str, content: &[u8]) {
        let mut hash = DefaultHasher::new();
        hash.write(content);
        self.contents.borrow_mut().insert(path.to_owned(), hash.finish());
    }

    /// Notes a problem with what stands at `path`.
    pub(super) fn note(&self, path: &str, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::new(path, message));
    }

    /// Whether there is a problem at this path or below.
    pub(super) fn has_noted(&self, path: &str) -> bool {
        self.problems.borrow().iter().any(|problem| problem.path().starts_with(path))
    }

    /// Everything noted, and what is not shown by its paths.
    pub(super) fn done(self) -> (Problems, Hidden) {
        let (secrets, contents) = (self.secrets.into_inner(), self.contents.into_inner());
        (self.problems.into_inner().sorted(), Hidden { secrets, contents })
    }
}

impl<'raw> Section<'raw> {
    pub(super) fn root(tree: &'raw BTreeMap<String, Node>, reading: &'raw Reading<'raw>) -> Self {
        Self::of(String::new(), tree, reading)
    }

    fn of(path: String, table: &'raw BTreeMap<String, Node>, reading: &'raw Reading<'raw>) -> Self {
        let left = table.iter().map(|(key, node)| (key.as_str(), node)).collect();
        Self { path, left, known: Vec::new(), reading }
    }

    /// Where this table stands.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The full path of a key of this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// What reading needs beside the tree.
    pub(super) fn reading(&self) -> &'raw Reading<'raw> {
        self.reading
    }

    /// A value that may be missing.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Raw) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.take(key)?;
        let got = |problem: String| format!("{problem}, got {}", node.value.shown());
        read(&node.value).map_err(|problem| self.note(key, node, got(problem))).ok()
    }

    /// A value that has to be there.
    pub(super) fn needed<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Raw) -> Result<T, String>,
    ) -> Option<T> {
        if !self.left.contains_key(key) {
            self.missing(key);
            return None;
        }
        self.optional(key, read)
    }

    /// A secret that has to be there. Its value never stands in a message.
    pub(super) fn needed_secret(&mut self, key: &'static str) -> Option<Secret> {
        if !self.left.contains_key(key) {
            self.missing(key);
            return None;
        }
        self.optional_secret(key)
    }

    /// A secret that may be missing.
    pub(super) fn optional_secret(&mut self, key: &'static str) -> Option<Secret> {
        let node = self.take(key)?;
        let secret = Secret::read(&node.value, self.reading.environment)
            .map_err(|problem| self.note(key, node, problem))
            .ok();
        self.reading.secrets.borrow_mut().insert(self.path_of(key), secret.clone());
        secret
    }

    /// Secrets whose names the operator chose: every key that is left.
    pub(super) fn named_secrets(&mut self) -> Vec<(&'raw str, Secret)> {
        let mut found = Vec::new();
        for (name, node) in std::mem::take(&mut self.left) {
            let secret = Secret::read(&node.value, self.reading.environment)
                .map_err(|problem| self.note(name, node, problem))
                .ok();
            self.reading.secrets.borrow_mut().insert(self.path_of(name), secret.clone());
            found.extend(secret.map(|secret| (name, secret)));
        }
        found
    }

    /// A table with keys of ours. A missing one is empty.
    pub(super) fn section<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        static EMPTY: BTreeMap<String, Node> = BTreeMap::new();
        let table = match self.take(key) {
            Some(node) => self.table(key, node).unwrap_or(&EMPTY),
            None => &EMPTY,
        };
        let mut section = Self::of(self.path_of(key), table, self.reading);
        let read = read(&mut section);
        section.finish();
        read
    }

    /// The tables whose names the operator chose: every key that is left.
    pub(super) fn named<T>(
        &mut self,
        mut read: impl FnMut(&str, &mut Self) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for (name, node) in std::mem::take(&mut self.left) {
            if let Some(table) = self.table(name, node) {
                let mut section = Self::of(self.path_of(name), table, self.reading);
                found.extend(read(name, &mut section));
                section.finish();
            }
        }
        found
    }

    /// Keys that nobody took yet.
    pub(super) fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether a key of ours is there and is a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        self.left.get(key).is_some_and(|node| matches!(node.value, Raw::Table(_)))
    }

    /// Whether somebody wrote a key of ours down, beside the defaults.
    pub(super) fn is_written(&self, key: &str) -> bool {
        self.left.get(key).is_some_and(|node| !node.is_default)
    }

    /// Whether a key of ours is there at all.
    pub(super) fn has(&self, key: &str) -> bool {
        self.left.contains_key(key)
    }

    /// A documented key that this version does not know what to do with.
    pub(super) fn unsupported(&mut self, key: &'static str) {
        if let Some(node) = self.left.remove(key) {
            self.note(key, node, "is not supported yet by this version".to_owned());
        }
    }

    pub(super) fn finish(self) {
        for (key, node) in &self.left {
            let known = self.known.join(", ");
            self.note(key, node, format!("is not a key of the configuration; known here: {known}"));
        }
    }

    fn missing(&mut self, key: &'static str) {
        self.known.push(key);
        self.reading.note(&self.path_of(key), "is missing");
    }

    fn take(&mut self, key: &'static str) -> Option<&'raw Node> {
        self.known.push(key);
        self.left.remove(key)
    }

    fn table(&self, key: &str, node: &'raw Node) -> Option<&'raw BTreeMap<String, Node>> {
        match &node.value {
            Raw::Table(table) => Some(table),
            Raw::Flag(_)
            | Raw::Integer(_)
            | Raw::Float(_)
            | Raw::Text(_)
            | Raw::Untyped(_)
            | Raw::List(_) => {
                self.note(key, node, format!("must be a table, got {}", node.value.shown()));
                None
            }
        }
    }

    fn note(&self, key: &str, node: &Node, message: String) {
        let problem = Problem::new(&self.path_of(key), message).from(node.origin.as_deref());
        self.reading.problems.borrow_mut().push(problem);
    }
}
