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
use crate::open::{Lock, Missing, is_had, lock, open, whole};

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
        Some((Some(found), acknowledged)) => {
            let mut aside = cut(&journals).map_err(fail)?;
            aside.extend(log.forget_behind(found).map_err(fail)?);
            Lost { found, acknowledged, aside }
        }
        // Journals without a batch of ours do not show how far the tables are: they do themselves.
        Some((None, acknowledged)) => {
            let aside = cut(&journals).map_err(fail)?;
            drop(lock);
            opened(path, &log, aside)?.unwrap_or_else(|(found, aside)| Lost {
                found,
                acknowledged: acknowledged.max(found),
                aside,
            })
        }
        None => {
            drop(lock);
            match opened(path, &log, Vec::new())? {
                Ok(lost) => lost,
                Err(_) => return Ok(None),
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

/// What is missing, or else how far the store is and what was changed.
type Opened = Result<Lost, (u64, Vec<PathBuf>)>;

/// Opens the store, which shows whether something is missing, and takes what cannot follow out of the log.
fn opened(path: &Path, log: &Scan, mut aside: Vec<PathBuf>) -> Result<Opened, StoreError> {
    match open(&FjallConfig::new(path)) {
        Ok(opened) => Ok(Err((opened.number, aside))),
        Err(StoreError::Cut { found, acknowledged }) => {
            let fail = |error: io::Error| file(&path.display().to_string(), &error);
            aside.extend(log.forget_behind(found).map_err(fail)?);
            Ok(Ok(Lost { found, acknowledged, aside }))
        }
        Err(error) => Err(error),
    }
}

/// The last batch that is found, where the journals know, and the last that was acknowledged, if they show a loss.
fn lost(path: &Path, journals: &Journals, log: &Scan) -> io::Result<Option<(Option<u64>, u64)>> {
    let acknowledged = Acknowledged::existing(path)?;
    if is_had(journals, log, acknowledged.as_ref()) {
        return Ok(None);
    }
    let told = acknowledged.as_ref().map_or(0, Acknowledged::number);
    let Some(last) = journals.scan.last.map(|last| last.applied) else {
        return Ok(journals.scan.behind_break.map(|behind| (None, told.max(behind))));
    };
    let whole = whole(log, acknowledged.as_ref(), last);
    Ok(match (whole, journals.scan.behind_break) {
        (Ok(_), None) => None,
        (Ok(found), Some(behind)) => Some((Some(found), told.max(behind).max(found))),
        (Err(Missing { found, acknowledged }), behind) => {
            Some((Some(found), acknowledged.max(behind.unwrap_or(0))))
        }
    })
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
