//! The function resource.
//!
//! Most of its fifty fields mean nothing to this daemon, but Terraform and the SDKs expect to read
//! back what they wrote. So the object is kept as it was given, and the few fields that steer
//! something are read out of it beside.
//!
//! # Invariants
//!
//! `what_was_given_is_echoed`, `updates_replace_what_they_name`, `code_is_never_kept`.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::{Map, Value, json};

use super::{
    FunctionNames, Shape,
    fields::{Fields, keep, parse_object},
};
use crate::{argument::InvalidArgument, time::MetadataTime};

/// The environment variable that says where the function is.
pub const TARGET_URL: &str = "INVOKED_TARGET_URL";

/// The documented spelling of the fields a function may have.
const FIELD_NAMES: [&str; 33] = [
    "functionName",
    "description",
    "runtime",
    "handler",
    "timeout",
    "cpu",
    "memorySize",
    "diskSize",
    "instanceConcurrency",
    "environmentVariables",
    "role",
    "internetAccess",
    "logConfig",
    "vpcConfig",
    "nasConfig",
    "ossMountConfig",
    "tracingConfig",
    "customContainerConfig",
    "customRuntimeConfig",
    "instanceLifecycleConfig",
    "gpuConfig",
    "layers",
    "tags",
    "sessionAffinity",
    "instanceIsolationMode",
    "idleTimeout",
    "resourceGroupId",
    "disableOndemand",
    // Before 2023.
    "initializer",
    "initializationTimeout",
    "instanceSoftConcurrency",
    "instanceType",
    "caPort",
];

/// Fields that are not kept: the code is large and never read back, an answer with either of the
/// first two names is an error to Terraform, and the third is a switch of its own.
const DROPPED_NAMES: [&str; 3] = ["code", "success", "invocationRestriction"];

/// The body of a CreateFunction or UpdateFunction; what is [`None`] was not given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionInput {
    given: Map<String, Value>,
    /// The function's name; an update need not repeat it.
    pub function_name: Option<String>,
    /// What its owner says of it.
    pub description: Option<String>,
    /// The runtime, such as `custom.debian10`.
    pub runtime: Option<String>,
    /// The handler, such as `index.handler`.
    pub handler: Option<String>,
    /// How long an invocation may run, in seconds.
    pub timeout: Option<i64>,
    /// The memory, in MB.
    pub memory_size: Option<i64>,
    /// The vCPUs.
    pub cpu: Option<f64>,
    /// How many invocations an instance may run at a time.
    pub instance_concurrency: Option<i64>,
    /// The environment, [`TARGET_URL`] within it.
    pub environment_variables: Option<BTreeMap<String, String>>,
    /// How a custom runtime is started and reached.
    pub custom_runtime_config: Option<CustomRuntimeConfig>,
}

/// How a custom runtime is started and reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomRuntimeConfig {
    /// The command that starts it.
    pub command: Option<Vec<String>>,
    /// The command's arguments.
    pub args: Option<Vec<String>>,
    /// The port it listens on.
    pub port: Option<i64>,
}

