//! What the rest of the program talks to the engine through.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use invoked_core::directory::{Directory, Function};
use invoked_core::envelope::Identity;
use invoked_core::head::Head;
use invoked_core::id::{FnId, InvKey, ShardId};
use invoked_core::name::FunctionKey;
use invoked_core::shard::ShardView;
use invoked_core::time::Timestamp;
use invoked_core::totals::{Balance, TotalKey};
use invoked_core::trace::TraceContext;
use invoked_sink::{Spans, Step, TargetSpec};
use invoked_store::{Store, StoreError, StoreStats};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::admission::Admission;
use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::error::InvokeError;
use crate::flow::{Flow, FlowView};
use crate::functions::Functions;
use crate::operations::Operations;
use crate::random::Random;
use crate::reconfigure::Outside;
use crate::shard::{Ask, Message};
use crate::spans::UnderWay;
use crate::telemetry::{FunctionMeters, Names};

/// The engine, as others see it. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

/// What all parts of the engine share. No lock in it is ever held over I/O but `changes`, whose
/// purpose is to let one change of the registry follow another.
pub(crate) struct Shared {
    /// Who the daemon is. Nothing changes it.
    pub(crate) identity: Identity,
    /// How it works, replaced whole.
    pub(crate) current: watch::Sender<Arc<EngineConfig>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spans: Option<Arc<dyn Spans>>,
    pub(crate) random: Random,
    pub(crate) shards: Vec<ShardPort>,
    pub(crate) snapshot: RwLock<Arc<Snapshot>>,
    pub(crate) changes: Mutex<()>,
    /// The functions that the operator's file names.
    pub(crate) in_file: RwLock<BTreeSet<FunctionKey>>,
    /// Changes of the registry under way. They run to their end whether or not somebody waits.
    pub(crate) errands: std::sync::Mutex<JoinSet<()>>,
    /// Replaced whole when there are to be more or fewer; permits go back to where they came from.
    pub(crate) sync_slots: RwLock<Arc<Semaphore>>,
    pub(crate) probe_slots: Semaphore,
    pub(crate) operations: Operations,
    pub(crate) totals: RwLock<BTreeMap<TotalKey, u64>>,
    pub(crate) is_accepting: AtomicBool,
    pub(crate) admission: Admission,
    pub(crate) flow: Flow,
    pub(crate) outside: RwLock<Arc<Outside>>,
    /// Sinks that were replaced and have yet to be closed.
    pub(crate) retired: std::sync::Mutex<JoinSet<()>>,
    /// The functions that metrics show by name.
    pub(crate) names: Arc<Names>,
    /// What synchronous calls and refused invocations are counted with.
    pub(crate) meters: std::sync::Mutex<FunctionMeters>,
}

/// The registry as it is now, replaced whole when it changes.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) functions: Functions,
    pub(crate) directory: Arc<Directory>,
    pub(crate) targets: BTreeMap<FnId, Arc<TargetSpec>>,
    /// Functions whose new invocations are refused, and why.
    pub(crate) disabled: BTreeMap<FnId, Arc<str>>,
}

impl Snapshot {
    /// Refuses an invocation of a function that its owner switched off.
    pub(crate) fn check_enabled(&self, function: &Function) -> Result<(), InvokeError> {
        match self.disabled.get(&function.id) {
            None => Ok(()),
            Some(reason) => Err(InvokeError::Disabled {
                function: function.name.clone(),
                reason: reason.as_ref().to_owned(),
            }),
        }
    }
}

/// The way into a shard's task.
pub(crate) struct ShardPort {
    pub(crate) id: ShardId,
    /// New invocations. Bounded: a full one is an overload that the caller is told of.
    pub(crate) accepts: mpsc::Sender<Message>,
    /// Everything else. Bounded: senders wait.
    pub(crate) asks: mpsc::Sender<Ask>,
}

/// The engine in figures, at one instant.
#[derive(Clone, Debug)]
pub struct EngineView {
    /// The shards.
    pub shards: Vec<ShardView>,
    /// Whether new invocations are taken.
    pub is_accepting: bool,
}

