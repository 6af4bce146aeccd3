//! One world: clients, a daemon that dies and comes back, and the judgement at the end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::id::RequestId;
use invoked_core::name::{Qualifier, TaskId};
use invoked_core::shard::Defect;
use invoked_core::time::Timestamp;
use invoked_core::totals::{Metric, Totals};
use invoked_engine::clock::TokioClock;
use invoked_engine::{Engine, EngineConfig, Handle, InvokeError, InvokeRequest, Parts, TaskWish};
use invoked_store::{NodeId, Store};
use invoked_testkit::function::{Ending, ScriptedFunction};
use invoked_testkit::mem_store::{Faults, Lie, MemStore, MemStoreConfig};
use invoked_testkit::oracle::{Expected, Oracle, Promise};
use invoked_testkit::rng::{PerMille, Rng};
use invoked_testkit::script::Script;
use invoked_testkit::sink::{Reception, ScriptedSink};
use invoked_testkit::timeline::Timeline;
use tokio::task::JoinSet;

use crate::outside::{Watch, WatchedFunction, WatchedSink};
use crate::{books, operator, plan};

mod people;

const START_MS: i64 = 1_800_000_000_000;
const STEPS: u64 = 45;

#[derive(Copy, Clone, Default)]
pub struct Options {
    pub lie: Option<Lie>,
    pub defect: Option<Defect>,
}

/// What came of a world.
pub struct Run {
    pub accepted: u64,
    /// Redrives, of the store's own count.
    pub redriven: u64,
    pub worked: books::Worked,
    pub problems: Vec<String>,
    pub trace: String,
}

pub fn run(seed: u64, options: Options) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(seed, options);
        world.live().await;
        world.end().await
    })
}

struct World {
    rng: Rng,
    options: Options,
    config: EngineConfig,
    timeline: Timeline,
    store: MemStore,
    watch: Watch,
    functions: ScriptedFunction,
    sink: ScriptedSink,
    oracle: Oracle,
    engine: Option<Engine>,
    clients: JoinSet<()>,
    retries: u8,
    age_seconds: u32,
    sent: u64,
    starts: u64,
    redriven: u64,
    worked: books::Worked,
    /// The function whose lane is deep from the start on, which is what operators are for.
    deep: Option<&'static str>,
    /// Operations that do tasks again.
    retries_begun: usize,
    problems: Vec<String>,
    notes: Vec<String>,
}

impl World {
    fn new(seed: u64, options: Options) -> Self {
        let mut rng = Rng::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let timeline = Timeline::starting_at(Timestamp::from_millis(START_MS));
        let config = EngineConfig { defect: options.defect, ..plan::engine_config(&mut rng) };
        let mut faults = plan::faults(&mut rng);
        if options.lie == Some(Lie::RetryFailedSync) {
            faults.sync_failed = PerMille(100);
        }
        let store = MemStore::new(MemStoreConfig {
            seed: rng.word(),
            faults,
            lie: options.lie,
            ..MemStoreConfig::default()
        });
        let functions = ScriptedFunction::new(timeline);
        plan::script_functions(&functions, &mut rng);
        let sink = ScriptedSink::new(timeline);
        plan::script_sinks(&sink, &mut rng);
        Self {
            retries: u8::try_from(rng.below(4)).expect("small"),
            age_seconds: 1 + u32::try_from(rng.below(120)).expect("small"),
            watch: Watch::new(store.clone()),
            oracle: Oracle::default(),
            engine: None,
            clients: JoinSet::new(),
            sent: 0,
            starts: 0,
            redriven: 0,
            worked: books::Worked::default(),
            deep: None,
            retries_begun: 0,
            problems: Vec::new(),
            notes: Vec::new(),
            rng,
            options,
            config,
            timeline,
            store,
            functions,
            sink,
        }
    }

    fn handle(&self) -> Option<Handle> {
        self.engine.as_ref().map(Engine::handle)
    }

    async fn live(&mut self) {
        if self.rng.below(4) == 0 {
            self.start().await;
            self.burst();
        }
        for _ in 0..STEPS {
            if self.store.has_ended() {
                self.crash();
            }
            if self.engine.is_none() {
                self.start().await;
                continue;
            }
            if self.deep.is_some() && self.rng.below(8) == 0 {
                self.work_on_a_lane();
            }
            match self.rng.below(100) {
                0..60 => self.invoke(),
                60..72 => self.stop(),
                72..76 => self.list(),
                76..80 => self.change_doomed().await,
                80..84 => self.crash(),
                84..87 => self.shut_down().await,
                87..90 => self.redrive(),
                90..92 => self.redrive_many(),
                92..95 => self.work_on_a_lane(),
                95..97 => self.hold_a_lane(),
                _ => self.pause().await,
            }
            if self.rng.below(3) == 0 {
                self.pause().await;
            }
        }
    }

