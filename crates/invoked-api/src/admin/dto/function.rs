//! Functions and their asynchronous invoke configurations.

use std::collections::BTreeMap;

use invoked_core::arn::Arn;
use invoked_core::directory;
use invoked_core::lane::Rate;
use invoked_core::limits::QUALIFIER_LANES_MAX;
use invoked_core::name::Qualifier;
use invoked_core::qualifiers::Limits;
use invoked_engine::{ConfigRecord, FunctionRecord, Handle, LaneKey, Origin, StatusMode};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Ref, Type};

use crate::admin::time::moment;

/// A version, an alias or LATEST.
const QUALIFIER_PATTERN: &str = "^[A-Za-z0-9_-]{1,128}$";

/// What requests a function takes.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum FunctionKind {
    /// Events: it can be a destination.
    #[default]
    Event,
    /// HTTP requests: it cannot.
    Http,
}

/// How an answer without `x-fc-status` reads.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum StatusRule {
    /// The HTTP status counts.
    #[default]
    Header,
    /// Only `x-fc-status` counts, as in the cloud.
    Ignore,
}

/// Who says what a function is.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum FunctionOrigin {
    /// The operator's configuration file. It can only be changed there.
    File,
    /// A client of one of the two APIs.
    Api,
}

/// What the lane of a version or alias may take. What is left out has its default, not the function's value.
#[derive(Copy, Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct QualifierLimits {
    /// Attempts at a time. Absent or null: the daemon finds out what it takes.
    #[serde(default, deserialize_with = "nearest")]
    #[schema(minimum = 1, maximum = 100_000)]
    concurrency: Option<u32>,
    /// Attempts that may start in a second. Absent or null: any number.
    #[serde(default, deserialize_with = "nearest")]
    #[schema(minimum = 1, maximum = 100_000)]
    rate: Option<u32>,
    /// Its share of the turns that its account's lanes have.
    #[serde(default = "one", deserialize_with = "nearest_weight")]
    #[schema(minimum = 1, maximum = 1_000, default = 1)]
    weight: u32,
}

fn one() -> u32 {
    1
}

/// A number that no field has room for is the nearest one that it has room for, which is out of the field's
/// range too: so whoever judges the range names the field.
fn nearest<'de, D, N>(from: D) -> Result<Option<N>, D::Error>
where
    D: Deserializer<'de>,
    N: From<u32>,
{
    let given = Option::<i64>::deserialize(from)?;
    Ok(given.map(|given| N::from(within_u32(given))))
}

fn nearest_weight<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    i64::deserialize(from).map(within_u32)
}

fn within_u32(given: i64) -> u32 {
    u32::try_from(given.max(0)).unwrap_or(u32::MAX)
}

/// What utoipa has no attribute for: how many there may be, and how they may be called.
fn by_qualifier() -> Object {
    let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(QUALIFIER_PATTERN));
    ObjectBuilder::new()
        .description(Some(
            "Limits by version or alias: each named here waits in a lane of its own. The function's hold for \
             the others.",
        ))
        .property_names(Some(name))
        .additional_properties(Some(Ref::from_schema_name("QualifierLimits")))
        .max_properties(Some(QUALIFIER_LANES_MAX))
        .build()
}

/// A function, whole: what is left out has its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct FunctionInput {
    /// Where it lives: `http://…` or `https://…` for a process, `fc://instance/function` for a
    /// function of a remote Function Compute. Without one it cannot be invoked.
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub(in crate::admin) url: Option<String>,
    /// What requests it takes.
    #[serde(default)]
    pub(in crate::admin) kind: FunctionKind,
    /// How long an attempt may take, in milliseconds. Absent: the daemon's default.
    #[serde(default, deserialize_with = "nearest")]
    #[schema(minimum = 1, maximum = 86_400_000)]
    pub(in crate::admin) timeout_ms: Option<u64>,
    /// Attempts at a time. Absent: the daemon finds out what the function takes.
    #[serde(default, deserialize_with = "nearest")]
    #[schema(minimum = 1, maximum = 100_000)]
    pub(in crate::admin) concurrency: Option<u32>,
    /// Attempts that may start in a second. Absent: any number.
    #[serde(default, deserialize_with = "nearest")]
    #[schema(minimum = 1, maximum = 100_000)]
    pub(in crate::admin) rate: Option<u32>,
    /// Its share of the turns that its account's functions have. Absent: 1.
    #[serde(default, deserialize_with = "nearest")]
    #[schema(minimum = 1, maximum = 1_000)]
    pub(in crate::admin) weight: Option<u32>,
    /// Limits by version or alias: each named here waits in a lane of its own. The function's hold for the
    /// others.
    #[serde(default)]
    #[schema(schema_with = by_qualifier)]
    pub(in crate::admin) qualifiers: BTreeMap<String, QualifierLimits>,
    /// How an answer without `x-fc-status` reads.
    #[serde(default)]
    pub(in crate::admin) status: StatusRule,
    /// Whether `POST /initialize` comes before the first request.
    #[serde(default)]
    pub(in crate::admin) initialize: bool,
}

