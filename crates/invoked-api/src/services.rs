//! Services: what a create and an update say to the engine, and what is shown of a service.

use http::StatusCode;
use invoked_engine::ServiceRecord;
use invoked_fc::dto::list::List;
use invoked_fc::dto::service::{Service, ServiceInput};
use invoked_fc::time::MetadataTime;
use serde_json::{Map, Value};

use crate::api::{Api, Call};
use crate::etag::check_if_match;
use crate::problem::Problem;
use crate::reply::{Reply, empty, json, rendered, resource};
use crate::tags::TAGS;

impl Api {
    pub(crate) async fn create_service(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let input = ServiceInput::parse(&call.body)?;
        let key = call.service(input.service_name.as_deref().unwrap_or_default())?;
        let allowed = call.caller.check_service(&["fc:CreateService"], key.name.as_str());
        allowed.map_err(|error| self.refused(error))?;
        let attributes = Value::Object(input.given).to_string();
        resource(&shown(&self.engine().create_service(key, attributes).await?))
    }

    pub(crate) async fn update_service(
        &self,
        name: &str,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let key = call.service(name)?;
        let input = ServiceInput::parse(&call.body)?;
        let _changing = self.changing().await;
        let present = self.engine().service(&key)?;
        check_if_match(call.headers(), &rendered(&shown(&present))?)?;
        let mut whole = attributes(&present);
        whole.extend(input.given);
        let updated = self.engine().update_service(key, Value::Object(whole).to_string()).await?;
        resource(&shown(&updated))
    }

    pub(crate) async fn delete_service(
        &self,
        name: &str,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let key = call.service(name)?;
        let _changing = self.changing().await;
        let present = self.engine().service(&key)?;
        check_if_match(call.headers(), &rendered(&shown(&present))?)?;
        self.engine().delete_service(key).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    pub(crate) fn service(&self, name: &str, call: &Call<'_>) -> Result<Reply, Problem> {
        resource(&shown(&self.engine().service(&call.service(name)?)?))
    }

    pub(crate) fn services(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let listed = self.engine().services(
            &call.caller.account,
            call.query.text("prefix").unwrap_or_default(),
            call.start(&page),
            usize::from(page.limit),
            |name| call.caller.sees_service(name),
        );
        json(&List {
            name: "services",
            items: listed.services.iter().map(shown).collect(),
            next_token: listed.next.unwrap_or_default(),
        })
    }
}

/// What a client gave, and its tags.
pub(crate) fn attributes(record: &ServiceRecord) -> Map<String, Value> {
    serde_json::from_str(&record.attributes).unwrap_or_default()
}

fn shown(record: &ServiceRecord) -> Service {
    let mut given = attributes(record);
    given.remove(TAGS);
    Service {
        given,
        service_name: record.key.name.as_str().to_owned(),
        service_id: format!("{}-{:x}", record.key.name, record.created_at.millis()),
        created_at: MetadataTime { unix_ms: record.created_at.millis() },
        last_modified_at: MetadataTime { unix_ms: record.modified_at.millis() },
    }
}
