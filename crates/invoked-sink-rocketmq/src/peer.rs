//! A name server or broker, with the connections to it that are open.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use crate::address::Address;
use crate::connection::{Connection, Limits};
use crate::error::LinkError;
use crate::frame::Answer;
use crate::request::{Identity, Request};
use crate::tasks::Tasks;
use crate::tls::Dialer;

/// Brokers of an instance that are remembered. Ours: addresses come from outside.
const PEERS_MAX: usize = 256;

/// Answer of a broker to a message, in bytes. Ours: a header with a remark of some lines.
const BROKER_ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Answer of a name server, in bytes. Ours: a route has some 200 bytes for each broker.
const NAME_SERVER_ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What all connections of an instance have in common.
#[derive(Debug)]
pub(crate) struct Wiring {
    pub(crate) identity: Identity,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) tasks: Tasks,
    /// How long a request may take, opening a connection included.
    pub(crate) timeout: Duration,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Peer {
    address: Address,
    answer_bytes_max: usize,
    /// Each used in turn. The lock is held to look, not to connect.
    connections: Mutex<Vec<Option<Arc<Connection>>>>,
    turn: AtomicUsize,
    avoided_until: AtomicI64,
}

/// The brokers that routes have named, by their addresses.
#[derive(Debug)]
pub(crate) struct Brokers {
    connections: usize,
    peers: Mutex<BTreeMap<Address, Arc<Peer>>>,
}

impl Peer {
    pub(crate) fn name_server(address: Address) -> Self {
        Self::new(address, 1, NAME_SERVER_ANSWER_BYTES_MAX)
    }

    fn new(address: Address, connections: usize, answer_bytes_max: usize) -> Self {
        Self {
            address,
            answer_bytes_max,
            connections: Mutex::new(vec![None; connections]),
            turn: AtomicUsize::new(0),
            avoided_until: AtomicI64::new(i64::MIN),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Others go first until then, in milliseconds since 1970.
    pub(crate) fn avoid_until(&self, at: i64) {
        self.avoided_until.store(at, Ordering::Relaxed);
    }

    pub(crate) fn is_avoided(&self, now: i64) -> bool {
        now < self.avoided_until.load(Ordering::Relaxed)
    }

    /// Makes one request. A connection that turns out to have been closed before the request was
    /// written is replaced, once.
    ///
    /// # Errors
    /// There is no answer, in time.
    pub(crate) async fn exchange(
        &self,
        wiring: &Wiring,
        request: Request<'_>,
    ) -> Result<Answer, LinkError> {
        let first = self.connection(wiring);
        let answers = first.answers();
        let exchange = async {
            match first.exchange(&wiring.identity, request).await {
                Err(LinkError::Unsent) => {
                    self.connection(wiring).exchange(&wiring.identity, request).await
                }
                other => other,
            }
        };
        let answer = timeout(wiring.timeout, exchange).await;
        answer.unwrap_or_else(|_| {
            // One that says nothing at all may be dead without either side having been told.
            if first.answers() == answers {
                self.leave(&first);
            }
            Err(LinkError::Timeout(wiring.timeout))
        })
    }

    /// Uses no connection any more that is open now. Those end when the last request on them has.
    pub(crate) fn leave_all(&self) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.fill(None);
    }

    fn leave(&self, connection: &Arc<Connection>) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in &mut *connections {
            slot.take_if(|found| Arc::ptr_eq(found, connection));
        }
    }

    fn has_connections(&self) -> bool {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.iter().flatten().any(|connection| connection.is_open())
    }

    /// The connection whose turn it is; a new one where it is gone.
    fn connection(&self, wiring: &Wiring) -> Arc<Connection> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = turn.checked_rem(connections.len()).and_then(|slot| connections.get_mut(slot));
        let slot = slot.expect("there is at least one");
        if let Some(connection) = slot.as_ref().filter(|connection| connection.is_open()) {
            return Arc::clone(connection);
        }
        let limits = Limits { answer_bytes: self.answer_bytes_max, write: wiring.timeout };
        let (connection, task) =
            Connection::new(Arc::clone(&wiring.dialer), self.address.clone(), limits);
        let connection = Arc::new(connection);
        *slot = Some(Arc::clone(&connection));
        wiring.tasks.spawn(task);
        connection
    }
}

impl Brokers {
    /// None yet; each will have so many connections.
    pub(crate) fn new(connections: usize) -> Self {
        Self { connections, peers: Mutex::default() }
    }

    /// The broker at `address`.
    ///
    /// # Errors
    /// There are too many whose connections are open: [`LinkError::TooManyPeers`].
    pub(crate) fn at(&self, address: &Address) -> Result<Arc<Peer>, LinkError> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = peers.get(address) {
            return Ok(Arc::clone(peer));
        }
        if peers.len() >= PEERS_MAX {
            peers.retain(|_, peer| peer.has_connections());
        }
        if peers.len() >= PEERS_MAX {
            return Err(LinkError::TooManyPeers);
        }
        let peer = Arc::new(Peer::new(address.clone(), self.connections, BROKER_ANSWER_BYTES_MAX));
        peers.insert(address.clone(), Arc::clone(&peer));
        Ok(peer)
    }

    /// Whether the broker at `address` has failed a moment ago.
    pub(crate) fn is_avoided(&self, address: &Address, now: i64) -> bool {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.get(address).is_some_and(|peer| peer.is_avoided(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_without_connections_make_room_for_others() {
        let brokers = Brokers::new(1);
        for port in 1..=1_000 {
            let address = Address::parse(&format!("127.0.0.1:{port}")).unwrap();
            assert_eq!(brokers.at(&address).unwrap().address(), &address);
            assert!(brokers.peers.lock().unwrap().len() <= PEERS_MAX);
        }
    }

    #[tokio::test]
    async fn a_connection_that_ended_before_a_request_was_sent_is_replaced() {
        let gone = Address::parse("127.0.0.1:1").unwrap();
        let wiring = Wiring {
            identity: Identity { group: "g".into(), namespace_v2: None, signer: None },
            dialer: Arc::new(Dialer { tls: None, timeout: Duration::from_secs(60) }),
            tasks: Tasks::new(),
            timeout: Duration::from_secs(60),
        };
        let peer = Peer::name_server(gone.clone());
        let limits = Limits { answer_bytes: 1, write: wiring.timeout };
        let (connection, task) = Connection::new(Arc::clone(&wiring.dialer), gone, limits);
        peer.connections.lock().unwrap()[0] = Some(Arc::new(connection));
        let exchange = peer.exchange(&wiring, Request::Cluster);
        let (answer, ()) = tokio::join!(exchange, async { drop(task) });
        // The new one was dialled, and nobody is there.
        assert!(matches!(answer, Err(LinkError::Connect(_))), "{answer:?}");
    }

    #[test]
    fn a_broker_is_avoided_for_a_while() {
        let brokers = Brokers::new(1);
        let address = Address::parse("127.0.0.1:1").unwrap();
        assert!(!brokers.is_avoided(&address, 0));
        brokers.at(&address).unwrap().avoid_until(10);
        assert!(brokers.is_avoided(&address, 9) && !brokers.is_avoided(&address, 10));
    }
}
