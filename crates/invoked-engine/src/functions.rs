//! The registry of functions: what exists, where it lives, how it is called.
//!
//! Changes follow one another; each is durable before the snapshot that everybody reads is
//! replaced, and the shards are told of the new one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use invoked_core::directory::FunctionKind;
use invoked_core::id::FnId;
use invoked_core::limits::FUNCTIONS_PER_ACCOUNT_MAX;
use invoked_core::name::{FunctionKey, Qualifier};
use invoked_core::qualifiers::LaneNumbers;
use invoked_core::role::Roles;
use invoked_core::time::Timestamp;
use invoked_store::codec::DecodeError;
use invoked_store::{RegistryEntry, RegistryKind, Store, StoreError};
use tokio::sync::oneshot;

use crate::error::FunctionError;
use crate::handle::{Handle, Shared};
use crate::labels::Resources;
use crate::pauses::{Holds, LaneHold, LaneKey};
use crate::qualifiers::read_interned_lane;
use crate::reconfigure::Removed;
use crate::registry::{
    ConfigRecord, FunctionChange, FunctionRecord, Origin, config_entry, function_entry,
    interned_destination, interned_function, read_config_entry, read_interned_function,
};
use crate::resources::OwnerKey;
use crate::shard::Ask;
use crate::targets::check_of_client;

/// Everything registered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Functions {
    pub(crate) functions: BTreeMap<FunctionKey, FunctionRecord>,
    pub(crate) configs: BTreeMap<(FunctionKey, Qualifier), ConfigRecord>,
    /// Configurations whose deletion is remembered: the file does not bring them back.
    pub(crate) deleted_configs: BTreeSet<(FunctionKey, Qualifier)>,
    pub(crate) destinations: BTreeMap<String, FnId>,
    /// Whose a number is or was.
    pub(crate) names: Arc<BTreeMap<FnId, FunctionKey>>,
    /// Whose the lanes of qualifiers are or were.
    pub(crate) lanes: Arc<LaneNumbers>,
    pub(crate) resources: Resources,
    /// The lanes that operators hold or held.
    pub(crate) holds: Holds,
    /// What functions with a role may tell. The operator's, not the store's.
    pub(crate) roles: Arc<Roles>,
    /// The destinations whose instance was taken out of the configuration. The operator's too.
    pub(crate) removed: Removed,
}

/// A page of functions.
#[derive(Clone, Debug)]
pub struct FunctionPage {
    /// The functions, by name.
    pub functions: Vec<FunctionRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl Functions {
    /// Everything that a store has registered.
    pub(crate) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let mut registered = Self::default();
        let mut names = BTreeMap::new();
        let mut lanes = LaneNumbers::default();
        for (id, name) in store.names().await? {
            if let Some(arn) = name.strip_prefix("to:") {
                registered.destinations.insert(arn.to_owned(), id);
            } else if let Some(function) = read_interned_function(&name) {
                names.insert(id, function);
            } else if let Some((function, qualifier)) = read_interned_lane(&name) {
                lanes.insert(id, function, qualifier);
            }
        }
        registered.names = Arc::new(names);
        registered.lanes = Arc::new(lanes);
        for entry in store.registry().await? {
            match (entry.kind, entry.value) {
                // Going on without it would settle all that waits for it as invalid.
                (RegistryKind::Function, Some(value)) => {
                    let record = FunctionRecord::decode(&value);
                    let record = record.ok_or_else(|| unreadable("function", &entry.name))?;
                    registered.functions.insert(record.key(), record);
                }
                (RegistryKind::AsyncConfig, Some(value)) => {
                    let record = ConfigRecord::decode(&entry.name, &value);
                    let record = record.ok_or_else(|| unreadable("configuration", &entry.name))?;
                    let key = (record.function.clone(), record.qualifier.clone());
                    registered.configs.insert(key, record);
                }
                (RegistryKind::AsyncConfig, None) => {
                    registered.deleted_configs.extend(read_config_entry(&entry.name));
                }
                (
                    kind @ (RegistryKind::Service | RegistryKind::Alias | RegistryKind::Version),
                    value,
                ) => {
                    let known = registered.resources.restore(kind, &entry.name, value.as_deref());
                    known.ok_or_else(|| unreadable("resource", &entry.name))?;
                }
                // Going on without it would start what somebody holds back.
                (RegistryKind::LaneState, Some(value)) => {
                    let lane = LaneKey::read_entry(&entry.name).zip(LaneHold::decode(&value));
                    registered.holds.extend([lane.ok_or_else(|| unreadable("lane", &entry.name))?]);
                }
                (RegistryKind::Function | RegistryKind::LaneState, None)
                | (RegistryKind::BulkCursor, _) => {}
            }
        }
        Ok(registered)
    }
}

