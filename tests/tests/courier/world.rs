//! One daemon on a store in memory, with functions and destinations that do as they are told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::{Arn, SinkKind};
use invoked_core::directory::FunctionKind;
use invoked_core::envelope::Identity;
use invoked_core::id::RequestId;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::terms::AsyncConfig;
use invoked_core::time::Timestamp;
use invoked_core::totals::Metric;
use invoked_engine::clock::TokioClock;
use invoked_engine::{
    Engine, EngineConfig, FunctionChange, Handle, InvokeError, InvokeRequest, Parts, Seed,
    StatusMode, TaskWish,
};
use invoked_sink::{Sink, Target};
use invoked_store::{NodeId, Store};
use invoked_testkit::function::ScriptedFunction;
use invoked_testkit::mem_store::{Faults, MemStore, MemStoreConfig};
use invoked_testkit::sink::{ScriptedSink, Told};
use invoked_testkit::timeline::Timeline;
use tokio::task::JoinHandle;

pub const QUEUE: &str = "acs:mns:::/queues/q/messages";
pub const OTHER: &str = "acs:mns:::/queues/other/messages";
/// Functions, and who is told of their successes.
const FUNCTIONS: [(&str, Option<&str>); 6] = [
    ("told", Some(QUEUE)),
    ("other", Some(OTHER)),
    ("plain", None),
    ("hung-1", Some("acs:mns:::/queues/hung-1/messages")),
    ("hung-2", Some("acs:mns:::/queues/hung-2/messages")),
    ("hung-3", Some("acs:mns:::/queues/hung-3/messages")),
];

pub const START_MS: i64 = 1_800_000_000_000;

/// How the daemon ends between two lives.
#[derive(Copy, Clone, Debug)]
pub enum End {
    /// At once, with what the store has synced.
    Killed,
    /// In order.
    ShutDown,
}

pub struct World {
    pub timeline: Timeline,
    pub functions: ScriptedFunction,
    pub sink: ScriptedSink,
    config: EngineConfig,
    store: MemStore,
    engine: Option<Engine>,
    lives: u32,
}

pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl World {
    /// Call inside a runtime whose time is paused.
    pub async fn start() -> Self {
        Self::start_with(defaults()).await
    }

    /// The same, configured so.
    pub async fn start_with(config: EngineConfig) -> Self {
        let timeline = Timeline::starting_at(Timestamp::from_millis(START_MS));
        let mut world = Self {
            timeline,
            functions: ScriptedFunction::new(timeline),
            sink: ScriptedSink::new(timeline),
            config,
            store: MemStore::new(MemStoreConfig::default()),
            engine: None,
            lives: 0,
        };
        world.live().await;
        world
    }

    async fn live(&mut self) {
        self.lives += 1;
        let parts = parts(
            Arc::new(self.store.clone()),
            self.lives,
            (Arc::new(self.functions.clone()), Arc::new(self.sink.clone())),
            self.timeline,
        );
        self.engine = Some(started(self.config.clone(), parts).await);
    }

    /// The daemon ends, and begins another life on the same store.
    pub async fn restart(&mut self, end: End) {
        self.end(end).await;
        self.live().await;
    }

    /// The daemon is killed, and nobody starts it for a while.
    pub async fn away(&mut self, span: Duration) {
        self.end(End::Killed).await;
        tokio::time::sleep(span).await;
        self.live().await;
    }

    async fn end(&mut self, end: End) {
        let engine = self.engine.take().expect("it runs");
        match end {
            End::Killed => {
                drop(engine);
                self.store = self.store.crash();
            }
            End::ShutDown => {
                engine.shutdown(Duration::from_secs(1)).await.expect("the store closes");
                self.store = self.store.reopen();
            }
        }
    }

    pub fn handle(&self) -> Handle {
        self.engine.as_ref().expect("it runs").handle()
    }

    /// The store of the present life.
    pub fn store(&self) -> &MemStore {
        &self.store
    }

    /// From here on a commit takes this long.
    pub fn commits_take(&self, span: Duration) {
        let faults = Faults { commit_delay: span..=span, ..Faults::default() };
        self.store().set_faults(faults);
    }

    /// Invokes without waiting for the commit.
    pub fn invoking(&self, function: &str) -> JoinHandle<Result<RequestId, InvokeError>> {
        let (handle, request) = (self.handle(), request(function, Bytes::from_static(b"{}")));
        tokio::spawn(async move { Ok(handle.invoke_async(request).await?.request_id) })
    }

    pub async fn invoke(&self, function: &str) -> RequestId {
        invoke(&self.handle(), function).await
    }

    /// The tries of an invocation's callback so far, as times since the first of them.
    pub fn tries(&self, of: RequestId) -> Vec<Duration> {
        let told: Vec<Told> =
            self.sink.told().into_iter().filter(|told| told.request_id == of).collect();
        let first = told.first().map(|told| told.started_at);
        told.iter().filter_map(|told| Some(told.started_at.since(first?))).collect()
    }

    /// [`counts`] of the daemon as it is now.
    pub fn counts(&self) -> (u64, u64) {
        counts(&self.handle())
    }
}

