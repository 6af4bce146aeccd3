//! Records of functions and of their asynchronous invoke configurations, as the store keeps them.
//!
//! The values are JSON with a version, so that they can be read by people and grow by fields.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::directory::FunctionKind;
use invoked_core::id::FnId;
use invoked_core::lane::Rate;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::qualifiers::Limits;
use invoked_core::terms::AsyncConfig;
use invoked_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Who says what a function is.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The operator's configuration file.
    File,
    /// A client of the API.
    Api,
}

/// How an answer without `x-fc-status` reads.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusMode {
    /// The HTTP status counts.
    #[default]
    Header,
    /// Only `x-fc-status` counts, as in the cloud.
    Ignore,
}

/// A function.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FunctionRecord {
    /// The store's number for it.
    pub id: FnId,
    /// Its name.
    pub name: FunctionName,
    /// Its account.
    pub account: String,
    /// Who says what it is.
    pub origin: Origin,
    /// What requests it takes.
    pub kind: FunctionKind,
    /// Where it lives: `http://…` or `https://…` for a process, `fc://{instance}/{function}` for a
    /// function of a remote Function Compute. Without one it cannot be invoked.
    pub url: Option<String>,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// Attempts at a time; `None` leaves it to an adaptive limit.
    pub concurrency: Option<u32>,
    /// Attempts that may start in a second; `None` is any number.
    pub rate: Option<u32>,
    /// Its share of its account's turns; at least 1.
    pub weight: u32,
    /// The limits of qualifiers that have a lane of their own. What is above holds for all others.
    pub qualifiers: BTreeMap<Qualifier, Limits>,
    /// How an answer without `x-fc-status` reads.
    pub status: StatusMode,
    /// Whether `POST /initialize` comes before the first request.
    pub initialize: bool,
    /// What a client gave when it created or updated the function: a JSON object, kept to be shown.
    pub attributes: String,
    /// Set while new invocations are refused.
    pub disabled: Option<Disabled>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// A function whose new invocations are refused. What was accepted before still runs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Disabled {
    /// What its owner said; may be empty.
    pub reason: String,
    /// Since when, in milliseconds since the epoch.
    pub since_ms: i64,
}

/// The largest weight of a function, and the largest share of an account.
pub const WEIGHT_MAX: u32 = 1_000;

/// What creates or changes a function.
#[derive(Clone, Debug)]
pub struct FunctionChange {
    /// What requests it takes.
    pub kind: FunctionKind,
    /// Where it lives.
    pub url: Option<String>,
    /// How long an attempt may take; `None` is the engine's default.
    pub timeout: Option<Duration>,
    /// Attempts at a time, at least 1.
    pub concurrency: Option<u32>,
    /// Attempts that may start in a second, 1 to 100,000.
    pub rate: Option<u32>,
    /// Its share of its account's turns, 1 to [`WEIGHT_MAX`]; `None` is 1.
    pub weight: Option<u32>,
    /// The limits of qualifiers that have a lane of their own, [`QUALIFIER_LANES_MAX`](invoked_core::limits::QUALIFIER_LANES_MAX) at most.
    pub qualifiers: BTreeMap<Qualifier, Limits>,
    /// How an answer without `x-fc-status` reads.
    pub status: StatusMode,
    /// Whether `POST /initialize` comes before the first request.
    pub initialize: bool,
    /// A JSON object, kept to be shown.
    pub attributes: String,
}

/// A function of the operator's file.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Its name.
    pub name: FunctionName,
    /// What it is.
    pub change: FunctionChange,
    /// Its configuration for LATEST, where the store has neither one nor a deletion of one.
    pub config: Option<AsyncConfig>,
}

