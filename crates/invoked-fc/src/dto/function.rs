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

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::fields::{Fields, parse_object};
use crate::{argument::InvalidArgument, time::MetadataTime};

/// The environment variable that says where the function is.
pub const TARGET_URL: &str = "INVOKED_TARGET_URL";

/// The documented spelling of the fields a function may have.
const FIELD_NAMES: [&str; 34] = [
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
    "invocationRestriction",
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

/// Fields that are not kept: the code is large and never read back, and an answer with either of
/// these names is an error to Terraform.
const DROPPED_NAMES: [&str; 2] = ["code", "success"];

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
            given: keep(object),
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
    /// What was given; see [`FunctionInput::given`].
    pub given: Map<String, Value>,
    /// The function's name.
    pub function_name: String,
    /// The function's ARN.
    pub function_arn: String,
    /// The function's id, which outlives no deletion.
    pub function_id: String,
    /// When it was created.
    pub created_at: MetadataTime,
    /// When it was last updated.
    pub last_modified_at: MetadataTime,
}

impl Serialize for Function {
    /// What was given, overruled by what we know.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let created = self.created_at.to_string();
        let last_modified = self.last_modified_at.to_string();
        let known = [
            ("functionName", self.function_name.as_str()),
            ("functionArn", &self.function_arn),
            ("functionId", &self.function_id),
            ("createdTime", &created),
            ("lastModifiedTime", &last_modified),
            ("state", "Active"),
            ("lastUpdateStatus", "Successful"),
        ];
        let mut object = self.given.clone();
        object.extend(known.map(|(name, value)| (name.to_owned(), Value::from(value))));
        object.serialize(serializer)
    }
}

/// A page of functions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionList {
    /// The functions.
    pub functions: Vec<Function>,
    /// Where the next page starts; empty on the last one.
    pub next_token: String,
}

/// The answer to GetFunctionCode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FunctionCode {
    /// Where the code can be fetched; empty, since none is kept.
    pub url: String,
    /// CRC-64 of the code.
    pub checksum: String,
}

/// The triggers of a function, of which there are none: `s invoke` asks before every invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TriggerList {
    /// Always empty.
    pub triggers: [(); 0],
    /// Always empty.
    pub next_token: &'static str,
}

/// Spells known fields as documented, and drops [`DROPPED_NAMES`] and nulls, which mean absent.
fn keep(object: Map<String, Value>) -> Map<String, Value> {
    let named = |names: &[&'static str], name: &str| {
        names.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
    };
    let mut kept = Map::new();
    for (name, value) in object {
        if value.is_null() || named(&DROPPED_NAMES, &name).is_some() {
            continue;
        }
        match named(&FIELD_NAMES, &name) {
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

#[cfg(test)]
mod tests;
