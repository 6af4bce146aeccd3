//! Another configuration for an engine that runs: judged whole, then durable, then in force.
//!
//! # Invariants
//!
//! - What is refused changes nothing, and all that is wrong with it is said.
//! - Calls under way end with the adapters that they began with; these are closed when nobody uses them.
//! - What is owed to an instance that is no longer configured is held and not lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use invoked_core::arn::{Arn, SinkKind};
use invoked_core::envelope::Identity;
use invoked_core::id::FnId;
use invoked_core::shard::ShardConfig;
use invoked_sink::{Sink, Target};
use invoked_store::StoreError;
use tokio::sync::{Semaphore, oneshot};

use crate::config::EngineConfig;
use crate::engine::{SINK_CLOSE_MAX, shard_config};
use crate::functions::Functions;
use crate::handle::{Handle, Shared};
use crate::registry::{Origin, Seed};
use crate::shard::Ask;
use crate::targets::check_remote;

/// How often it is looked whether an adapter that was replaced is still in use.
const RETIRED_LOOK: Duration = Duration::from_millis(100);

/// What the engine calls functions and tells destinations through. Replaced whole.
#[derive(Clone)]
pub struct Outside {
    /// Functions that are processes.
    pub runtime: Arc<dyn Target>,
    /// Functions of a remote Function Compute, where one is configured.
    pub remote: Option<Arc<dyn Target>>,
    /// Destinations, by kind. A kind that is missing here settles its callbacks as failed.
    pub sinks: BTreeMap<SinkKind, Arc<dyn Sink>>,
    /// The destinations whose instance was configured once and is no more: what they are owed is held, unless
    /// they are functions of this daemon, which need none.
    pub removed: Removed,
}

type IsRemoved = dyn Fn(&Arn) -> bool + Send + Sync;

/// Says whether the instance of a destination was taken out of the configuration while the daemon ran.
/// [`Removed::default`] is none.
#[derive(Clone, Default)]
pub struct Removed(Option<Arc<IsRemoved>>);

impl Removed {
    /// What `is_removed` says. It must not block.
    #[must_use]
    pub fn new(is_removed: impl Fn(&Arn) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_removed)))
    }

    /// Those of both.
    fn or(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => {
                let (one, other) = (Arc::clone(one), Arc::clone(other));
                Self::new(move |arn| one(arn) || other(arn))
            }
            (one, other) => Self(one.as_ref().or(other.as_ref()).map(Arc::clone)),
        }
    }
}

/// Another configuration.
#[derive(Clone, Debug)]
pub struct Reconfiguration {
    /// How the engine works. Identity, seed, `accepts_max` and `defect` stay what they were.
    pub config: EngineConfig,
    /// What is called and told; `None` leaves it as it is.
    pub outside: Option<Outside>,
    /// The functions of the operator's file, all of them.
    pub functions: Vec<Seed>,
}

/// What is wrong with a configuration, as far as only the engine can see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigProblem {
    /// The key, such as `functions.hello`.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// A configuration was not taken, and nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ReconfigureError {
    /// Mend these.
    #[error("{}", in_one_line(.0))]
    Problems(Vec<ConfigProblem>),
    /// The store did not take it. Try again.
    #[error("the store did not take the change")]
    Store(#[from] StoreError),
}

fn in_one_line(problems: &[ConfigProblem]) -> String {
    let shown: Vec<_> = problems.iter().map(|of| format!("{}: {}", of.path, of.message)).collect();
    shown.join("; ")
}

impl Handle {
    /// What speaks against a configuration. Changes nothing.
    #[must_use]
    pub fn check_config(&self, wanted: &Reconfiguration) -> Vec<ConfigProblem> {
        let registered = &self.shared.snapshot().functions;
        let mut problems = self.check_seeds(registered, &wanted.functions);
        if wanted.outside.is_some() {
            problems.extend(check_targets(registered, &wanted.config, &wanted.functions));
        }
        problems
    }

    /// Works as this says from here on. The caller may go away: it is done to its end.
    ///
    /// # Errors
    /// Something registered speaks against it, or the store did not take it.
    pub async fn reconfigure(&self, wanted: Reconfiguration) -> Result<(), ReconfigureError> {
        let this = self.clone();
        let change = async move { this.reconfigure_to_the_end(wanted).await };
        self.shared.to_the_end(change).await?
    }

    async fn reconfigure_to_the_end(
        &self,
        wanted: Reconfiguration,
    ) -> Result<(), ReconfigureError> {
        let _changing = self.shared.changes.lock().await;
        let problems = self.check_config(&wanted);
        if !problems.is_empty() {
            return Err(ReconfigureError::Problems(problems));
        }
        let Reconfiguration { config, outside, functions } = wanted;
        let old = self.shared.snapshot();
        let fixed = self.shared.config();
        let config = EngineConfig {
            identity: fixed.identity.clone(),
            seed: fixed.seed,
            accepts_max: fixed.accepts_max,
            defect: fixed.defect,
            ..config
        };
        // The only part that can fail.
        let mut registered = self.write_seeds(&old.functions, &functions, &config).await?;
        registered.roles = Arc::clone(&config.roles);
        self.shared.note_in_file(&functions);
        if let Some(outside) = outside {
            // Held before its sink is gone, and let go after its sink is there.
            let removed = outside.removed.clone();
            let mut between = old.functions.clone();
            between.removed = between.removed.or(&removed);
            self.shared.publish(&between).await;
            self.shared.retire(outside);
            registered.removed = removed;
        }
        self.shared.adopt(config).await;
        self.shared.publish(&registered).await;
        Ok(())
    }
}

