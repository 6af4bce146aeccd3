//! Tags of functions and services.
//!
//! They are kept among what a client gave of the resource, so that a function shows the tags it was
//! created with and those it was given later alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;
use invoked_core::limits::TAGS_PER_RESOURCE_MAX;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_engine::{Amendment, FunctionRecord, ResourceError, ServiceKey};
use invoked_fc::dto::Shape;
use invoked_fc::dto::list::List;
use invoked_fc::dto::tags::{
    ResourceTags, TagFilter, TagInput, TagResource, TagResourceList, Tags, UntagInput,
};
use serde_json::{Map, Value, json as value};

use crate::api::{Api, Call};
use crate::auth::action::{LIST_TAGS, TAG, UNTAG};
use crate::problem::Problem;
use crate::reply::{Reply, empty, json};
use crate::{functions, services};

/// The key under which tags stand among what was given.
pub(crate) const TAGS: &str = "tags";
/// Resources that one request may tag. Ours.
const RESOURCES_MAX: usize = 50;
/// Key of a tag, in characters. FC contract: none; the cloud's tag service has 128.
const KEY_MAX: usize = 128;
/// Value of a tag, in characters. FC contract: none; the cloud's tag service has 256.
const VALUE_MAX: usize = 256;

/// What has tags.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Tagged {
    Function(FunctionKey),
    Service(ServiceKey),
}

impl Api {
    pub(crate) async fn tag(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let input = TagInput::parse(&call.body)?;
        let resources = self.existing(&input.resources, TAG, call)?;
        for (key, value) in &input.tags {
            check_length("Tag.Key", key, 1, KEY_MAX)?;
            check_length("Tag.Value", value, 0, VALUE_MAX)?;
        }
        let _changing = self.changing().await;
        self.change_tags(resources, |tags| tags.extend(input.tags.clone())).await?;
        done(call)
    }

    pub(crate) async fn untag(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let input = UntagInput::parse(&call.body, &call.query)?;
        let resources = self.existing(&input.resources, UNTAG, call)?;
        let _changing = self.changing().await;
        self.change_tags(resources, |tags| {
            tags.retain(|key, _| !input.all && !input.keys.contains(key));
        })
        .await?;
        done(call)
    }

    pub(crate) fn resource_tags(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let resource = tagged(call.query.text("resourceArn").unwrap_or_default(), call)?;
        self.check_allowed(&resource, LIST_TAGS, call)?;
        json(&ResourceTags { resource_arn: self.arn(&resource), tags: self.tags_of(&resource)? })
    }

    pub(crate) fn tagged_resources(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let all = self.all_tagged(call).into_iter();
        let shown =
            all.map(|(resource, tags)| ResourceTags { resource_arn: self.arn(&resource), tags });
        let start = page.next_token.unwrap_or_default();
        let mut from = shown.filter(|of| start <= of.resource_arn);
        let items = from.by_ref().take(usize::from(page.limit)).collect();
        let next_token = from.next().map(|of| of.resource_arn).unwrap_or_default();
        json(&List { name: "resources", items, next_token })
    }

    pub(crate) fn tag_resources(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let filter = TagFilter::parse(&call.query)?;
        let is_wanted = |tags: &Tags| {
            filter.tags.is_empty()
                || filter.tags.iter().any(|(key, wanted)| {
                    let value = tags.get(key);
                    value.is_some_and(|value| wanted.as_ref().is_none_or(|wanted| wanted == value))
                })
        };
        let mut found = Vec::new();
        if filter.resources.is_empty() {
            for (resource, tags) in self.all_tagged(call) {
                found.push((self.arn(&resource), tags));
            }
        } else {
            check_count(&filter.resources)?;
            for id in &filter.resources {
                let resource = tagged(id, call)?;
                self.check_allowed(&resource, LIST_TAGS, call)?;
                // As the request calls it, so that the client finds it again.
                found.push((id.clone(), self.tags_of(&resource)?));
            }
        }
        let shown = found.into_iter().filter(|(_, tags)| is_wanted(tags)).flat_map(|(id, tags)| {
            tags.into_iter().map(move |(tag_key, tag_value)| TagResource {
                resource_id: id.clone(),
                resource_type: "function",
                tag_key,
                tag_value,
            })
        });
        let place = |of: &TagResource| format!("{}#{}", of.resource_id, of.tag_key);
        let start = page.next_token.unwrap_or_default();
        let mut from = shown.skip_while(|of| !start.is_empty() && place(of) != start);
        let tags = from.by_ref().take(usize::from(page.limit)).collect();
        let next_token = from.next().as_ref().map(place).unwrap_or_default();
        json(&TagResourceList { tags, next_token })
    }

