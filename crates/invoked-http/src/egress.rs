//! What connections of the daemon may reach.
//!
//! Checked on addresses, never on names: a name is looked up once, its addresses are checked before
//! connecting, and the connected address is checked again. So neither a name that resolves to the
//! metadata service nor one that changes between check and use gets through. Never allowed:
//! link-local addresses, cloud metadata, the daemon's own listeners. Private and loopback addresses
//! are where functions live, so an operator may name them; targets that came in through the API
//! stay within the operator's list.
//!
//! # Invariants
//!
//! `metadata_is_out_of_reach_in_every_spelling`, `own_listeners_are_out_of_reach`,
//! `api_targets_stay_within_the_list`.

mod allow;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use allow::{AllowEntry, AllowEntryError};

/// What connections of the daemon may reach.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    own_listeners: Vec<SocketAddr>,
    allow: Vec<AllowEntry>,
}

/// Who named the address of a call.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Trust {
    /// The operator's configuration: everything but what is never allowed.
    Operator,
    /// The API: only what `egress.allow` lists, and of that nothing that is never allowed.
    Api,
}

/// Why an address must not be connected to.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Denied {
    /// `169.254.0.0/16` or `fe80::/10`.
    #[error("{address} is a link-local address")]
    LinkLocal {
        /// The address.
        address: IpAddr,
    },
    /// A service that hands out a machine's credentials.
    #[error("{address} is a cloud metadata service")]
    Metadata {
        /// The address.
        address: IpAddr,
    },
    /// The daemon would call itself.
    #[error("{address} is a listener of this daemon")]
    OwnListener {
        /// The address.
        address: SocketAddr,
    },
    /// A target that was set through the API is outside of `egress.allow`.
    #[error("{host} ({address}) is not in egress.allow, which bounds targets set through the API")]
    NotListed {
        /// The host as the target names it.
        host: Box<str>,
        /// What it resolved to.
        address: IpAddr,
    },
    /// The same, before anything was looked up.
    #[error("{host} is not in egress.allow, which bounds targets set through the API")]
    NameNotListed {
        /// The host as the target names it.
        host: Box<str>,
    },
}

/// Metadata services outside of the link-local ranges.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200), // Alibaba Cloud
    Ipv4Addr::new(168, 63, 129, 16),   // Azure
    Ipv4Addr::new(192, 0, 0, 192),     // Oracle
];

/// The same for IPv6, as the first two segments: each provider keeps its prefix for such services.
const METADATA_V6: [(u16, u16); 3] = [
    (0xfd00, 0x0ec2), // AWS
    (0xfd00, 0x00c1), // Oracle
    (0xfd20, 0x00ce), // Google
];

impl Egress {
    /// A policy. Listeners may be bound to wildcards; `allow` bounds [`Trust::Api`] alone, and an
    /// empty list allows it nothing.
    #[must_use]
    pub fn new(own_listeners: Vec<SocketAddr>, allow: Vec<AllowEntry>) -> Self {
        Self { own_listeners, allow }
    }

    /// Checks `address`, to which `host` resolved, before connecting.
    ///
    /// # Errors
    /// It must not be connected to.
    pub fn check(&self, host: &str, address: SocketAddr, trust: Trust) -> Result<(), Denied> {
        let ip = address.ip().to_canonical();
        check_never_allowed(ip)?;
        if let Some(inner) = embedded(ip) {
            check_never_allowed(IpAddr::V4(inner))?;
        }
        if self.listens_on(address, ip.is_loopback() || ip.is_unspecified()) {
            return Err(Denied::OwnListener { address });
        }
        match trust {
            Trust::Operator => Ok(()),
            Trust::Api if self.allow.iter().any(|entry| entry.covers(host, ip)) => Ok(()),
            Trust::Api => Err(Denied::NotListed { host: host.into(), address: ip }),
        }
    }

    /// Checks a host that a client names, an IPv6 address without brackets, without looking it up:
    /// whether it could ever be connected to. An address is checked as it is; a name has to be listed, unless the list has networks that
    /// it may resolve into. Every connection is checked again.
    ///
    /// # Errors
    /// No connection to it would be allowed.
    pub fn check_named(&self, host: &str, port: u16) -> Result<(), Denied> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return self.check(host, SocketAddr::new(ip, port), Trust::Api);
        }
        match self.allow.iter().any(|entry| entry.may_cover_name(host)) {
            true => Ok(()),
            false => Err(Denied::NameNotListed { host: host.into() }),
        }
    }

    /// Checks a connection from `local` to `peer`. Only here does it show whether an address is one
    /// of this machine's: then both ends have the same.
    ///
    /// # Errors
    /// The connection must not be used.
    pub fn check_connected(
        &self,
        host: &str,
        peer: SocketAddr,
        local: SocketAddr,
        trust: Trust,
    ) -> Result<(), Denied> {
        self.check(host, peer, trust)?;
        if self.listens_on(peer, peer.ip().to_canonical() == local.ip().to_canonical()) {
            return Err(Denied::OwnListener { address: peer });
        }
        Ok(())
    }

    fn listens_on(&self, address: SocketAddr, is_this_machine: bool) -> bool {
        let ip = address.ip().to_canonical();
        self.own_listeners.iter().any(|listener| {
            let bound = listener.ip().to_canonical();
            listener.port() == address.port()
                && (bound == ip
                    || (bound.is_unspecified() && is_this_machine)
                    || (ip.is_unspecified() && bound.is_loopback()))
        })
    }
}

fn check_never_allowed(address: IpAddr) -> Result<(), Denied> {
    match address {
        IpAddr::V4(v4) if v4.is_link_local() => Err(Denied::LinkLocal { address }),
        IpAddr::V4(v4) if METADATA_V4.contains(&v4) => Err(Denied::Metadata { address }),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Err(Denied::LinkLocal { address }),
        IpAddr::V6(v6) if METADATA_V6.contains(&prefix(v6)) => Err(Denied::Metadata { address }),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(()),
    }
}

fn prefix(address: Ipv6Addr) -> (u16, u16) {
    let [first, second, ..] = address.segments();
    (first, second)
}

/// The IPv4 address that a translator would connect to: NAT64 (`64:ff9b::/96`), 6to4
/// (`2002::/16`), and the old compatible form (`::/96`).
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let (high, low) = match address.segments() {
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => (high, low),
        [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests;
