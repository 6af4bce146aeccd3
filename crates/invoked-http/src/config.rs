//! How the client keeps its connections, and what it is told of the time.

use std::time::{Duration, SystemTime};

/// How the client keeps its connections.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name resolution, TCP and TLS together. A call's own timeout still bounds it.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept, unless its server announced less
    /// (`keep-alive: timeout=…`).
    pub idle_timeout: Duration,
    /// Unused connections kept for one origin; beyond, the one that came back is closed.
    pub idle_per_origin_max: usize,
    /// Certificates in PEM that are trusted besides the system's.
    pub roots_pem: Vec<u8>,
    /// What tells the time. It dates answers that ask to be left alone and have no date of their own; without
    /// it, those that ask so until a date ask for nothing.
    pub clock: Option<fn() -> SystemTime>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            idle_per_origin_max: 256,
            roots_pem: Vec::new(),
            clock: None,
        }
    }
}