/// A function.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Function {
    account: String,
    /// Its name; `service$function` for a function of a service.
    name: String,
    origin: FunctionOrigin,
    kind: FunctionKind,
    /// Where it lives.
    #[schema(required = true)]
    url: Option<String>,
    /// How long an attempt may take, in milliseconds.
    timeout_ms: u64,
    /// Attempts at a time; null leaves it to the daemon.
    #[schema(required = true)]
    concurrency: Option<u32>,
    /// Attempts that may start in a second; null is any number.
    #[schema(required = true)]
    rate: Option<u32>,
    /// Its share of the turns that its account's functions have.
    weight: u32,
    /// Limits of versions and aliases that have a lane of their own. The function's hold for the others.
    qualifiers: BTreeMap<String, QualifierLimits>,
    status: StatusRule,
    /// Whether `POST /initialize` comes before the first request.
    initialize: bool,
    /// Since when an operator holds it; null while nobody does.
    #[schema(required = true, format = DateTime)]
    paused_since: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    modified_at: String,
}

/// A page of functions.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct FunctionPage {
    /// By name.
    pub(in crate::admin) functions: Vec<Function>,
    /// What asks for the next page; null at the end.
    #[schema(required = true)]
    pub(in crate::admin) next: Option<String>,
}

/// An asynchronous invoke configuration. Null is "not set".
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct AsyncConfig {
    account: String,
    function: String,
    /// Version or alias; `LATEST` for the function as it is now.
    qualifier: String,
    /// ARN that is told after success.
    #[schema(required = true)]
    on_success: Option<String>,
    /// ARN that is told after the last failure, after expiry and after a stop.
    #[schema(required = true)]
    on_failure: Option<String>,
    #[schema(required = true)]
    max_async_retry_attempts: Option<u8>,
    #[schema(required = true)]
    max_async_event_age_seconds: Option<u32>,
    /// Whether every asynchronous invocation is a task.
    #[schema(required = true)]
    async_task: Option<bool>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    modified_at: String,
}

/// A page of configurations.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct AsyncConfigPage {
    /// By qualifier.
    pub(in crate::admin) configs: Vec<AsyncConfig>,
    /// What asks for the next page; null at the end.
    #[schema(required = true)]
    pub(in crate::admin) next: Option<String>,
}

impl From<FunctionKind> for directory::FunctionKind {
    fn from(kind: FunctionKind) -> Self {
        match kind {
            FunctionKind::Event => Self::Event,
            FunctionKind::Http => Self::Http,
        }
    }
}

impl From<StatusRule> for StatusMode {
    fn from(rule: StatusRule) -> Self {
        match rule {
            StatusRule::Header => Self::Header,
            StatusRule::Ignore => Self::Ignore,
        }
    }
}

impl From<&QualifierLimits> for Limits {
    fn from(of: &QualifierLimits) -> Self {
        let rate = of.rate.map(|per_second| Rate { per_second });
        Self { concurrency: of.concurrency, rate, weight: of.weight }
    }
}

fn named((qualifier, of): (&Qualifier, &Limits)) -> (String, QualifierLimits) {
    let rate = of.rate.map(|rate| rate.per_second);
    let limits = QualifierLimits { concurrency: of.concurrency, rate, weight: of.weight };
    (qualifier.as_str().to_owned(), limits)
}

impl Function {
    pub(in crate::admin) fn of(engine: &Handle, record: &FunctionRecord) -> Self {
        let hold = engine.lane_hold(&LaneKey::Function(record.key()));
        Self {
            account: record.account.clone(),
            name: record.name.as_str().to_owned(),
            origin: match record.origin {
                Origin::File => FunctionOrigin::File,
                Origin::Api => FunctionOrigin::Api,
            },
            kind: match record.kind {
                directory::FunctionKind::Event => FunctionKind::Event,
                directory::FunctionKind::Http => FunctionKind::Http,
            },
            url: record.url.clone(),
            timeout_ms: u64::try_from(record.timeout.as_millis()).unwrap_or(u64::MAX),
            concurrency: record.concurrency,
            rate: record.rate,
            weight: record.weight,
            qualifiers: record.qualifiers.iter().map(named).collect(),
            status: match record.status {
                StatusMode::Header => StatusRule::Header,
                StatusMode::Ignore => StatusRule::Ignore,
            },
            initialize: record.initialize,
            paused_since: hold.and_then(|hold| hold.pauses.since()).map(moment),
            created_at: moment(record.created_at),
            modified_at: moment(record.modified_at),
        }
    }
}

impl From<&ConfigRecord> for AsyncConfig {
    fn from(record: &ConfigRecord) -> Self {
        let text = |arn: &Option<Arn>| arn.as_ref().map(|arn| arn.as_str().to_owned());
        Self {
            account: record.function.account.as_ref().to_owned(),
            function: record.function.name.as_str().to_owned(),
            qualifier: record.qualifier.as_str().to_owned(),
            on_success: text(&record.config.on_success),
            on_failure: text(&record.config.on_failure),
            max_async_retry_attempts: record.config.max_retry_attempts,
            max_async_event_age_seconds: record.config.max_event_age_seconds,
            async_task: record.config.async_task,
            created_at: moment(record.created_at),
            modified_at: moment(record.modified_at),
        }
    }
}
