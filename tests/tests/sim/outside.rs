//! Functions and destinations that look over the daemon's shoulder: whatever it does must rest on
//! what is durable at that instant (`effects_follow_commits`).

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use invoked_core::callback::CallVerdict;
use invoked_sink::{Answer, Attempted, Delivery, Sink, Target};
use invoked_testkit::function::ScriptedFunction;
use invoked_testkit::mem_store::MemStore;
use invoked_testkit::sink::ScriptedSink;

/// Sees the store as it is now, and notes what should not be.
#[derive(Clone)]
pub struct Watch {
    store: Arc<Mutex<MemStore>>,
    problems: Arc<Mutex<Vec<String>>>,
}

pub struct WatchedFunction(pub Watch, pub ScriptedFunction);
pub struct WatchedSink(pub Watch, pub ScriptedSink);

impl Watch {
    pub fn new(store: MemStore) -> Self {
        Self { store: Arc::new(Mutex::new(store)), problems: Arc::default() }
    }

    pub fn follow(&self, store: MemStore) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = store;
    }

    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, problem: String) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    }

    fn store(&self) -> MemStore {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Target for WatchedFunction {
    async fn invoke(&self, attempted: &Attempted) -> Answer {
        let id = attempted.request_id;
        let live = self.0.store().evidence().live;
        match live.iter().find(|head| head.request_id == id) {
            None => self.0.note(format!("{id} runs, and is not durable")),
            Some(head) if head.life.outcome().is_some() => {
                self.0.note(format!("{id} runs, and has ended: {:?}", head.life));
            }
            Some(head) if attempted.attempt.0 > head.attempts.0 + 1 => {
                let known = head.attempts;
                self.0.note(format!("{id} runs attempt {}, {known} is durable", attempted.attempt));
            }
            Some(_) => {}
        }
        self.1.invoke(attempted).await
    }
}

#[async_trait]
impl Sink for WatchedSink {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let id = delivery.request_id;
        let live = self.0.store().evidence().live;
        let owes = live.iter().find(|head| head.request_id == id).is_some_and(|head| {
            head.callback.is_owed() && head.life.outcome() == Some(delivery.outcome)
        });
        if !owes {
            self.0.note(format!("{id} is told as {:?}, and that is not durable", delivery.outcome));
        }
        self.1.deliver(delivery).await
    }
}
