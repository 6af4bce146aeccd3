//! Free ports for the daemon's listeners.
//!
//! They are taken from below the range that the kernel hands out to outgoing connections, so that a port found free
//! is not given away before the daemon binds it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback address that nobody listens on, never the same twice in a process.
#[must_use]
pub fn free() -> SocketAddr {
    // Test processes that run side by side start at different places.
    let start = u16::try_from(std::process::id() * 131 % u32::from(COUNT)).unwrap_or_default();
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + step % COUNT) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