impl Functions {
    /// The destinations whose instance was taken out of the configuration. A function that is registered here
    /// needs none; which ones are changes with them.
    pub(crate) fn unconfigured(&self, identity: &Identity) -> BTreeSet<FnId> {
        let Some(is_removed) = &self.removed.0 else { return BTreeSet::new() };
        let accounts: BTreeSet<&str> =
            self.functions.keys().map(|function| &*function.account).collect();
        // As messages are routed. Whose account a short ARN means depends on who tells it; what any of them
        // has here is not held, since all wait in one lane.
        let is_here = |arn: &Arn| {
            let mut own = accounts.iter().filter_map(|account| identity.own_function(account, arn));
            own.any(|(function, _)| self.functions.contains_key(&function))
        };
        let removed = self.destinations.iter().filter(|(arn, _)| {
            let arn = Arn::parse(arn);
            arn.is_ok_and(|arn| is_removed(&arn) && !is_here(&arn))
        });
        removed.map(|(_, id)| *id).collect()
    }
}

impl Shared {
    /// How the engine works, as it is now.
    pub(crate) fn config(&self) -> Arc<EngineConfig> {
        Arc::clone(&self.current.borrow())
    }

    /// What is called and told, as it is now.
    pub(crate) fn outside(&self) -> Arc<Outside> {
        Arc::clone(&self.outside.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the configuration, and tells the shards.
    async fn adopt(&self, config: EngineConfig) {
        self.admission.adopt(&config);
        if config.sync_max != self.config().sync_max {
            let slots = Arc::new(Semaphore::new(config.sync_max));
            *self.sync_slots.write().unwrap_or_else(PoisonError::into_inner) = slots;
        }
        let config = Arc::new(config);
        self.current.send_replace(Arc::clone(&config));
        for shard in &self.shards {
            let (reply, answer) = oneshot::channel();
            let config: Box<ShardConfig> =
                Box::new(shard_config(&config, shard.id, self.shards.len()));
            // A shard that is gone has no use for it.
            if shard.asks.send(Ask::Config { config, reply }).await.is_ok() {
                let _gone = answer.await;
            }
        }
    }

    /// Replaces what is called and told. Sinks that are no longer there are closed when the last delivery
    /// has ended.
    fn retire(&self, outside: Outside) {
        let old = {
            let mut present = self.outside.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *present, Arc::new(outside.clone()))
        };
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        while retired.try_join_next().is_some() {}
        for (kind, sink) in &old.sinks {
            let stays = outside.sinks.get(kind).is_some_and(|new| Arc::ptr_eq(new, sink));
            if !stays {
                retired.spawn(close_unused(*kind, Arc::downgrade(&old), Arc::clone(sink)));
            }
        }
    }
}

/// Closes a sink when nobody delivers through it any more.
async fn close_unused(kind: SinkKind, outside: std::sync::Weak<Outside>, sink: Arc<dyn Sink>) {
    // Whoever delivers holds the sink or what it was part of.
    while outside.strong_count() > 0 || Arc::strong_count(&sink) > 1 {
        tokio::time::sleep(RETIRED_LOOK).await;
    }
    close(kind, sink.as_ref()).await;
}

/// A sink that does not end is left to the end of the process.
pub(crate) async fn close(kind: SinkKind, sink: &dyn Sink) {
    if tokio::time::timeout(SINK_CLOSE_MAX, sink.close()).await.is_err() {
        tracing::warn!(
            event = "sink_not_closed",
            kind = kind.as_str(),
            "a kind of destination does not close"
        );
    }
}

/// Functions that clients have put behind an instance that would be gone: their invocations would fail.
fn check_targets(
    registered: &Functions,
    config: &EngineConfig,
    file: &[Seed],
) -> Vec<ConfigProblem> {
    let is_in_file = |name| file.iter().any(|seed| &seed.name == name);
    let of_clients = registered
        .functions
        .values()
        .filter(|record| record.origin == Origin::Api || !is_in_file(&record.name));
    of_clients
        .filter_map(|record| {
            let problem = check_remote(record.url.as_deref()?, &config.target_check).err()?;
            let name = &record.name;
            let message =
                format!("the function '{name}' is there: {problem}; move or delete it first");
            Some(ConfigProblem { path: "sinks.fc".to_owned(), message })
        })
        .collect()
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").finish_non_exhaustive()
    }
}

impl fmt::Debug for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removed").finish_non_exhaustive()
    }
}
