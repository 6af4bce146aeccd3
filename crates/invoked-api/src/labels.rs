//! Versions and aliases, of services before 2023 and of functions since.

use std::sync::Arc;

use http::StatusCode;
use invoked_core::name::{NameError, Qualifier};
use invoked_engine::{AliasChange, AliasRecord, OwnerKey, VersionRecord};
use invoked_fc::dto::alias::{Alias, AliasInput};
use invoked_fc::dto::list::List;
use invoked_fc::dto::version::{Direction, PublishVersionInput, Version, VersionList};
use invoked_fc::route::{Owner, PartPath};
use invoked_fc::time::MetadataTime;
use serde_json::{Map, Value};

use crate::api::{Api, Call};
use crate::etag::check_if_match;
use crate::problem::Problem;
use crate::reply::{Reply, empty, json, rendered, resource};

impl Api {
    pub(crate) async fn publish_version(
        &self,
        owner: &Owner,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let owner = key(owner, call)?;
        let input = PublishVersionInput::parse(&call.body)?;
        let description = input.description.unwrap_or_default();
        resource(&shown_version(&self.engine().publish_version(owner, description).await?))
    }

    pub(crate) fn versions(&self, owner: &Owner, call: &Call<'_>) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let direction = Direction::parse(&call.query)?;
        let number = |text: &str| {
            text.parse().map_err(|_| Problem::Value {
                field: "nextToken",
                problem: "is not the number of a version".to_owned(),
            })
        };
        let start = call.start(&page).map(number).transpose()?;
        let is_ascending = direction == Direction::Forward;
        let limit = usize::from(page.limit);
        let listed = self.engine().versions(&key(owner, call)?, is_ascending, start, limit)?;
        json(&VersionList {
            versions: listed.versions.iter().map(shown_version).collect(),
            next_token: listed.next.map(|number| number.to_string()).unwrap_or_default(),
            direction,
        })
    }

    pub(crate) async fn delete_version(
        &self,
        path: &PartPath<Owner>,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        self.engine().delete_version(key(&path.owner, call)?, path.name.clone()).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    pub(crate) async fn create_alias(
        &self,
        owner: &Owner,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let owner = key(owner, call)?;
        let input = AliasInput::parse(&call.body)?;
        let name = alias_name(input.alias_name.as_deref().unwrap_or_default())?;
        let attributes = Value::Object(input.given).to_string();
        let change = AliasChange { version: input.version_id, attributes };
        resource(&shown_alias(&self.engine().create_alias(owner, name, change).await?))
    }

    pub(crate) async fn update_alias(
        &self,
        path: &PartPath<Owner>,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let (owner, name) = (key(&path.owner, call)?, alias_name(&path.name)?);
        let input = AliasInput::parse(&call.body)?;
        let _changing = self.changing().await;
        let present = self.engine().alias(&owner, &name)?;
        check_if_match(call.headers(), &rendered(&shown_alias(&present))?)?;
        let mut whole = given(&present);
        whole.extend(input.given);
        let attributes = Value::Object(whole).to_string();
        let change = AliasChange { version: input.version_id, attributes };
        resource(&shown_alias(&self.engine().update_alias(owner, name, change).await?))
    }

    pub(crate) fn alias(&self, path: &PartPath<Owner>, call: &Call<'_>) -> Result<Reply, Problem> {
        let owner = key(&path.owner, call)?;
        resource(&shown_alias(&self.engine().alias(&owner, &alias_name(&path.name)?)?))
    }

    pub(crate) fn aliases(&self, owner: &Owner, call: &Call<'_>) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let prefix = call.query.text("prefix").unwrap_or_default();
        let limit = usize::from(page.limit);
        let listed = self.engine().aliases(&key(owner, call)?, prefix, call.start(&page), limit)?;
        json(&List {
            name: "aliases",
            items: listed.aliases.iter().map(shown_alias).collect(),
            next_token: listed.next.unwrap_or_default(),
        })
    }

    pub(crate) async fn delete_alias(
        &self,
        path: &PartPath<Owner>,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let (owner, name) = (key(&path.owner, call)?, alias_name(&path.name)?);
        let _changing = self.changing().await;
        let present = self.engine().alias(&owner, &name)?;
        check_if_match(call.headers(), &rendered(&shown_alias(&present))?)?;
        self.engine().delete_alias(owner, name).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }
}

/// The owner that a path names, of the caller's account.
fn key(owner: &Owner, call: &Call<'_>) -> Result<OwnerKey, Problem> {
    let account = Arc::clone(&call.caller.account);
    Ok(match owner {
        Owner::Service(name) => {
            let owner = invoked_engine::Owner::Service(call.service(name)?.name);
            OwnerKey { account, owner }
        }
        Owner::Function(path) => OwnerKey::from(&call.function(path)?),
    })
}

fn alias_name(text: &str) -> Result<Qualifier, NameError> {
    Qualifier::parse(text).map_err(|error| NameError { field: "aliasName", ..error })
}

fn given(record: &AliasRecord) -> Map<String, Value> {
    serde_json::from_str(&record.attributes).unwrap_or_default()
}

fn shown_alias(record: &AliasRecord) -> Alias {
    Alias {
        given: given(record),
        alias_name: record.name.as_str().to_owned(),
        version_id: record.version.map_or_else(|| "LATEST".to_owned(), |of| of.to_string()),
        created_at: MetadataTime { unix_ms: record.created_at.millis() },
        last_modified_at: MetadataTime { unix_ms: record.modified_at.millis() },
    }
}

fn shown_version(record: &VersionRecord) -> Version {
    let at = MetadataTime { unix_ms: record.created_at.millis() };
    Version {
        version_id: record.number.to_string(),
        description: record.description.clone(),
        created_at: at,
        last_modified_at: at,
    }
}
