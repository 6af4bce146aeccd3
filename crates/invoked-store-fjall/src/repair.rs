//! Going on without acknowledged work that is missing, because somebody said so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use invoked_store::StoreError;

use crate::acknowledged::Acknowledged;
use crate::config::FjallConfig;
use crate::error::file;
use crate::journal::{self, Journals};
use crate::open::{Lock, lock, open};

/// What was given up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lost {
    /// The last batch that is left.
    pub found: u64,
    /// The last batch that is known to have been acknowledged.
    pub acknowledged: u64,
    /// The journals as they were, those behind the break included.
    pub aside: Vec<PathBuf>,
}

/// Cuts the journals where the first break is, so that the store opens again with what came before.
/// Every journal that is changed stays beside it with the ending `cut`. `None` if nothing acknowledged
/// is missing.
///
/// # Errors
/// Somebody has the store, something else is wrong with it, or a file cannot be read or written.
pub fn accept_loss(path: &Path) -> Result<Option<Lost>, StoreError> {
    let shown = path.display().to_string();
    let fail = |error: io::Error| file(&shown, &error);
    let lock = lock(path).map_err(fail)?;
    if matches!(lock, Lock::Taken) {
        return Err(StoreError::InUse { path: shown });
    }
    let journals = journal::scan_all(path).map_err(fail)?;
    let lost = match lost(path, &journals).map_err(fail)? {
        Some((found, acknowledged)) => {
            Lost { found, acknowledged, aside: cut(&journals).map_err(fail)? }
        }
        // Journals without a batch of ours do not show it: the tables do.
        None => {
            drop(lock);
            match open(&FjallConfig::new(path)) {
                Ok(_) => return Ok(None),
                Err(StoreError::Cut { found, acknowledged }) => {
                    Lost { found, acknowledged, aside: Vec::new() }
                }
                Err(error) => return Err(error),
            }
        }
    };
    Acknowledged::forget(path).map_err(fail)?;
    tracing::warn!(
        event = "store_repaired",
        lost.found,
        lost.acknowledged,
        "goes on without what is missing"
    );
    Ok(Some(lost))
}

/// The last batch that is found and the last that was acknowledged, if the journals show a loss.
fn lost(path: &Path, journals: &Journals) -> io::Result<Option<(u64, u64)>> {
    let told = Acknowledged::existing(path)?.map_or(0, |file| file.number());
    let last = journals.scan.last.map(|last| last.number);
    let found = last.unwrap_or(0);
    if let Some(behind) = journals.scan.behind_break {
        return Ok(Some((found, told.max(behind))));
    }
    Ok((last.is_some() && found < told).then_some((found, told)))
}

/// Ends the journals at the break. Returns where those that were changed are kept as they were.
fn cut(journals: &Journals) -> io::Result<Vec<PathBuf>> {
    let mut aside = Vec::new();
    if let (Some(_), Some(broken)) = (journals.scan.broken, &journals.path) {
        let kept = broken.with_extension("cut");
        fs::copy(broken, &kept)?;
        journal::cut(broken, journals.scan.end)?;
        aside.push(kept);
    }
    for later in &journals.later {
        let kept = later.with_extension("cut");
        fs::rename(later, &kept)?;
        aside.push(kept);
    }
    Ok(aside)
}
