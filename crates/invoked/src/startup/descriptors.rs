//! File descriptors: each connection, attempt and table takes one.

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// The store's tables and journals, the log, the runtime's own.
const OTHERS: u64 = 512;
/// With fewer than this neither the store nor a listener opens.
const FLOOR: u64 = 256;

/// How many the configuration may need at a time.
pub(super) fn needed(config: &Config) -> u64 {
    let calls = config.work.calls_max().saturating_add(config.limits.sync_max);
    let sockets = config.server.connections_max.saturating_add(calls);
    u64::try_from(sockets).unwrap_or(u64::MAX).saturating_add(OTHERS)
}

/// Raises the limit as far as it goes, and compares it with what is needed.
///
/// # Errors
/// It is too low to start at all.
pub(super) fn check(needed: u64) -> Result<Vec<String>> {
    judge(raise(), needed)
}

/// Raises the soft limit to the hard one. Returns what it is then.
fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let unlimited = limit.maximum.unwrap_or(u64::MAX);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => unlimited,
        Err(_kept) => limit.current.unwrap_or(u64::MAX),
    }
}

fn judge(limit: u64, needed: u64) -> Result<Vec<String>> {
    let what_to_do = "raise it: LimitNOFILE= in the unit, `ulimit -Hn` in a shell, --ulimit \
                      nofile= of a container";
    if limit < FLOOR {
        bail!("the daemon may open {limit} files, it needs at least {FLOOR}; {what_to_do}");
    }
    if limit < needed {
        return Ok(vec![format!(
            "the daemon may open {limit} files, but server.connections_max, dispatch.attempts_max, \
             dispatch.callbacks_max and limits.sync_max may need {needed}: connections will be \
             refused when it is full. Lower them, or {what_to_do}"
        )]);
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_told_with_what_needs_it() {
        assert!(judge(6_000, 6_000).unwrap().is_empty());
        let warning = judge(1_024, 6_000).unwrap().concat();
        assert!(warning.contains("may open 1024 files"), "{warning}");
        assert!(warning.contains("may need 6000") && warning.contains("LimitNOFILE="), "{warning}");
        let refused = judge(255, 6_000).unwrap_err().to_string();
        assert!(refused.contains("at least 256") && refused.contains("ulimit"), "{refused}");
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let raised = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(raised, limit.maximum.unwrap_or(u64::MAX));
    }
}
