//! `[functions.<name>]`: the functions of the file, and what their destinations are.
//!
//! Beyond single values three things are checked, because here is the first place that can see
//! them: a destination that nobody could deliver to, one that takes HTTP requests instead of
//! events, and destinations that lead back to where they started.

use std::collections::BTreeMap;
use std::time::Duration;

use invoked_core::arn::Arn;
use invoked_core::directory::FunctionKind;
use invoked_core::envelope::Identity;
use invoked_core::lane::Rate;
use invoked_core::limits::{CONCURRENCY_MAX, QUALIFIER_LANES_MAX};
use invoked_core::loops::{Graph, describe};
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::qualifiers::Limits;
use invoked_core::terms::AsyncConfig;
use invoked_engine::{FunctionChange, Seed, StatusMode, WEIGHT_MAX};
use invoked_http::Endpoint;

use super::auth::Auth;
use super::engine::{event_age, retries};
use super::outside::Outside;
use super::raw::Raw;
use super::section::{Reading, Section};
use super::value::{choice, count, duration, flag, text};

/// What a function's url says it is called through.
const REMOTE: &str = "fc://";

pub(super) fn read(
    root: &mut Section<'_>,
    identity: Option<&Identity>,
    outside: &Outside,
    auth: Option<&Auth>,
) -> Vec<Seed> {
    let reading = root.reading();
    let seeds = root.section("functions", |section| {
        section.named(|name, section| function(name, section, outside, auth))
    });
    if let Some(identity) = identity {
        check_destinations(&seeds, identity, outside, reading);
    }
    seeds
}

fn function(
    name: &str,
    section: &mut Section<'_>,
    outside: &Outside,
    auth: Option<&Auth>,
) -> Option<Seed> {
    let name = FunctionName::parse(name)
        .map_err(|error| section.reading().note(section.path(), error.to_string()))
        .ok();
    let url = section.needed("url", |raw| target(raw, outside));
    let kinds = &[("event", FunctionKind::Event), ("http", FunctionKind::Http)];
    let kind = section.optional("kind", choice(kinds));
    if kind == Some(FunctionKind::Http) && url.as_ref().is_some_and(|url| url.starts_with(REMOTE)) {
        let problem = "an HTTP function cannot be one of a remote Function Compute";
        section.reading().note(section.path(), problem.to_owned());
    }
    let timeout: Option<Duration> = section.optional("timeout", duration("1ms", "24h"));
    let concurrency = section.optional("concurrency", count(1..=i64::from(CONCURRENCY_MAX)));
    let statuses = &[("header", StatusMode::Header), ("ignore", StatusMode::Ignore)];
    let status = section.optional("status", choice(statuses));
    let initialize = section.optional("initialize", flag);
    let handler = section.optional("handler", text);
    let role = section.optional("role", |raw| role(raw, auth));
    let rate = section.optional("rate", count(1..=i64::from(Rate::MAX)));
    let weight = section.optional("weight", count(1..=i64::from(WEIGHT_MAX)));
    let qualifiers = section.section("qualifiers", qualifiers);
    let is_configured = section.has("async");
    let config = section.section("async", async_config);
    let given = [("handler", handler), ("role", role)];
    let given = given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    let attributes = serde_json::Value::Object(given.collect());
    let change = FunctionChange {
        kind: kind.unwrap_or(FunctionKind::Event),
        url: Some(url?),
        timeout,
        concurrency,
        rate,
        weight,
        qualifiers,
        status: status.unwrap_or_default(),
        initialize: initialize.unwrap_or_default(),
        attributes: attributes.to_string(),
    };
    Some(Seed { name: name?, change, config: is_configured.then_some(config) })
}

/// The versions and aliases with limits of their own.
fn qualifiers(section: &mut Section<'_>) -> BTreeMap<Qualifier, Limits> {
    let given = section.len();
    if QUALIFIER_LANES_MAX < given {
        let problem = format!("may name at most {QUALIFIER_LANES_MAX} qualifiers, got {given}");
        section.reading().note(section.path(), problem);
    }
    section.named(limits).into_iter().collect()
}

