//! `[defaults]`, `[callback]`, `[dispatch]`, `[retention]` and `[limits]`: how invocations and
//! callbacks are worked on, and what is bounded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use invoked_core::breaker::BreakerPolicy;
use invoked_core::callback::CallbackPolicy;
use invoked_core::envelope::Identity;
use invoked_core::life::RetryPolicy;
use invoked_core::limits::{EVENT_AGE_SECONDS_MAX, EVENT_AGE_SECONDS_MIN, RETRY_ATTEMPTS_MAX};
use invoked_core::retry::Backoff;
use invoked_engine::{EngineConfig, WEIGHT_MAX};

use super::raw::Raw;
use super::section::Section;
use super::value::{count, duration, size};

/// How invocations and callbacks are worked on.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    retries: u8,
    event_age_seconds: u32,
    callback: CallbackPolicy,
    breaker: BreakerPolicy,
    dispatch: Dispatch,
    /// `[accounts.<id>]`: shares of turns.
    shares: Arc<BTreeMap<Box<str>, u32>>,
    retention: Retention,
}

/// `[dispatch]`.
#[derive(Clone, Debug)]
struct Dispatch {
    retry: RetryPolicy,
    attempts_max: usize,
    breaker: BreakerPolicy,
    function_limit: u32,
    callbacks_max: usize,
    destination_limit: u32,
    function_timeout: Duration,
    drain_timeout: Duration,
}

/// `[retention]`.
#[derive(Clone, Debug)]
struct Retention {
    finished: Duration,
    callbacks: Duration,
    purge_interval: Duration,
}

/// `[limits]`.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// How long the head of a request may take, and a connection be idle.
    pub(crate) header_timeout: Duration,
    /// How long the body of a request may take.
    pub(crate) body_timeout: Duration,
    /// Bytes that bodies over the limit of asynchronous ones may hold together.
    pub(crate) large_bodies: usize,
    accept_deadline: Duration,
    commit_lag_max: Duration,
    /// Resident bytes above which nothing new is taken.
    pub(crate) memory_max: Option<u64>,
    accepts_max: usize,
    commit_ops_max: usize,
    /// Synchronous invocations at a time.
    pub(crate) sync_max: usize,
    window: usize,
    windows: usize,
    payload_cache: usize,
}

impl Work {
    pub(super) fn read(root: &mut Section<'_>) -> Option<Self> {
        let defaults = root.section("defaults", |section| {
            let retries = section.needed("max_async_retry_attempts", retries());
            let age = section.needed("max_async_event_age", event_age);
            Some((retries?, age?))
        });
        let callbacks = root.section("callback", |section| {
            let (policy, breaker) = (callback(section), breaker(section, "breaker_callbacks"));
            Some((policy?, breaker?))
        });
        let dispatch = root.section("dispatch", Dispatch::read);
        let retention = root.section("retention", Retention::read);
        let shares = root.section("accounts", |section| section.named(share)).into_iter().collect();
        let (retries, event_age_seconds) = defaults?;
        let (callback, breaker) = callbacks?;
        Some(Self {
            retries,
            event_age_seconds,
            callback,
            breaker,
            dispatch: dispatch?,
            shares: Arc::new(shares),
            retention: retention?,
        })
    }

    /// How long attempts may take to end when the daemon stops.
    pub(crate) fn drain_timeout(&self) -> Duration {
        self.dispatch.drain_timeout
    }

    /// Attempts at a time.
    pub(crate) fn attempts_max(&self) -> usize {
        self.dispatch.attempts_max
    }

    /// Attempts and callbacks at a time.
    pub(crate) fn calls_max(&self) -> usize {
        self.dispatch.attempts_max.saturating_add(self.dispatch.callbacks_max)
    }

    /// The engine's own configuration.
    pub(crate) fn engine(&self, identity: Identity, limits: &Limits, seed: u64) -> EngineConfig {
        EngineConfig {
            retry: self.dispatch.retry,
            callback: self.callback,
            breaker: self.breaker,
            function_breaker: self.dispatch.breaker,
            shares: Arc::clone(&self.shares),
            window_max: limits.window,
            windows_max: limits.windows,
            attempts_max: self.dispatch.attempts_max,
            callbacks_max: self.dispatch.callbacks_max,
            function_limit: self.dispatch.function_limit,
            destination_limit: self.dispatch.destination_limit,
            payload_cache_bytes: limits.payload_cache,
            accepts_max: limits.accepts_max,
            commit_ops_max: limits.commit_ops_max,
            accept_deadline: limits.accept_deadline,
            commit_lag_max: limits.commit_lag_max,
            memory_max: limits.memory_max,
            sync_max: limits.sync_max,
            retention: self.retention.finished,
            callback_retention: self.retention.callbacks,
            purge_interval: self.retention.purge_interval,
            function_timeout: self.dispatch.function_timeout,
            default_retries: self.retries,
            default_event_age_seconds: self.event_age_seconds,
            ..EngineConfig::new(identity, seed)
        }
    }
}

/// `max_async_retry_attempts`, wherever it stands.
pub(super) fn retries() -> impl Fn(&Raw) -> Result<u8, String> {
    count(0..=i64::from(RETRY_ATTEMPTS_MAX))
}

/// `max_async_event_age`, wherever it stands.
pub(super) fn event_age(raw: &Raw) -> Result<u32, String> {
    let rule = format!(
        "must be whole seconds between {EVENT_AGE_SECONDS_MIN}s and {EVENT_AGE_SECONDS_MAX}s (30d)"
    );
    let age = duration("0s", "100000d")(raw)?;
    let seconds = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
    let is_within = (EVENT_AGE_SECONDS_MIN..=EVENT_AGE_SECONDS_MAX).contains(&seconds);
    if is_within && age.subsec_nanos() == 0 { Ok(seconds) } else { Err(rule) }
}

