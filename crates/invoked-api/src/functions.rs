//! Functions: what a create and an update say to the engine, and what is shown of a function.
//!
//! A client's fields are kept as they were given and shown again; a few of them, and two environment
//! variables, say how the function is called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use invoked_core::directory::FunctionKind;
use invoked_core::envelope::Identity;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_engine::{FunctionChange, FunctionError, FunctionRecord, StatusMode};
use invoked_fc::dto::function::{Function, FunctionCode, FunctionInput, InvocationRestriction};
use invoked_fc::dto::list::List;
use invoked_fc::dto::{FunctionNames, Shape};
use invoked_fc::error::ErrorCode;
use invoked_fc::query::Query;
use invoked_fc::route::{FunctionPath, PartPath};
use invoked_fc::time::MetadataTime;
use serde_json::{Map, Value};

use crate::api::{Api, Call};
use crate::etag::check_if_match;
use crate::problem::Problem;
use crate::reply::{Reply, empty, json, rendered, resource};

/// The environment variable that says what requests the function takes: `event` or `http`.
const FUNCTION_KIND: &str = "INVOKED_FUNCTION_KIND";
/// The runtime of a function that names none.
const RUNTIME: &str = "custom";
/// The longest timeout, in seconds.
const TIMEOUT_SECONDS_MAX: i64 = 86_400;

impl Api {
    pub(crate) async fn create_function(
        &self,
        service: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let input = FunctionInput::parse(&call.body)?;
        let name = input.function_name.as_deref().unwrap_or_default();
        let name = match service {
            Some(service) => {
                self.engine().service(&call.service(service)?)?;
                FunctionName::parse(&format!("{service}${name}"))?
            }
            None => FunctionName::parse(name)?,
        };
        let allowed = call.caller.check_function(&["fc:CreateFunction"], name.as_str());
        allowed.map_err(|error| self.refused(error))?;
        let change = change(&input)?;
        let key = FunctionKey { account: Arc::clone(&call.caller.account), name };
        let _changing = self.changing().await;
        let created = self.engine().create_function(key, change).await;
        resource(&self.shown_function(&created.map_err(in_words_of_clients)?, call))
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
        check_if_match(call.headers(), &rendered(&self.shown_function(&present, call))?)?;
        let updated = self.engine().update_function(&key, updated(input, &present)?).await;
        resource(&self.shown_function(&updated.map_err(in_words_of_clients)?, call))
    }

