//! The clock: times to live, retries and signatures go by it.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use invoked_engine::clock::{Clock as _, SystemClock};
use invoked_fc::time::rfc3339;

/// 2024-01-01: before this program was written.
const EARLIEST: i64 = 1_704_067_200;
/// A clock that is so far behind what the store has was set wrong, now or then.
const BEHIND_WARNING: i64 = 60;
const BEHIND_MAX: i64 = 24 * 3_600;

/// Compares the clock with the year and with the newest write of the store.
///
/// # Errors
/// It cannot be right.
pub(super) fn check(store: &Path) -> Result<Vec<String>> {
    judge(SystemClock::default().now().millis().div_euclid(1_000), newest(store), store)
}

fn judge(now: i64, newest: Option<i64>, store: &Path) -> Result<Vec<String>> {
    let shown = rfc3339(now);
    if now < EARLIEST {
        bail!(
            "the clock says {shown}, which is over: set it (`timedatectl set-ntp true`, or `date -s`) \
             and start again"
        );
    }
    let Some(newest) = newest.filter(|newest| now + BEHIND_WARNING < *newest) else {
        return Ok(Vec::new());
    };
    let found = format!(
        "the clock says {shown}, but the store in {} was last written at {}",
        store.display(),
        rfc3339(newest)
    );
    if now + BEHIND_MAX < newest {
        bail!(
            "{found}: what waits there would wait until then. Set the clock (`timedatectl \
             set-ntp true`); if it is right now and was wrong then, `find {} -exec touch {{}} +` \
             says so",
            store.display()
        );
    }
    Ok(vec![format!("{found}: what is due waits until then; see whether the clock is right")])
}

/// When a file of the store was last written.
fn newest(store: &Path) -> Option<i64> {
    let files = fs::read_dir(store).ok()?.filter_map(Result::ok);
    let written = files.filter_map(|file| file.metadata().ok()?.modified().ok()).max()?;
    let since = written.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn said(now: i64, newest: Option<i64>) -> String {
        match judge(now, newest, Path::new("/var/lib/invoked")) {
            Ok(warnings) => warnings.concat(),
            Err(error) => format!("refused: {error}"),
        }
    }

    #[test]
    fn a_clock_that_cannot_be_right_ends_the_start_with_a_way_out() {
        let said = said(3, None);
        assert!(said.starts_with("refused: the clock says 1970-01-01T00:00:03Z"), "{said}");
        assert!(said.contains("timedatectl set-ntp true"), "{said}");
    }

    #[test]
    fn a_clock_behind_the_store_is_named_with_both_times() {
        assert_eq!(said(NOW, None), "");
        assert_eq!(said(NOW, Some(NOW + 60)), "");
        let little = said(NOW, Some(NOW + 61));
        assert!(little.contains("/var/lib/invoked was last written at 2026-11-1"), "{little}");
        assert!(little.contains("see whether the clock is right"), "{little}");
        let far = said(NOW, Some(NOW + 86_401));
        assert!(far.starts_with("refused: ") && far.contains("-exec touch {} +"), "{far}");
    }

    #[test]
    fn the_newest_write_is_that_of_a_file_in_the_directory() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(newest(&home.path().join("nowhere")), None);
        let file = fs::File::create(home.path().join("0.jnl")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)).unwrap();
        assert_eq!(newest(home.path()), Some(4_000_000_000));
        assert!(check(home.path()).unwrap_err().to_string().contains("2096-10-02"));
    }
}
