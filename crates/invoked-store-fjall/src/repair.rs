//! Going on without acknowledged work that is missing, because somebody said so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use invoked_store::StoreError;

use crate::acknowledged::Acknowledged;
use crate::config::FjallConfig;
use crate::error::file;
use crate::journal::{self, Journals};
use crate::log::scan::{self, Scan};
use crate::open::{Lock, Missing, lock, open, whole};

/// What was given up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lost {
    /// The last batch that is left.
    pub found: u64,
    /// The last batch that is known to have been acknowledged.
    pub acknowledged: u64,
    /// The files as they were, journals behind the break included.
    pub aside: Vec<PathBuf>,
}

/// Cuts the journals where the first break is, and out of the log what does not follow on what is left, so
/// that the store opens again with what came before. Every file that is changed stays beside it with the
/// ending `cut`. `None` if nothing acknowledged is missing.
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
    let log = scan::scan(path).map_err(fail)?;
    let lost = match lost(path, &journals, &log).map_err(fail)? {
        Some((found, acknowledged)) => {
            let mut aside = cut(&journals).map_err(fail)?;
            aside.extend(log.forget_behind(found).map_err(fail)?);
            Lost { found, acknowledged, aside }
        }
        // Journals without a batch of ours do not show it: the tables do.
        None => {
            drop(lock);
            match open(&FjallConfig::new(path)) {
                Ok(_) => return Ok(None),
                Err(StoreError::Cut { found, acknowledged }) => {
                    let aside = log.forget_behind(found).map_err(fail)?;
                    Lost { found, acknowledged, aside }
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
fn lost(path: &Path, journals: &Journals, log: &Scan) -> io::Result<Option<(u64, u64)>> {
    let acknowledged = Acknowledged::existing(path)?;
    let last = journals.scan.last.map(|last| last.number);
    let whole = whole(log, acknowledged.as_ref(), last.unwrap_or(0));
    if let Some(behind) = journals.scan.behind_break {
        let told = acknowledged.map_or(0, |file| file.number()).max(behind);
        return Ok(Some(match whole {
            Ok(found) => (found, told.max(found)),
            Err(Missing { found, acknowledged }) => (found, acknowledged.max(behind)),
        }));
    }
    let missing = whole.err().filter(|_| last.is_some());
    Ok(missing.map(|Missing { found, acknowledged }| (found, acknowledged)))
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
