//! A page of anything.
//!
//! # Invariants
//!
//! `an_empty_page_is_an_array_and_an_empty_token`.

use serde::{Serialize, Serializer, ser::SerializeMap};

/// The answer to a list: `{"things": [...], "nextToken": ""}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T> {
    /// The key under which the items stand.
    pub name: &'static str,
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; empty on the last one.
    pub next_token: String,
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.name, &self.items)?;
        map.serialize_entry("nextToken", &self.next_token)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::List;

    #[test]
    fn an_empty_page_is_an_array_and_an_empty_token() {
        let list = List::<u8> { name: "triggers", items: Vec::new(), next_token: String::new() };
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"{"triggers":[],"nextToken":""}"#);
    }
}