impl Handle {
    /// The functions as they are now.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.shared.snapshot().directory)
    }

    /// How the engine works, as it is now.
    #[must_use]
    pub fn config(&self) -> Arc<EngineConfig> {
        self.shared.config()
    }

    /// Who the daemon is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// What the engine calls and tells, as it is now.
    #[must_use]
    pub fn outside(&self) -> Arc<Outside> {
        self.shared.outside()
    }

    /// Waits until every shard has gone through a turn. Never returns while one does not.
    pub async fn turn(&self) {
        for shard in &self.shared.shards {
            let (reply, answer) = oneshot::channel();
            if shard.asks.send(Ask::Turn { reply }).await.is_ok() {
                let _gone = answer.await;
            }
        }
    }

    /// Now, by the engine's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The durable counts.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<TotalKey, u64> {
        self.shared.totals.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at every durable count, without a copy of them all. `look` must be quick: commits wait for it.
    pub fn each_total(&self, mut look: impl FnMut(&TotalKey, u64)) {
        let totals = self.shared.totals.read().unwrap_or_else(PoisonError::into_inner);
        totals.iter().for_each(|(key, value)| look(key, *value));
    }

    /// The sums of the durable counts.
    #[must_use]
    pub fn balance(&self) -> Balance {
        let mut balance = Balance::default();
        self.each_total(|key, value| balance.add(key.metric, value));
        balance
    }

    /// What passes through this process.
    #[must_use]
    pub fn flow(&self) -> FlowView {
        self.shared.flow.view()
    }

    /// The store in figures.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn store_stats(&self) -> Result<StoreStats, StoreError> {
        self.shared.store.stats().await
    }

    /// Whether new invocations are taken.
    #[must_use]
    pub fn is_accepting(&self) -> bool {
        self.shared.is_accepting.load(Ordering::Relaxed)
    }

    /// Whether the store has no room for new invocations.
    #[must_use]
    pub fn is_store_full(&self) -> bool {
        self.shared.store.is_full()
    }

    /// The engine in figures.
    pub async fn view(&self) -> EngineView {
        let mut shards = Vec::new();
        for shard in &self.shared.shards {
            let (reply, answer) = oneshot::channel();
            if shard.asks.send(Ask::View { reply }).await.is_ok()
                && let Ok(view) = answer.await
            {
                shards.push(view);
            }
        }
        EngineView { shards, is_accepting: self.is_accepting() }
    }

    /// The rows as their owner holds them in memory; `None` for those that it does not.
    pub(crate) async fn peek(&self, shard: ShardId, keys: Vec<InvKey>) -> Vec<Option<Head>> {
        let nowhere = vec![None; keys.len()];
        let Some(port) = self.shared.shard(shard) else { return nowhere };
        let (reply, answer) = oneshot::channel();
        match port.asks.send(Ask::Peek { keys, reply }).await {
            Ok(()) => answer.await.unwrap_or(nowhere),
            Err(_gone) => nowhere,
        }
    }
}

impl Shared {
    /// Runs a change to its end, even if the caller goes away in the middle: what is durable and
    /// what is in force must not part.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        change: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        {
            let mut errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
            while errands.try_join_next().is_some() {}
            errands.spawn(async move {
                let _gone = reply.send(change.await);
            });
        }
        answer.await.map_err(|_broke| StoreError::Closed)
    }

    /// Counts something that no shard sees. Nobody waits long: only a name that is new costs more
    /// than an addition.
    pub(crate) fn count(&self, count: impl FnOnce(&mut FunctionMeters)) {
        count(&mut self.meters.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Begins the span of a step, if spans are wanted; what follows goes on from it, instead of `trace`.
    pub(crate) fn span(&self, step: Step<'_>, trace: &mut Option<Arc<TraceContext>>) -> UnderWay {
        UnderWay::begin(self.spans.as_deref(), step, trace)
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn shard(&self, id: ShardId) -> Option<&ShardPort> {
        self.shards.iter().find(|port| port.id == id)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