/// An asynchronous invoke configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigRecord {
    /// The function.
    pub function: FunctionKey,
    /// Version or alias.
    pub qualifier: Qualifier,
    /// What was put.
    pub config: AsyncConfig,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct FunctionJson {
    version: u32,
    id: u32,
    account: String,
    name: String,
    origin: Origin,
    http: bool,
    url: Option<String>,
    timeout_ms: u64,
    concurrency: Option<u32>,
    /// Absent in older records, as is the weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<u32>,
    /// By their names; absent in older records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    qualifiers: BTreeMap<String, LimitsJson>,
    status: StatusMode,
    initialize: bool,
    attributes: String,
    /// Absent in records that were written before there was such a switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disabled: Option<Disabled>,
    created_ms: i64,
    modified_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct LimitsJson {
    concurrency: Option<u32>,
    rate: Option<u32>,
    weight: u32,
}

#[derive(Serialize, Deserialize)]
struct ConfigJson {
    version: u32,
    function: String,
    qualifier: String,
    on_success: Option<String>,
    on_failure: Option<String>,
    max_retry_attempts: Option<u8>,
    max_event_age_seconds: Option<u32>,
    async_task: Option<bool>,
    created_ms: i64,
    modified_ms: i64,
}

const VERSION: u32 = 1;

/// The name under which a function's number is interned: one for each creation.
pub(crate) fn interned_function(function: &FunctionKey, at: Timestamp) -> String {
    format!("fn:{}/{}#{}", function.account, function.name, at.millis())
}

/// The function under whose creation a number was interned.
pub(crate) fn read_interned_function(interned: &str) -> Option<FunctionKey> {
    let (account, name) = interned.strip_prefix("fn:")?.split_once('/')?;
    let (name, _created_ms) = name.split_once('#')?;
    Some(FunctionKey::new(account, FunctionName::parse(name).ok()?))
}

/// The name under which a destination's number is interned.
pub(crate) fn interned_destination(arn: &Arn) -> String {
    format!("to:{arn}")
}

/// The name of a function's entry in the registry.
pub(crate) fn function_entry(function: &FunctionKey) -> String {
    format!("{}/{}", function.account, function.name)
}

/// The name of a configuration's entry in the registry.
pub(crate) fn config_entry(function: &FunctionKey, qualifier: &Qualifier) -> String {
    format!("{}/{}/{qualifier}", function.account, function.name)
}

/// The function and qualifier of a configuration's entry.
pub(crate) fn read_config_entry(entry: &str) -> Option<(FunctionKey, Qualifier)> {
    let mut parts = entry.splitn(3, '/');
    let (account, name, qualifier) = (parts.next()?, parts.next()?, parts.next()?);
    let function = FunctionKey::new(account, FunctionName::parse(name).ok()?);
    Some((function, Qualifier::parse(qualifier).ok()?))
}

impl FunctionRecord {
    /// What tells it apart.
    #[must_use]
    pub fn key(&self) -> FunctionKey {
        FunctionKey::new(&self.account, self.name.clone())
    }

    pub(crate) fn encode(&self) -> Bytes {
        let json = FunctionJson {
            version: VERSION,
            id: self.id.0,
            account: self.account.clone(),
            name: self.name.as_str().to_owned(),
            origin: self.origin,
            http: self.kind == FunctionKind::Http,
            url: self.url.clone(),
            timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
            concurrency: self.concurrency,
            rate: self.rate,
            weight: Some(self.weight).filter(|weight| *weight != 1),
            qualifiers: self.qualifiers.iter().map(written).collect(),
            status: self.status,
            initialize: self.initialize,
            attributes: self.attributes.clone(),
            disabled: self.disabled.clone(),
            created_ms: self.created_at.millis(),
            modified_ms: self.modified_at.millis(),
        };
        Bytes::from(serde_json::to_vec(&json).unwrap_or_default())
    }

    /// `None` if the value is not one that this program knows.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let json: FunctionJson = serde_json::from_slice(value).ok()?;
        Some(Self {
            id: FnId(json.id),
            name: FunctionName::parse(&json.name).ok()?,
            account: json.account,
            origin: json.origin,
            kind: if json.http { FunctionKind::Http } else { FunctionKind::Event },
            url: json.url,
            timeout: Duration::from_millis(json.timeout_ms),
            concurrency: json.concurrency,
            rate: json.rate,
            weight: json.weight.unwrap_or(1).max(1),
            qualifiers: json.qualifiers.into_iter().map(read).collect::<Option<_>>()?,
            status: json.status,
            initialize: json.initialize,
            attributes: json.attributes,
            disabled: json.disabled,
            created_at: Timestamp::from_millis(json.created_ms),
            modified_at: Timestamp::from_millis(json.modified_ms),
        })
    }
}

fn written((qualifier, limits): (&Qualifier, &Limits)) -> (String, LimitsJson) {
    let rate = limits.rate.map(|rate| rate.per_second);
    let json = LimitsJson { concurrency: limits.concurrency, rate, weight: limits.weight };
    (qualifier.as_str().to_owned(), json)
}

