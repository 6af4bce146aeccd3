//! One daemon on a store in memory, and functions that behave each in its own way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::directory::FunctionKind;
use invoked_core::envelope::Identity;
use invoked_core::fault::Fault;
use invoked_core::life::{Outcome, Verdict};
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::qualifiers;
use invoked_core::time::Timestamp;
use invoked_core::totals::Metric;
use invoked_engine::clock::TokioClock;
use invoked_engine::{
    Engine, EngineConfig, FunctionChange, Handle, InvokeRequest, Parts, StatusMode, TaskWish,
};
use invoked_sink::{Answer, Attempted, HttpHead, HttpResponse, Target};
use invoked_store::NodeId;
use invoked_testkit::mem_store::{MemStore, MemStoreConfig};
use invoked_testkit::timeline::Timeline;

const START_MS: i64 = 1_800_000_000_000;

/// How a function behaves.
#[derive(Copy, Clone, Debug)]
pub enum Manner {
    /// It takes so long, and every so-manieth call fails; 0 is none.
    Works { takes: Duration, fails_every: u64 },
    /// It takes so many at a time, each so long, and answers 429 to the others.
    Holds { places: u32, takes: Duration },
    /// It takes as many as come, and does so many at a time, each in so long. The others wait.
    Queues { workers: usize, takes: Duration },
    /// Every second call is answered 503 with `Retry-After`.
    HalfThrottles { retry_after: Duration },
    /// Nobody is there.
    Away,
    /// It works at once, but for its qualifier `canary`, whose calls take so long.
    CanaryTakes(Duration),
}

/// What has reached a function.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub calls: u64,
    pub succeeded: u64,
    pub refused: u64,
    pub under_way: u32,
    pub most_under_way: u32,
    /// From acceptance to the first call, of events that say when they were accepted.
    pub waited: Vec<Duration>,
}

#[derive(Debug, Default)]
struct Place {
    manner: Option<Manner>,
    seen: Seen,
    /// When its workers will have done what they have.
    free_at: Vec<Timestamp>,
}

/// By account and name.
type Places = BTreeMap<(Box<str>, Box<str>), Place>;

/// All functions.
#[derive(Clone, Debug)]
struct Town {
    places: Arc<Mutex<Places>>,
    timeline: Timeline,
}

impl Town {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(verdict: Verdict) -> Answer {
    let is_good = verdict == Verdict::Succeeded;
    let fault = (!is_good).then(|| Fault::new("AsTold", "as told", 500));
    Answer { verdict, fault, body: Bytes::from_static(b"{}") }
}

#[async_trait]
impl Target for Town {
    async fn request(&self, _: &Attempted, _: &HttpHead) -> Result<HttpResponse, Answer> {
        Err(answer(Verdict::Refused))
    }

    async fn invoke(&self, attempted: &Attempted) -> Answer {
        let target = &attempted.target;
        let key = (Box::from(&*target.account), Box::from(target.function.as_str()));
        let (takes, verdict) = {
            let mut places = self.places();
            let place = places.entry(key.clone()).or_default();
            let seen = &mut place.seen;
            seen.calls += 1;
            if attempted.attempt.0 == 1
                && let Ok(text) = std::str::from_utf8(&attempted.payload)
                && let Ok(ms) = text.parse()
            {
                seen.waited.push(self.timeline.now().since(Timestamp::from_millis(ms)));
            }
            let later = |retry_after| Verdict::Unavailable { retry_after };
            let outcome = match place.manner.expect("it has a manner") {
                Manner::Works { takes, fails_every } if seen.calls.is_multiple_of(fails_every) => {
                    (takes, Verdict::FunctionError)
                }
                Manner::Works { takes, .. } => (takes, Verdict::Succeeded),
                Manner::Holds { places, .. } if places <= seen.under_way => {
                    (Duration::from_millis(1), later(None))
                }
                Manner::Holds { takes, .. } => (takes, Verdict::Succeeded),
                Manner::Queues { workers, takes } => {
                    let now = self.timeline.now();
                    place.free_at.resize(workers, now);
                    let free_at = place.free_at.iter_mut().min().expect("workers");
                    *free_at = now.max(*free_at).plus(takes);
                    (free_at.since(now), Verdict::Succeeded)
                }
                Manner::HalfThrottles { retry_after } if seen.calls.is_multiple_of(2) => {
                    (Duration::from_millis(2), later(Some(retry_after)))
                }
                Manner::HalfThrottles { .. } => (Duration::from_millis(2), Verdict::Succeeded),
                Manner::Away => (Duration::ZERO, later(None)),
                Manner::CanaryTakes(takes) if attempted.qualifier.as_str() == "canary" => {
                    (takes, Verdict::Succeeded)
                }
                Manner::CanaryTakes(_) => (Duration::from_millis(1), Verdict::Succeeded),
            };
            seen.under_way += 1;
            seen.most_under_way = seen.most_under_way.max(seen.under_way);
            outcome
        };
        tokio::time::sleep(takes).await;
        let mut places = self.places();
        let seen = &mut places.entry(key).or_default().seen;
        seen.under_way -= 1;
        match verdict {
            Verdict::Succeeded => seen.succeeded += 1,
            Verdict::Unavailable { .. } => seen.refused += 1,
            Verdict::FunctionError | Verdict::Refused | Verdict::Gone => {}
        }
        answer(verdict)
    }
}

pub struct World {
    town: Town,
    engine: Engine,
}

impl World {
    /// Call inside a runtime whose time is paused.
    pub async fn start() -> Self {
        let timeline = Timeline::starting_at(Timestamp::from_millis(START_MS));
        let town = Town { places: Arc::default(), timeline };
        let parts = Parts {
            store: Arc::new(MemStore::new(MemStoreConfig::default())),
            node: NodeId("node".into()),
            runtime: Arc::new(town.clone()),
            remote: None,
            sinks: BTreeMap::new(),
            spans: None,
            clock: Arc::new(TokioClock::starting_at(timeline.now())),
        };
        let identity = Identity { region: "cn-test".into(), account: "1".into() };
        let engine = Engine::start(EngineConfig::new(identity, 1), parts, vec![]).await;
        let engine = engine.expect("it starts");
        Self { town, engine }
    }

