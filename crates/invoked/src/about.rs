//! What the admin pages show of the program itself: its configuration, and where its store is.

use std::sync::{Arc, PoisonError, RwLock};

use invoked_api::About;
use toml::Table;

use crate::config::{Config, Effective};

/// The configuration in force, as it is shown. A reload replaces it.
#[derive(Clone, Debug)]
pub(crate) struct Shown(Arc<RwLock<Table>>);

impl Shown {
    /// This one. Secrets are masked in it already.
    pub(crate) fn new(effective: &Effective) -> Self {
        Self(Arc::new(RwLock::new(effective.table.clone())))
    }

    /// Another one is in force.
    pub(crate) fn replace(&self, effective: &Effective) {
        let table = effective.table.clone();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    fn table(&self) -> Table {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What to show of a daemon with this configuration.
pub(crate) fn about(config: &Config, shown: &Shown) -> About {
    let shown = shown.clone();
    About {
        configuration: Arc::new(move || {
            let table = shown.table();
            let toml = toml::to_string(&table).unwrap_or_default();
            (toml, serde_json::json!(table))
        }),
        store_kind: "embedded",
        store_path: config.store.path.display().to_string(),
    }
}
