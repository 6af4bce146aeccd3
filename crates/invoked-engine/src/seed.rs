//! The functions of the operator's file, brought in together: what a file of thousands costs grows with it
//! and not with its square.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use invoked_core::id::FnId;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::terms::AsyncConfig;
use invoked_store::StoreError;
use tokio::task::JoinSet;

use crate::config::EngineConfig;
use crate::functions::Functions;
use crate::handle::{Handle, Shared};
use crate::reconfigure::{ConfigProblem, ReconfigureError};
use crate::registry::{ConfigRecord, FunctionChange, Origin, Seed, interned_function};

/// Numbers that are asked for at a time. The store takes those that wait in one write.
const INTERNED_AT_ONCE: usize = 256;

impl Handle {
    /// Brings in the functions of the operator's file, before any shard lives. Those the file no longer
    /// names stay as they are, because work may wait for them; a client can delete them.
    ///
    /// # Errors
    /// Something speaks against them, or the store did not take it.
    pub(crate) async fn seed(&self, seeds: Vec<Seed>) -> Result<(), ReconfigureError> {
        let shared = &self.shared;
        let present = &shared.snapshot().functions;
        let problems = self.check_seeds(present, &seeds);
        if !problems.is_empty() {
            return Err(ReconfigureError::Problems(problems));
        }
        let config = shared.config();
        let registered = self.write_seeds(present, &seeds, &config).await?;
        shared.note_in_file(&seeds);
        let snapshot = Arc::new(registered.snapshot(&config));
        *shared.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    /// What speaks against the functions of a file.
    pub(crate) fn check_seeds(&self, registered: &Functions, seeds: &[Seed]) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut note = |seed: &Seed, field: &str, message: String| {
            let path = format!("functions.{}{field}", seed.name);
            problems.push(ConfigProblem { path, message });
        };
        let mut wanted = registered.clone();
        for seed in seeds {
            if let Err(error) = seed.change.check() {
                note(seed, "", error.to_string());
            }
            let (key, change) = (self.shared.key_of(&seed.name), seed.change.clone());
            let old = registered.functions.get(&key);
            let id = old.map_or(FnId(0), |old| old.id);
            if let Err(problem) = registered.check_lanes(id, &change.qualifiers) {
                note(seed, ".qualifiers", problem);
            }
            let record = self.record(&key, id, change, Origin::File, old);
            wanted.functions.insert(key, record);
        }
        for (seed, function, config) in self.new_configs(registered, seeds) {
            let checked = self.check_destinations(&wanted, &function, &Qualifier::LATEST, config);
            if let Err(error) = checked {
                note(seed, ".async", error.to_string());
            }
            let record = self.config_record(function, config.clone());
            wanted.configs.insert((record.function.clone(), Qualifier::LATEST), record);
        }
        problems
    }

    /// Makes the functions of a file durable, in one write: what a file of thousands costs grows with it.
    /// They are yet to be published.
    pub(crate) async fn write_seeds(
        &self,
        present: &Functions,
        seeds: &[Seed],
        engine: &EngineConfig,
    ) -> Result<Functions, StoreError> {
        let mut registered = present.clone();
        let keys = seeds.iter().map(|seed| self.shared.key_of(&seed.name));
        let new = keys.filter(|key| !present.functions.contains_key(key)).collect();
        let fresh = self.intern_functions(new).await?;
        let mut changed = Vec::new();
        for seed in seeds {
            let (key, change) = (self.shared.key_of(&seed.name), seed.change.clone());
            let old = present.functions.get(&key);
            let id = old.map(|old| old.id).or_else(|| fresh.get(&key).copied());
            let id = id.ok_or(StoreError::Closed)?;
            let timeout = change.timeout.or(Some(engine.function_timeout));
            let change = FunctionChange { timeout, ..change };
            let record = self.record(&key, id, change, Origin::File, old);
            if old != Some(&record) {
                changed.push((key, record));
            }
        }
        self.number_lanes(&mut registered, changed.iter().map(|(_, record)| record)).await?;
        let mut entries = Vec::new();
        for (key, record) in changed {
            entries.push(registered.enter(key, record, self.now()));
        }
        for (_, function, config) in self.new_configs(present, seeds) {
            let record = self.config_record(function, config.clone());
            entries.push(self.enter_config(&mut registered, record).await?);
        }
        if !entries.is_empty() {
            self.shared.store.put_registry(&entries).await?;
        }
        Ok(registered)
    }

    /// The configurations that a file brings in: where the store has neither one nor a deletion of one.
    fn new_configs<'a>(
        &self,
        registered: &Functions,
        seeds: &'a [Seed],
    ) -> Vec<(&'a Seed, FunctionKey, &'a AsyncConfig)> {
        let new = seeds.iter().filter_map(|seed| {
            let function = self.shared.key_of(&seed.name);
            let key = (function.clone(), Qualifier::LATEST);
            let has_history =
                registered.configs.contains_key(&key) || registered.deleted_configs.contains(&key);
            seed.config.as_ref().filter(|_| !has_history).map(|config| (seed, function, config))
        });
        new.collect()
    }

    fn config_record(&self, function: FunctionKey, config: AsyncConfig) -> ConfigRecord {
        let now = self.now();
        let qualifier = Qualifier::LATEST;
        ConfigRecord { function, qualifier, config, created_at: now, modified_at: now }
    }

    /// Numbers for functions that have none.
    async fn intern_functions(
        &self,
        keys: Vec<FunctionKey>,
    ) -> Result<BTreeMap<FunctionKey, FnId>, StoreError> {
        let named = keys.into_iter().map(|key| {
            let name = interned_function(&key, self.now());
            (key, name)
        });
        Ok(self.intern_all(named.collect()).await?.into_iter().collect())
    }

    /// Numbers for names, each with what it is the name of. The store takes many in one write.
    pub(crate) async fn intern_all<T: Send + 'static>(
        &self,
        named: Vec<(T, String)>,
    ) -> Result<Vec<(T, FnId)>, StoreError> {
        let mut interned = Vec::with_capacity(named.len());
        let mut waiting = named.into_iter().peekable();
        while waiting.peek().is_some() {
            let mut interning = JoinSet::new();
            for (of, name) in waiting.by_ref().take(INTERNED_AT_ONCE) {
                let store = Arc::clone(&self.shared.store);
                interning.spawn(async move { store.intern(&name).await.map(|id| (of, id)) });
            }
            while let Some(ended) = interning.join_next().await {
                interned.push(ended.unwrap_or(Err(StoreError::Closed))?);
            }
        }
        Ok(interned)
    }
}

impl Shared {
    /// A function of the daemon's own account.
    fn key_of(&self, name: &FunctionName) -> FunctionKey {
        FunctionKey::new(&self.identity.account, name.clone())
    }

    /// From here on these are the functions that no client may change.
    pub(crate) fn note_in_file(&self, seeds: &[Seed]) {
        let keys = seeds.iter().map(|seed| self.key_of(&seed.name)).collect();
        *self.in_file.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}