    async fn pause(&mut self) {
        let most = if self.rng.below(10) == 0 { 20_000 } else { 300 };
        let span = Duration::from_millis(self.rng.below(most));
        tokio::time::sleep(span).await;
    }

    async fn start(&mut self) {
        self.starts += 1;
        let function = WatchedFunction(self.watch.clone(), self.functions.clone());
        let sink = WatchedSink(self.watch.clone(), self.sink.clone());
        let parts = Parts {
            store: Arc::new(self.store.clone()),
            node: NodeId(format!("node-{}", self.starts).into()),
            runtime: Arc::new(function),
            remote: None,
            sinks: plan::sinks(Arc::new(sink)),
            spans: None,
            clock: Arc::new(TokioClock::starting_at(self.timeline.now())),
        };
        let config = EngineConfig { seed: self.rng.word(), ..self.config.clone() };
        let seeds = plan::seeds(self.retries, self.age_seconds, &mut self.rng);
        match Engine::start(config, parts, seeds).await {
            Ok(engine) => self.engine = Some(engine),
            Err(error) => self.note(format!("start failed: {error}")),
        }
    }

    fn note(&mut self, note: String) {
        self.notes.push(format!("{:?} {note}", self.timeline.elapsed()));
    }

    /// The process dies at this very instant.
    fn crash(&mut self) {
        self.note("crash".into());
        drop(self.engine.take());
        self.store = self.store.crash();
        self.watch.follow(self.store.clone());
        for books in [self.store.every_202_has_a_fate(), self.store.gauges_equal_rows()] {
            self.problems.extend(books.err().unwrap_or_default());
        }
    }

    async fn shut_down(&mut self) {
        let Some(engine) = self.engine.take() else { return };
        let timeout = Duration::from_millis(self.rng.below(1_000));
        match engine.shutdown(timeout).await {
            Ok(drained) => {
                self.note(format!("shut down: {drained:?}"));
                self.store = self.store.reopen();
                self.watch.follow(self.store.clone());
            }
            Err(error) => {
                self.note(format!("shut down badly: {error}"));
                self.crash();
            }
        }
    }

