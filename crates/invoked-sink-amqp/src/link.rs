//! An open connection, and its channels.
//!
//! A publish has a channel to itself until it is confirmed. What goes wrong on it is then its own:
//! the error that closes a channel (a missing exchange), and the message that comes back before its
//! confirm. Channels are kept for the next publish; one whose publish was given up is closed instead,
//! because its confirm may still come.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_rs::Runtime;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::LongString;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{AsyncTcpStream, Channel, Confirmation, Connection, ConnectionProperties};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::classify::{self, Failure, Stage};
use crate::config::Config;
use crate::kit::Kit;
use crate::request::Message;
use crate::tls;
use crate::wire::{Switch, Wire};

/// Publishes at a time, each on its channel. Ours: more than an engine makes callbacks at a time.
const PUBLISHES_MAX: usize = 512;

/// Channels that a connection opens in its life: RabbitMQ's default for those open at a time. `lapin`
/// gives their numbers out again after the last, and a new channel inherits the error that closed
/// the old one.
const CHANNELS_MAX: usize = 2047;

/// Bytes of a frame; `lapin` has buffers of 32 of them. Ours: larger messages have several frames.
const FRAME_BYTES_MAX: u32 = 32 * 1024;

/// How often a publish looks whether the connection is still blocked.
const BLOCKED_WAIT: Duration = Duration::from_millis(50);

/// How long a broker has to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// An open connection to one virtual host.
pub(crate) struct Link {
    config: Arc<Config>,
    // Fields are dropped in this order: the connection says goodbye before its wire breaks.
    channels: Mutex<Vec<Channel>>,
    connection: Connection,
    switch: Switch,
    slots: Semaphore,
    slots_max: usize,
    /// Channels that may still be opened.
    channels_left: AtomicUsize,
    publishes: AtomicU64,
    is_broken: AtomicBool,
}

impl Link {
    /// Opens one, within the configured timeout.
    pub(crate) async fn open(config: &Arc<Config>, vhost: &str, kit: Kit) -> Result<Self, Failure> {
        let opening = Self::connect(config, vhost, kit);
        match timeout(config.timeout, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(classify::late(&config.address, Stage::Opening, config.timeout, false)),
        }
    }

    async fn connect(config: &Arc<Config>, vhost: &str, kit: Kit) -> Result<Self, Failure> {
        let broker = &config.address;
        let stream = tls::dial(broker, config.tls.as_ref()).await.map_err(|error| {
            if tls::is_certificate(&error) {
                tracing::warn!(event = "certificate_untrusted", %broker, %error, "the certificate of a RabbitMQ broker is not trusted");
            }
            let message = format!("cannot connect to {broker}: {error}");
            Failure::retry("DestinationUnreachable", &message)
        })?;
        let (wire, switch) = Wire::new(stream);
        let wire = Mutex::new(Some(wire));
        // Asked once: it does not reconnect by itself.
        let connect = async move |_, _| {
            let wire = wire.lock().unwrap_or_else(PoisonError::into_inner).take();
            let wire = wire.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
            Ok(AsyncTcpStream::Plain(wire))
        };
        let properties =
            ConnectionProperties::default().with_connection_name(LongString::from("invoked"));
        let opening =
            Connection::connector(uri(config, vhost), Runtime::new(kit), connect, properties);
        let connection =
            opening.await.map_err(|error| classify::failed(broker, Stage::Opening, &error))?;
        let channels_max = match connection.configuration().channel_max() {
            0 => CHANNELS_MAX,
            channels_max => CHANNELS_MAX.min(usize::from(channels_max)),
        };
        let slots_max = PUBLISHES_MAX.min(channels_max);
        Ok(Self {
            config: Arc::clone(config),
            channels: Mutex::default(),
            connection,
            switch,
            slots: Semaphore::new(slots_max),
            slots_max,
            channels_left: AtomicUsize::new(channels_max),
            publishes: AtomicU64::new(0),
            is_broken: AtomicBool::new(false),
        })
    }

    /// Whether it is worth publishing on.
    pub(crate) fn is_usable(&self) -> bool {
        let is_spent = self.channels_left.load(Ordering::Relaxed) == 0;
        let is_broken = self.is_broken.load(Ordering::Relaxed);
        !is_spent && !is_broken && self.connection.status().connected()
    }

