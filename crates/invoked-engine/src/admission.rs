//! Whether new asynchronous invocations are taken, and why not.
//!
//! Asked before anything is spent on a request, so it reads atomics and nothing else; only a store
//! that said that it is full is asked again, and seldom. What is accepted goes on: ends of attempts,
//! callbacks, stops and reads are never asked for.
//!
//! Each reason has two marks: it begins above the one and ends below the other, so that it does not
//! come and go with every commit. A change is one line in the log; a refusal is a counter.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use invoked_store::Store;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use tokio::time::Instant;

use crate::clock::stopwatch;
use crate::config::EngineConfig;
use crate::error::InvokeError;
use crate::handle::{Handle, Shared};

const REFUSED: &str = "invoked_admission_refused_total";
const STATE: &str = "invoked_admission_state";
const LAG: &str = "invoked_commit_lag_seconds";
/// How often a store that is full is asked whether it still is, in milliseconds.
const DISK_ASKED_EVERY_MS: u64 = 100;
/// Nothing waits for a commit.
const NOTHING: u64 = u64::MAX;

/// Why new asynchronous invocations are refused.
#[derive(Copy, Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Refusing {
    /// What was accepted waits too long for its commit.
    CommitLag,
    /// The process has more memory than it may have.
    Memory,
    /// The store's disk has no room left.
    Disk,
    /// The daemon stops.
    Draining,
}

impl Refusing {
    /// All of them: those that last longest first.
    pub const ALL: [Self; 4] = [Self::Draining, Self::Disk, Self::Memory, Self::CommitLag];

    /// A word for machines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CommitLag => "commit_lag",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Draining => "draining",
        }
    }

    /// When it is worth trying again.
    #[must_use]
    pub const fn retry_after(self) -> Duration {
        Duration::from_secs(match self {
            Self::CommitLag | Self::Draining => 1,
            Self::Memory => 2,
            Self::Disk => 10,
        })
    }
}

impl fmt::Display for Refusing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CommitLag => "the store is behind with its commits",
            Self::Memory => "short of memory",
            Self::Disk => "no room left in the store",
            Self::Draining => "draining",
        })
    }
}

/// The state of admission at one instant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdmissionView {
    /// Why new asynchronous invocations are refused; empty while they are taken.
    pub refusing: Vec<Refusing>,
    /// How long the oldest of what is not durable yet has waited.
    pub commit_lag: Duration,
    /// Above it new work is refused; below half of it, taken again.
    pub commit_lag_max: Duration,
    /// Resident bytes of the process; `None` if nobody looks.
    pub memory: Option<u64>,
    /// Above it new work is refused; below nine tenths of it, taken again. `None` if it is not limited.
    pub memory_max: Option<u64>,
}

/// The state, read by every accept.
#[derive(Debug)]
pub(crate) struct Admission {
    born: Instant,
    /// For each shard, when what waits longest for its commit began to.
    waiting_since: Vec<AtomicU64>,
    memory: AtomicU64,
    disk_asked: AtomicU64,
    commit_lag: Gate,
    /// Never shuts where memory is not limited.
    memory_used: Gate,
    disk: Gate,
}

/// A reason, and the marks between which it stays as it is.
#[derive(Debug)]
struct Gate {
    reason: Refusing,
    /// Above it the gate shuts.
    high: AtomicU64,
    /// Below it the gate opens.
    low: AtomicU64,
    is_shut: AtomicBool,
}

impl Gate {
    const fn new(reason: Refusing, high: u64, low: u64) -> Self {
        let (high, low) = (AtomicU64::new(high), AtomicU64::new(low));
        Self { reason, high, low, is_shut: AtomicBool::new(false) }
    }

    fn set_marks(&self, (high, low): (u64, u64)) {
        self.high.store(high, Ordering::Relaxed);
        self.low.store(low, Ordering::Relaxed);
    }

    fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Relaxed)
    }

    /// Whether the gate is shut, now that the value is this.
    fn look(&self, value: u64) -> bool {
        let was_shut = self.is_shut();
        let is_shut = match was_shut {
            true => value >= self.low.load(Ordering::Relaxed),
            false => value > self.high.load(Ordering::Relaxed),
        };
        if was_shut != is_shut {
            self.turn(was_shut);
        }
        is_shut
    }

    /// Whoever turns the gate says so; those who came at the same time do not.
    fn turn(&self, was_shut: bool) {
        let turned = self.is_shut.compare_exchange(
            was_shut,
            !was_shut,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if turned.is_err() {
            return;
        }
        let (reason, why) = (self.reason.as_str(), self.reason);
        if was_shut {
            tracing::info!(
                event = "admission_opened",
                reason,
                "new asynchronous invocations are taken again"
            );
        } else {
            tracing::warn!(
                event = "admission_closed",
                reason,
                "new asynchronous invocations are refused: {why}"
            );
        }
    }
}

impl Admission {
    pub(crate) fn new(config: &EngineConfig, shards: u16) -> Self {
        let (lag_high, lag_low) = lag_marks(config);
        let (memory_high, memory_low) = memory_marks(config);
        Self {
            born: stopwatch(),
            waiting_since: (0..shards).map(|_| AtomicU64::new(NOTHING)).collect(),
            memory: AtomicU64::new(0),
            disk_asked: AtomicU64::new(0),
            commit_lag: Gate::new(Refusing::CommitLag, lag_high, lag_low),
            memory_used: Gate::new(Refusing::Memory, memory_high, memory_low),
            // Whether there is room is the store's to say, its marks included.
            disk: Gate::new(Refusing::Disk, 0, 1),
        }
    }

