//! A destination that is away for ten minutes, with 100,000 callbacks owed to it, over the real
//! store.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Verdict;
use invoked_core::time::Timestamp;
use invoked_engine::{Drained, Engine, EngineConfig, Handle};
use invoked_sink::{Answer, Attempted, Delivery, Sink, Target};
use invoked_store_fjall::{FjallConfig, FjallStore};
use invoked_testkit::timeline::Timeline;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::HEAP;
use crate::still::Still;
use crate::world::{START_MS, counts, defaults, invoke_with, parts, started};

const OWED: usize = 100_000;
/// The outage in parts, and what is invoked in each.
const STEPS: usize = 100;
const STEP: Duration = Duration::from_secs(6);
/// The store takes no time here: what a function waits longer than this, it waits for the courier.
const AT_ONCE: Duration = Duration::from_millis(100);
const TOLD: usize = OWED / STEPS;
const PLAIN: usize = 50;
/// What each event has: 195 MiB over all, and [`PEAK_MAX`] is far below that.
const PAYLOAD_BYTES: usize = 2_048;
const PEAK_MAX: usize = 80 << 20;

/// Succeeds at once, and counts.
#[derive(Default)]
struct Functions {
    runs: AtomicU64,
}

#[async_trait]
impl Target for Functions {
    async fn invoke(&self, _attempted: &Attempted) -> Answer {
        self.runs.fetch_add(1, Ordering::Relaxed);
        Answer { verdict: Verdict::Succeeded, fault: None, body: Bytes::from_static(b"{}") }
    }
}

/// Is away until it is back; then it takes everything, and remembers what.
struct Destination {
    is_back: AtomicBool,
    tries_while_away: AtomicU64,
    taken: Mutex<(HashSet<RequestId>, u64)>,
}

impl Destination {
    fn new() -> Self {
        let taken = Mutex::new((HashSet::with_capacity(OWED), 0));
        Self { is_back: AtomicBool::new(false), tries_while_away: AtomicU64::new(0), taken }
    }

    /// Different messages taken, and messages taken.
    fn taken(&self) -> (usize, u64) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        (taken.0.len(), taken.1)
    }
}

#[async_trait]
impl Sink for Destination {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        if !self.is_back.load(Ordering::Relaxed) {
            self.tries_while_away.fetch_add(1, Ordering::Relaxed);
            let error = Fault::new("ServiceUnavailable", "the queue is away, as planned", 503);
            return CallVerdict::Retry { error, retry_after: None };
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.0.insert(delivery.request_id);
        taken.1 += 1;
        CallVerdict::Delivered { message_id: None }
    }
}

/// Invokes many at a time, so that they share commits. Each has a payload of its own.
async fn many(handle: &Handle, function: &'static str, count: usize) {
    let mut accepts = JoinSet::new();
    for _ in 0..count {
        let handle = handle.clone();
        let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
        accepts.spawn(async move { invoke_with(&handle, function, payload).await });
    }
    while let Some(accepted) = accepts.join_next().await {
        accepted.expect("it is accepted");
    }
}

/// What outlives the daemon.
struct Outside {
    directory: TempDir,
    timeline: Timeline,
    functions: Arc<Functions>,
    queue: Arc<Destination>,
}

impl Outside {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            timeline: Timeline::starting_at(Timestamp::from_millis(START_MS)),
            functions: Arc::default(),
            queue: Arc::new(Destination::new()),
        }
    }

    async fn start(&self, life: u32) -> Engine {
        let config = FjallConfig::new(self.directory.path());
        let store = Still(FjallStore::open(config).expect("the store opens"));
        let world = (Arc::clone(&self.functions) as Arc<dyn Target>, Arc::clone(&self.queue) as _);
        let config = EngineConfig { payload_cache_bytes: 4 << 20, ..defaults() };
        started(config, parts(Arc::new(store), life, world, self.timeline)).await
    }

    /// Functions run at once, whatever is owed.
    async fn outage(&self, handle: &Handle, steps: Range<usize>) {
        for step in steps {
            many(handle, "told", TOLD).await;
            many(handle, "plain", PLAIN).await;
            tokio::time::sleep(AT_ONCE).await;
            let runs = u64::try_from((step + 1) * (TOLD + PLAIN)).expect("small");
            assert_eq!(self.functions.runs.load(Ordering::Relaxed), runs, "step {step}");
            tokio::time::sleep(STEP).await;
        }
    }
}

async fn shut_down(engine: Engine) {
    let drained = engine.shutdown(Duration::from_secs(5)).await.expect("the store closes");
    assert_eq!(drained, Drained::Completely);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_callbacks_wait_for_ten_minutes_and_all_arrive() {
    let outside = Outside::new();
    let (timeline, queue) = (outside.timeline, &outside.queue);
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let engine = outside.start(1).await;
    outside.outage(&engine.handle(), 0..STEPS / 2).await;
    // What is owed outlives the daemon.
    shut_down(engine).await;
    let engine = outside.start(2).await;
    let handle = engine.handle();
    outside.outage(&handle, STEPS / 2..STEPS).await;
    assert!(timeline.elapsed() >= Duration::from_secs(600));
    assert_eq!((queue.taken(), counts(&handle)), ((0, 0), (0, 0)));
    // What is held back is not tried: a few look whether the queue is back.
    let tries = queue.tries_while_away.load(Ordering::Relaxed);
    assert!((20..2_000).contains(&tries), "{tries}");

    queue.is_back.store(true, Ordering::Relaxed);
    let back = timeline.elapsed();
    let all = u64::try_from(OWED).expect("small");
    while counts(&handle).0 < all {
        assert!(timeline.elapsed() - back < Duration::from_secs(600), "{:?}", queue.taken());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!((queue.taken(), counts(&handle)), ((OWED, all), (all, 0)));
    let peak = HEAP.peak_usage().saturating_sub(before);
    println!("{} MiB at most; all there {:?} later", peak >> 20, timeline.elapsed() - back);
    assert!(peak < PEAK_MAX, "{} MiB were held", peak >> 20);
    shut_down(engine).await;
}