    /// Whether the broker has told its publishers to wait.
    pub(crate) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// How many publishes there have been.
    pub(crate) fn publishes(&self) -> u64 {
        self.publishes.load(Ordering::Relaxed)
    }

    /// Whether nothing is being published.
    pub(crate) fn is_idle(&self) -> bool {
        self.slots.available_permits() == self.slots_max
    }

    /// Publishes, and waits until the broker has confirmed, however long it takes. `None`: nothing was
    /// sent, because the connection has no channel left.
    pub(crate) async fn publish(&self, message: &Message) -> Option<Result<(), Failure>> {
        let _slot = self.slots.acquire().await;
        self.publishes.fetch_add(1, Ordering::Relaxed);
        // What is published on a blocked connection waits in memory, and is sent in the end even if
        // nobody waits for it any more.
        while self.is_blocked() {
            tokio::time::sleep(BLOCKED_WAIT).await;
        }
        let failed = |stage| move |error| classify::failed(&self.config.address, stage, &error);
        let channel = match self.channel().await.transpose()? {
            Ok(channel) => channel,
            Err(error) => return Some(Err(failed(Stage::Preparing)(error))),
        };
        let confirmation = confirmation(&channel, message).await;
        match &confirmation {
            Ok(_) => self.kept().push(channel),
            // What closed the channel is its own.
            Err(error) if error.is_amqp_soft_error() => {}
            Err(_) => self.is_broken.store(true, Ordering::Relaxed),
        }
        let broker = &self.config.address;
        let confirmation = confirmation.map_err(failed(Stage::Publishing));
        Some(confirmation.and_then(|confirmation| classify::confirmed(broker, confirmation)))
    }

    /// A channel that nobody else has, with confirms.
    async fn channel(&self) -> lapin::Result<Option<Channel>> {
        while let Some(channel) = self.kept().pop() {
            if channel.status().connected() {
                return Ok(Some(channel));
            }
        }
        let one_less = |left: usize| left.checked_sub(1);
        let left = &self.channels_left;
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err() {
            return Ok(None);
        }
        let mut doubt = Doubt { link: self, is_settled: false };
        let channel = self.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        doubt.is_settled = true;
        Ok(Some(channel))
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says goodbye, and waits until its thread has ended.
    pub(crate) async fn close(self) {
        let Self { channels, connection, switch, .. } = self;
        drop(channels);
        let goodbye = connection.close(200, "bye".into());
        match timeout(CLOSE_TIMEOUT, goodbye).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a connection to RabbitMQ had ended"),
            Err(_) => tracing::debug!("a RabbitMQ broker does not say goodbye"),
        }
        drop(switch);
        if let Ok(Err(error)) = tokio::task::spawn_blocking(|| connection.run()).await {
            tracing::debug!(%error, "a connection to RabbitMQ ended");
        }
    }
}

/// The broker's word on a message, published on a channel that carries nothing else.
async fn confirmation(channel: &Channel, message: &Message) -> lapin::Result<Confirmation> {
    let published = channel.basic_publish(
        message.exchange.clone(),
        message.routing_key.clone(),
        BasicPublishOptions { mandatory: true, immediate: false },
        &message.body,
        message.properties.clone(),
    );
    published.await?.await
}

/// A connection on which no channel opens is given up, however alive it looks.
struct Doubt<'a> {
    link: &'a Link,
    is_settled: bool,
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if !self.is_settled && !self.link.is_blocked() {
            self.link.is_broken.store(true, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("broker", &self.config.address).finish_non_exhaustive()
    }
}

/// What `lapin` has to know. The scheme is not looked at, because the wire is ours.
fn uri(config: &Config, vhost: &str) -> AMQPUri {
    AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: config.login.username.to_string(),
                password: config.login.password.to_string(),
            },
            host: config.address.host.to_string(),
            port: config.address.port,
        },
        vhost: vhost.to_owned(),
        query: AMQPQueryString {
            frame_max: Some(FRAME_BYTES_MAX),
            heartbeat: Some(config.heartbeat_seconds),
            ..AMQPQueryString::default()
        },
    }
}