fn limits(name: &str, section: &mut Section<'_>) -> Option<(Qualifier, Limits)> {
    let concurrency = section.optional("concurrency", count(1..=i64::from(CONCURRENCY_MAX)));
    let per_second = section.optional("rate", count(1..=i64::from(Rate::MAX)));
    let weight = section.optional("weight", count(1..=i64::from(WEIGHT_MAX)));
    let rate = per_second.map(|per_second| Rate { per_second });
    let limits = Limits { concurrency, rate, weight: weight.unwrap_or(1) };
    match Qualifier::parse(name) {
        Ok(qualifier) if !name.is_empty() => Some((qualifier, limits)),
        Ok(_) => {
            let problem = "a qualifier must be a version, an alias or LATEST";
            section.reading().note(section.path(), problem);
            None
        }
        Err(error) => {
            section.reading().note(section.path(), error.to_string());
            None
        }
    }
}

/// What a function may tell: the name of a role.
fn role(raw: &Raw, auth: Option<&Auth>) -> Result<String, String> {
    let name = text(raw)?;
    match auth {
        Some(auth) if !auth.role_names.contains(&name) => {
            Err(format!("names a role that there is not: [auth.roles.{name}]"))
        }
        Some(_) | None => Ok(name),
    }
}

/// Where a function lives.
fn target(raw: &Raw, outside: &Outside) -> Result<String, String> {
    let url = text(raw)?;
    let Some(rest) = url.strip_prefix(REMOTE) else {
        return match Endpoint::parse(&url) {
            Ok(_) => Ok(url),
            Err(problem) => Err(problem.to_string()),
        };
    };
    let mut parts = rest.splitn(3, '/');
    let instance = parts.next().unwrap_or_default();
    let function = parts.next().unwrap_or_default();
    let qualifier = parts.next().unwrap_or_default();
    if FunctionName::parse(function).is_err() || Qualifier::parse(qualifier).is_err() {
        return Err("must be fc://<instance>/<function>[/<qualifier>]".to_owned());
    }
    if !outside.fc.contains_key(instance) {
        return Err(format!(
            "names the instance '{instance}', but there is no sinks.fc.{instance}"
        ));
    }
    Ok(url)
}

fn async_config(section: &mut Section<'_>) -> AsyncConfig {
    let arn =
        |raw: &Raw| text(raw).and_then(|arn| Arn::parse(&arn).map_err(|error| error.to_string()));
    AsyncConfig {
        on_success: section.optional("on_success", arn),
        on_failure: section.optional("on_failure", arn),
        max_retry_attempts: section.optional("max_async_retry_attempts", retries()),
        max_event_age_seconds: section.optional("max_async_event_age", event_age),
        async_task: section.optional("async_task", flag),
    }
}

/// A destination: of which function, under which key, what.
struct Told<'a> {
    by: &'a FunctionName,
    key: &'static str,
    arn: &'a Arn,
}

fn destinations(seed: &Seed) -> impl Iterator<Item = Told<'_>> {
    let config = seed.config.as_ref();
    let on_success = config.and_then(|config| config.on_success.as_ref());
    let on_failure = config.and_then(|config| config.on_failure.as_ref());
    [("on_success", on_success), ("on_failure", on_failure)]
        .into_iter()
        .filter_map(|(key, arn)| Some(Told { by: &seed.name, key, arn: arn? }))
}

fn check_destinations(
    seeds: &[Seed],
    identity: &Identity,
    outside: &Outside,
    reading: &Reading<'_>,
) {
    let mut graph = Graph::default();
    for told in seeds.iter().flat_map(destinations) {
        match identity.own_function(&identity.account, told.arn) {
            Some(to) => {
                check_takes_events(&told, &to.0.name, seeds, reading);
                let by = FunctionKey::new(&identity.account, told.by.clone());
                graph.add((by, Qualifier::LATEST), to);
            }
            None => check_deliverable(&told, outside, reading),
        }
    }
    if let Some(path) = graph.any_cycle() {
        reading.note("functions", format!("destinations form a loop: {}", describe(&path)));
    }
}

fn check_takes_events(told: &Told<'_>, to: &FunctionName, seeds: &[Seed], reading: &Reading<'_>) {
    let is_http = |seed: &Seed| seed.name == *to && seed.change.kind == FunctionKind::Http;
    if seeds.iter().any(is_http) {
        let problem =
            format!("'{to}' is an HTTP function; a destination has to be an event function");
        reading.note(&told.path(), problem);
    }
}

fn check_deliverable(told: &Told<'_>, outside: &Outside, reading: &Reading<'_>) {
    if let Err(section) = outside.check_instance(told.arn) {
        let arn = told.arn;
        let problem =
            format!("'{arn}' is not of this daemon, and there is no {section} to reach it");
        reading.note(&told.path(), problem);
    }
}

impl Told<'_> {
    fn path(&self) -> String {
        format!("functions.{}.async.{}", self.by, self.key)
    }
}
