//! The service resource of the versions before 2023.
//!
//! As of a function, what was given is kept and echoed. Nothing in it steers anything.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::fields::{Fields, keep, parse_object};
use crate::{argument::InvalidArgument, time::MetadataTime};

/// The documented spelling of the fields a service may have.
const FIELD_NAMES: [&str; 11] = [
    "serviceName",
    "description",
    "role",
    "internetAccess",
    "logConfig",
    "vpcConfig",
    "nasConfig",
    "tracingConfig",
    "ossMountConfig",
    "vendorConfig",
    "useSLRAuthentication",
];

/// Fields that are not kept: answers with the first two names are errors to Terraform, and tags are
/// a resource of their own.
const DROPPED_NAMES: [&str; 3] = ["code", "success", "tags"];

/// The body of a CreateService or UpdateService.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceInput {
    /// The service's name; an update need not repeat it.
    pub service_name: Option<String>,
    /// What was given: known fields in their documented spelling, without nulls.
    pub given: Map<String, Value>,
}

impl ServiceInput {
    /// Reads the body of a create or an update.
    ///
    /// # Errors
    ///
    /// It is not JSON, or the name is not a string.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidArgument> {
        let object = parse_object(body)?;
        let service_name = Fields::of(&object).text("serviceName")?;
        Ok(Self { service_name, given: keep(object, &FIELD_NAMES, &DROPPED_NAMES) })
    }
}

/// The answer to a create, an update and a GET, and the item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// What was given.
    pub given: Map<String, Value>,
    /// The service's name.
    pub service_name: String,
    /// The service's id.
    pub service_id: String,
    /// When it was created.
    pub created_at: MetadataTime,
    /// When it was last updated.
    pub last_modified_at: MetadataTime,
}

impl Serialize for Service {
    /// What was given, overruled by what we know.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let created = self.created_at.to_string();
        let last_modified = self.last_modified_at.to_string();
        let known = [
            ("serviceName", self.service_name.as_str()),
            ("serviceId", &self.service_id),
            ("createdTime", &created),
            ("lastModifiedTime", &last_modified),
        ];
        let mut object = self.given.clone();
        object.extend(known.map(|(name, value)| (name.to_owned(), Value::from(value))));
        object.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Service, ServiceInput};
    use crate::time::MetadataTime;

    #[test]
    fn what_was_given_is_echoed() {
        let body = br#"{"ServiceName":"svc","description":"d","logConfig":null,"tags":{"a":"b"}}"#;
        let input = ServiceInput::parse(body).unwrap();
        assert_eq!(input.service_name.as_deref(), Some("svc"));
        let at = MetadataTime { unix_ms: 0 };
        let service = Service {
            given: input.given,
            service_name: "svc".to_owned(),
            service_id: "id".to_owned(),
            created_at: at,
            last_modified_at: at,
        };
        assert_eq!(
            serde_json::to_value(service).unwrap(),
            json!({
                "serviceName": "svc",
                "description": "d",
                "serviceId": "id",
                "createdTime": "1970-01-01T00:00:00Z",
                "lastModifiedTime": "1970-01-01T00:00:00Z",
            })
        );
    }
}