    /// Goes by the limits of this configuration from here on.
    pub(crate) fn adopt(&self, config: &EngineConfig) {
        self.commit_lag.set_marks(lag_marks(config));
        self.memory_used.set_marks(memory_marks(config));
        self.memory_used.look(self.memory.load(Ordering::Relaxed));
    }

    /// Now, as the state has it: milliseconds since the engine started.
    pub(crate) fn now(&self) -> u64 {
        millis(self.born.elapsed())
    }

    /// A shard tells since when the oldest of what it has not made durable waits.
    pub(crate) fn publish(&self, shard: u16, waiting_since: Option<u64>) {
        if let Some(slot) = self.waiting_since.get(usize::from(shard)) {
            slot.store(waiting_since.unwrap_or(NOTHING), Ordering::Relaxed);
        }
    }

    /// Whether nothing waits for a commit, and none is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.waiting_since.iter().all(|slot| slot.load(Ordering::Relaxed) == NOTHING)
    }

    fn lag(&self) -> u64 {
        let since = self.waiting_since.iter().map(|slot| slot.load(Ordering::Relaxed)).min();
        match since {
            None | Some(NOTHING) => 0,
            Some(since) => self.now().saturating_sub(since),
        }
    }

    fn is_disk_full(&self, store: &dyn Store) -> bool {
        if !self.disk.is_shut() {
            return self.disk.look(u64::from(store.is_full()));
        }
        // To ask costs a call of the system, and everybody would.
        let (now, asked) = (self.now(), self.disk_asked.load(Ordering::Relaxed));
        let is_time = now.saturating_sub(asked) >= DISK_ASKED_EVERY_MS;
        let take =
            || self.disk_asked.compare_exchange(asked, now, Ordering::Relaxed, Ordering::Relaxed);
        if is_time && take().is_ok() {
            return self.disk.look(u64::from(store.is_full()));
        }
        true
    }

    /// Whether one of the reasons holds.
    fn holds(&self, reason: Refusing, shared: &Shared) -> bool {
        match reason {
            Refusing::CommitLag => self.commit_lag.look(self.lag()),
            Refusing::Memory => self.memory_used.is_shut(),
            Refusing::Disk => self.is_disk_full(shared.store.as_ref()),
            Refusing::Draining => !shared.is_accepting.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    /// Refuses new work while there is a reason to, and counts it.
    pub(crate) fn admit(&self) -> Result<(), Refusing> {
        let mut reasons = Refusing::ALL.into_iter();
        let Some(why) = reasons.find(|reason| self.admission.holds(*reason, self)) else {
            return Ok(());
        };
        counter!(REFUSED, "reason" => why.as_str()).increment(1);
        Err(why)
    }
}

impl Handle {
    /// Whether a new asynchronous invocation would be taken. To be asked before anything is spent on
    /// one: [`Handle::invoke_async`] asks as well. A refusal is counted.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self) -> Result<(), Refusing> {
        self.shared.admit()
    }

    /// The state of admission.
    #[must_use]
    pub fn admission(&self) -> AdmissionView {
        let (shared, admission) = (&self.shared, &self.shared.admission);
        let holds = |reason: &Refusing| admission.holds(*reason, shared);
        let memory = admission.memory.load(Ordering::Relaxed);
        let config = shared.config();
        AdmissionView {
            refusing: Refusing::ALL.into_iter().filter(holds).collect(),
            commit_lag: Duration::from_millis(admission.lag()),
            commit_lag_max: config.commit_lag_max,
            memory: (memory > 0).then_some(memory),
            memory_max: config.memory_max,
        }
    }

    /// Tells how many bytes of the process are resident. To be called a few times a second, where
    /// they are limited.
    pub fn note_memory(&self, resident: u64) {
        let admission = &self.shared.admission;
        admission.memory.store(resident, Ordering::Relaxed);
        admission.memory_used.look(resident);
    }
}

impl From<Refusing> for InvokeError {
    fn from(why: Refusing) -> Self {
        Self::Refused { why }
    }
}

/// What the metrics mean.
pub(crate) fn describe() {
    describe_counter!(
        REFUSED,
        "New asynchronous invocations that were refused before any work, by why"
    );
    describe_gauge!(STATE, "Whether new asynchronous invocations are refused for this reason");
    describe_gauge!(LAG, "How long the oldest of what is not durable yet has waited");
}

/// Sets the metrics of the present state: a series for each reason, at 0 from the start.
pub(crate) fn publish(handle: &Handle) {
    let view = handle.admission();
    for reason in Refusing::ALL {
        let is_refusing = view.refusing.contains(&reason);
        gauge!(STATE, "reason" => reason.as_str()).set(f64::from(u8::from(is_refusing)));
        counter!(REFUSED, "reason" => reason.as_str()).increment(0);
    }
    gauge!(LAG).set(view.commit_lag.as_secs_f64());
}

/// Where the gate of the lag shuts, and where it opens.
fn lag_marks(config: &EngineConfig) -> (u64, u64) {
    let lag = millis(config.commit_lag_max);
    (lag, (lag / 2).max(1))
}

/// The same of memory. Without a limit it opens at the next look.
fn memory_marks(config: &EngineConfig) -> (u64, u64) {
    config.memory_max.map_or((u64::MAX, u64::MAX), |max| (max, max / 10 * 9))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(NOTHING - 1)
}

#[cfg(test)]
mod tests;
