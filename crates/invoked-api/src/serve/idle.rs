//! Connections without a request in hand. Where there is room for no more, the one that has waited longest gives its
//! place up: whoever holds connections and says nothing keeps nobody out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// In the place of a tick: a request is in hand.
const BUSY: u64 = u64::MAX;

/// The open connections of a listener. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct Idle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Goes on whenever a connection begins to wait; so ticks are in the order of waiting, and no two are alike.
    ticks: AtomicU64,
    /// Those that have not been dismissed, by the tick of their begin.
    open: Mutex<BTreeMap<u64, Arc<State>>>,
}

#[derive(Debug)]
struct State {
    /// The tick since which it waits for a request, or [`BUSY`].
    waits_since: AtomicU64,
    dismissed: Notify,
}

/// A connection's entry, gone when it is dropped.
#[derive(Debug)]
pub(super) struct Standing {
    idle: Idle,
    id: u64,
    state: Arc<State>,
}

impl Idle {
    /// Enters a connection. It waits for its first request.
    pub(super) fn enter(&self) -> Standing {
        let id = self.tick();
        let state = Arc::new(State { waits_since: AtomicU64::new(id), dismissed: Notify::new() });
        self.open().insert(id, Arc::clone(&state));
        Standing { idle: self.clone(), id, state }
    }

    /// Whether any waits for a request.
    pub(super) fn has_any(&self) -> bool {
        self.open().values().any(|state| state.waits_since.load(Ordering::Relaxed) != BUSY)
    }

    /// Tells the one that has waited longest to go.
    pub(super) fn dismiss(&self) {
        let mut open = self.open();
        let waiting =
            open.iter().map(|(id, state)| (state.waits_since.load(Ordering::Relaxed), *id));
        let longest = waiting.filter(|(since, _)| *since != BUSY).min();
        if let Some(state) = longest.and_then(|(_, id)| open.remove(&id)) {
            state.dismissed.notify_one();
        }
    }

    fn tick(&self) -> u64 {
        self.0.ticks.fetch_add(1, Ordering::Relaxed)
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<State>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// A request has come.
    pub(super) fn takes_request(&self) {
        self.state.waits_since.store(BUSY, Ordering::Relaxed);
    }

    /// It has been answered.
    pub(super) fn waits(&self) {
        self.state.waits_since.store(self.idle.tick(), Ordering::Relaxed);
    }

    /// Whether it has no request in hand.
    pub(super) fn is_waiting(&self) -> bool {
        self.state.waits_since.load(Ordering::Relaxed) != BUSY
    }

    /// Comes back when it has to go.
    pub(super) async fn dismissed(&self) {
        self.state.dismissed.notified().await;
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.idle.open().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn is_dismissed(standing: &Standing) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(standing.dismissed()).poll(&mut context).is_ready()
    }

    #[test]
    fn who_has_waited_longest_goes_first_and_who_is_busy_stays() {
        let idle = Idle::default();
        assert!(!idle.has_any());
        let (first, second, third) = (idle.enter(), idle.enter(), idle.enter());
        first.takes_request();
        second.takes_request();
        second.waits();
        assert!(idle.has_any() && second.is_waiting() && !first.is_waiting());
        idle.dismiss();
        assert!(is_dismissed(&third) && !is_dismissed(&second), "it has answered since");
        idle.dismiss();
        assert!(is_dismissed(&second));
        idle.dismiss();
        assert!(!is_dismissed(&first) && !idle.has_any());
        drop((first, second, third));
        assert!(idle.open().is_empty());
    }
}
