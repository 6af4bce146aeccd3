//! Asynchronous invoke configurations: put, get, delete, list.

use invoked_core::arn::Arn;
use invoked_core::limits::{
    CONFIGS_PER_FUNCTION_MAX, EVENT_AGE_SECONDS_MAX, EVENT_AGE_SECONDS_MIN, RETRY_ATTEMPTS_MAX,
};
use invoked_core::loops::describe;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::terms::AsyncConfig;
use invoked_store::{RegistryEntry, RegistryKind};

use crate::error::ConfigError;
use crate::functions::{Functions, takes_events};
use crate::handle::Handle;
use crate::loops::hand_overs;
use crate::registry::{ConfigRecord, config_entry};

/// What a PUT says. Absent keeps what is there; present replaces it.
#[derive(Clone, Debug, Default)]
pub struct ConfigChange {
    /// Both destinations, replaced together.
    pub destinations: Option<DestinationChange>,
    /// `maxAsyncRetryAttempts`.
    pub max_retry_attempts: Option<i64>,
    /// `maxAsyncEventAgeInSeconds`.
    pub max_event_age_seconds: Option<i64>,
    /// `asyncTask`, `statefulInvocation`.
    pub async_task: Option<bool>,
}

/// Destinations as they were written.
#[derive(Clone, Debug, Default)]
pub struct DestinationChange {
    /// ARN; `None` unsets it.
    pub on_success: Option<String>,
    /// ARN; `None` unsets it.
    pub on_failure: Option<String>,
}

/// A page of configurations.
#[derive(Clone, Debug)]
pub struct ConfigPage {
    /// By function and qualifier.
    pub configs: Vec<ConfigRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl ConfigChange {
    /// The configuration that comes of `old` and this change.
    ///
    /// # Errors
    /// A value is out of its range or not an ARN of a destination.
    pub fn applied_to(&self, old: &AsyncConfig) -> Result<AsyncConfig, ConfigError> {
        let mut config = old.clone();
        if let Some(destinations) = &self.destinations {
            let parse = |field, text: &Option<String>| match text.as_deref() {
                None | Some("") => Ok(None),
                Some(text) => Arn::parse(text)
                    .map(Some)
                    .map_err(|problem| ConfigError::Destination { field, problem }),
            };
            config.on_success =
                parse("destinationConfig.onSuccess.destination", &destinations.on_success)?;
            config.on_failure =
                parse("destinationConfig.onFailure.destination", &destinations.on_failure)?;
        }
        if let Some(got) = self.max_retry_attempts {
            let max = i64::from(RETRY_ATTEMPTS_MAX);
            let range =
                ConfigError::OutOfRange { field: "maxAsyncRetryAttempts", min: 0, max, got };
            let value = u8::try_from(got).ok().filter(|value| *value <= RETRY_ATTEMPTS_MAX);
            config.max_retry_attempts = Some(value.ok_or(range)?);
        }
        if let Some(got) = self.max_event_age_seconds {
            let (min, max) = (EVENT_AGE_SECONDS_MIN, EVENT_AGE_SECONDS_MAX);
            let range = ConfigError::OutOfRange {
                field: "maxAsyncEventAgeInSeconds",
                min: i64::from(min),
                max: i64::from(max),
                got,
            };
            let value = u32::try_from(got).ok().filter(|value| (min..=max).contains(value));
            config.max_event_age_seconds = Some(value.ok_or(range)?);
        }
        config.async_task = self.async_task.or(config.async_task);
        Ok(config)
    }
}

impl Handle {
    /// Puts a configuration: what the change leaves out stays as it is.
    ///
    /// # Errors
    /// There is no such function, a value is not allowed, the destinations would form a loop, or the
    /// store did not take it.
    pub async fn put_config(
        &self,
        function: &FunctionKey,
        qualifier: &Qualifier,
        change: &ConfigChange,
    ) -> Result<ConfigRecord, ConfigError> {
        let (this, function) = (self.clone(), function.clone());
        let (qualifier, change) = (qualifier.clone(), change.clone());
        let put = async move { this.put_to_the_end(&function, &qualifier, &change).await };
        self.shared.to_the_end(put).await?
    }

