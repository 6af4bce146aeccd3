//! The functions of the operator's file, brought in together: what a file of thousands costs grows with it
//! and not with its square.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use invoked_core::id::FnId;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_store::StoreError;
use tokio::task::JoinSet;

use crate::error::FunctionError;
use crate::handle::Handle;
use crate::registry::{ConfigRecord, Origin, Seed, interned_function};

/// Numbers that are asked for at a time. The store takes those that wait in one write.
const INTERNED_AT_ONCE: usize = 256;

impl Handle {
    /// Brings in the functions of the operator's file. Those the file no longer names stay as they
    /// are, because work may wait for them; a client can delete them.
    ///
    /// # Errors
    /// A value is not allowed, or the store did not take it.
    pub async fn seed(&self, seeds: Vec<Seed>) -> Result<(), FunctionError> {
        let changing = self.shared.changes.lock().await;
        let account = self.shared.config.identity.account.clone();
        let key_of = |name: &FunctionName| FunctionKey::new(&account, name.clone());
        *self.shared.in_file.write().unwrap_or_else(PoisonError::into_inner) =
            seeds.iter().map(|seed| key_of(&seed.name)).collect();
        // All in one write and one snapshot: what a file of thousands costs grows with it.
        let mut registered = self.shared.snapshot().functions.clone();
        let is_new = |key: &FunctionKey| !registered.functions.contains_key(key);
        let new = seeds.iter().map(|seed| key_of(&seed.name)).filter(is_new).collect();
        let fresh = self.intern_functions(new).await?;
        let (mut entries, mut configs) = (Vec::new(), Vec::new());
        for seed in seeds {
            let key = key_of(&seed.name);
            seed.change.check()?;
            let old = registered.functions.get(&key);
            let id = old.map(|old| old.id).or_else(|| fresh.get(&key).copied());
            let id = id.ok_or(StoreError::Closed)?;
            let record = self.record(&key, id, seed.change, Origin::File, old);
            if old != Some(&record) {
                entries.push(registered.enter(key.clone(), record, self.now()));
            }
            let key = (key, Qualifier::LATEST);
            let has_history =
                registered.configs.contains_key(&key) || registered.deleted_configs.contains(&key);
            if let Some(config) = seed.config.filter(|_| !has_history) {
                configs.push((key.0, config));
            }
        }
        for (function, config) in configs {
            self.check_destinations(&registered, &function, &Qualifier::LATEST, &config).map_err(
                |error| FunctionError::Invalid { field: "async", problem: error.to_string() },
            )?;
            let now = self.now();
            let record = ConfigRecord {
                function,
                qualifier: Qualifier::LATEST,
                config,
                created_at: now,
                modified_at: now,
            };
            entries.push(self.enter_config(&mut registered, record).await?);
        }
        if !entries.is_empty() {
            self.shared.store.put_registry(&entries).await?;
            self.shared.publish(&registered).await;
        }
        drop(changing);
        Ok(())
    }

    /// Numbers for functions that have none. The store takes many in one write.
    async fn intern_functions(
        &self,
        keys: Vec<FunctionKey>,
    ) -> Result<BTreeMap<FunctionKey, FnId>, StoreError> {
        let mut interned = BTreeMap::new();
        for some in keys.chunks(INTERNED_AT_ONCE) {
            let mut interning = JoinSet::new();
            for key in some {
                let (store, key) = (Arc::clone(&self.shared.store), key.clone());
                let name = interned_function(&key, self.now());
                interning.spawn(async move { store.intern(&name).await.map(|id| (key, id)) });
            }
            while let Some(ended) = interning.join_next().await {
                let (key, id) = ended.unwrap_or(Err(StoreError::Closed))?;
                interned.insert(key, id);
            }
        }
        Ok(interned)
    }
}