    pub(crate) async fn delete_function(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let key = call.function(path)?;
        let _changing = self.changing().await;
        let present = self.engine().function(&key)?;
        check_if_match(call.headers(), &rendered(&self.shown_function(&present, call))?)?;
        self.engine().delete_function(&key).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    pub(crate) fn function(&self, path: &FunctionPath, call: &Call<'_>) -> Result<Reply, Problem> {
        resource(&self.shown_function(&self.engine().function(&call.function(path)?)?, call))
    }

    pub(crate) fn functions(
        &self,
        service: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let limit = usize::from(page.limit);
        // Within a service, names and tokens are without it.
        let within = match service {
            Some(service) => {
                self.engine().service(&call.service(service)?)?;
                format!("{service}$")
            }
            None => String::new(),
        };
        let start = call.start(&page).map(|start| format!("{within}{start}"));
        let prefix = format!("{within}{}", call.query.text("prefix").unwrap_or_default());
        let filter = Filter::of(&call.query);
        let listed =
            self.engine().functions_that(&call.caller.account, start.as_deref(), limit, |record| {
                let name = record.name.as_str();
                name.starts_with(&prefix) && filter.holds(record) && call.caller.sees(name)
            });
        let next = listed.next.unwrap_or_default();
        json(&List {
            name: "functions",
            items: listed.functions.iter().map(|of| self.shown_function(of, call)).collect(),
            next_token: next.strip_prefix(&within).unwrap_or(&next).to_owned(),
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

    /// There are none: `s invoke` asks before every invocation.
    pub(crate) fn triggers(&self, path: &FunctionPath, call: &Call<'_>) -> Result<Reply, Problem> {
        self.engine().function(&call.function(path)?)?;
        json(&List::<()> { name: "triggers", items: Vec::new(), next_token: String::new() })
    }

    pub(crate) fn trigger(
        &self,
        path: &PartPath<FunctionPath>,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let function = self.engine().function(&call.function(&path.owner)?)?;
        let what = format!("trigger '{}' of {}", path.name, function.name.called());
        Err(Problem::Absent { code: ErrorCode::TriggerNotFound, what })
    }

    fn shown_function(&self, record: &FunctionRecord, call: &Call<'_>) -> Function {
        shown(call.shape, self.engine().identity(), record)
    }
}

/// Which functions of the account are listed.
struct Filter<'a> {
    runtime: Option<&'a str>,
    fc_version: Option<&'a str>,
}

impl<'a> Filter<'a> {
    fn of(query: &'a Query) -> Self {
        Self { runtime: query.text("runtime"), fc_version: query.text("fcVersion") }
    }

    fn holds(&self, record: &FunctionRecord) -> bool {
        let has_service = record.name.service().is_some();
        let is_of_version = match self.fc_version {
            Some("v2") => has_service,
            Some("v3") => !has_service,
            Some(_) | None => true,
        };
        let is_of_runtime = self.runtime.is_none_or(|wanted| {
            attributes(record).get("runtime").and_then(Value::as_str).unwrap_or(RUNTIME) == wanted
        });
        is_of_version && is_of_runtime
    }
}

/// What a function is after an update. What the update does not name stays, and so does what was
/// set by other means than the fields of a client.
fn updated(input: FunctionInput, present: &FunctionRecord) -> Result<FunctionChange, Problem> {
    let names_variables = input.environment_variables.is_some();
    let before = attributes(present);
    let initialized_by_fields = initializes(&before);
    let whole = input.over(FunctionInput::from_given(before)?);
    let change = change(&whole)?;
    let (kind, url) = match names_variables {
        true => (change.kind, change.url),
        false => (present.kind, present.url.clone()),
    };
    Ok(FunctionChange {
        kind,
        url,
        timeout: change.timeout.or(Some(present.timeout)),
        concurrency: present.concurrency,
        rate: present.rate,
        weight: Some(present.weight),
        qualifiers: present.qualifiers.clone(),
        status: present.status,
        initialize: change.initialize || (present.initialize && !initialized_by_fields),
        attributes: change.attributes,
    })
}

/// A client sets a function's address in its environment.
fn in_words_of_clients(error: FunctionError) -> FunctionError {
    match error {
        FunctionError::Invalid { field: "url", problem } => {
            FunctionError::Invalid { field: "environmentVariables.INVOKED_TARGET_URL", problem }
        }
        FunctionError::NotFound { .. }
        | FunctionError::Exists { .. }
        | FunctionError::OwnedByFile { .. }
        | FunctionError::Invalid { .. }
        | FunctionError::TooMany { .. }
        | FunctionError::Store(_) => error,
    }
}

/// What the fields of a client say.
fn change(input: &FunctionInput) -> Result<FunctionChange, Problem> {
    Ok(FunctionChange {
        kind: kind(input)?,
        url: input.target_url().map(str::to_owned),
        timeout: input.timeout.map(timeout).transpose()?,
        concurrency: None,
        rate: None,
        weight: None,
        qualifiers: BTreeMap::new(),
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
pub(crate) fn attributes(record: &FunctionRecord) -> Map<String, Value> {
    serde_json::from_str(&record.attributes).unwrap_or_default()
}

fn shown(shape: Shape, identity: &Identity, record: &FunctionRecord) -> Function {
    let mut given = attributes(record);
    // Clients expect these of every function.
    for (name, value) in [
        ("runtime", Value::from(RUNTIME)),
        ("handler", Value::from("index.handler")),
        ("timeout", Value::from(whole_seconds(record.timeout))),
    ] {
        given.entry(name).or_insert(value);
    }
    Function {
        shape,
        given,
        function: FunctionNames {
            arn: identity.function_arn(&record.key(), &Qualifier::LATEST),
            full: record.name.as_str().to_owned(),
        },
        function_id: format!("{:08x}-{:x}", record.id.0, record.created_at.millis()),
        created_at: MetadataTime { unix_ms: record.created_at.millis() },
        last_modified_at: MetadataTime { unix_ms: record.modified_at.millis() },
        restriction: record.disabled.as_ref().map(|disabled| InvocationRestriction {
            disable: true,
            reason: disabled.reason.clone(),
            last_modified_at: MetadataTime { unix_ms: disabled.since_ms },
        }),
    }
}

/// Timeouts in files may be finer than a client can read.
fn whole_seconds(timeout: Duration) -> u64 {
    timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