    /// Whether the caller may do this to a resource that body or query names.
    fn check_allowed(
        &self,
        resource: &Tagged,
        actions: &'static [&'static str],
        call: &Call<'_>,
    ) -> Result<(), Problem> {
        let allowed = match resource {
            Tagged::Function(key) => call.caller.check_function(actions, key.name.as_str()),
            Tagged::Service(key) => call.caller.check_service(actions, key.name.as_str()),
        };
        allowed.map_err(|error| self.refused(error))
    }

    /// The resources that a request names, all of which there have to be.
    fn existing(
        &self,
        ids: &BTreeSet<String>,
        actions: &'static [&'static str],
        call: &Call<'_>,
    ) -> Result<BTreeSet<Tagged>, Problem> {
        check_count(ids)?;
        let resources: BTreeSet<_> =
            ids.iter().map(|id| tagged(id, call)).collect::<Result<_, _>>()?;
        for resource in &resources {
            self.check_allowed(resource, actions, call)?;
            self.tags_of(resource)?;
        }
        match resources.is_empty() {
            false => Ok(resources),
            true => Err(Problem::Value {
                field: "ResourceId",
                problem: "must name at least one resource".to_owned(),
            }),
        }
    }

    async fn change_tags(
        &self,
        resources: BTreeSet<Tagged>,
        change: impl Fn(&mut Tags),
    ) -> Result<(), Problem> {
        let mut changed = Vec::new();
        for resource in resources {
            let mut tags = self.tags_of(&resource)?;
            change(&mut tags);
            if tags.len() > TAGS_PER_RESOURCE_MAX {
                let (what, limit) = ("tags of a resource", TAGS_PER_RESOURCE_MAX);
                return Err(ResourceError::TooMany { what, limit }.into());
            }
            changed.push((resource, tags));
        }
        for (resource, tags) in changed {
            let mut given = self.given(&resource)?;
            given.insert(TAGS.to_owned(), written(&tags));
            let given = Value::Object(given).to_string();
            match resource {
                Tagged::Function(key) => {
                    self.engine().amend_function(&key, Amendment::Attributes(given)).await?;
                }
                Tagged::Service(key) => {
                    self.engine().update_service(key, given).await?;
                }
            }
        }
        Ok(())
    }

    fn given(&self, resource: &Tagged) -> Result<Map<String, Value>, Problem> {
        Ok(match resource {
            Tagged::Function(key) => functions::attributes(&self.engine().function(key)?),
            Tagged::Service(key) => services::attributes(&self.engine().service(key)?),
        })
    }

    fn tags_of(&self, resource: &Tagged) -> Result<Tags, Problem> {
        Ok(self.given(resource)?.get(TAGS).map(read).unwrap_or_default())
    }

    /// All resources of the account that have tags and that the caller sees, in the order of their ARNs.
    fn all_tagged(&self, call: &Call<'_>) -> Vec<(Tagged, Tags)> {
        let account = &call.caller.account;
        let seen = |record: &FunctionRecord| call.caller.sees(record.name.as_str());
        let functions = self.engine().functions_that(account, None, usize::MAX, seen).functions;
        let sees = |service: &str| call.caller.sees_service(service);
        let services = self.engine().services(account, "", None, usize::MAX, sees).services;
        let functions =
            functions.iter().map(|of| (Tagged::Function(of.key()), functions::attributes(of)));
        let services =
            services.iter().map(|of| (Tagged::Service(of.key.clone()), services::attributes(of)));
        let mut tagged: Vec<_> = functions
            .chain(services)
            .filter_map(|(of, given)| Some((of, given.get(TAGS).map(read)?)))
            .filter(|(_, tags)| !tags.is_empty())
            .collect();
        tagged.sort_by_cached_key(|(of, _)| self.arn(of));
        tagged
    }

    fn arn(&self, resource: &Tagged) -> String {
        let identity = self.engine().identity();
        match resource {
            Tagged::Function(key) => identity.function_arn(key, &Qualifier::LATEST),
            Tagged::Service(key) => {
                format!("acs:fc:{}:{}:services/{}", identity.region, key.account, key.name)
            }
        }
    }
}

