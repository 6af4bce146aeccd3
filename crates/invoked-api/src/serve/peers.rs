//! How many connections each address has, so that one cannot take them all.
//!
//! # Invariants
//!
//! `a_place_is_free_again_when_it_is_left`. As many addresses are known as there are connections.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bits of an IPv6 address that its owner was given; the others are the owner's to choose.
const NETWORK: u128 = !(u64::MAX as u128);

/// Connections by address.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    counts: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// A connection's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    peers: Peers,
    of: Option<IpAddr>,
}

impl Peers {
    /// A place for a connection from here, if there is one left of `max`.
    pub(super) fn admit(&self, address: IpAddr, max: usize) -> Option<Place> {
        let of = owner(address);
        if let Some(owner) = of {
            let mut counts = self.lock();
            let count = counts.entry(owner).or_default();
            if *count >= max {
                return None;
            }
            *count += 1;
        }
        Some(Place { peers: self.clone(), of })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(owner) = self.of else { return };
        let mut counts = self.peers.lock();
        if let Some(count) = counts.get_mut(&owner) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&owner);
            }
        }
    }
}

/// Whose connections are counted together; nobody's on the loopback interface.
fn owner(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    (!address.is_loopback()).then(|| network(address))
}

/// The part of an address that its owner was given: of IPv6 the first half.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & NETWORK).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_left() {
        let peers = Peers::default();
        let admit = |address: &str| peers.admit(address.parse().unwrap(), 2);
        let (first, _second) = (admit("192.0.2.1").unwrap(), admit("::ffff:192.0.2.1").unwrap());
        assert!(admit("192.0.2.1").is_none());
        let _other = admit("192.0.2.2").unwrap();
        drop(first);
        let third = admit("192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        drop(third);
        let _places: Vec<_> = (0..5).map(|_| admit("127.0.0.1").unwrap()).collect();
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        let peers = Peers::default();
        let admit = |address: &str| peers.admit(address.parse().unwrap(), 1);
        let place = admit("2001:db8:0:1::1").unwrap();
        assert!(admit("2001:db8:0:1:ffff::2").is_none());
        assert!(admit("2001:db8:0:2::1").is_some());
        drop(place);
        assert!(peers.lock().is_empty());
    }
}
