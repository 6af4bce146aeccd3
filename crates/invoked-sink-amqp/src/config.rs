//! What an operator may set for an instance: `[sinks.amqp.<name>]`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::address::{Address, Login, Url, UrlError};
use crate::tls::{self, TlsError, Trust};

/// One broker (or cluster), and the login to it.
#[derive(Clone)]
pub struct Config {
    pub(crate) address: Address,
    pub(crate) login: Login,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) timeout: Duration,
    pub(crate) heartbeat_seconds: u16,
    pub(crate) message_bytes_max: usize,
    pub(crate) idle: Duration,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The address.
    #[error("url: {0}")]
    Url(#[from] UrlError),
    /// A part of the login.
    #[error("{key}: must not be empty, nor hold a NUL")]
    Login {
        /// Which setting.
        key: &'static str,
    },
    /// TLS.
    #[error("ca_file: {0}")]
    Tls(#[from] TlsError),
    /// Authorities for a connection in the clear.
    #[error("ca_file: needs a url with amqps://")]
    TlsUnused,
    /// The timeout.
    #[error("timeout: must be from 100ms to 30s")]
    Timeout,
    /// The heartbeat.
    #[error("heartbeat: must be whole seconds from 1s to 10m")]
    Heartbeat,
    /// The size of messages.
    #[error("message_max: must be from 1KiB to 512MiB")]
    MessageBytes,
}

impl Config {
    /// How long one try may take where nothing is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
    /// How often each side tells the other that it is alive, where nothing is set.
    pub const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(20);
    /// Bytes of a message where nothing is set: RabbitMQ's own default since 4.0. 3.x takes 128 MiB.
    pub const MESSAGE_BYTES_DEFAULT: usize = 16 * 1024 * 1024;

    const TIMEOUT_MIN: Duration = Duration::from_millis(100);
    const TIMEOUT_MAX: Duration = Duration::from_secs(30);
    const HEARTBEAT_MAX: Duration = Duration::from_secs(10 * 60);
    const MESSAGE_BYTES_MIN: usize = 1024;
    /// RabbitMQ's, whatever it is told.
    const MESSAGE_BYTES_MAX: usize = 512 * 1024 * 1024;
    /// Ours: how long a connection is kept that nothing is published on.
    const IDLE: Duration = Duration::from_secs(5 * 60);

    /// A broker at `url`: `amqp://user:password@host:port`, or `amqps://` for TLS with the
    /// certificate authorities of the system. Without a login it is RabbitMQ's `guest`.
    ///
    /// # Errors
    /// It is no such URL, or the system has no certificate authorities.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        let Url { address, login, has_tls } = Url::parse(url)?;
        let guest = || Login { username: "guest".into(), password: "guest".into() };
        let config = Self {
            address,
            login: login.unwrap_or_else(guest),
            tls: None,
            timeout: Self::TIMEOUT_DEFAULT,
            heartbeat_seconds: 20,
            message_bytes_max: Self::MESSAGE_BYTES_DEFAULT,
            idle: Self::IDLE,
        };
        // The system is asked for its authorities where it is told none.
        if has_tls {
            Ok(Self { tls: Some(tls::client(&Trust::System)?), ..config })
        } else {
            Ok(config)
        }
    }

    /// With certificate authorities of the operator's instead of the system's.
    ///
    /// # Errors
    /// The URL is not for TLS, or there is no authority to trust.
    pub fn with_trust(url: &str, trust: &Trust) -> Result<Self, ConfigError> {
        let Some(rest) = url.strip_prefix("amqps://") else {
            // Any other mistake comes first.
            Url::parse(url)?;
            return Err(ConfigError::TlsUnused);
        };
        let plain = Self::new(&format!("amqp://{rest}"))?;
        let Url { address, .. } = Url::parse(url)?;
        Ok(Self { address, tls: Some(tls::client(trust)?), ..plain })
    }

    /// With another user name than the URL's.
    ///
    /// # Errors
    /// It is empty, or holds a NUL.
    pub fn with_username(mut self, username: &str) -> Result<Self, ConfigError> {
        self.login.username = login_part("username", username)?;
        Ok(self)
    }

    /// With another password than the URL's.
    ///
    /// # Errors
    /// It is empty, or holds a NUL.
    pub fn with_password(mut self, password: &str) -> Result<Self, ConfigError> {
        self.login.password = login_part("password", password)?;
        Ok(self)
    }

    /// With another limit on how long one try may take, opening a connection and waiting for a
    /// blocked one included.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn with_timeout(self, timeout: Duration) -> Result<Self, ConfigError> {
        if (Self::TIMEOUT_MIN..=Self::TIMEOUT_MAX).contains(&timeout) {
            Ok(Self { timeout, ..self })
        } else {
            Err(ConfigError::Timeout)
        }
    }

    /// With another heartbeat; the broker may ask for a shorter one.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn with_heartbeat(self, heartbeat: Duration) -> Result<Self, ConfigError> {
        let seconds = u16::try_from(heartbeat.as_secs()).ok();
        let seconds = seconds.filter(|seconds| {
            *seconds > 0 && heartbeat.subsec_nanos() == 0 && heartbeat <= Self::HEARTBEAT_MAX
        });
        let heartbeat_seconds = seconds.ok_or(ConfigError::Heartbeat)?;
        Ok(Self { heartbeat_seconds, ..self })
    }

    /// With another limit on a message: the broker's `max_message_size`.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn with_message_bytes_max(self, message_bytes_max: usize) -> Result<Self, ConfigError> {
        if (Self::MESSAGE_BYTES_MIN..=Self::MESSAGE_BYTES_MAX).contains(&message_bytes_max) {
            Ok(Self { message_bytes_max, ..self })
        } else {
            Err(ConfigError::MessageBytes)
        }
    }
}

