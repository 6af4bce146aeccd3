//! Whether the shards turn, which is what a watchdog is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::envelope::Identity;
use invoked_core::life::Verdict;
use invoked_core::time::Timestamp;
use invoked_engine::clock::{Clock, SystemClock};
use invoked_engine::{Engine, EngineConfig, Parts};
use invoked_sink::{Answer, Attempted, Target};
use invoked_store::NodeId;
use invoked_testkit::mem_store::{MemStore, MemStoreConfig};

/// A clock that whoever asks waits for while somebody else holds it: the shard that asks stands still.
#[derive(Default)]
struct HeldClock {
    held: Mutex<()>,
    clock: SystemClock,
}

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        drop(self.held.lock().expect("nobody panics"));
        self.clock.now()
    }
}

struct Nothing;

#[async_trait]
impl Target for Nothing {
    async fn invoke(&self, _attempted: &Attempted) -> Answer {
        Answer { verdict: Verdict::Succeeded, body: Bytes::new(), fault: None }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_shard_that_stands_still_is_noticed() {
    let clock = Arc::new(HeldClock::default());
    let parts = Parts {
        store: Arc::new(MemStore::new(MemStoreConfig::default())),
        node: NodeId("test".into()),
        runtime: Arc::new(Nothing),
        remote: None,
        sinks: [].into(),
        spans: None,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
    };
    let identity = Identity { region: "cn-x".into(), account: "1".into() };
    let engine = Engine::start(EngineConfig::new(identity, 7), parts, vec![]).await;
    let engine = engine.expect("the engine starts");
    let handle = engine.handle();
    handle.turn().await;

    // Held by a thread: a guard of this kind does not go over an await.
    let (held, is_held) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let holder = std::thread::spawn({
        let clock = Arc::clone(&clock);
        move || {
            let guard = clock.held.lock().expect("nobody panics");
            held.send(()).expect("the test waits");
            released.recv().expect("the test goes on");
            drop(guard);
        }
    });
    is_held.await.expect("it is held");
    let turned = tokio::time::timeout(Duration::from_millis(200), handle.turn()).await;
    assert!(turned.is_err(), "a shard that stands still has turned");
    release.send(()).expect("the thread waits");
    handle.turn().await;
    holder.join().expect("the thread ends");
    engine.shutdown(Duration::from_secs(1)).await.expect("the store closes");
}