    async fn put_to_the_end(
        &self,
        function: &FunctionKey,
        qualifier: &Qualifier,
        change: &ConfigChange,
    ) -> Result<ConfigRecord, ConfigError> {
        let _changing = self.shared.changes.lock().await;
        let snapshot = self.shared.snapshot();
        let registered = &snapshot.functions;
        if !registered.functions.contains_key(function) {
            return Err(ConfigError::NoFunction { function: function.name.clone() });
        }
        let old = registered.configs.get(&(function.clone(), qualifier.clone()));
        let config = change.applied_to(&old.map(|old| old.config.clone()).unwrap_or_default())?;
        if old.is_none() && registered.configs_of(function).count() >= CONFIGS_PER_FUNCTION_MAX {
            return Err(ConfigError::TooMany { limit: CONFIGS_PER_FUNCTION_MAX });
        }
        self.check_destinations(registered, function, qualifier, &config)?;
        let now = self.now();
        let record = ConfigRecord {
            function: function.clone(),
            qualifier: qualifier.clone(),
            config,
            created_at: old.map_or(now, |old| old.created_at),
            modified_at: now,
        };
        self.write_config(record.clone()).await?;
        Ok(record)
    }

    /// The configuration of exactly this qualifier.
    ///
    /// # Errors
    /// There is no such function, or no configuration for it.
    pub fn config_of(
        &self,
        function: &FunctionKey,
        qualifier: &Qualifier,
    ) -> Result<ConfigRecord, ConfigError> {
        let snapshot = self.shared.snapshot();
        if !snapshot.functions.functions.contains_key(function) {
            return Err(ConfigError::NoFunction { function: function.name.clone() });
        }
        let found = snapshot.functions.configs.get(&(function.clone(), qualifier.clone()));
        found.cloned().ok_or_else(|| ConfigError::NotFound {
            function: function.name.clone(),
            qualifier: qualifier.as_str().to_owned(),
        })
    }

    /// Deletes the configuration of exactly this qualifier. The deletion is remembered, so that the
    /// operator's file does not bring it back.
    ///
    /// # Errors
    /// There is none, or the store did not take it.
    pub async fn delete_config(
        &self,
        function: &FunctionKey,
        qualifier: &Qualifier,
    ) -> Result<(), ConfigError> {
        let (this, function, qualifier) = (self.clone(), function.clone(), qualifier.clone());
        let delete = async move { this.delete_config_to_the_end(&function, &qualifier).await };
        self.shared.to_the_end(delete).await?
    }

    async fn delete_config_to_the_end(
        &self,
        function: &FunctionKey,
        qualifier: &Qualifier,
    ) -> Result<(), ConfigError> {
        let _changing = self.shared.changes.lock().await;
        self.config_of(function, qualifier)?;
        let mut registered = self.shared.snapshot().functions.clone();
        let entry = RegistryEntry {
            kind: RegistryKind::AsyncConfig,
            name: config_entry(function, qualifier),
            value: None,
        };
        self.shared.store.put_registry(&[entry]).await?;
        let key = (function.clone(), qualifier.clone());
        registered.configs.remove(&key);
        registered.deleted_configs.insert(key);
        self.shared.publish(&registered).await;
        Ok(())
    }

    /// Configurations of an account, of one function or of all, from `start` on, `limit` at most.
    #[must_use]
    pub fn configs(
        &self,
        account: &str,
        function: Option<&FunctionName>,
        start: Option<&str>,
        limit: usize,
    ) -> ConfigPage {
        self.configs_that(account, start, limit, |record| {
            function.is_none_or(|function| *function == record.function.name)
        })
    }

