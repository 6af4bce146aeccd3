//! What is looked at before anything is opened: each finding says what is wrong and what to do about it.
//!
//! What would do harm ends the start; what only lets less through is a warning.

pub(crate) mod clock;
pub(crate) mod descriptors;
pub(crate) mod directory;
pub(crate) mod port;

use anyhow::Result;

use crate::config::Config;

/// Looks at the clock, the limit of files and the directory of the store.
///
/// # Errors
/// The daemon cannot work like this.
pub(crate) fn check(config: &Config) -> Result<()> {
    let warnings = [
        clock::check(&config.store.path)?,
        descriptors::check(descriptors::needed(config))?,
        directory::check(&config.store)?,
    ];
    for warning in warnings.iter().flatten() {
        tracing::warn!(event = "startup_warning", "{warning}");
    }
    Ok(())
}