fn unreadable(field: &'static str, name: &str) -> StoreError {
    StoreError::Corrupt {
        what: format!("{field} '{name}'"),
        source: DecodeError::Malformed { field },
    }
}

impl Handle {
    /// A function.
    ///
    /// # Errors
    /// There is none with this name.
    pub fn function(&self, key: &FunctionKey) -> Result<FunctionRecord, FunctionError> {
        let snapshot = self.shared.snapshot();
        let found = snapshot.functions.functions.get(key).cloned();
        found.ok_or_else(|| FunctionError::NotFound { function: key.name.clone() })
    }

    /// Functions of an account whose names begin with `prefix`, by name, `limit` at most, from
    /// `start` on.
    #[must_use]
    pub fn functions(
        &self,
        account: &str,
        prefix: &str,
        start: Option<&str>,
        limit: usize,
    ) -> FunctionPage {
        self.functions_that(account, start, limit, |record| {
            record.name.as_str().starts_with(prefix)
        })
    }

    /// Functions of an account of which `is_wanted` holds, by name, `limit` at most, from `start` on.
    #[must_use]
    pub fn functions_that(
        &self,
        account: &str,
        start: Option<&str>,
        limit: usize,
        is_wanted: impl Fn(&FunctionRecord) -> bool,
    ) -> FunctionPage {
        let snapshot = self.shared.snapshot();
        let mut matching = snapshot.functions.functions.values().filter(|record| {
            record.account == account
                && start.is_none_or(|start| start <= record.name.as_str())
                && is_wanted(record)
        });
        let functions: Vec<_> = matching.by_ref().take(limit).cloned().collect();
        FunctionPage {
            functions,
            next: matching.next().map(|record| record.name.as_str().to_owned()),
        }
    }

    /// Creates a function.
    ///
    /// # Errors
    /// The name is taken, a value is not allowed, or the store did not take it.
    pub async fn create_function(
        &self,
        key: FunctionKey,
        change: FunctionChange,
    ) -> Result<FunctionRecord, FunctionError> {
        let this = self.clone();
        let create = async move {
            let _changing = this.shared.changes.lock().await;
            if this.function(&key).is_ok() {
                return Err(FunctionError::Exists { function: key.name });
            }
            let registered = &this.shared.snapshot().functions;
            let others =
                registered.functions.keys().filter(|other| other.account == key.account).count();
            if others >= FUNCTIONS_PER_ACCOUNT_MAX {
                return Err(FunctionError::TooMany { limit: FUNCTIONS_PER_ACCOUNT_MAX });
            }
            this.write_function(key, change, Origin::Api, None).await
        };
        self.shared.to_the_end(create).await?
    }

    /// Changes a function.
    ///
    /// # Errors
    /// There is none with this name, the file owns it, a value is not allowed, or the store did not
    /// take it.
    pub async fn update_function(
        &self,
        key: &FunctionKey,
        change: FunctionChange,
    ) -> Result<FunctionRecord, FunctionError> {
        let (this, key) = (self.clone(), key.clone());
        let update = async move {
            let _changing = this.shared.changes.lock().await;
            let old = this.function_of_a_client(&key)?;
            this.write_function(key, change, Origin::Api, Some(&old)).await
        };
        self.shared.to_the_end(update).await?
    }

