//! Asynchronous invoke configurations: what a PUT says to the engine, and what is shown of them.

use http::StatusCode;
use invoked_core::arn::Arn;
use invoked_core::envelope::Identity;
use invoked_core::limits::ARN_MAX;
use invoked_core::name::FunctionName;
use invoked_engine::{ConfigChange, ConfigError, ConfigRecord, DestinationChange};
use invoked_fc::dto::config::{
    AsyncConfig, DestinationConfig, PutAsyncInvokeConfigInput, TaskModeFunction,
};
use invoked_fc::dto::list::List;
use invoked_fc::dto::{FunctionNames, Shape};
use invoked_fc::route::FunctionPath;
use invoked_fc::time::MetadataTime;

use crate::api::{Api, Call};
use crate::caller::Caller;
use crate::etag::check_if_match;
use crate::problem::Problem;
use crate::reply::{Reply, empty, json, rendered, resource};

impl Api {
    pub(crate) async fn put_config(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let (function, qualifier) = (call.function(path)?, call.qualifier(path)?);
        let change = change(PutAsyncInvokeConfigInput::parse(&call.body)?);
        self.check_destinations(&call.caller, &change)?;
        let _changing = self.changing().await;
        if let Ok(present) = self.engine().config_of(&function, &qualifier) {
            check_if_match(call.headers(), &rendered(&self.shown_config(&present, call))?)?;
        }
        let put = self.engine().put_config(&function, &qualifier, &change).await;
        let record = put.map_err(|error| explained(error, &change))?;
        resource(&self.shown_config(&record, call))
    }

    pub(crate) fn config(&self, path: &FunctionPath, call: &Call<'_>) -> Result<Reply, Problem> {
        let record = self.engine().config_of(&call.function(path)?, &call.qualifier(path)?)?;
        resource(&self.shown_config(&record, call))
    }

    pub(crate) async fn delete_config(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let (function, qualifier) = (call.function(path)?, call.qualifier(path)?);
        let _changing = self.changing().await;
        let present = self.engine().config_of(&function, &qualifier)?;
        check_if_match(call.headers(), &rendered(&self.shown_config(&present, call))?)?;
        self.engine().delete_config(&function, &qualifier).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    /// Of one function where the path or the query names one.
    pub(crate) fn configs(
        &self,
        path: Option<&FunctionPath>,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let function = match path {
            // Whoever asks about a function is told if there is none.
            Some(path) => Some(self.engine().function(&call.function(path)?)?.name),
            None => call.query.text("functionName").map(FunctionName::parse).transpose()?,
        };
        let (start, limit) = (page.next_token.as_deref(), usize::from(page.limit));
        let listed = self.engine().configs_that(&call.caller.account, start, limit, |record| {
            let name = &record.function.name;
            function.as_ref().is_none_or(|function| function == name)
                && call.caller.sees(name.as_str())
        });
        json(&List {
            name: "configs",
            items: listed.configs.iter().map(|of| self.shown_config(of, call)).collect(),
            next_token: listed.next.unwrap_or_default(),
        })
    }

    /// What is in task mode by its configuration.
    pub(crate) fn task_functions(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let (start, limit) = (page.next_token.as_deref(), usize::from(page.limit));
        let listed = self.engine().configs_that(&call.caller.account, start, limit, |record| {
            record.config.async_task == Some(true)
                && call.caller.sees(record.function.name.as_str())
        });
        let shown = |record: &ConfigRecord| {
            let full = record.function.name.as_str().to_owned();
            let names = FunctionNames { arn: String::new(), full };
            let (service, function) = names.in_service();
            TaskModeFunction {
                service_name: service.to_owned(),
                function_name: function.to_owned(),
                qualifier: record.qualifier.as_str().to_owned(),
            }
        };
        json(&List {
            name: "data",
            items: listed.configs.iter().map(shown).collect(),
            next_token: listed.next.unwrap_or_default(),
        })
    }

    /// A configuration may name only what its author's key allows. What does not read as an ARN is
    /// refused by the engine.
    fn check_destinations(&self, caller: &Caller, change: &ConfigChange) -> Result<(), Problem> {
        let Some(destinations) = &change.destinations else { return Ok(()) };
        let region = &self.engine().identity().region;
        for (field, text) in [
            ("destinationConfig.onSuccess.destination", &destinations.on_success),
            ("destinationConfig.onFailure.destination", &destinations.on_failure),
        ] {
            if let Some(arn) = text.as_deref().and_then(|text| Arn::parse(text).ok()) {
                let checked = caller.check_destination(field, &arn, region);
                checked.map_err(|error| self.refused(error))?;
            }
        }
        Ok(())
    }

    fn shown_config(&self, record: &ConfigRecord, call: &Call<'_>) -> AsyncConfig {
        shown(call.shape, self.engine().identity(), record)
    }
}

fn change(input: PutAsyncInvokeConfigInput) -> ConfigChange {
    ConfigChange {
        destinations: input.destination_config.map(|destinations| DestinationChange {
            on_success: destinations.on_success,
            on_failure: destinations.on_failure,
        }),
        max_retry_attempts: input.max_async_retry_attempts,
        max_event_age_seconds: input.max_async_event_age_in_seconds,
        async_task: input.async_task,
    }
}

fn shown(shape: Shape, identity: &Identity, record: &ConfigRecord) -> AsyncConfig {
    let text = |arn: &Option<Arn>| arn.as_ref().map(|arn| arn.as_str().to_owned());
    let config = &record.config;
    AsyncConfig {
        shape,
        function: FunctionNames {
            arn: identity.function_arn(&record.function, &record.qualifier),
            full: record.function.name.as_str().to_owned(),
        },
        qualifier: record.qualifier.as_str().to_owned(),
        created_at: MetadataTime { unix_ms: record.created_at.millis() },
        last_modified_at: MetadataTime { unix_ms: record.modified_at.millis() },
        destination_config: DestinationConfig {
            on_success: text(&config.on_success),
            on_failure: text(&config.on_failure),
        },
        max_async_event_age_in_seconds: config.max_event_age_seconds.map(i64::from),
        max_async_retry_attempts: config.max_retry_attempts.map(i64::from),
        async_task: config.async_task.unwrap_or(false),
    }
}

/// Puts the destination as it was given into the message, unless it is too long for one.
fn explained(error: ConfigError, change: &ConfigChange) -> Problem {
    let ConfigError::Destination { field, problem } = error else { return error.into() };
    let given = change.destinations.iter().flat_map(|both| [&both.on_success, &both.on_failure]);
    let is_it = |text: &&String| Arn::parse(text).as_ref().err() == Some(&problem);
    match given.flatten().find(is_it).filter(|text| text.len() <= ARN_MAX) {
        Some(given) => Problem::Destination { field, given: given.clone(), problem },
        None => ConfigError::Destination { field, problem }.into(),
    }
}

#[cfg(test)]
mod tests {
    use invoked_core::arn::ArnError;
    use invoked_core::name::{FunctionKey, Qualifier};
    use invoked_core::terms;
    use invoked_core::time::Timestamp;

