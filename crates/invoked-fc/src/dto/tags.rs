//! Tags of functions and services.
//!
//! Since 2023 a tag is a pair of `Key` and `Value`, and resources and keys stand in the query as
//! arrays of JSON; before, tags are an object, and everything stands in the body. Both are read in
//! both.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::fields::{Fields, parse_object};
use crate::{argument::InvalidArgument, query::Query};

/// Tags of one resource.
pub type Tags = BTreeMap<String, String>;

/// What a TagResources says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagInput {
    /// ARNs, or names of functions.
    pub resources: BTreeSet<String>,
    /// What they are tagged with.
    pub tags: Tags,
}

/// What an UntagResources says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UntagInput {
    /// ARNs, or names of functions.
    pub resources: BTreeSet<String>,
    /// Which tags go.
    pub keys: BTreeSet<String>,
    /// Whether all of them go.
    pub all: bool,
}

/// Which tags a list is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagFilter {
    /// ARNs, or names of functions; empty for all.
    pub resources: BTreeSet<String>,
    /// Only resources that have one of these, by key and, where one is given, value.
    pub tags: Vec<(String, Option<String>)>,
}

impl TagInput {
    /// Reads the body of any version.
    ///
    /// # Errors
    ///
    /// It is not JSON, or a field is not of its type.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidArgument> {
        let object = parse_object(body)?;
        let fields = Fields::of(&object);
        let mut tags = fields.text_map("tags")?.unwrap_or_default();
        tags.extend(fields.pairs("tag")?.unwrap_or_default());
        Ok(Self { resources: resources_of(&fields)?, tags })
    }
}

impl UntagInput {
    /// Reads the body and the query of any version.
    ///
    /// # Errors
    ///
    /// The body is not JSON, or something is not of its type.
    pub fn parse(body: &[u8], query: &Query) -> Result<Self, InvalidArgument> {
        let object = parse_object(body)?;
        let fields = Fields::of(&object);
        let mut resources = resources_of(&fields)?;
        resources.extend(listed(query, "ResourceId")?);
        let mut keys: BTreeSet<_> =
            fields.texts("tagKeys")?.unwrap_or_default().into_iter().collect();
        keys.extend(fields.texts("tagKey")?.unwrap_or_default());
        keys.extend(listed(query, "TagKey")?);
        let all = fields.flag("all")?.or(query.flag("All")?).unwrap_or(false);
        Ok(Self { resources, keys, all })
    }
}

impl TagFilter {
    /// Reads the query of a ListTagResources.
    ///
    /// # Errors
    ///
    /// Something is not of its type.
    pub fn parse(query: &Query) -> Result<Self, InvalidArgument> {
        let refuse = || InvalidArgument::Query {
            name: "Tag",
            expected: "an array of objects with Key and Value",
        };
        let mut tags = Vec::new();
        if let Some(text) = query.text("Tag") {
            let given: Vec<Value> = serde_json::from_str(text).map_err(|_| refuse())?;
            for tag in given {
                let key = tag.get("Key").and_then(Value::as_str).ok_or_else(refuse)?.to_owned();
                tags.push((key, tag.get("Value").and_then(Value::as_str).map(str::to_owned)));
            }
        }
        Ok(Self { resources: listed(query, "ResourceId")?, tags })
    }
}

fn resources_of(fields: &Fields<'_>) -> Result<BTreeSet<String>, InvalidArgument> {
    let mut resources: BTreeSet<_> =
        fields.texts("resourceId")?.unwrap_or_default().into_iter().collect();
    resources.extend(fields.text("resourceArn")?);
    Ok(resources)
}

/// A parameter that is an array of JSON, one text, or one parameter for each text (`Name.1`).
fn listed(query: &Query, name: &'static str) -> Result<BTreeSet<String>, InvalidArgument> {
    let numbered = query
        .pairs()
        .iter()
        .filter(|(key, _)| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
    let mut texts: BTreeSet<_> = numbered.map(|(_, value)| value.clone()).collect();
    match query.text(name) {
        None => {}
        Some(text) if text.starts_with('[') => {
            let array: Vec<String> = serde_json::from_str(text)
                .map_err(|_| InvalidArgument::Query { name, expected: "an array of strings" })?;
            texts.extend(array);
        }
        Some(text) => {
            texts.insert(text.to_owned());
        }
    }
    Ok(texts)
}

/// The answer to GetResourceTags, and the item of ListTaggedResources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceTags {
    /// The resource's ARN.
    pub resource_arn: String,
    /// Its tags.
    pub tags: Tags,
}

/// An item of ListTagResources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagResource {
    /// The resource's ARN, or what the request called it.
    pub resource_id: String,
    /// `function`.
    pub resource_type: &'static str,
    /// The tag's key.
    pub tag_key: String,
    /// The tag's value.
    pub tag_value: String,
}

/// The answer to ListTagResources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagResourceList {
    /// One entry for each tag of each resource.
    pub tags: Vec<TagResource>,
    /// Where the next page starts; empty on the last one.
    pub next_token: String,
}

impl Serialize for TagResourceList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("TagResources", &self.tags)?;
        map.serialize_entry("NextToken", &self.next_token)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::{TagFilter, TagInput, UntagInput};
    use crate::query::Query;

    #[test]
    fn both_spellings_of_tags_read_alike() {
        let now =
            br#"{"ResourceId":["a"],"ResourceType":"function","Tag":[{"Key":"k","Value":"v"}]}"#;
        let before = br#"{"resourceArn":"a","tags":{"k":"v"}}"#;
        assert_eq!(TagInput::parse(now).unwrap(), TagInput::parse(before).unwrap());
        assert!(TagInput::parse(br#"{"Tag":[{"Value":"v"}]}"#).is_err());
    }

    #[test]
    fn keys_to_untag_stand_in_query_or_body() {
        let array = Query::parse("ResourceId=%5B%22a%22%5D&TagKey=%5B%22k%22%5D&All=False");
        let numbered = Query::parse("ResourceId.1=a&TagKey.1=k");
        let none = Query::default();
        let before = br#"{"resourceArn":"a","tagKeys":["k"],"all":false}"#;
        let expected = UntagInput::parse(before, &none).unwrap();
        assert_eq!(expected.keys.len(), 1);
        for query in [array, numbered] {
            assert_eq!(UntagInput::parse(b"", &query).unwrap(), expected);
        }
        assert!(UntagInput::parse(b"", &Query::parse("TagKey=%5B1%5D")).is_err());
    }

    #[test]
    fn lists_are_filtered_by_tags() {
        let filter = TagFilter::parse(&Query::parse(
            "Tag=%5B%7B%22Key%22%3A%22k%22%7D%2C%7B%22Key%22%3A%22l%22%2C%22Value%22%3A%22v%22%7D%5D",
        ));
        let expected = vec![("k".to_owned(), None), ("l".to_owned(), Some("v".to_owned()))];
        assert_eq!(filter.unwrap().tags, expected);
        assert!(TagFilter::parse(&Query::parse("Tag=x")).is_err());
    }
}