    /// A function that clients may change.
    pub(crate) fn function_of_a_client(
        &self,
        key: &FunctionKey,
    ) -> Result<FunctionRecord, FunctionError> {
        let record = self.function(key)?;
        let in_file = self.shared.in_file.read().unwrap_or_else(PoisonError::into_inner);
        if record.origin == Origin::File && in_file.contains(key) {
            return Err(FunctionError::OwnedByFile { function: key.name.clone() });
        }
        Ok(record)
    }

    /// Deletes a function and its configurations. What waits for it ends as `Invalid`; what is kept
    /// of it stays.
    ///
    /// # Errors
    /// There is none with this name, the file owns it, or the store did not take it.
    pub async fn delete_function(&self, key: &FunctionKey) -> Result<(), FunctionError> {
        let (this, key) = (self.clone(), key.clone());
        self.shared.to_the_end(async move { this.delete_to_the_end(&key).await }).await?
    }

    async fn delete_to_the_end(&self, key: &FunctionKey) -> Result<(), FunctionError> {
        let _changing = self.shared.changes.lock().await;
        self.function_of_a_client(key)?;
        let mut registered = self.shared.snapshot().functions.clone();
        let mut entries = vec![RegistryEntry {
            kind: RegistryKind::Function,
            name: function_entry(key),
            value: None,
        }];
        let configs: Vec<_> =
            registered.configs.keys().filter(|(function, _)| function == key).cloned().collect();
        for config in configs {
            registered.configs.remove(&config);
            entries.push(RegistryEntry {
                kind: RegistryKind::AsyncConfig,
                name: config_entry(key, &config.1),
                value: None,
            });
            registered.deleted_configs.insert(config);
        }
        let lane = LaneKey::Function(key.clone());
        if registered.holds.remove(&lane).is_some() {
            let (kind, name) = (RegistryKind::LaneState, lane.entry());
            entries.push(RegistryEntry { kind, name, value: None });
        }
        entries.extend(registered.resources.remove_labels(&OwnerKey::from(key)));
        registered.functions.remove(key);
        self.shared.store.put_registry(&entries).await?;
        self.shared.publish(&registered).await;
        Ok(())
    }

    async fn write_function(
        &self,
        key: FunctionKey,
        change: FunctionChange,
        origin: Origin,
        old: Option<&FunctionRecord>,
    ) -> Result<FunctionRecord, FunctionError> {
        change.check()?;
        if origin == Origin::Api {
            check_of_client(change.url.as_deref(), &self.shared.config().target_check)?;
        }
        if let Some(old) = old {
            let checked = self.shared.snapshot().functions.check_lanes(old.id, &change.qualifiers);
            let invalid = |problem| FunctionError::Invalid { field: "qualifiers", problem };
            checked.map_err(invalid)?;
        }
        let id = match old {
            Some(old) => old.id,
            // A number of its own: what waits for a function that was deleted is not this one's.
            None => self.shared.store.intern(&interned_function(&key, self.now())).await?,
        };
        let mut record = self.record(&key, id, change, origin, old);
        if old == Some(&record) {
            return Ok(record);
        }
        record.modified_at = self.now();
        self.write_record(key, &record).await?;
        Ok(record)
    }

