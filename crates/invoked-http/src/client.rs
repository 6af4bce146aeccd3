//! The client: what all origins share, and the sweep of idle connections.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::config::Config;
use crate::connect::Connector;
use crate::egress::{Egress, Trust};
use crate::endpoint::{Endpoint, Scheme};
use crate::origin::Origin;

/// Origins that are not worth looking through. Ours.
const ORIGINS_MIN: usize = 64;

/// An HTTP/1.1 client. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What makes two endpoints share connections. Trust is part of it, so that a connection opened
/// for the operator never carries a call that is held to `egress.allow`.
type Key = (Scheme, Box<str>, u16, Trust);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) connector: Connector,
    pub(crate) idle_timeout: Duration,
    pub(crate) idle_per_origin_max: usize,
    pub(crate) clock: Option<fn() -> SystemTime>,
    origins: Mutex<Origins>,
    is_swept: AtomicBool,
    /// Ends with the client.
    sweeper: Mutex<JoinSet<()>>,
}

/// The origins that somebody keeps, and some that nobody does any more.
#[derive(Debug, Default)]
struct Origins {
    known: BTreeMap<Key, Weak<Origin>>,
    /// So many are looked through, which to do for each new one of very many would cost more than it saves.
    swept_at: usize,
}

impl Client {
    /// A client that reaches what `egress` permits.
    #[must_use]
    pub fn new(config: &Config, egress: Egress) -> Self {
        let shared = Shared {
            connector: Connector::new(config, egress),
            idle_timeout: config.idle_timeout,
            idle_per_origin_max: config.idle_per_origin_max,
            clock: config.clock,
            origins: Mutex::default(),
            is_swept: AtomicBool::new(false),
            sweeper: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The origin of `endpoint`, whose path plays no part. Keep it: as long as anyone does, all
    /// who ask for the same one share its connections.
    #[must_use]
    pub fn origin(&self, endpoint: &Endpoint, trust: Trust) -> Arc<Origin> {
        let key = (endpoint.scheme(), endpoint.host().into(), endpoint.port(), trust);
        let mut origins = self.shared.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(origin) = origins.known.get(&key).and_then(Weak::upgrade) {
            return origin;
        }
        if origins.known.len() >= origins.swept_at {
            origins.known.retain(|_, origin| origin.strong_count() > 0);
            origins.swept_at = ORIGINS_MIN.max(origins.known.len() * 2);
        }
        let origin = Arc::new(Origin::new(Arc::clone(&self.shared), endpoint.clone(), trust));
        origins.known.insert(key, Arc::downgrade(&origin));
        origin
    }
}

impl Shared {
    /// Starts the sweep with the first idle connection: only then a runtime is sure to be there.
    pub(crate) fn keep_swept(self: &Arc<Self>) {
        if self.is_swept.load(Ordering::Relaxed) || self.is_swept.swap(true, Ordering::Relaxed) {
            return;
        }
        let shared = Arc::downgrade(self);
        let every = self.idle_timeout.max(Duration::from_secs(1));
        let mut sweeper = self.sweeper.lock().unwrap_or_else(PoisonError::into_inner);
        sweeper.spawn(async move {
            loop {
                let turn = sleep(every);
                let now = turn.deadline();
                turn.await;
                let Some(shared) = shared.upgrade() else { return };
                let origins: Vec<_> = {
                    let origins = shared.origins.lock().unwrap_or_else(PoisonError::into_inner);
                    origins.known.values().filter_map(Weak::upgrade).collect()
                };
                for origin in origins {
                    origin.sweep(now);
                }
            }
        });
    }
}
