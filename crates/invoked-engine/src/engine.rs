//! Bringing an engine to life and to its end.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use invoked_core::id::ShardId;
use invoked_core::shard::{ShardConfig, ShardCore};
use invoked_core::totals::Totals;
use invoked_store::{Lease, NodeId, Retention, Store, StoreError, Submission};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::admission::Admission;
use crate::config::{EngineConfig, Parts};
use crate::destinations::PROBES_MAX;
use crate::flow::Flow;
use crate::functions::Functions;
use crate::handle::{Handle, ShardPort, Shared};
use crate::operations::run::Runner;
use crate::operations::{self, Operations};
use crate::random::Random;
use crate::reconfigure::{Outside, ReconfigureError, Removed};
use crate::registry::Seed;
use crate::shard::lag::Lag;
use crate::shard::{Ask, Reads, Replies, ShardTask};
use crate::telemetry::{FunctionMeters, Names};

/// Questions that may wait for a shard.
const ASKS_MAX: usize = 256;
/// How long a kind of destination may take to close its connections.
pub(crate) const SINK_CLOSE_MAX: Duration = Duration::from_secs(5);

/// The engine cannot go on: the process has to end and recover from the store.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Fatal {
    reason: String,
}

impl Fatal {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// The engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else owns the shard. Wait for them to end.
    #[error("shard {shard} is owned by another process")]
    Owned {
        /// Which.
        shard: u16,
    },
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
    /// The functions of the file cannot be brought in.
    #[error("cannot bring in the functions of the file")]
    Seeds(#[source] ReconfigureError),
}

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    pub(crate) handle: Handle,
    pub(crate) tasks: JoinSet<Result<(), Fatal>>,
    pub(crate) background: JoinSet<()>,
}

impl Engine {
    /// Takes the store's shards, brings in the functions of the operator's file, and only then brings the
    /// shards to life: due work starts at once, and as the file says.
    ///
    /// # Errors
    /// Somebody else owns a shard, the store did not answer, or something speaks against a function.
    pub async fn start(
        config: EngineConfig,
        parts: Parts,
        seeds: Vec<Seed>,
    ) -> Result<Self, StartError> {
        let mut registered = Functions::load(parts.store.as_ref()).await?;
        registered.roles = Arc::clone(&config.roles);
        let snapshot = Arc::new(registered.snapshot(&config));
        let shards = parts.store.caps().shards;
        let mut inboxes = Vec::new();
        let mut ports = Vec::new();
        for shard in (0..shards).map(ShardId) {
            let (accepts, accepting) = mpsc::channel(config.accepts_max);
            let (asks, asked) = mpsc::channel(ASKS_MAX);
            ports.push(ShardPort { id: shard, accepts, asks });
            inboxes.push((shard, accepting, asked));
        }
        let (commands, commanded) = mpsc::channel(operations::WAITING_MAX);
        let outside = Outside {
            runtime: parts.runtime,
            remote: parts.remote,
            sinks: parts.sinks,
            removed: Removed::default(),
        };
        let names = Arc::new(Names::default());
        let shared = Arc::new(Shared {
            meters: std::sync::Mutex::new(FunctionMeters::new(Arc::clone(&names))),
            names,
            random: Random::seeded(config.seed),
            sync_slots: RwLock::new(Arc::new(Semaphore::new(config.sync_max))),
            probe_slots: Semaphore::new(PROBES_MAX),
            operations: Operations { shown: RwLock::default(), commands },
            snapshot: RwLock::new(snapshot),
            changes: Mutex::new(()),
            in_file: RwLock::default(),
            errands: std::sync::Mutex::default(),
            totals: RwLock::default(),
            is_accepting: AtomicBool::new(true),
            admission: Admission::new(&config, shards),
            flow: Flow::default(),
            shards: ports,
            store: parts.store,
            clock: parts.clock,
            spans: parts.spans,
            outside: RwLock::new(Arc::new(outside)),
            retired: std::sync::Mutex::default(),
            identity: config.identity.clone(),
            current: watch::Sender::new(Arc::new(config)),
        });
        let leases = acquire_all(shared.store.as_ref(), &parts.node, shards).await?;
        let handle = Handle { shared };
        handle.seed(seeds).await.map_err(StartError::Seeds)?;
        let (shared, snapshot) = (&handle.shared, handle.shared.snapshot());
        let mut tasks = JoinSet::new();
        for ((shard, accepts, asks), lease) in inboxes.into_iter().zip(leases) {
            let totals = shared.store.totals(shard).await?;
            let lanes = shared.store.lanes(shard).await?;
            if let Ok(mut published) = shared.totals.write() {
                published.extend(totals.iter().map(|total| (total.key.clone(), total.value)));
            }
            let core = ShardCore::new(
                shard_config(&shared.config(), shard, shared.shards.len()),
                Arc::clone(&snapshot.directory),
                Totals::restored(totals),
                &lanes,
                shared.clock.now(),
            );
            let task = ShardTask {
                core,
                lease,
                shared: Arc::clone(shared),
                snapshot: Arc::clone(&snapshot),
                accepts,
                asks,
                work: JoinSet::new(),
                attempts: std::collections::BTreeMap::new(),
                calls: std::collections::BTreeMap::new(),
                replies: Replies::default(),
                lag: Lag::default(),
                reads: Reads::default(),
                meters: FunctionMeters::new(Arc::clone(&shared.names)),
            };
            tasks.spawn(task.run());
        }
        let mut background = JoinSet::new();
        background.spawn(purge(handle.clone()));
        background.spawn(crate::stuck::watch(handle.clone()));
        background.spawn(Runner::load(handle.clone(), commanded).await?.run());
        let engine = Self { handle, tasks, background };
        engine.apply_submissions().await?;
        Ok(engine)
    }