    pub fn handle(&self) -> Handle {
        self.engine.handle()
    }

    /// Creates a function.
    pub async fn create(&self, key: &FunctionKey, manner: Manner, limits: Limits) {
        self.behaves(key, manner);
        self.handle().create_function(key.clone(), change(limits)).await.expect("it is created");
    }

    /// Creates many functions of the daemon's own account.
    pub async fn create_all(&self, keys: &[FunctionKey], manner: Manner) {
        for key in keys {
            self.create(key, manner, Limits::default()).await;
        }
    }

    /// From now on the function behaves so.
    pub fn behaves(&self, key: &FunctionKey, manner: Manner) {
        self.town.places().entry(place(key)).or_default().manner = Some(manner);
    }

    /// Forgets how many it had at a time until now.
    pub fn forget_most(&self, key: &FunctionKey) {
        self.town.places().entry(place(key)).or_default().seen.most_under_way = 0;
    }

    pub fn seen(&self, key: &FunctionKey) -> Seen {
        self.town.places().entry(place(key)).or_default().seen.clone()
    }

    /// Sets the limits that qualifiers of a function have of their own.
    pub async fn limit(&self, key: &FunctionKey, qualifiers: &[(&str, u32)]) {
        let named = |(name, concurrency): &(&str, u32)| {
            let qualifier = Qualifier::parse(name).expect("a qualifier");
            let concurrency = Some(*concurrency);
            (qualifier, qualifiers::Limits { concurrency, ..qualifiers::Limits::default() })
        };
        let qualifiers = qualifiers.iter().map(named).collect();
        let change = FunctionChange { qualifiers, ..change(Limits::default()) };
        self.handle().update_function(key, change).await.expect("it is changed");
    }

    /// Invokes a function with the time as its event.
    pub async fn invoke(&self, key: &FunctionKey) {
        self.invoke_as(key, "").await;
    }

    /// The same under a version or alias.
    pub async fn invoke_as(&self, key: &FunctionKey, qualifier: &str) {
        let request = InvokeRequest {
            function: key.clone(),
            qualifier: Qualifier::parse(qualifier).expect("a qualifier"),
            payload: self.town.timeline.now().millis().to_string().into(),
            delay: Duration::ZERO,
            task_id: None,
            task: TaskWish::AsConfigured,
            depth: 0,
            trace: None,
        };
        self.handle().invoke_async(request).await.expect("it is accepted");
    }

    /// Invokes a function so many times.
    pub async fn invoke_many(&self, key: &FunctionKey, count: usize) {
        for _ in 0..count {
            self.invoke(key).await;
        }
    }

    /// How long it is since the world began.
    pub fn elapsed(&self) -> Duration {
        self.town.timeline.elapsed()
    }

    /// Lets time pass until so many invocations have succeeded, over all functions.
    pub async fn succeeded(&self, count: u64) {
        for _ in 0..200_000 {
            let totals = self.handle().totals();
            let ended: u64 = totals
                .iter()
                .filter(|(key, _)| key.metric == Metric::Ended(Outcome::Succeeded))
                .map(|(_, value)| value)
                .sum();
            if count <= ended {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{count} have not succeeded by {:?}", self.elapsed());
    }
}

#[derive(Copy, Clone, Debug, Default)]
pub struct Limits {
    pub concurrency: Option<u32>,
    pub rate: Option<u32>,
}

fn change(limits: Limits) -> FunctionChange {
    FunctionChange {
        kind: FunctionKind::Event,
        url: Some("http://127.0.0.1:9".into()),
        timeout: None,
        concurrency: limits.concurrency,
        rate: limits.rate,
        weight: None,
        qualifiers: [].into(),
        status: StatusMode::Header,
        initialize: false,
        attributes: "{}".into(),
    }
}

fn place(key: &FunctionKey) -> (Box<str>, Box<str>) {
    (Box::from(&*key.account), Box::from(key.name.as_str()))
}

pub fn function(account: &str, name: &str) -> FunctionKey {
    FunctionKey::new(account, FunctionName::parse(name).expect("a name"))
}
