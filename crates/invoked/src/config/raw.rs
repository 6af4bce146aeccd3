//! What the operator wrote, before anybody judged it: the layers put over one another by the
//! `config` crate, each value with where it came from.
//!
//! A tree, and not a struct of options: serde stops at the first unknown key or wrong type, and an
//! operator wants to hear of all of them at once. [`super::Config`] is the struct.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{ConfigError, Map, Source, Value, ValueKind};

use super::environment::Environment;
use super::file;
use super::problem::{Problem, Problems};

/// The documented defaults are the defaults.
pub(super) const DEFAULTS: &str = include_str!("../../../../config/default.toml");

/// Where the defaults come from; no file is named like this.
const OURS: &str = "\0defaults";

/// Where configuration comes from, lowest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// Laid over the defaults by a command, as TOML.
    pub(crate) preset: String,
    /// Files, each over the one before.
    pub(crate) files: Vec<PathBuf>,
    /// Variables of the process.
    pub(crate) environment: Environment,
    /// What flags say, as TOML.
    pub(crate) flags: String,
}

/// A configuration as it was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawConfig {
    pub(super) root: BTreeMap<String, Node>,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Raw,
    pub(super) origin: Option<String>,
    /// Whether it is ours, and nobody has written another over it.
    pub(super) is_default: bool,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    /// Text of an environment variable, which cannot say what type it is meant to have.
    Untyped(String),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl RawConfig {
    /// Reads all sources.
    ///
    /// # Errors
    /// A file is not there or is not TOML.
    pub(crate) fn read(sources: &Sources) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut builder = config::Config::builder();
        let mut add = |layer: Result<Layer, Problem>| match layer {
            Ok(layer) => builder = std::mem::take(&mut builder).add_source(layer),
            Err(problem) => problems.push(problem),
        };
        add(Layer::of("defaults", DEFAULTS).map(Layer::of_ours));
        add(Layer::of("preset", &sources.preset));
        for path in &sources.files {
            add(Layer::of_file(path));
        }
        let flags = Layer::of("flags", &sources.flags);
        if !problems.is_empty() {
            return Err(problems);
        }
        builder = builder.add_source(sources.environment.clone()).add_source(flags?);
        match builder.build() {
            Ok(read) => Ok(Self { root: table(read.cache.kind) }),
            Err(error) => Err(Problem::new("configuration", error.to_string()).into()),
        }
    }
}

/// One source in TOML. The `config` crate's own for files would tell of each as a path relative to
/// the working directory, and not as the operator named it.
#[derive(Clone, Debug)]
struct Layer {
    table: toml::Table,
    origin: Option<String>,
}

impl Layer {
    fn of(name: &str, toml: &str) -> Result<Self, Problem> {
        let table = toml.parse().map_err(|error: toml::de::Error| {
            Problem::new(name, format!("is not TOML: {}", told(&error, toml)))
        })?;
        Ok(Self { table, origin: None })
    }

    fn of_ours(self) -> Self {
        Self { origin: Some(OURS.to_owned()), ..self }
    }

    fn of_file(path: &Path) -> Result<Self, Problem> {
        let shown = path.display().to_string();
        let toml = file::config(path)
            .map_err(|error| Problem::new(&shown, format!("cannot be read: {error}")))?;
        let layer = Self::of(&shown, &toml)?;
        Ok(Self { origin: Some(shown), ..layer })
    }

    fn value(&self, value: &toml::Value) -> Value {
        let kind = match value {
            toml::Value::String(text) => ValueKind::String(text.clone()),
            toml::Value::Integer(number) => ValueKind::I64(*number),
            toml::Value::Float(number) => ValueKind::Float(*number),
            toml::Value::Boolean(flag) => ValueKind::Boolean(*flag),
            toml::Value::Datetime(moment) => ValueKind::String(moment.to_string()),
            toml::Value::Array(items) => {
                ValueKind::Array(items.iter().map(|item| self.value(item)).collect())
            }
            toml::Value::Table(table) => ValueKind::Table(self.map(table)),
        };
        Value::new(self.origin.as_ref(), kind)
    }

    fn map(&self, table: &toml::Table) -> Map<String, Value> {
        table.iter().map(|(key, value)| (key.clone(), self.value(value))).collect()
    }
}

/// What is wrong with a text, and where. The text itself is not shown: the line may hold a secret.
fn told(error: &toml::de::Error, text: &str) -> String {
    let message = error.message().trim_end().replace('\n', ", ");
    let before = error.span().and_then(|span| text.get(..span.start));
    let Some(before) = before else { return message };
    let line = before.split('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: {message}")
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.map(&self.table))
    }
}

fn table(kind: ValueKind) -> BTreeMap<String, Node> {
    match kind {
        ValueKind::Table(entries) => {
            entries.into_iter().filter_map(|(key, value)| Some((key, node(value)?))).collect()
        }
        ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
        | ValueKind::String(_)
        | ValueKind::Array(_) => BTreeMap::new(),
    }
}

fn node(value: Value) -> Option<Node> {
    let origin = value.origin().map(str::to_owned);
    let is_untyped = origin.as_deref().is_some_and(Environment::is_origin);
    let is_default = origin.as_deref() == Some(OURS);
    let origin = origin.filter(|_| !is_default);
    let value = match value.kind {
        ValueKind::Nil => return None,
        ValueKind::Boolean(flag) => Raw::Flag(flag),
        ValueKind::I64(number) => Raw::Integer(number),
        ValueKind::U64(number) => Raw::Integer(i64::try_from(number).unwrap_or(i64::MAX)),
        ValueKind::I128(number) => Raw::Text(number.to_string()),
        ValueKind::U128(number) => Raw::Text(number.to_string()),
        ValueKind::Float(number) => Raw::Float(number),
        ValueKind::String(text) if is_untyped => Raw::Untyped(text),
        ValueKind::String(text) => Raw::Text(text),
        ValueKind::Array(items) => Raw::List(items.into_iter().filter_map(node).collect()),
        kind @ ValueKind::Table(_) => Raw::Table(table(kind)),
    };
    Some(Node { value, origin, is_default })
}

impl Raw {
    /// The value as its owner would recognise it in a message.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) | Self::Untyped(text) => format!("{:?}", without_secrets(text)),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}

/// A URL without what may be secret in it: a user with a password, and a query. Other texts as they are.
fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("***@", rest),
        None => ("", rest),
    };
    let (rest, query) = match rest.split_once(['?', '#']) {
        Some((rest, _)) => (rest, "?***"),
        None => (rest, ""),
    };
    format!("{scheme}://{user}{rest}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_a_url_without_what_may_be_secret() {
        for (text, shown) in [
            ("http://host/path", "\"http://host/path\""),
            ("http://me:secret@host/path", "\"http://***@host/path\""),
            ("http://me:se@cret@host", "\"http://***@host\""),
            ("http://me:se?cret@host", "\"http://***@host\""),
            ("http://host?token=secret", "\"http://host?***\""),
            ("a@b", "\"a@b\""),
        ] {
            assert_eq!(Raw::Text(text.to_owned()).shown(), shown);
        }
    }
}
