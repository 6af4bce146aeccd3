//! What an operator may set for an instance: `[sinks.fc.<name>]`.

use std::fmt;
use std::time::Duration;

use invoked_http::{Endpoint, EndpointError};

/// The instance that ARNs mean, because they name none.
pub(crate) const DEFAULT_INSTANCE: &str = "default";

/// One Function Compute, and the key to it.
#[derive(Clone, Eq, PartialEq)]
pub struct Config {
    pub(crate) endpoint: Endpoint,
    pub(crate) access_key_id: Box<str>,
    pub(crate) access_key_secret: Box<str>,
    pub(crate) security_token: Option<Box<str>>,
    pub(crate) timeout: Duration,
}

/// A setting that cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The endpoint.
    #[error("endpoint: {0}")]
    Endpoint(EndpointError),
    /// A key, or a part of it.
    #[error("{key}: must be visible ASCII characters without a comma, and not empty")]
    Key {
        /// Which setting.
        key: &'static str,
    },
    /// The timeout.
    #[error("timeout: must be from 100ms to 30s")]
    Timeout,
}

impl Config {
    /// How long one try of a callback may take where nothing is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

    const TIMEOUT_MIN: Duration = Duration::from_millis(100);
    const TIMEOUT_MAX: Duration = Duration::from_secs(30);

    /// An instance at `endpoint`, `http://` or `https://`.
    ///
    /// # Errors
    /// The endpoint is no URL, or the key cannot stand in a header.
    pub fn new(
        endpoint: &str,
        access_key_id: &str,
        access_key_secret: &str,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            endpoint: Endpoint::parse(endpoint).map_err(ConfigError::Endpoint)?,
            access_key_id: key_part("access_key_id", access_key_id)?,
            access_key_secret: key_part("access_key_secret", access_key_secret)?,
            security_token: None,
            timeout: Self::TIMEOUT_DEFAULT,
        })
    }

    /// With the token of a temporary key (STS).
    ///
    /// # Errors
    /// It cannot stand in a header.
    pub fn with_security_token(self, token: &str) -> Result<Self, ConfigError> {
        Ok(Self { security_token: Some(key_part("security_token", token)?), ..self })
    }

    /// With another limit on how long one try of a callback may take.
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
}

impl fmt::Debug for Config {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("endpoint", &self.endpoint)
            .field("access_key_id", &self.access_key_id)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn key_part(key: &'static str, text: &str) -> Result<Box<str>, ConfigError> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b',';
    if !text.is_empty() && text.bytes().all(is_plain) {
        Ok(text.into())
    } else {
        Err(ConfigError::Key { key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked() {
        let config = Config::new("https://fc.example/base", "id", "secret").unwrap();
        assert!(matches!(Config::new("fc", "id", "s"), Err(ConfigError::Endpoint(_))));
        for (id, secret, key) in [
            ("", "s", "access_key_id"),
            ("a,b", "s", "access_key_id"),
            ("id", "a\nb", "access_key_secret"),
        ] {
            assert_eq!(Config::new("http://h", id, secret), Err(ConfigError::Key { key }));
        }
        let token = config.clone().with_security_token("é");
        assert_eq!(token, Err(ConfigError::Key { key: "security_token" }));
        let timeout = config.clone().with_timeout(Duration::ZERO);
        assert_eq!(timeout, Err(ConfigError::Timeout));
        let shown = format!("{:?}", config.with_security_token("token").unwrap());
        assert!(!shown.contains("secret") && !shown.contains("token"), "{shown}");
    }
}
