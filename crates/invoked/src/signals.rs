//! The signals that ask the daemon to end, and the one that asks it to read its configuration again.

use std::io;
use std::time::Duration;

use invoked_engine::clock::stopwatch;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals this close together are one: `timeout`, for one, tells the process and then its group.
const SAME_WITHIN: Duration = Duration::from_millis(250);

/// SIGHUP.
#[derive(Debug)]
pub(crate) struct Hangups(Signal);

impl Hangups {
    /// Listens from here on. Call inside a runtime.
    ///
    /// # Errors
    /// The system does not let us.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::hangup())?))
    }

    /// The next one.
    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from here on. Call inside a runtime.
    ///
    /// # Errors
    /// The system does not let us.
    pub(crate) fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one, by its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// The next one that is meant anew.
    pub(crate) async fn again(&mut self) -> &'static str {
        let first_at = stopwatch();
        loop {
            let signal = self.next().await;
            if first_at.elapsed() >= SAME_WITHIN {
                return signal;
            }
        }
    }
}
