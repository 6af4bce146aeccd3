//! The routes that are known, how old they are, and who is asking for one. No I/O.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::classify::Failure;
use crate::route::Route;

/// How long a route is used before it is asked for again, in milliseconds. RocketMQ:
/// `pollNameServerInterval`.
pub(crate) const FRESH_MS: i64 = 30_000;

/// Topics of an instance that are remembered. Ours.
const TOPICS_MAX: usize = 1_024;

/// A question that everybody who has it shares.
pub(crate) type Lookup = OnceCell<Result<Arc<Route>, Failure>>;

/// By topic.
#[derive(Debug, Default)]
pub(crate) struct Routes(Mutex<BTreeMap<Box<str>, Entry>>);

#[derive(Debug)]
struct Entry {
    route: Option<Arc<Route>>,
    /// When it was asked for last, in milliseconds since 1970.
    asked_at: i64,
    lookup: Option<Arc<Lookup>>,
}

/// What is known.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) route: Arc<Route>,
    /// It is old, and the caller is the one to ask again. Meanwhile it is used.
    pub(crate) is_to_be_refreshed: bool,
}

impl Routes {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, topic: &str, now: i64) -> Option<Known> {
        let mut entries = self.entries();
        let entry = entries.get_mut(topic)?;
        let route = Arc::clone(entry.route.as_ref()?);
        // One that nobody else holds was abandoned: its caller was cancelled.
        let asks = entry.lookup.as_ref().is_some_and(|lookup| Arc::strong_count(lookup) > 1);
        let is_to_be_refreshed = !asks && now.saturating_sub(entry.asked_at) >= FRESH_MS;
        if is_to_be_refreshed {
            entry.asked_at = now;
        }
        Some(Known { route, is_to_be_refreshed })
    }

    /// Whether there ever was a route of the topic.
    pub(crate) fn is_known(&self, topic: &str) -> bool {
        self.entries().get(topic).is_some_and(|entry| entry.route.is_some())
    }

    /// Something is wrong with the route: it counts as old from now on.
    pub(crate) fn doubt(&self, topic: &str) {
        if let Some(entry) = self.entries().get_mut(topic) {
            entry.asked_at = i64::MIN;
        }
    }

    /// The question for the route of `topic` that is under way, or a new one.
    pub(crate) fn lookup(&self, topic: &str, now: i64) -> Arc<Lookup> {
        let mut entries = self.entries();
        if !entries.contains_key(topic) && entries.len() >= TOPICS_MAX {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.asked_at);
            if let Some(oldest) = oldest.map(|(topic, _)| topic.clone()) {
                entries.remove(&oldest);
            }
        }
        let entry = entries.entry(topic.into()).or_insert_with(|| Entry {
            route: None,
            asked_at: now,
            lookup: None,
        });
        Arc::clone(entry.lookup.get_or_insert_default())
    }

    /// The question has its answer. Everybody who shared it says so; the first is heard.
    pub(crate) fn settle(
        &self,
        topic: &str,
        lookup: &Arc<Lookup>,
        outcome: &Result<Arc<Route>, Failure>,
        now: i64,
    ) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(topic) else { return };
        if !entry.lookup.as_ref().is_some_and(|found| Arc::ptr_eq(found, lookup)) {
            return;
        }
        entry.lookup = None;
        entry.asked_at = now;
        match outcome {
            Ok(route) => entry.route = Some(Arc::clone(route)),
            // A topic that is gone is gone; but no route is lost because nobody answered.
            Err(failure) if failure.is_permanent => entry.route = None,
            Err(_) => {}
        }
        if entry.route.is_none() {
            entries.remove(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use invoked_core::fault::Fault;

    fn route() -> Arc<Route> {
        Arc::new(Route::read(b"{}").unwrap())
    }

    fn failure(is_permanent: bool) -> Result<Arc<Route>, Failure> {
        Err(Failure { is_permanent, fault: Fault::new("c", "m", 0) })
    }

    fn settled(routes: &Routes, outcome: &Result<Arc<Route>, Failure>, now: i64) {
        let lookup = routes.lookup("t", now);
        routes.settle("t", &lookup, outcome, now);
    }

    fn is_to_be_refreshed(routes: &Routes, now: i64) -> Option<bool> {
        routes.get("t", now).map(|known| known.is_to_be_refreshed)
    }

    #[test]
    fn a_question_that_was_abandoned_is_asked_again() {
        let routes = Routes::default();
        settled(&routes, &Ok(route()), 0);
        let asking = routes.lookup("t", FRESH_MS);
        assert_eq!(is_to_be_refreshed(&routes, 2 * FRESH_MS), Some(false));
        drop(asking);
        assert_eq!(is_to_be_refreshed(&routes, 2 * FRESH_MS), Some(true));
    }

    #[test]
    fn a_route_is_used_while_one_caller_asks_again() {
        let routes = Routes::default();
        assert_eq!(is_to_be_refreshed(&routes, 0), None);
        settled(&routes, &Ok(route()), 0);
        assert_eq!(is_to_be_refreshed(&routes, FRESH_MS - 1), Some(false));
        assert_eq!(is_to_be_refreshed(&routes, FRESH_MS), Some(true));
        assert_eq!(is_to_be_refreshed(&routes, FRESH_MS), Some(false));
        routes.doubt("t");
        assert_eq!(is_to_be_refreshed(&routes, FRESH_MS), Some(true));
    }

    #[test]
    fn a_question_is_shared_until_it_is_answered() {
        let routes = Routes::default();
        let first = routes.lookup("t", 0);
        assert!(Arc::ptr_eq(&first, &routes.lookup("t", 0)));
        routes.settle("t", &first, &Ok(route()), 0);
        let second = routes.lookup("t", 0);
        assert!(!Arc::ptr_eq(&first, &second));
        // A late word about the first changes nothing.
        routes.settle("t", &first, &failure(true), 0);
        assert!(routes.get("t", 0).is_some());
    }

    #[test]
    fn a_missing_topic_is_forgotten_and_a_silent_name_server_is_not_believed() {
        let routes = Routes::default();
        settled(&routes, &Ok(route()), 0);
        settled(&routes, &failure(false), 5);
        assert!(routes.get("t", 5).is_some());
        settled(&routes, &failure(true), 6);
        assert!(routes.get("t", 6).is_none());
        assert!(routes.entries().is_empty());
    }

    #[test]
    fn the_oldest_topics_are_forgotten() {
        let routes = Routes::default();
        for at in 0..2_000 {
            let topic = format!("t{at}");
            let lookup = routes.lookup(&topic, at);
            routes.settle(&topic, &lookup, &Ok(route()), at);
        }
        assert_eq!(routes.entries().len(), TOPICS_MAX);
        assert!(routes.get("t1999", 2_000).is_some() && routes.get("t0", 2_000).is_none());
    }
}
