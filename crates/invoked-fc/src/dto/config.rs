//! The async invoke configuration.
//!
//! A PUT changes what it names and keeps the rest: an absent or null field is kept, a present one
//! replaces, `destinationConfig` as a whole. An empty `onSuccess` or `onFailure` is no destination,
//! because older Terraform sends both always.
//!
//! # Invariants
//!
//! `absent_and_empty_destinations_differ`, `empty_sides_are_unset`, `unset_sides_are_left_out`.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    FunctionNames, Shape,
    fields::{Fields, parse_object},
};
use crate::{argument::InvalidArgument, time::MetadataTime};

/// The body of a PUT; what is [`None`] keeps its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutAsyncInvokeConfigInput {
    /// The new destinations, both of them.
    pub destination_config: Option<DestinationConfig>,
    /// The time-to-live, not checked for its range.
    pub max_async_event_age_in_seconds: Option<i64>,
    /// The retries, not checked for their range.
    pub max_async_retry_attempts: Option<i64>,
    /// Whether async invocations are tasks; `asyncTask`, or `statefulInvocation` as it was called.
    pub async_task: Option<bool>,
}

impl PutAsyncInvokeConfigInput {
    /// Reads the body of a PUT of any version.
    ///
    /// # Errors
    ///
    /// It is not JSON, or a field is not of its type.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidArgument> {
        let object = parse_object(body)?;
        let fields = Fields::of(&object);
        let destination_config = fields.object("destinationConfig")?;
        let async_task = fields.flag("asyncTask")?;
        let stateful_invocation = fields.flag("statefulInvocation")?;
        Ok(Self {
            destination_config: destination_config.map(DestinationConfig::read).transpose()?,
            max_async_event_age_in_seconds: fields.integer("maxAsyncEventAgeInSeconds")?,
            max_async_retry_attempts: fields.integer("maxAsyncRetryAttempts")?,
            async_task: async_task.or(stateful_invocation),
        })
    }
}

/// Who is told of an outcome, as ARNs that nobody has looked at yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationConfig {
    /// Told of success.
    pub on_success: Option<String>,
    /// Told of failure.
    pub on_failure: Option<String>,
}

impl DestinationConfig {
    fn read(fields: Fields<'_>) -> Result<Self, InvalidArgument> {
        let side = |name| -> Result<Option<String>, InvalidArgument> {
            let Some(side) = fields.object(name)? else {
                return Ok(None);
            };
            Ok(side.text("destination")?.filter(|destination| !destination.is_empty()))
        };
        Ok(Self { on_success: side("onSuccess")?, on_failure: side("onFailure")? })
    }
}

impl Serialize for DestinationConfig {
    /// Leaves out what is unset: Terraform shows an empty side as a change for ever.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Side<'a> {
            destination: &'a str,
        }

        let mut map = serializer.serialize_map(None)?;
        for (name, destination) in
            [("onSuccess", &self.on_success), ("onFailure", &self.on_failure)]
        {
            if let Some(destination) = destination {
                map.serialize_entry(name, &Side { destination })?;
            }
        }
        map.end()
    }
}

/// The answer to a PUT and a GET, and the item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncConfig {
    /// In whose words.
    pub shape: Shape,
    /// The function; its ARN with the qualifier.
    pub function: FunctionNames,
    /// The qualifier, `LATEST` included.
    pub qualifier: String,
    /// When it was first put.
    pub created_at: MetadataTime,
    /// When it was last put.
    pub last_modified_at: MetadataTime,
    /// The destinations; `{}` if there are none.
    pub destination_config: DestinationConfig,
    /// The time-to-live; null if never set.
    pub max_async_event_age_in_seconds: Option<i64>,
    /// The retries; null if never set.
    pub max_async_retry_attempts: Option<i64>,
    /// Whether async invocations are tasks.
    pub async_task: bool,
}

impl Serialize for AsyncConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let task_mode = match self.shape {
            Shape::Services => {
                let (service, function) = self.function.in_service();
                map.serialize_entry("service", service)?;
                map.serialize_entry("function", function)?;
                map.serialize_entry("qualifier", &self.qualifier)?;
                "statefulInvocation"
            }
            Shape::Functions => {
                map.serialize_entry("functionArn", &self.function.arn)?;
                "asyncTask"
            }
        };
        map.serialize_entry("createdTime", &self.created_at)?;
        map.serialize_entry("lastModifiedTime", &self.last_modified_at)?;
        map.serialize_entry("destinationConfig", &self.destination_config)?;
        map.serialize_entry("maxAsyncEventAgeInSeconds", &self.max_async_event_age_in_seconds)?;
        map.serialize_entry("maxAsyncRetryAttempts", &self.max_async_retry_attempts)?;
        map.serialize_entry(task_mode, &self.async_task)?;
        map.end()
    }
}

/// An item of `ListStatefulAsyncInvocationFunctions`: what is in task mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskModeFunction {
    /// The service; empty if the function has none.
    pub service_name: String,
    /// The function's name within the service.
    pub function_name: String,
    /// The qualifier whose configuration says so.
    pub qualifier: String,
}

#[cfg(test)]
mod tests;