impl FunctionInput {
    /// Reads the body of a create or an update.
    ///
    /// # Errors
    ///
    /// It is not JSON, or a field that is read is not of its type.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidArgument> {
        Self::from_given(parse_object(body)?)
    }

    /// Reads an object that was [`FunctionInput::given`] before.
    ///
    /// # Errors
    ///
    /// A field that is read is not of its type.
    pub fn from_given(object: Map<String, Value>) -> Result<Self, InvalidArgument> {
        let fields = Fields::of(&object);
        Ok(Self {
            function_name: fields.text("functionName")?,
            description: fields.text("description")?,
            runtime: fields.text("runtime")?,
            handler: fields.text("handler")?,
            timeout: fields.integer("timeout")?,
            memory_size: fields.integer("memorySize")?,
            cpu: fields.decimal("cpu")?,
            instance_concurrency: fields.integer("instanceConcurrency")?,
            environment_variables: fields.text_map("environmentVariables")?,
            custom_runtime_config: fields
                .object("customRuntimeConfig")?
                .map(|fields| CustomRuntimeConfig::read(&fields))
                .transpose()?,
            given: keep(object, &FIELD_NAMES, &DROPPED_NAMES),
        })
    }

    /// The object as it was given, for keeping: known fields in their documented spelling, without
    /// nulls and without the code.
    #[must_use]
    pub const fn given(&self) -> &Map<String, Value> {
        &self.given
    }

    /// Where the function is, if its environment says so.
    #[must_use]
    pub fn target_url(&self) -> Option<&str> {
        let url = self.environment_variables.as_ref()?.get(TARGET_URL)?;
        (!url.is_empty()).then_some(url)
    }

    /// This update over what was stored: fields that are given replace, the others stay.
    #[must_use]
    pub fn over(self, stored: Self) -> Self {
        let mut given = stored.given;
        given.extend(self.given);
        Self {
            given,
            function_name: self.function_name.or(stored.function_name),
            description: self.description.or(stored.description),
            runtime: self.runtime.or(stored.runtime),
            handler: self.handler.or(stored.handler),
            timeout: self.timeout.or(stored.timeout),
            memory_size: self.memory_size.or(stored.memory_size),
            cpu: self.cpu.or(stored.cpu),
            instance_concurrency: self.instance_concurrency.or(stored.instance_concurrency),
            environment_variables: self.environment_variables.or(stored.environment_variables),
            custom_runtime_config: self.custom_runtime_config.or(stored.custom_runtime_config),
        }
    }
}

impl CustomRuntimeConfig {
    fn read(fields: &Fields<'_>) -> Result<Self, InvalidArgument> {
        Ok(Self {
            command: fields.texts("command")?,
            args: fields.texts("args")?,
            port: fields.integer("port")?,
        })
    }
}

/// The answer to a create, an update and a GET, and the item of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// In whose words.
    pub shape: Shape,
    /// What was given; see [`FunctionInput::given`].
    pub given: Map<String, Value>,
    /// The function.
    pub function: FunctionNames,
    /// The function's id, which outlives no deletion.
    pub function_id: String,
    /// When it was created.
    pub created_at: MetadataTime,
    /// When it was last updated.
    pub last_modified_at: MetadataTime,
    /// Why and since when it may not be invoked, if it may not.
    pub restriction: Option<InvocationRestriction>,
}

/// A function's switch is off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvocationRestriction {
    /// Always true.
    pub disable: bool,
    /// What whoever switched it off said; may be empty.
    pub reason: String,
    /// When.
    #[serde(rename = "lastModifiedTime")]
    pub last_modified_at: MetadataTime,
}

impl Serialize for Function {
    /// What was given, overruled by what we know.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let created = self.created_at.to_string();
        let last_modified = self.last_modified_at.to_string();
        let name = match self.shape {
            Shape::Services => self.function.in_service().1,
            Shape::Functions => &self.function.full,
        };
        let mut object = self.given.clone();
        let mut show = |name: &str, value: Value| object.insert(name.to_owned(), value);
        show("functionName", name.into());
        show("functionId", self.function_id.as_str().into());
        show("createdTime", created.into());
        show("lastModifiedTime", last_modified.into());
        match self.shape {
            Shape::Services => {}
            Shape::Functions => {
                show("functionArn", self.function.arn.as_str().into());
                show("state", "Active".into());
                show("lastUpdateStatus", "Successful".into());
                if let Some(restriction) = &self.restriction {
                    let restriction = serde_json::to_value(restriction);
                    show("invocationRestriction", restriction.map_err(S::Error::custom)?);
                }
                if let Some(layers) = self.given.get("layers").and_then(Value::as_array) {
                    show("layers", layers.iter().map(shown_layer).collect());
                }
            }
        }
        object.serialize(serializer)
    }
}

/// Since 2023 a layer is given as an ARN and read as an object.
fn shown_layer(given: &Value) -> Value {
    match given {
        Value::String(arn) => json!({"arn": arn, "size": 0}),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            given.clone()
        }
    }
}

/// The answer to GetFunctionCode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FunctionCode {
    /// Where the code can be fetched; empty, since none is kept.
    pub url: String,
    /// CRC-64 of the code.
    pub checksum: String,
}

#[cfg(test)]
mod tests;
