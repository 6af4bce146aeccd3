//! What the admin pages show of the program itself: its configuration, and where its store is.

use std::sync::Arc;

use invoked_api::About;

use crate::config::{Config, Effective};

/// What to show of a daemon with this configuration. Secrets are masked in `effective` already.
pub(crate) fn about(config: &Config, effective: &Effective) -> About {
    let table = effective.table.clone();
    let path = config.store.path.clone();
    About {
        configuration: Arc::new(move || {
            let toml = toml::to_string(&table).unwrap_or_default();
            (toml, serde_json::json!(table))
        }),
        store_kind: "embedded",
        store_path: path.display().to_string(),
        free_bytes: Arc::new(move || {
            let disk = rustix::fs::statvfs(&path).ok()?;
            Some(disk.f_bavail.saturating_mul(disk.f_frsize))
        }),
    }
}
