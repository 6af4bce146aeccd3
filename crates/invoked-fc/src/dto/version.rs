//! Versions of a service or a function.

use serde::Serialize;

use super::fields::{Fields, parse_object};
use crate::{argument::InvalidArgument, query::Query, time::MetadataTime};

/// The body of a PublishServiceVersion or PublishFunctionVersion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublishVersionInput {
    /// What its publisher says of it.
    pub description: Option<String>,
}

impl PublishVersionInput {
    /// Reads the body of a publish.
    ///
    /// # Errors
    ///
    /// It is not JSON, or the description is not a string.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidArgument> {
        let object = parse_object(body)?;
        Ok(Self { description: Fields::of(&object).text("description")? })
    }
}

/// The answer to a publish, and the item of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its number, as a string.
    pub version_id: String,
    /// What its publisher said of it.
    pub description: String,
    /// When it was published.
    #[serde(rename = "createdTime")]
    pub created_at: MetadataTime,
    /// The same: a version never changes.
    #[serde(rename = "lastModifiedTime")]
    pub last_modified_at: MetadataTime,
}

/// A page of versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionList {
    /// The versions.
    pub versions: Vec<Version>,
    /// Where the next page starts; empty on the last one.
    pub next_token: String,
    /// In which order they are.
    pub direction: Direction,
}

/// The order of a list of versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    #[default]
    Backward,
}

impl Direction {
    /// Reads the parameter `direction` of a list, in any case.
    ///
    /// # Errors
    ///
    /// It is neither.
    pub fn parse(query: &Query) -> Result<Self, InvalidArgument> {
        match query.text("direction") {
            None => Ok(Self::default()),
            Some(text) if text.eq_ignore_ascii_case("forward") => Ok(Self::Forward),
            Some(text) if text.eq_ignore_ascii_case("backward") => Ok(Self::Backward),
            Some(_) => {
                Err(InvalidArgument::Query { name: "direction", expected: "FORWARD or BACKWARD" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, VersionList};
    use crate::query::Query;

    #[test]
    fn lists_say_their_direction() {
        let list = VersionList {
            versions: Vec::new(),
            next_token: String::new(),
            direction: Direction::parse(&Query::parse("direction=")).unwrap(),
        };
        assert_eq!(
            serde_json::to_string(&list).unwrap(),
            r#"{"versions":[],"nextToken":"","direction":"BACKWARD"}"#
        );
        assert_eq!(
            Direction::parse(&Query::parse("direction=Forward")).unwrap(),
            Direction::Forward
        );
        assert!(Direction::parse(&Query::parse("direction=up")).is_err());
    }
}