/// `[accounts.<id>]`.
fn share(account: &str, section: &mut Section<'_>) -> Option<(Box<str>, u32)> {
    let share = section.needed("share", count(1..=i64::from(WEIGHT_MAX)));
    Some((account.into(), share?))
}

fn callback(section: &mut Section<'_>) -> Option<CallbackPolicy> {
    let initial = section.needed("initial_interval", duration("1ms", "1h"));
    let multiplier = section.needed("multiplier", count(1..=10));
    let max = section.needed("max_interval", duration("1ms", "24h"));
    let max_elapsed = section.needed("max_elapsed", duration("1s", "7d"));
    check_order(section, "max_interval", ("initial_interval", initial), max);
    let backoff = Backoff { initial: initial?, multiplier: multiplier?, max: max? };
    Some(CallbackPolicy { backoff, max_elapsed: max_elapsed? })
}

/// When somebody is let alone. `different` is the key of how many it takes to say so.
fn breaker(section: &mut Section<'_>, different: &'static str) -> Option<BreakerPolicy> {
    let most = i64::from(BreakerPolicy::CALLBACKS_MAX);
    let failures = section.needed("breaker_failures", count(0..=1_000));
    let callbacks = section.needed(different, count(1..=most));
    let hold = section.needed("breaker_hold", duration("10ms", "1h"));
    let hold_max = section.needed("breaker_hold_max", duration("10ms", "1h"));
    check_order(section, "breaker_hold_max", ("breaker_hold", hold), hold_max);
    Some(BreakerPolicy {
        failures: failures?,
        callbacks: callbacks?,
        hold: hold?,
        hold_max: hold_max?,
    })
}

impl Dispatch {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let initial = section.needed("retry_initial_interval", duration("1ms", "1h"));
        let multiplier = section.needed("retry_multiplier", count(1..=10));
        let max = section.needed("retry_max_interval", duration("1ms", "24h"));
        check_order(section, "retry_max_interval", ("retry_initial_interval", initial), max);
        let busy = section.needed("unavailable_initial_interval", duration("1ms", "5m"));
        let busy_max = section.needed("unavailable_max_interval", duration("1ms", "5m"));
        let key = "unavailable_max_interval";
        check_order(section, key, ("unavailable_initial_interval", busy), busy_max);
        let attempts_max = section.needed("attempts_max", count(1..=100_000));
        let function_limit = section.needed("function_limit", count(1..=100_000));
        let callbacks_max = section.needed("callbacks_max", count(1..=100_000));
        let destination_limit = section.needed("destination_limit", count(1..=100_000));
        let function_timeout = section.needed("function_timeout", duration("1ms", "24h"));
        let breaker = breaker(section, "breaker_invocations");
        let drain_timeout = section.needed("drain_timeout", duration("0s", "24h"));
        let function_error = Backoff { initial: initial?, multiplier: multiplier?, max: max? };
        let system_error = Backoff { initial: busy?, multiplier: 2, max: busy_max? };
        Some(Self {
            retry: RetryPolicy { function_error, system_error },
            attempts_max: attempts_max?,
            breaker: breaker?,
            function_limit: function_limit?,
            callbacks_max: callbacks_max?,
            destination_limit: destination_limit?,
            function_timeout: function_timeout?,
            drain_timeout: drain_timeout?,
        })
    }
}

impl Retention {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let finished = section.needed("finished", duration("1h", "365d"));
        let callbacks = section.needed("callbacks", duration("1h", "365d"));
        let purge_interval = section.needed("purge_interval", duration("1s", "24h"));
        Some(Self { finished: finished?, callbacks: callbacks?, purge_interval: purge_interval? })
    }
}

impl Limits {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let header_timeout = section.needed("header_timeout", duration("100ms", "1h"));
        let body_timeout = section.needed("body_timeout", duration("100ms", "1h"));
        let large_bodies = section.needed("large_bodies", size("32MiB", "64GiB"));
        let accept_deadline = section.needed("accept_deadline", duration("100ms", "1m"));
        let commit_lag_max = section.needed("commit_lag_max", duration("10ms", "1m"));
        let memory_max = section.optional("memory_max", size("8MiB", "1024GiB"));
        let accepts_max = section.needed("accepts_max", count(1..=1_000_000));
        let commit_ops_max = section.needed("commit_ops_max", count(1..=1_000_000));
        let sync_max = section.needed("sync_max", count(1..=100_000));
        let window = section.needed("window", count(1..=1_000_000));
        let windows = section.needed("windows", count(1_000..=100_000_000));
        let payload_cache = section.needed("payload_cache", size("1MiB", "64GiB"));
        Some(Self {
            header_timeout: header_timeout?,
            body_timeout: body_timeout?,
            large_bodies: large_bodies?,
            accept_deadline: accept_deadline?,
            commit_lag_max: commit_lag_max?,
            memory_max: memory_max.and_then(|bytes| u64::try_from(bytes).ok()),
            accepts_max: accepts_max?,
            commit_ops_max: commit_ops_max?,
            sync_max: sync_max?,
            window: window?,
            windows: windows?,
            payload_cache: payload_cache?,
        })
    }
}

/// The longest wait is not shorter than the first.
fn check_order(
    section: &Section<'_>,
    key: &str,
    (first_key, first): (&str, Option<Duration>),
    longest: Option<Duration>,
) {
    if let (Some(first), Some(longest)) = (first, longest)
        && longest < first
    {
        let problem = format!("must not be shorter than {first_key} ({first:?}), got {longest:?}");
        section.reading().note(&section.path_of(key), problem);
    }
}