impl fmt::Debug for Config {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("address", &self.address)
            .field("login", &self.login)
            .field("has_tls", &self.tls.is_some())
            .field("timeout", &self.timeout)
            .field("heartbeat_seconds", &self.heartbeat_seconds)
            .field("message_bytes_max", &self.message_bytes_max)
            .finish_non_exhaustive()
    }
}

fn login_part(key: &'static str, text: &str) -> Result<Box<str>, ConfigError> {
    // SASL PLAIN separates its parts by NULs.
    if text.is_empty() || text.contains('\0') {
        Err(ConfigError::Login { key })
    } else {
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new("amqp://u:hidden@h").unwrap()
    }

    #[test]
    fn settings_are_checked() {
        let error = |config: Result<Config, ConfigError>| config.unwrap_err();
        assert_eq!(error(Config::new("h")), ConfigError::Url(UrlError::Scheme));
        let key = |key| ConfigError::Login { key };
        assert_eq!(error(config().with_username("")), key("username"));
        assert_eq!(error(config().with_password("a\0b")), key("password"));
        assert_eq!(error(config().with_timeout(Duration::ZERO)), ConfigError::Timeout);
        for heartbeat in [Duration::ZERO, Duration::from_millis(1500), Duration::from_secs(601)] {
            assert_eq!(error(config().with_heartbeat(heartbeat)), ConfigError::Heartbeat);
        }
        for bytes in [1023, 512 * 1024 * 1024 + 1] {
            assert_eq!(error(config().with_message_bytes_max(bytes)), ConfigError::MessageBytes);
        }
        let nobody = Trust::Authorities(Vec::new());
        let trusting = |url| error(Config::with_trust(url, &nobody));
        assert_eq!(trusting("amqps://h"), ConfigError::Tls(TlsError::Pem));
        assert_eq!(trusting("amqp://h"), ConfigError::TlsUnused);
        assert_eq!(trusting("amqps://"), ConfigError::Url(UrlError::Host));
    }

    #[test]
    fn a_login_of_its_own_stands_above_the_urls() {
        let both = config().with_username("v").unwrap().with_password("q").unwrap();
        assert_eq!((&*both.login.username, &*both.login.password), ("v", "q"));
        let guest = Config::new("amqp://h").unwrap().login;
        assert_eq!((&*guest.username, &*guest.password), ("guest", "guest"));
    }

    #[test]
    fn no_secret_is_shown() {
        let shown = format!("{:?}", config());
        assert!(shown.contains("\"u\"") && !shown.contains("hidden"), "{shown}");
    }
}
