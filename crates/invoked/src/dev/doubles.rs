//! The doubles of MNS and EventBridge: every queue, topic and bus exists, and what they are told lies
//! in a mailbox that can be read over HTTP.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use invoked_doubles::eventbridge::{self, EventBridge};
use invoked_doubles::mns::{self, Mns};
use invoked_doubles::{Clock, Options, Server};
use invoked_engine::clock::{Clock as _, SystemClock};

/// The key that both of them take.
pub(crate) const ACCESS_KEY_ID: &str = "dev";

/// Its secret, which is none: whoever can connect is on this machine, and so is the mailbox.
pub(crate) const ACCESS_KEY_SECRET: &str = "dev-secret";

/// The doubles while they listen.
#[derive(Debug)]
pub(crate) struct Doubles {
    /// MNS.
    pub(crate) mns: Server,
    /// EventBridge.
    pub(crate) eventbridge: Server,
}

impl Doubles {
    /// Starts them on free ports of the loopback interface.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn start() -> Result<Self> {
        let clock = SystemClock::default();
        let clock: Clock = Arc::new(move || clock.now().millis());
        let mns = Mns::with_any(mns::Account {
            access_key_id: ACCESS_KEY_ID.to_owned(),
            access_key_secret: ACCESS_KEY_SECRET.to_owned(),
            security_token: None,
        });
        let mns = Server::start(mns, Options::new(Arc::clone(&clock))).await;
        let eventbridge = EventBridge::with_any(eventbridge::Account {
            id: "1234567890".to_owned(),
            region: "cn-hangzhou".to_owned(),
            access_key_id: ACCESS_KEY_ID.to_owned(),
            access_key_secret: ACCESS_KEY_SECRET.to_owned(),
            security_token: None,
        });
        let eventbridge = Server::start(eventbridge, Options::new(clock)).await;
        Ok(Self {
            mns: mns.context("cannot listen for the double of MNS")?,
            eventbridge: eventbridge.context("cannot listen for the double of EventBridge")?,
        })
    }

    /// Ends them.
    pub(crate) async fn close(self) {
        tokio::join!(self.mns.close(), self.eventbridge.close());
    }
}