fn read((qualifier, json): (String, LimitsJson)) -> Option<(Qualifier, Limits)> {
    let rate = json.rate.map(|per_second| Rate { per_second });
    let limits = Limits { concurrency: json.concurrency, rate, weight: json.weight.max(1) };
    Some((Qualifier::parse(&qualifier).ok()?, limits))
}

impl ConfigRecord {
    pub(crate) fn encode(&self) -> Bytes {
        let text = |arn: &Option<Arn>| arn.as_ref().map(|arn| arn.as_str().to_owned());
        let json = ConfigJson {
            version: VERSION,
            function: self.function.name.as_str().to_owned(),
            qualifier: self.qualifier.as_str().to_owned(),
            on_success: text(&self.config.on_success),
            on_failure: text(&self.config.on_failure),
            max_retry_attempts: self.config.max_retry_attempts,
            max_event_age_seconds: self.config.max_event_age_seconds,
            async_task: self.config.async_task,
            created_ms: self.created_at.millis(),
            modified_ms: self.modified_at.millis(),
        };
        Bytes::from(serde_json::to_vec(&json).unwrap_or_default())
    }

    /// `None` if entry and value are not ones that this program knows.
    pub(crate) fn decode(entry: &str, value: &[u8]) -> Option<Self> {
        let (function, qualifier) = read_config_entry(entry)?;
        let json: ConfigJson = serde_json::from_slice(value).ok()?;
        let arn = |text: Option<String>| match text {
            None => Some(None),
            Some(text) => Arn::parse(&text).ok().map(Some),
        };
        Some(Self {
            function,
            qualifier,
            config: AsyncConfig {
                on_success: arn(json.on_success)?,
                on_failure: arn(json.on_failure)?,
                max_retry_attempts: json.max_retry_attempts,
                max_event_age_seconds: json.max_event_age_seconds,
                async_task: json.async_task,
            },
            created_at: Timestamp::from_millis(json.created_ms),
            modified_at: Timestamp::from_millis(json.modified_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_back_as_they_were() {
        let at = Timestamp::from_millis(5_000);
        let rate = Some(Rate { per_second: 9 });
        let limits = Limits { concurrency: Some(1), rate, weight: 7 };
        let function = FunctionRecord {
            id: FnId(4),
            name: FunctionName::parse("svc$fn").unwrap(),
            account: "123".into(),
            origin: Origin::Api,
            kind: FunctionKind::Http,
            url: Some("http://127.0.0.1:9000".into()),
            timeout: Duration::from_secs(60),
            concurrency: Some(3),
            rate: Some(500),
            weight: 2,
            qualifiers: [
                (Qualifier::LATEST, Limits::default()),
                (Qualifier::parse("prod").unwrap(), limits),
            ]
            .into(),
            status: StatusMode::Ignore,
            initialize: true,
            attributes: "{}".into(),
            disabled: Some(Disabled { reason: "moved".into(), since_ms: 5_000 }),
            created_at: at,
            modified_at: at,
        };
        assert_eq!(FunctionRecord::decode(&function.encode()), Some(function));
        let config = ConfigRecord {
            function: FunctionKey::new("123", FunctionName::parse("fn").unwrap()),
            qualifier: Qualifier::parse("prod").unwrap(),
            config: AsyncConfig {
                on_success: Some(Arn::parse("acs:fc:::functions/audit").unwrap()),
                max_retry_attempts: Some(0),
                ..AsyncConfig::default()
            },
            created_at: at,
            modified_at: at,
        };
        let entry = config_entry(&config.function, &config.qualifier);
        assert_eq!(ConfigRecord::decode(&entry, &config.encode()), Some(config));
        assert_eq!(ConfigRecord::decode(&entry, b"{}"), None);
        assert_eq!(ConfigRecord::decode("123/fn", b"{}"), None);
    }

    #[test]
    fn a_number_says_whose_it_is() {
        let function = FunctionKey::new("123", FunctionName::parse("svc$fn").unwrap());
        let interned = interned_function(&function, Timestamp::from_millis(5));
        assert_eq!(read_interned_function(&interned), Some(function));
        assert_eq!(read_interned_function("to:acs:mns:::/queues/q/messages"), None);
    }
}