    fn any_of(&mut self, functions: &[&'static str]) -> &'static str {
        let count = u64::try_from(functions.len()).expect("few");
        let index = usize::try_from(self.rng.below(count)).expect("small");
        functions.get(index).copied().unwrap_or("plain")
    }

    fn invoke(&mut self) {
        let function = self.any_of(&["plain", "told", "queue", "tasks", "doomed"]);
        self.invoke_one(function);
    }

    /// More of one function than is with it at a time.
    fn burst(&mut self) {
        let function = self.any_of(&["told", "queue", "tasks", "tasks"]);
        self.deep = Some(function);
        for _ in 0..10 + self.rng.below(30) {
            self.invoke_one(function);
        }
    }

    fn invoke_one(&mut self, function: &'static str) {
        let Some(handle) = self.handle() else { return };
        self.sent += 1;
        let is_task = function == "tasks";
        let chosen = is_task && self.rng.below(2) == 0;
        let delay = if self.rng.below(5) == 0 { self.rng.below(5) } else { 0 };
        let request = InvokeRequest {
            function: plan::key(function),
            qualifier: Qualifier::LATEST,
            payload: Bytes::from(format!("{{\"n\":{}}}", self.sent)),
            delay: Duration::from_secs(delay),
            task_id: chosen.then(|| TaskId::trusted(&format!("t{}", self.rng.below(12)))),
            task: TaskWish::AsConfigured,
            depth: 0,
            trace: None,
        };
        let promise = Promise {
            request_id: RequestId([0; 16]),
            function: function.into(),
            payload: request.payload.clone(),
            is_task: if is_task { Expected::Yes } else { Expected::No },
            on_success: if matches!(function, "told" | "queue") {
                Expected::Yes
            } else {
                Expected::No
            },
        };
        let oracle = self.oracle.clone();
        oracle.sent(&request.payload);
        self.clients.spawn(async move {
            match handle.invoke_async(request).await {
                Ok(accepted) => {
                    oracle.accepted(Promise { request_id: accepted.request_id, ..promise });
                }
                // It may have been taken or not.
                Err(InvokeError::Unavailable { .. }) => {}
                Err(
                    InvokeError::Disabled { .. }
                    | InvokeError::NoFunction { .. }
                    | InvokeError::NoTarget { .. }
                    | InvokeError::Duplicate { .. }
                    | InvokeError::TooLarge { .. }
                    | InvokeError::Refused { .. }
                    | InvokeError::Overloaded { .. },
                ) => oracle.refused(&promise.payload),
            }
        });
    }

    /// Lets every lane go, once the world is kind.
    async fn resume_all(&mut self) {
        for lane in operator::lanes() {
            let Some(handle) = self.handle() else { return };
            let mut resumed = handle.resume(lane.clone(), "the end", "").await;
            // A fault that was decided before the world became kind.
            if resumed.is_err() && self.store.has_ended() {
                self.crash();
                self.start().await;
                let Some(handle) = self.handle() else { return };
                resumed = handle.resume(lane, "the end", "").await;
            }
            if let Err(error) = resumed {
                self.problems.push(format!("a lane is not resumed: {error}"));
            }
        }
    }

    /// Sends everything anew that is kept, once the world is kind.
    async fn redrive_all(&mut self) {
        let Some(handle) = self.handle() else { return };
        for kept in self.store.evidence().failed_callbacks {
            if let Err(error) = handle.redrive(RequestId(kept.key.0), "the end").await {
                self.problems.push(format!("{:?} is not redriven: {error}", kept.key));
            }
        }
    }

    /// A function that comes and goes.
    async fn change_doomed(&mut self) {
        let Some(handle) = self.handle() else { return };
        let name = plan::key("doomed");
        let changed = match handle.function(&name) {
            Ok(_) => handle.delete_function(&name).await.map_err(|error| error.to_string()),
            Err(_) => handle
                .create_function(name, plan::change(&mut self.rng))
                .await
                .map(|_| ())
                .map_err(|error| error.to_string()),
        };
        if let Err(error) = changed {
            self.note(format!("doomed: {error}"));
        }
    }

    /// The world becomes kind, everything drains, and the oracle judges.
    async fn end(mut self) -> Run {
        self.store.set_faults(Faults::default());
        self.functions.by_default(Script::always(Ending::Succeed));
        self.sink.by_default(Script::always(Reception::Take));
        if self.options.lie.is_some() || self.store.has_ended() {
            self.crash();
        }
        for _ in 0..5 {
            if self.engine.is_none() {
                self.start().await;
            }
        }
        while let Some(client) = self.clients.join_next().await {
            if let Err(error) = client {
                self.problems.push(format!("a client broke: {error}"));
            }
        }
        self.resume_all().await;
        self.drain().await;
        if self.options.lie.is_none() && self.options.defect.is_none() {
            self.redrive_all().await;
            self.drain().await;
        }
        self.judge().await
    }

    /// Waits until nothing is owed any more.
    async fn drain(&mut self) {
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_secs(120)).await;
            // A fault that was decided before the world became kind.
            if self.store.has_ended() {
                self.crash();
                self.start().await;
                // Operations go on from where they were.
                continue;
            }
            if self.store.evidence().live.is_empty() {
                break;
            }
        }
    }

    async fn judge(mut self) -> Run {
        let (executions, told) = (self.functions.executions(), self.sink.told());
        let evidence = self.store.evidence();
        self.problems.extend(self.oracle.judge(&executions, &told, &evidence));
        self.problems.extend(self.store.violations());
        self.problems.extend(self.watch.problems());
        for books in [self.store.every_202_has_a_fate(), self.store.gauges_equal_rows()] {
            self.problems.extend(books.err().unwrap_or_default());
        }
        match invoked_store::audit(&self.store).await {
            Ok(audit) => self.problems.extend(audit.problems),
            Err(error) => self.problems.push(format!("the store is not audited: {error}")),
        }
        self.problems.extend(operator::retried_once(&evidence, self.retries_begun));
        if let Some(handle) = self.handle() {
            let totals = self.store.totals(invoked_core::id::ShardId(0)).await;
            let totals = Totals::restored(totals.unwrap_or_default());
            self.problems.extend(books::callbacks_counted_once(
                &handle.directory(),
                &totals,
                &evidence,
            ));
            self.redriven = books::redrives(&totals, Metric::Redriven);
            self.problems.extend(books::redrives_counted_once(&totals, &evidence));
            self.problems.extend(books::operations_have_ended(&handle));
            self.worked = books::Worked::of(&handle);
        }
        let mut trace = self.notes.join("\n");
        for execution in &executions {
            trace.push_str(&format!("\n{execution:?}"));
        }
        for told in &told {
            trace.push_str(&format!("\n{told:?}"));
        }
        trace.push_str(&format!("\nstore {:x}", self.store.digest()));
        let accepted = u64::try_from(self.oracle.accepted_count()).expect("small");
        let (redriven, worked) = (self.redriven, self.worked);
        Run { accepted, redriven, worked, problems: self.problems, trace }
    }
}