    /// Configurations of an account of which `is_wanted` holds, from `start` on, `limit` at most.
    #[must_use]
    pub fn configs_that(
        &self,
        account: &str,
        start: Option<&str>,
        limit: usize,
        is_wanted: impl Fn(&ConfigRecord) -> bool,
    ) -> ConfigPage {
        let snapshot = self.shared.snapshot();
        let token = |record: &ConfigRecord| {
            // In the order of the map: LATEST has no name there.
            let named = record.qualifier.as_named().unwrap_or_default();
            format!("{}/{named}", record.function)
        };
        let mut matching = snapshot.functions.configs.values().filter(|record| {
            *record.function.account == *account
                && start.is_none_or(|start| is_from(start, record))
                && is_wanted(record)
        });
        let configs: Vec<_> = matching.by_ref().take(limit).cloned().collect();
        ConfigPage { configs, next: matching.next().map(token) }
    }

    pub(crate) fn check_destinations(
        &self,
        registered: &Functions,
        function: &FunctionKey,
        qualifier: &Qualifier,
        config: &AsyncConfig,
    ) -> Result<(), ConfigError> {
        let identity = &self.shared.identity;
        let local = |arn: &Arn| identity.own_function(&function.account, arn);
        let fields = [
            ("destinationConfig.onSuccess.destination", &config.on_success),
            ("destinationConfig.onFailure.destination", &config.on_failure),
        ];
        for (field, arn) in fields {
            if let Some((to, _)) = arn.as_ref().and_then(local)
                && !takes_events(registered, &to)
            {
                return Err(ConfigError::HttpFunction { field, function: to.name });
            }
        }
        let this = (function.clone(), qualifier.clone());
        let graph = hand_overs(registered, identity, Some((&this, config)));
        match graph.cycle_through(&this) {
            None => Ok(()),
            Some(path) => Err(ConfigError::Loop { path: describe(&path) }),
        }
    }
}

/// Whether a configuration is at or behind the place that a token names.
fn is_from(start: &str, record: &ConfigRecord) -> bool {
    let (function, named) = start.split_once('/').unwrap_or((start, ""));
    let here = (record.function.name.as_str(), record.qualifier.as_named().unwrap_or_default());
    (function, named) <= here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keeps_and_present_replaces() {
        let first = ConfigChange {
            destinations: Some(DestinationChange {
                on_success: Some("acs:fc:::functions/a".into()),
                on_failure: Some("acs:fc:::functions/b".into()),
            }),
            max_retry_attempts: Some(0),
            ..ConfigChange::default()
        };
        let config = first.applied_to(&AsyncConfig::default()).unwrap();
        assert_eq!(config.max_retry_attempts, Some(0));
        let second = ConfigChange {
            destinations: Some(DestinationChange {
                on_success: Some(String::new()),
                on_failure: Some("acs:fc:::functions/c".into()),
            }),
            max_event_age_seconds: Some(60),
            ..ConfigChange::default()
        };
        let config = second.applied_to(&config).unwrap();
        assert_eq!(config.max_retry_attempts, Some(0));
        assert_eq!(config.max_event_age_seconds, Some(60));
        assert_eq!(config.on_success, None);
        assert_eq!(config.on_failure.unwrap().as_str(), "acs:fc:::functions/c");
    }

    #[test]
    fn ranges_are_named_with_their_limits() {
        for (change, text) in [
            (
                ConfigChange { max_retry_attempts: Some(9), ..ConfigChange::default() },
                "maxAsyncRetryAttempts must be between 0 and 8, got 9",
            ),
            (
                ConfigChange { max_event_age_seconds: Some(0), ..ConfigChange::default() },
                "maxAsyncEventAgeInSeconds must be between 1 and 2592000, got 0",
            ),
        ] {
            let error = change.applied_to(&AsyncConfig::default()).unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }
}
