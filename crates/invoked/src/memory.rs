//! How much memory the daemon has, told to the engine where it is limited.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use invoked_engine::Handle;

/// What Linux says of this process.
const STATUS: &str = "/proc/self/status";
const RESIDENT: &str = "VmRSS:";
/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// Whether the system says how much memory the daemon has, so that it can be limited.
///
/// # Errors
/// It does not.
pub(crate) fn check() -> Result<()> {
    let said = resident().map(drop);
    said.with_context(|| format!("{STATUS} does not say how much memory the daemon has"))
}

/// Tells the engine a few times a second, while memory is limited. Never returns.
pub(crate) async fn watch(engine: Handle) {
    loop {
        if engine.config().memory_max.is_some()
            && let Some(bytes) = resident()
        {
            engine.note_memory(bytes);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Resident bytes of this process.
fn resident() -> Option<u64> {
    read(&fs::read_to_string(STATUS).ok()?)
}

fn read(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(RESIDENT))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_read_in_bytes() {
        let status = "Name:\tinvoked\nVmHWM:\t   99999 kB\nVmRSS:\t   12345 kB\nThreads:\t4\n";
        assert_eq!(read(status), Some(12_345 * 1_024));
        assert_eq!(read("Name:\tinvoked\n"), None);
        assert_eq!(read("VmRSS:\t12345 pages\n"), None);
        assert!(resident() > Some(1_000_000), "this system says it");
    }
}