    /// The record of a function as it is to be, modified when it was before.
    pub(crate) fn record(
        &self,
        key: &FunctionKey,
        id: FnId,
        change: FunctionChange,
        origin: Origin,
        old: Option<&FunctionRecord>,
    ) -> FunctionRecord {
        let now = self.now();
        FunctionRecord {
            id,
            origin,
            kind: change.kind,
            url: change.url,
            timeout: change.timeout.unwrap_or(self.shared.config().function_timeout),
            concurrency: change.concurrency,
            rate: change.rate,
            weight: change.weight.unwrap_or(1),
            qualifiers: change.qualifiers,
            status: change.status,
            initialize: change.initialize,
            attributes: change.attributes,
            disabled: match origin {
                // Clients could not enable it again.
                Origin::File => None,
                Origin::Api => old.and_then(|old| old.disabled.clone()),
            },
            created_at: old.map_or(now, |old| old.created_at),
            modified_at: old.map_or(now, |old| old.modified_at),
            name: key.name.clone(),
            account: key.account.as_ref().to_owned(),
        }
    }

    /// Makes a function's record durable and lets it be in force. Only while changes are held.
    pub(crate) async fn write_record(
        &self,
        key: FunctionKey,
        record: &FunctionRecord,
    ) -> Result<(), StoreError> {
        let mut registered = self.shared.snapshot().functions.clone();
        self.number_lanes(&mut registered, [record]).await?;
        let entry = registered.enter(key, record.clone(), record.modified_at);
        self.shared.store.put_registry(&[entry]).await?;
        self.shared.publish(&registered).await;
        Ok(())
    }

    pub(crate) async fn write_config(&self, record: ConfigRecord) -> Result<(), StoreError> {
        let mut registered = self.shared.snapshot().functions.clone();
        let entry = self.enter_config(&mut registered, record).await?;
        self.shared.store.put_registry(&[entry]).await?;
        self.shared.publish(&registered).await;
        Ok(())
    }

    /// Enters a configuration, and numbers for its destinations. The entry is still to be stored.
    pub(crate) async fn enter_config(
        &self,
        registered: &mut Functions,
        record: ConfigRecord,
    ) -> Result<RegistryEntry, StoreError> {
        for arn in [&record.config.on_success, &record.config.on_failure].into_iter().flatten() {
            if !registered.destinations.contains_key(arn.as_str()) {
                let id = self.shared.store.intern(&interned_destination(arn)).await?;
                registered.destinations.insert(arn.as_str().to_owned(), id);
            }
        }
        let entry = RegistryEntry {
            kind: RegistryKind::AsyncConfig,
            name: config_entry(&record.function, &record.qualifier),
            value: Some(record.encode()),
        };
        let key = (record.function.clone(), record.qualifier.clone());
        registered.deleted_configs.remove(&key);
        registered.configs.insert(key, record);
        Ok(entry)
    }
}

impl Functions {
    /// Enters a function's record. The entry is still to be stored.
    pub(crate) fn enter(
        &mut self,
        key: FunctionKey,
        record: FunctionRecord,
        modified_at: Timestamp,
    ) -> RegistryEntry {
        let record = FunctionRecord { modified_at, ..record };
        let entry = RegistryEntry {
            kind: RegistryKind::Function,
            name: function_entry(&key),
            value: Some(record.encode()),
        };
        Arc::make_mut(&mut self.names).entry(record.id).or_insert_with(|| key.clone());
        self.functions.insert(key, record);
        entry
    }
}

impl Shared {
    /// Replaces the snapshot that everybody reads, and tells the shards.
    pub(crate) async fn publish(&self, registered: &Functions) {
        let snapshot = Arc::new(registered.snapshot(&self.config()));
        let directory = Arc::clone(&snapshot.directory);
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        for shard in &self.shards {
            let (reply, answer) = oneshot::channel();
            let directory = Arc::clone(&directory);
            // A shard that is gone has no use for it.
            if shard.asks.send(Ask::Directory { directory, reply }).await.is_ok() {
                let _gone = answer.await;
            }
        }
    }
}

/// Whether a function can be a destination.
pub(crate) fn takes_events(functions: &Functions, key: &FunctionKey) -> bool {
    functions.functions.get(key).is_none_or(|record| record.kind == FunctionKind::Event)
}