    use super::*;

    #[test]
    fn what_is_put_is_what_the_engine_is_told() {
        let body = br#"{"destinationConfig":{"onFailure":{"destination":"acs:fc:::functions/b"}},
            "maxAsyncRetryAttempts":"2","maxAsyncEventAgeInSeconds":null,"statefulInvocation":true}"#;
        let change = change(PutAsyncInvokeConfigInput::parse(body).unwrap());
        let destinations = change.destinations.unwrap();
        assert_eq!(destinations.on_success, None);
        assert_eq!(destinations.on_failure.as_deref(), Some("acs:fc:::functions/b"));
        assert_eq!(change.max_retry_attempts, Some(2));
        assert_eq!(change.max_event_age_seconds, None);
        assert_eq!(change.async_task, Some(true));
    }

    #[test]
    fn a_record_is_shown_as_clients_read_it() {
        let identity = Identity { region: "cn-hangzhou".into(), account: "123".into() };
        let record = ConfigRecord {
            function: FunctionKey::new("123", FunctionName::parse("fn").unwrap()),
            qualifier: Qualifier::parse("prod").unwrap(),
            config: terms::AsyncConfig {
                on_success: Some(Arn::parse("acs:mns:::/queues/q/messages").unwrap()),
                max_retry_attempts: Some(0),
                ..terms::AsyncConfig::default()
            },
            created_at: Timestamp::from_millis(1_717_401_600_000),
            modified_at: Timestamp::from_millis(1_717_401_601_999),
        };
        assert_eq!(
            serde_json::to_value(shown(Shape::Functions, &identity, &record)).unwrap(),
            serde_json::json!({
                "functionArn": "acs:fc:cn-hangzhou:123:functions/fn/prod",
                "createdTime": "2024-06-03T08:00:00Z",
                "lastModifiedTime": "2024-06-03T08:00:01Z",
                "destinationConfig": {"onSuccess": {"destination": "acs:mns:::/queues/q/messages"}},
                "maxAsyncEventAgeInSeconds": null,
                "maxAsyncRetryAttempts": 0,
                "asyncTask": false,
            })
        );
    }

    #[test]
    fn a_refused_destination_is_named() {
        let change = ConfigChange {
            destinations: Some(DestinationChange {
                on_success: Some("acs:fc:::functions/fine".into()),
                on_failure: Some("acs:oss:::bucket".into()),
            }),
            ..ConfigChange::default()
        };
        let problem = ArnError::UnknownKind { kind: "oss".into() };
        let field = "destinationConfig.onFailure.destination";
        let error = explained(ConfigError::Destination { field, problem }, &change);
        assert!(error.refusal().message.contains("onFailure.destination 'acs:oss:::bucket'"));
    }
}
