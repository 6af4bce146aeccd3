//! Aliases of a service or a function.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::fields::{Fields, keep, parse_object};
use crate::{argument::InvalidArgument, time::MetadataTime};

/// The documented spelling of the fields an alias may have.
const FIELD_NAMES: [&str; 6] = [
    "aliasName",
    "versionId",
    "description",
    "additionalVersionWeight",
    "resolvePolicy",
    "routePolicy",
];

/// The body of a CreateAlias or UpdateAlias.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AliasInput {
    /// The alias' name; an update need not repeat it.
    pub alias_name: Option<String>,
    /// The version it stands for: a number, as a string or as it is.
    pub version_id: Option<String>,
    /// What was given: known fields in their documented spelling, without nulls.
    pub given: Map<String, Value>,
}

impl AliasInput {
    /// Reads the body of a create or an update.
    ///
    /// # Errors
    ///
    /// It is not JSON, or a field that is read is not of its type.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidArgument> {
        let object = parse_object(body)?;
        let fields = Fields::of(&object);
        let alias_name = fields.text("aliasName")?;
        let version_id = match fields.text("versionId") {
            Ok(text) => text,
            Err(_) => fields.integer("versionId")?.map(|number| number.to_string()),
        };
        fields.text("description")?;
        fields.object("additionalVersionWeight")?;
        let given = object
            .into_iter()
            .filter(|(name, _)| FIELD_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)));
        let given = keep(given.collect(), &FIELD_NAMES, &[]);
        Ok(Self { alias_name, version_id, given })
    }
}

/// The answer to a create, an update and a GET, and the item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// What was given.
    pub given: Map<String, Value>,
    /// Its name.
    pub alias_name: String,
    /// The version it stands for.
    pub version_id: String,
    /// When it was created.
    pub created_at: MetadataTime,
    /// When it was last updated.
    pub last_modified_at: MetadataTime,
}

impl Serialize for Alias {
    /// What was given, overruled by what we know.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let created = self.created_at.to_string();
        let last_modified = self.last_modified_at.to_string();
        let known = [
            ("aliasName", self.alias_name.as_str()),
            ("versionId", &self.version_id),
            ("createdTime", &created),
            ("lastModifiedTime", &last_modified),
        ];
        let mut object = self.given.clone();
        object.entry("description").or_insert_with(|| Value::from(""));
        object.extend(known.map(|(name, value)| (name.to_owned(), Value::from(value))));
        object.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::AliasInput;

    #[test]
    fn versions_read_as_numbers_and_strings() {
        for version in ["1", "\"1\""] {
            let body = format!(r#"{{"aliasName":"prod","VersionId":{version},"other":1}}"#);
            let input = AliasInput::parse(body.as_bytes()).unwrap();
            assert_eq!(input.version_id.as_deref(), Some("1"));
            assert_eq!(input.given.len(), 2, "{:?}", input.given);
        }
        assert!(AliasInput::parse(br#"{"versionId":[]}"#).is_err());
        assert!(AliasInput::parse(br#"{"additionalVersionWeight":1}"#).is_err());
    }
}
