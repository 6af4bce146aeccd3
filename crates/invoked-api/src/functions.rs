//! Functions: what a create and an update say to the engine, and what is shown of a function.
//!
//! A client's fields are kept as they were given and shown again; a few of them, and two environment
//! variables, say how the function is called.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use invoked_core::directory::FunctionKind;
use invoked_core::envelope::Identity;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_engine::{FunctionChange, FunctionError, FunctionRecord, StatusMode};
use invoked_fc::dto::function::{Function, FunctionCode, FunctionInput, FunctionList, TriggerList};
use invoked_fc::route::FunctionPath;
use invoked_fc::time::MetadataTime;
use serde_json::{Map, Value};

use crate::api::{Api, Call};
use crate::caller::visible;
use crate::etag::check_if_match;
use crate::problem::Problem;
use crate::reply::{Reply, empty, json, rendered, resource};

/// The environment variable that says what requests the function takes: `event` or `http`.
const FUNCTION_KIND: &str = "INVOKED_FUNCTION_KIND";
/// The longest timeout, in seconds.
const TIMEOUT_SECONDS_MAX: i64 = 86_400;

impl Api {
    pub(crate) async fn create_function(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let input = FunctionInput::parse(&call.body)?;
        let name = FunctionName::parse(input.function_name.as_deref().unwrap_or_default())?;
        let allowed = call.caller.check_function(&["fc:CreateFunction"], name.as_str());
        allowed.map_err(|error| self.refused(error))?;
        let key = FunctionKey { account: Arc::clone(&call.caller.account), name };
        let change = change(&input)?;
        let _changing = self.changing().await;
        let record = self.engine().create_function(key, change).await?;
        resource(&self.shown_function(&record))
    }

    pub(crate) async fn update_function(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let key = call.function(path)?;
        let input = FunctionInput::parse(&call.body)?;
        let _changing = self.changing().await;
        let present = self.engine().function(&key)?;
        check_if_match(call.headers(), &rendered(&self.shown_function(&present))?)?;
        let whole = input.over(FunctionInput::from_given(attributes(&present))?);
        let record = self.engine().update_function(&key, change(&whole)?).await?;
        resource(&self.shown_function(&record))
    }

    pub(crate) async fn delete_function(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let key = call.function(path)?;
        let _changing = self.changing().await;
        let present = self.engine().function(&key)?;
        check_if_match(call.headers(), &rendered(&self.shown_function(&present))?)?;
        self.engine().delete_function(&key).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    pub(crate) fn function(&self, path: &FunctionPath, call: &Call<'_>) -> Result<Reply, Problem> {
        resource(&self.shown_function(&self.engine().function(&call.function(path)?)?))
    }

    pub(crate) fn functions(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let prefix = call.query.text("prefix").unwrap_or_default();
        let (functions, next) = visible(
            page.next_token,
            usize::from(page.limit),
            |start, limit| {
                let page = self.engine().functions(&call.caller.account, prefix, start, limit);
                (page.functions, page.next)
            },
            |record| call.caller.sees(record.name.as_str()),
        );
        json(&FunctionList {
            functions: functions.iter().map(|of| self.shown_function(of)).collect(),
            next_token: next.unwrap_or_default(),
        })
    }

    /// No code is kept; the answer says so in the shape that clients read.
    pub(crate) fn function_code(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        self.engine().function(&call.function(path)?)?;
        json(&FunctionCode::default())
    }

    pub(crate) fn triggers(&self, path: &FunctionPath, call: &Call<'_>) -> Result<Reply, Problem> {
        self.engine().function(&call.function(path)?)?;
        json(&TriggerList::default())
    }

    fn shown_function(&self, record: &FunctionRecord) -> Function {
        shown(&self.engine().config().identity, record)
    }
}

/// What the engine is told: of a create, its body; of an update, what the function is after it.
fn change(input: &FunctionInput) -> Result<FunctionChange, Problem> {
    Ok(FunctionChange {
        kind: kind(input)?,
        url: input.target_url().map(str::to_owned),
        timeout: input.timeout.map(timeout).transpose()?,
        concurrency: None,
        status: StatusMode::default(),
        initialize: initializes(input.given()),
        attributes: Value::Object(input.given().clone()).to_string(),
    })
}

fn kind(input: &FunctionInput) -> Result<FunctionKind, Problem> {
    let variables = input.environment_variables.as_ref();
    match variables.and_then(|variables| variables.get(FUNCTION_KIND)).map(String::as_str) {
        None | Some("") => Ok(FunctionKind::Event),
        Some(kind) if kind.eq_ignore_ascii_case("event") => Ok(FunctionKind::Event),
        Some(kind) if kind.eq_ignore_ascii_case("http") => Ok(FunctionKind::Http),
        Some(kind) => Err(invalid(
            "environmentVariables.INVOKED_FUNCTION_KIND",
            format!("must be event or http, got '{kind}'"),
        )),
    }
}

fn timeout(seconds: i64) -> Result<Duration, Problem> {
    match u64::try_from(seconds) {
        Ok(span) if (1..=TIMEOUT_SECONDS_MAX).contains(&seconds) => Ok(Duration::from_secs(span)),
        _ => Err(invalid(
            "timeout",
            format!("must be between 1 and {TIMEOUT_SECONDS_MAX} seconds, got {seconds}"),
        )),
    }
}

fn invalid(field: &'static str, problem: String) -> Problem {
    FunctionError::Invalid { field, problem }.into()
}

/// An initializer counts if it names what to run: Terraform sends empty ones.
fn initializes(given: &Map<String, Value>) -> bool {
    let names_something = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    // Before 2023 it was a field of its own.
    let before = field(given, "initializer");
    let initializer = field(given, "instanceLifecycleConfig")
        .and_then(Value::as_object)
        .and_then(|config| field(config, "initializer"))
        .and_then(Value::as_object);
    let parts = ["handler", "command"];
    let now = parts.iter().filter_map(|name| field(initializer?, name));
    before.into_iter().chain(now).any(names_something)
}

/// A field, whatever the case of its name.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let named = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value)
}

/// What a client gave; nothing for a function of the operator's file.
fn attributes(record: &FunctionRecord) -> Map<String, Value> {
    serde_json::from_str(&record.attributes).unwrap_or_default()
}

fn shown(identity: &Identity, record: &FunctionRecord) -> Function {
    let mut given = attributes(record);
    // Clients expect these of every function.
    for (name, value) in [
        ("runtime", Value::from("custom")),
        ("handler", Value::from("index.handler")),
        ("timeout", Value::from(whole_seconds(record.timeout))),
    ] {
        given.entry(name).or_insert(value);
    }
    Function {
        given,
        function_name: record.name.as_str().to_owned(),
        function_arn: identity.function_arn(&record.key(), &Qualifier::LATEST),
        function_id: format!("{:08x}-{:x}", record.id.0, record.created_at.millis()),
        created_at: MetadataTime { unix_ms: record.created_at.millis() },
        last_modified_at: MetadataTime { unix_ms: record.modified_at.millis() },
    }
}

/// Timeouts in files may be finer than a client can read.
fn whole_seconds(timeout: Duration) -> u64 {
    timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
