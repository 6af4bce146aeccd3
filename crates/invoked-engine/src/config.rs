//! What an engine is made of.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use invoked_core::arn::SinkKind;
use invoked_core::breaker::BreakerPolicy;
use invoked_core::callback::CallbackPolicy;
use invoked_core::envelope::Identity;
use invoked_core::life::RetryPolicy;
use invoked_core::role::Roles;
use invoked_core::shard::Defect;
use invoked_sink::{Sink, Spans, Target};
use invoked_store::{NodeId, Store};

use crate::clock::Clock;
use crate::target_check::TargetCheck;

/// How the engine works.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Who the daemon is in ARNs.
    pub identity: Identity,
    /// What functions with a role may tell, to begin with.
    pub roles: Arc<Roles>,
    /// Waits between attempts.
    pub retry: RetryPolicy,
    /// Waits between tries of a callback, and their end.
    pub callback: CallbackPolicy,
    /// When destinations are let alone, and for how long.
    pub breaker: BreakerPolicy,
    /// When functions are let alone, and for how long.
    pub function_breaker: BreakerPolicy,
    /// Shares of accounts in the turns of all functions; those that are not named have 1.
    pub shares: Arc<BTreeMap<Box<str>, u32>>,
    /// How long one try of a callback may take, whatever its sink does.
    pub call_timeout: Duration,
    /// Rows that one lane keeps in memory.
    pub window_max: usize,
    /// Rows that all lanes together keep in memory, about; evenly over the shards.
    pub windows_max: usize,
    /// Attempts under way at a time, over all functions.
    pub attempts_max: usize,
    /// Callbacks under way at a time, over all destinations.
    pub callbacks_max: usize,
    /// The most attempts under way at a time for a function without a limit of its own.
    pub function_limit: u32,
    /// Callbacks under way at a time for one destination.
    pub destination_limit: u32,
    /// Bytes of payloads of waiting rows that are kept in memory.
    pub payload_cache_bytes: usize,
    /// Accepts that may wait for a shard.
    pub accepts_max: usize,
    /// Operations that may wait for a commit before accepts have to.
    pub commit_ops_max: usize,
    /// How long an accept waits for its commit before the caller is told to try again.
    pub accept_deadline: Duration,
    /// How long the oldest of what is accepted may wait for its commit before new asynchronous
    /// invocations are refused; below half of it they are taken again.
    pub commit_lag_max: Duration,
    /// Resident bytes of the process above which new asynchronous invocations are refused; below nine
    /// tenths of it they are taken again. Somebody has to tell them: [`crate::Handle::note_memory`].
    pub memory_max: Option<u64>,
    /// Synchronous invocations at a time.
    pub sync_max: usize,
    /// How long finished records are kept.
    pub retention: Duration,
    /// How long callbacks that were given up are kept.
    pub callback_retention: Duration,
    /// How often the store is asked to drop what the retention no longer covers.
    pub purge_interval: Duration,
    /// Timeout of a function that sets none.
    pub function_timeout: Duration,
    /// Seed of ids and tokens; has to be unpredictable outside of tests.
    pub seed: u64,
    /// A deliberate mistake, for the simulation's own tests.
    pub defect: Option<Defect>,
    /// The default of `maxAsyncRetryAttempts`.
    pub default_retries: u8,
    /// The default of `maxAsyncEventAgeInSeconds`.
    pub default_event_age_seconds: u32,
    /// Where clients may say that a function lives.
    pub target_check: TargetCheck,
}

impl EngineConfig {
    /// The documented defaults for a daemon of this identity.
    #[must_use]
    pub fn new(identity: Identity, seed: u64) -> Self {
        Self {
            identity,
            roles: Arc::default(),
            retry: RetryPolicy::default(),
            callback: CallbackPolicy::default(),
            breaker: BreakerPolicy::default(),
            function_breaker: BreakerPolicy { failures: 16, ..BreakerPolicy::default() },
            shares: Arc::default(),
            call_timeout: Duration::from_secs(60),
            window_max: 4_096,
            windows_max: 65_536,
            attempts_max: 1_024,
            callbacks_max: 768,
            function_limit: 256,
            destination_limit: 256,
            payload_cache_bytes: 32 * 1024 * 1024,
            accepts_max: 4_096,
            commit_ops_max: 8_192,
            accept_deadline: Duration::from_secs(5),
            commit_lag_max: Duration::from_millis(500),
            memory_max: None,
            sync_max: 256,
            retention: Duration::from_secs(7 * 86_400),
            callback_retention: Duration::from_secs(7 * 86_400),
            purge_interval: Duration::from_secs(3_600),
            function_timeout: Duration::from_secs(60),
            seed,
            defect: None,
            default_retries: invoked_core::limits::RETRY_ATTEMPTS_DEFAULT,
            default_event_age_seconds: invoked_core::limits::EVENT_AGE_SECONDS_DEFAULT,
            target_check: TargetCheck::default(),
        }
    }
}

/// What the engine reaches the world through.
pub struct Parts {
    /// Where invocations are durable.
    pub store: Arc<dyn Store>,
    /// This process, among those that may own shards.
    pub node: NodeId,
    /// Functions that are processes.
    pub runtime: Arc<dyn Target>,
    /// Functions of a remote Function Compute, where one is configured.
    pub remote: Option<Arc<dyn Target>>,
    /// Destinations, by kind. A kind that is missing here settles its callbacks as failed.
    pub sinks: BTreeMap<SinkKind, Arc<dyn Sink>>,
    /// Whoever wants to see what is done, as spans of traces.
    pub spans: Option<Arc<dyn Spans>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("node", &self.node).finish_non_exhaustive()
    }
}