/// The answer to a tag and an untag: clients before 2023 read a body.
fn done(call: &Call<'_>) -> Result<Reply, Problem> {
    match call.shape {
        Shape::Services => json(&value!({})),
        Shape::Functions => Ok(empty(StatusCode::NO_CONTENT)),
    }
}

/// Reads `acs:fc:{region}:{account}:{resource}`, a resource alone, or a function's name.
fn tagged(id: &str, call: &Call<'_>) -> Result<Tagged, Problem> {
    let account = Arc::clone(&call.caller.account);
    let refuse =
        |problem: &str| Problem::Value { field: "ResourceId", problem: problem.to_owned() };
    let resource = match id.strip_prefix("acs:fc:") {
        None => id,
        Some(rest) => {
            let mut parts = rest.splitn(3, ':');
            let (_region, whose) = (parts.next(), parts.next().unwrap_or_default());
            if !whose.is_empty() && *whose != *account {
                return Err(refuse("is of another account"));
            }
            parts.next().unwrap_or_default()
        }
    };
    let parts: Vec<_> = resource.split('/').collect();
    let function = |name: &str| -> Result<Tagged, Problem> {
        let name = FunctionName::parse(name)?;
        Ok(Tagged::Function(FunctionKey { account: Arc::clone(&account), name }))
    };
    match parts.as_slice() {
        [name] | ["functions", name] => function(name),
        ["services", service] => Ok(Tagged::Service(call.service(service)?)),
        ["services", service, "functions", name] => function(&format!("{service}${name}")),
        _ => Err(refuse("is neither the ARN of a function or a service nor a function's name")),
    }
}

/// Tags as a function's creator gave them: pairs; or an object, which is read too.
fn read(given: &Value) -> Tags {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    match given {
        Value::Object(object) => object
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), text(Some(value))?)))
            .collect(),
        Value::Array(pairs) => pairs
            .iter()
            .filter_map(|pair| {
                let key = text(pair.get("Key").or_else(|| pair.get("key")))?;
                let value = text(pair.get("Value").or_else(|| pair.get("value")));
                Some((key, value.unwrap_or_default()))
            })
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Tags::new(),
    }
}

fn written(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| value!({"Key": key, "Value": value})).collect()
}

fn check_count(ids: &BTreeSet<String>) -> Result<(), Problem> {
    match ids.len() {
        0..=RESOURCES_MAX => Ok(()),
        got => Err(Problem::Value {
            field: "ResourceId",
            problem: format!("must name at most {RESOURCES_MAX} resources, got {got}"),
        }),
    }
}

fn check_length(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), Problem> {
    match text.chars().count() {
        length if (min..=max).contains(&length) => Ok(()),
        got => Err(Problem::Value {
            field,
            problem: format!("must have {min} to {max} characters, got {got}"),
        }),
    }
}
