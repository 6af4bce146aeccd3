//! Going on without acknowledged work that is missing, because somebody said so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use invoked_store::StoreError;

use crate::acknowledged::Acknowledged;
use crate::error::file;
use crate::journal;
use crate::open::{Lock, lock};

/// What was given up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lost {
    /// The last batch that is left.
    pub found: u64,
    /// The last batch that is known to have been acknowledged; zero where that is not known.
    pub acknowledged: u64,
    /// The journals as they were, those behind the break included.
    pub aside: Vec<PathBuf>,
}

/// Cuts the journals where the first break is, so that the store opens again with what came before.
/// Every journal that is changed stays beside it with the ending `cut`. `None` if nothing is missing
/// that the journals could show: then nothing is changed.
///
/// # Errors
/// Somebody has the store, or a file cannot be read or written.
pub fn accept_loss(path: &Path) -> Result<Option<Lost>, StoreError> {
    let shown = path.display().to_string();
    let fail = |error: io::Error| file(&shown, &error);
    let lock = lock(path).map_err(fail)?;
    if matches!(lock, Lock::Taken) {
        return Err(StoreError::InUse { path: shown });
    }
    let journals = journal::scan_all(path).map_err(fail)?;
    let acknowledged = Acknowledged::open(path).map_err(fail)?.number();
    let found = journals.scan.last.map_or(0, |last| last.number);
    let is_broken = journals.scan.broken.is_some();
    if !is_broken && acknowledged <= found {
        return Ok(None);
    }
    let mut aside = Vec::new();
    if let (true, Some(broken)) = (is_broken, &journals.path) {
        let kept = broken.with_extension("cut");
        fs::copy(broken, &kept).map_err(fail)?;
        journal::cut(broken, journals.scan.end).map_err(fail)?;
        aside.push(kept);
    }
    for later in &journals.later {
        let kept = later.with_extension("cut");
        fs::rename(later, &kept).map_err(fail)?;
        aside.push(kept);
    }
    Acknowledged::forget(path).map_err(fail)?;
    let acknowledged = acknowledged.max(journals.scan.behind_break.unwrap_or_default());
    tracing::warn!(found, acknowledged, "went on without what is missing");
    Ok(Some(Lost { found, acknowledged, aside }))
}
