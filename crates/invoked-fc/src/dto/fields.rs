//! The tolerant reading of a JSON object, on which every request body is built.
//!
//! # Invariants
//!
//! `keys_match_in_any_case`, `null_is_absent`, `refusals_name_the_path`, `deep_bodies_are_refused`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{argument::InvalidArgument, query};

/// Reads a body; an empty one is an empty object.
pub(super) fn parse_object(body: &[u8]) -> Result<Map<String, Value>, InvalidArgument> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body).map_err(InvalidArgument::Body)? {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Map::new()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(InvalidArgument::Field { name: "$".to_owned(), expected: "an object" })
        }
    }
}

/// What is kept of a resource as it was given: fields of `known` names in that spelling, without
/// nulls, which mean absent, and without those of `dropped` names.
pub(super) fn keep(
    object: Map<String, Value>,
    known: &[&'static str],
    dropped: &[&'static str],
) -> Map<String, Value> {
    let named = |names: &[&'static str], name: &str| {
        names.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
    };
    let mut kept = Map::new();
    for (name, value) in object {
        if value.is_null() || named(dropped, &name).is_some() {
            continue;
        }
        match named(known, &name) {
            // The exact spelling goes before any other, as it does in reading.
            Some(known) if known != name => {
                kept.entry(known).or_insert(value);
            }
            Some(_) | None => {
                kept.insert(name, value);
            }
        }
    }
    kept
}

/// An object and where it stands in the body.
pub(super) struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(object: &'a Map<String, Value>) -> Self {
        Self { path: String::new(), object }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, InvalidArgument> {
        self.read(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, InvalidArgument> {
        self.read(name, "a 64-bit integer", |value| match value.as_str() {
            Some(text) => text.trim().parse().ok(),
            None => value.as_i64(),
        })
    }

    pub(super) fn decimal(&self, name: &str) -> Result<Option<f64>, InvalidArgument> {
        self.read(name, "a number", |value| match value.as_str() {
            Some(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            None => value.as_f64(),
        })
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, InvalidArgument> {
        self.read(name, "true or false", |value| match value.as_str() {
            Some(text) => query::parse_flag(text.trim()),
            None => value.as_bool(),
        })
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, InvalidArgument> {
        self.read(name, "an object", |value| {
            Some(Self { path: self.path_of(name), object: value.as_object()? })
        })
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, InvalidArgument> {
        self.read(name, "an array of strings", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    pub(super) fn text_map(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, InvalidArgument> {
        self.read(name, "an object of strings", |value| {
            let pairs = value.as_object()?.iter().filter(|(_, value)| !value.is_null());
            pairs.map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        })
    }

    /// An array of objects with a `Key` and, mostly, a `Value`.
    pub(super) fn pairs(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, InvalidArgument> {
        self.read(name, "an array of objects with Key and Value", |value| {
            let pair = |item: &Value| {
                let object = item.as_object()?;
                let fields = Fields { path: String::new(), object };
                let value = fields.text("value").ok()?.unwrap_or_default();
                Some((fields.text("key").ok()??, value))
            };
            value.as_array()?.iter().map(pair).collect()
        })
    }

    /// Applies `read` to the value of `name`, unless it is absent.
    fn read<T>(
        &self,
        name: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, InvalidArgument> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(InvalidArgument::Field { name: self.path_of(name), expected }),
            },
        }
    }

    /// The first value that is not null; the exact spelling goes before any other.
    fn value(&self, name: &str) -> Option<&'a Value> {
        let given = |value: &&Value| !value.is_null();
        self.object.get(name).filter(given).or_else(|| {
            let others = self.object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            others.map(|(_, value)| value).find(given)
        })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, parse_object};
    use crate::dto::{config::PutAsyncInvokeConfigInput, function::FunctionInput};

    #[test]
    fn keys_match_in_any_case() {
        let object = parse_object(br#"{"MaxAge":1,"maxAge":2,"OTHER":3}"#).unwrap();
        let fields = Fields::of(&object);
        assert_eq!(fields.integer("maxAge").unwrap(), Some(2));
        assert_eq!(fields.integer("other").unwrap(), Some(3));
    }

    #[test]
    fn null_is_absent() {
        let object =
            parse_object(br#"{"a":null,"b":null,"B":1,"map":{"x":null,"y":"1"}}"#).unwrap();
        let fields = Fields::of(&object);
        assert_eq!(fields.text("a").unwrap(), None);
        assert!(fields.object("a").unwrap().is_none());
        assert_eq!(fields.integer("b").unwrap(), Some(1));
        assert_eq!(fields.text_map("map").unwrap().unwrap().len(), 1);
        for empty in ["", " \n", "null", "{}"] {
            assert!(parse_object(empty.as_bytes()).unwrap().is_empty(), "{empty:?}");
        }
    }

    #[test]
    fn strings_read_as_numbers_and_booleans() {
        let object =
            parse_object(br#"{"n":"3600","cpu":"0.35","yes":"True","no":false,"nan":"NaN"}"#)
                .unwrap();
        let fields = Fields::of(&object);
        assert_eq!(fields.integer("n").unwrap(), Some(3600));
        assert_eq!(fields.decimal("cpu").unwrap(), Some(0.35));
        assert_eq!(fields.flag("yes").unwrap(), Some(true));
        assert_eq!(fields.flag("no").unwrap(), Some(false));
        assert!(fields.decimal("nan").is_err());
    }

    #[test]
    fn refusals_name_the_path() {
        let object = parse_object(br#"{"a":{"b":{"c":[1]}},"n":1.5}"#).unwrap();
        let fields = Fields::of(&object);
        let inner = fields.object("a").unwrap().unwrap().object("b").unwrap().unwrap();
        assert_eq!(
            inner.texts("c").unwrap_err().to_string(),
            "field 'a.b.c' is invalid: expected an array of strings"
        );
        assert_eq!(
            fields.integer("n").unwrap_err().to_string(),
            "field 'n' is invalid: expected a 64-bit integer"
        );
        assert_eq!(
            parse_object(b"[]").unwrap_err().to_string(),
            "field '$' is invalid: expected an object"
        );
        assert_eq!(parse_object(b"{").unwrap_err().to_string(), "request body is not valid JSON");
    }

    #[test]
    fn deep_bodies_are_refused() {
        let refused = |body: &str| {
            let config = PutAsyncInvokeConfigInput::parse(body.as_bytes());
            let function = FunctionInput::parse(body.as_bytes());
            config.is_err() && function.is_err() && parse_object(body.as_bytes()).is_err()
        };
        for open in ["[", "{\"a\":", "{\"destinationConfig\":["] {
            assert!(refused(&open.repeat(100_000)), "{open}");
        }
        let whole = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_object(whole(126).as_bytes()).is_ok());
        assert!(refused(&whole(127)));
        assert!(refused(&whole(100_000)));
    }
}
