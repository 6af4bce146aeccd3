//! What is registered as everybody reads it: made anew when something changes.

use std::sync::Arc;

use invoked_core::arn::Arn;
use invoked_core::directory::{Directory, Function, Prepared, TaskMode};
use invoked_core::lane::Rate;
use invoked_core::name::{FunctionKey, Qualifier};
use invoked_core::qualifiers::Limits;
use invoked_core::terms::{Destination, Terms};

use crate::config::EngineConfig;
use crate::functions::Functions;
use crate::handle::Snapshot;
use crate::pauses::LaneKey;
use crate::registry::{ConfigRecord, FunctionRecord};
use crate::targets::target_spec;

impl Functions {
    /// The snapshot that everybody reads.
    pub(crate) fn snapshot(&self, config: &EngineConfig) -> Snapshot {
        let functions =
            self.functions.values().map(|record| Arc::new(self.function(record, config)));
        let names = Arc::clone(&self.names);
        let held = self.holds.iter().filter_map(|(lane, hold)| match lane {
            LaneKey::Destination(arn) => {
                Some((self.destinations.get(arn).copied()?, hold.pauses.clone()))
            }
            LaneKey::Function(_) => None,
        });
        let directory = Directory::new(config.identity.clone(), functions, names)
            .with_lanes(Arc::clone(&self.lanes))
            .with_shares(Arc::clone(&config.shares))
            .with_pauses(held.collect())
            .with_unconfigured(self.unconfigured(&config.identity));
        let targets = self
            .functions
            .values()
            .filter_map(|record| Some((record.id, Arc::new(target_spec(record, config)?))));
        let disabled = self.functions.values().filter_map(|record| {
            let disabled = record.disabled.as_ref()?;
            Some((record.id, disabled.reason.as_str().into()))
        });
        Snapshot {
            directory: Arc::new(directory),
            targets: targets.collect(),
            disabled: disabled.collect(),
            functions: self.clone(),
        }
    }

    fn function(&self, record: &FunctionRecord, config: &EngineConfig) -> Function {
        let configs = self
            .configs_of(&record.key())
            .map(|of| (of.qualifier.clone(), self.prepared(of, record, config)));
        Function {
            id: record.id,
            account: record.account.as_str().into(),
            name: record.name.clone(),
            kind: record.kind,
            limits: Limits {
                concurrency: record.concurrency,
                rate: record.rate.map(|per_second| Rate { per_second }),
                weight: record.weight,
            },
            lanes: self.lanes_of(record),
            paused: self
                .holds
                .get(&LaneKey::Function(record.key()))
                .is_some_and(|hold| hold.pauses.is_paused()),
            role: self.role_of(record),
            default_retries: config.default_retries,
            default_event_age_seconds: config.default_event_age_seconds,
            configs: configs.collect(),
            changed_at: record.modified_at,
        }
    }

    pub(crate) fn configs_of<'a>(
        &'a self,
        key: &FunctionKey,
    ) -> impl Iterator<Item = &'a ConfigRecord> + use<'a> {
        let (first, key) = ((key.clone(), Qualifier::LATEST), key.clone());
        let from = self.configs.range(first..).map(|(_, of)| of);
        from.take_while(move |of| of.function == key)
    }

    fn prepared(
        &self,
        record: &ConfigRecord,
        function: &FunctionRecord,
        config: &EngineConfig,
    ) -> Prepared {
        let of = &record.config;
        let destination = |arn: &Option<Arn>| {
            let arn = arn.clone()?;
            let id = self.destinations.get(arn.as_str()).copied()?;
            Some(Destination { arn, id })
        };
        Prepared {
            terms: Arc::new(Terms {
                qualifier: record.qualifier.clone(),
                lane: self.lane_of(function, &record.qualifier),
                max_retries: of.max_retry_attempts.unwrap_or(config.default_retries),
                event_age_seconds: of
                    .max_event_age_seconds
                    .unwrap_or(config.default_event_age_seconds),
                on_success: destination(&of.on_success),
                on_failure: destination(&of.on_failure),
            }),
            task_mode: if of.async_task == Some(true) { TaskMode::On } else { TaskMode::Off },
        }
    }
}