    /// What the rest of the program talks to the engine through.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until the engine cannot go on. Never returns while all is well.
    pub async fn failed(&mut self) -> Fatal {
        match self.tasks.join_next().await {
            Some(Ok(Err(fatal))) => fatal,
            Some(Ok(Ok(()))) | None => Fatal::new("a shard's task has ended"),
            Some(Err(error)) => Fatal::new(format!("a shard's task broke: {error}")),
        }
    }

    /// Does what nodes that did not own a shard have asked for.
    async fn apply_submissions(&self) -> Result<(), StoreError> {
        for shard in &self.handle.shared.shards {
            for (number, submission) in self.handle.shared.store.submissions(shard.id).await? {
                let Submission::Stop { key } = submission;
                let (reply, answer) = oneshot::channel();
                if shard.asks.send(Ask::Stop { key, reply }).await.is_ok() && answer.await.is_ok() {
                    self.handle.shared.store.acknowledge(shard.id, &[number]).await?;
                }
            }
        }
        Ok(())
    }
}

async fn acquire_all(
    store: &dyn Store,
    node: &NodeId,
    shards: u16,
) -> Result<Vec<Lease>, StartError> {
    let mut leases = Vec::new();
    for shard in (0..shards).map(ShardId) {
        let lease = store.acquire(node, shard).await?;
        leases.push(lease.ok_or(StartError::Owned { shard: shard.0 })?);
    }
    Ok(leases)
}

async fn purge(handle: Handle) {
    let mut changes = handle.shared.current.subscribe();
    loop {
        let config = handle.shared.config();
        let retention =
            Retention { records: config.retention, callbacks: config.callback_retention };
        match handle.shared.store.purge(handle.now(), retention).await {
            Ok(0) => {}
            Ok(buckets) => tracing::info!(
                event = "records_dropped",
                buckets,
                "dropped records past their retention"
            ),
            Err(error) => {
                tracing::warn!(event = "records_not_dropped", %error, "cannot drop records past their retention")
            }
        }
        tokio::select! {
            () = tokio::time::sleep(config.purge_interval) => {}
            // The sender lives as long as the handle.
            _changed = changes.changed() => {}
        }
    }
}

/// What one of so many shards works by.
pub(crate) fn shard_config(config: &EngineConfig, shard: ShardId, shards: usize) -> ShardConfig {
    ShardConfig {
        shard,
        retry: config.retry,
        callback: config.callback,
        breaker: config.breaker,
        function_breaker: config.function_breaker,
        window_max: config.window_max,
        windows_max: config.windows_max / shards.max(1),
        attempts_max: config.attempts_max,
        callbacks_max: config.callbacks_max,
        function_limit: config.function_limit,
        destination_limit: config.destination_limit,
        payload_cache_bytes: config.payload_cache_bytes,
        ops_max: config.commit_ops_max,
        started_mark_after: invoked_core::limits::STARTED_MARK_AFTER,
        task_mark_after: invoked_core::limits::TASK_MARK_AFTER,
        defect: config.defect,
    }
}