/// Callbacks delivered and callbacks given up: Succeed and Errors, from the durable totals.
pub fn counts(handle: &Handle) -> (u64, u64) {
    let totals = handle.totals();
    let sum = |wanted| totals.iter().filter(|(key, _)| key.metric == wanted).map(|of| of.1).sum();
    (sum(Metric::CallbackDelivered(SinkKind::Mns)), sum(Metric::CallbackFailed(SinkKind::Mns)))
}

/// What an engine on this store reaches the world through.
pub fn parts(
    store: Arc<dyn Store>,
    life: u32,
    (functions, sink): (Arc<dyn Target>, Arc<dyn Sink>),
    timeline: Timeline,
) -> Parts {
    Parts {
        store,
        node: NodeId(format!("node-{life}").into()),
        runtime: functions,
        remote: None,
        sinks: BTreeMap::from([(SinkKind::Mns, sink)]),
        spans: None,
        clock: Arc::new(TokioClock::starting_at(timeline.now())),
    }
}

/// The documented defaults.
pub fn defaults() -> EngineConfig {
    EngineConfig::new(Identity { region: "cn-test".into(), account: "1".into() }, 1)
}

/// What every function here is.
pub fn change() -> FunctionChange {
    FunctionChange {
        kind: FunctionKind::Event,
        url: Some("http://function".into()),
        timeout: None,
        concurrency: None,
        rate: None,
        weight: None,
        qualifiers: [].into(),
        status: StatusMode::Header,
        initialize: false,
        attributes: "{}".into(),
    }
}

/// A daemon with [`FUNCTIONS`].
pub async fn started(config: EngineConfig, parts: Parts) -> Engine {
    let seed = |(name, to): (&str, Option<&str>)| Seed {
        name: FunctionName::parse(name).expect("a name"),
        change: change(),
        config: Some(AsyncConfig {
            on_success: to.map(|to| Arn::parse(to).expect("an ARN")),
            on_failure: None,
            max_retry_attempts: Some(0),
            max_event_age_seconds: None,
            async_task: None,
        }),
    };
    Engine::start(config, parts, FUNCTIONS.map(seed).into()).await.expect("it starts")
}

pub async fn invoke(handle: &Handle, function: &str) -> RequestId {
    invoke_with(handle, function, Bytes::from_static(b"{}")).await
}

pub async fn invoke_with(handle: &Handle, function: &str, payload: Bytes) -> RequestId {
    handle.invoke_async(request(function, payload)).await.expect("it is accepted").request_id
}

pub fn request(function: &str, payload: Bytes) -> InvokeRequest {
    InvokeRequest {
        function: FunctionKey::new("1", FunctionName::parse(function).expect("a name")),
        qualifier: Qualifier::LATEST,
        payload,
        delay: Duration::ZERO,
        task_id: None,
        task: TaskWish::AsConfigured,
        depth: 0,
        trace: None,
    }
}
