//! What an operator may set for an instance: `[sinks.kafka.<name>]`.

use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// Bytes of an answer of a broker, metadata of the topics in use at most. Ours.
const ANSWER_BYTES_MAX: &str = "8388608";

/// How long a topic may be missing that was just made; within a try, of which it is a quarter at most.
const MISSING: Duration = Duration::from_secs(1);

/// What may wait in librdkafka at least, however small messages are: 32 MiB. Ours.
const QUEUE_KILOBYTES_MIN: usize = 32 * 1024;

/// One cluster, and who we are there.
#[derive(Clone, Eq, PartialEq)]
pub struct Config {
    pub(crate) bootstrap_servers: String,
    login: Option<Login>,
    tls: Option<Option<String>>,
    timeout: Duration,
    pub(crate) message_bytes_max: usize,
}

/// How a password is shown to the broker.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Mechanism {
    /// As it is: over TLS only, if anybody listens.
    Plain,
    /// By a challenge, SHA-256.
    ScramSha256,
    /// By a challenge, SHA-512.
    ScramSha512,
}

#[derive(Clone, Eq, PartialEq)]
struct Login {
    mechanism: Mechanism,
    username: String,
    password: String,
}

/// A setting that cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The servers.
    #[error("bootstrap_servers: must be a list of host:port, and not empty")]
    Servers,
    /// A part of the login.
    #[error("{key}: must not be empty")]
    Login {
        /// Which setting.
        key: &'static str,
    },
    /// The authorities.
    #[error("ca_file: holds no certificate in PEM")]
    Pem,
    /// The timeout.
    #[error("timeout: must be from 1s to 30s")]
    Timeout,
    /// The limit.
    #[error("message_max: must be from 1024 to 104857600 (100 MiB)")]
    Limit,
}

impl Config {
    /// How long one try may take where nothing is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
    /// Bytes of a batch with one record where nothing is set. Kafka: `message.max.bytes` of a broker
    /// is 1,048,588; librdkafka's own default is this.
    pub const MESSAGE_BYTES_MAX_DEFAULT: usize = 1_000_000;

    const TIMEOUT_MIN: Duration = Duration::from_secs(1);
    const TIMEOUT_MAX: Duration = Duration::from_secs(30);
    const MESSAGE_BYTES: std::ops::RangeInclusive<usize> = 1_024..=100 * 1024 * 1024;

    /// A cluster that is found through `bootstrap_servers`, each `host:port`.
    ///
    /// # Errors
    /// There is none, or one is no address.
    pub fn new<S: AsRef<str>>(bootstrap_servers: &[S]) -> Result<Self, ConfigError> {
        let is_server = |server: &str| {
            server.rsplit_once(':').is_some_and(|(host, port)| {
                let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'/');
                !host.is_empty()
                    && host.bytes().all(is_plain)
                    && port.parse::<u16>().is_ok_and(|port| port > 0)
            })
        };
        let servers: Vec<&str> = bootstrap_servers.iter().map(AsRef::as_ref).collect();
        if servers.is_empty() || !servers.iter().all(|server| is_server(server)) {
            return Err(ConfigError::Servers);
        }
        Ok(Self {
            bootstrap_servers: servers.join(","),
            login: None,
            tls: None,
            timeout: Self::TIMEOUT_DEFAULT,
            message_bytes_max: Self::MESSAGE_BYTES_MAX_DEFAULT,
        })
    }

    /// With a login (SASL).
    ///
    /// # Errors
    /// A part of it is empty.
    pub fn with_login(
        self,
        mechanism: Mechanism,
        username: &str,
        password: &str,
    ) -> Result<Self, ConfigError> {
        for (key, text) in [("username", username), ("password", password)] {
            if text.is_empty() {
                return Err(ConfigError::Login { key });
            }
        }
        let login = Login { mechanism, username: username.into(), password: password.into() };
        Ok(Self { login: Some(login), ..self })
    }

    /// Over TLS. Trusts these authorities, in PEM, and no others; without any, the system's.
    ///
    /// # Errors
    /// The text holds no certificate.
    pub fn with_tls(self, authorities: Option<&str>) -> Result<Self, ConfigError> {
        if authorities.is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
            return Err(ConfigError::Pem);
        }
        Ok(Self { tls: Some(authorities.map(str::to_owned)), ..self })
    }

    /// With another limit on how long one try may take.
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

    /// With another limit on a batch of one record, in bytes: the topic's `max.message.bytes`.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn with_message_bytes_max(self, message_bytes_max: usize) -> Result<Self, ConfigError> {
        if Self::MESSAGE_BYTES.contains(&message_bytes_max) {
            Ok(Self { message_bytes_max, ..self })
        } else {
            Err(ConfigError::Limit)
        }
    }

    /// How librdkafka is told.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        let protocol = match (&self.login, &self.tls) {
            (None, None) => "plaintext",
            (None, Some(_)) => "ssl",
            (Some(_), None) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        let timeout = self.timeout.as_millis().to_string();
        let missing = (self.timeout / 4).min(MISSING).as_millis();
        for (key, value) in [
            ("client.id", "invoked"),
            ("bootstrap.servers", &self.bootstrap_servers),
            ("security.protocol", protocol),
            ("acks", "all"),
            ("enable.idempotence", "true"),
            // The try's whole time, its repetitions inside of librdkafka included.
            ("message.timeout.ms", &timeout),
            ("request.timeout.ms", &timeout),
            ("socket.timeout.ms", &timeout),
            ("socket.keepalive.enable", "true"),
            ("connections.max.idle.ms", "300000"),
            // So that a try meets the broker again within its time, and its refusals too.
            ("reconnect.backoff.ms", "100"),
            ("reconnect.backoff.max.ms", "1000"),
            // A producer would have a missing topic made, where brokers do so.
            ("allow.auto.create.topics", "false"),
            // A topic that is missing is known after this, not after half a minute.
            ("topic.metadata.propagation.max.ms", &missing.to_string()),
            // One that was made since is found after this, not after five.
            ("topic.metadata.refresh.interval.ms", "60000"),
            // None: librdkafka's thread turns in circles for as long as it waits for company (measured:
            // 1.6 against 8 s of CPU for 10,000 messages at 1,000/s), and busy batches fill by themselves.
            ("linger.ms", "0"),
            // Keys go where Java's clients would put them.
            ("partitioner", "murmur2_random"),
            ("queue.buffering.max.messages", "10000"),
            ("queue.buffering.max.kbytes", &self.queue_kilobytes().to_string()),
            ("message.max.bytes", &self.message_bytes_max.to_string()),
            ("receive.message.max.bytes", ANSWER_BYTES_MAX),
        ] {
            client.set(key, value);
        }
        if let Some(login) = &self.login {
            client.set("sasl.mechanism", login.mechanism.as_str());
            client.set("sasl.username", &login.username);
            client.set("sasl.password", &login.password);
        }
        if let Some(Some(authorities)) = &self.tls {
            client.set("ssl.ca.pem", authorities);
        }
        client.set_log_level(RDKafkaLogLevel::Info);
        client
    }

    /// Kilobytes of messages that may wait in librdkafka, which has copies of them.
    fn queue_kilobytes(&self) -> usize {
        QUEUE_KILOBYTES_MIN.max((2 * self.message_bytes_max).div_ceil(1024))
    }
}

impl Mechanism {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl fmt::Debug for Config {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("username", &self.login.as_ref().map(|login| &login.username))
            .field("tls", &self.tls.is_some())
            .field("timeout", &self.timeout)
            .field("message_bytes_max", &self.message_bytes_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked() {
        let config = Config::new(&["kafka-1:9092", "[::1]:9092"]).unwrap();
        assert_eq!(config.bootstrap_servers, "kafka-1:9092,[::1]:9092");
        for bad in [&[][..], &["kafka"], &["kafka:0"], &[":9092"], &["a:1,b:2"], &["http://a:1"]] {
            assert_eq!(Config::new(bad), Err(ConfigError::Servers), "{bad:?}");
        }
        let login = config.clone().with_login(Mechanism::Plain, "u", "");
        assert_eq!(login, Err(ConfigError::Login { key: "password" }));
        assert_eq!(config.clone().with_tls(Some("no")), Err(ConfigError::Pem));
        assert_eq!(config.clone().with_timeout(Duration::ZERO), Err(ConfigError::Timeout));
        assert_eq!(config.clone().with_message_bytes_max(1), Err(ConfigError::Limit));
        let config = config.with_login(Mechanism::ScramSha512, "user", "hidden-word").unwrap();
        let shown = format!("{config:?}");
        assert!(shown.contains("user") && !shown.contains("hidden-word"), "{shown}");
    }

    #[test]
    fn the_protocol_follows_from_login_and_tls() {
        let plain = Config::new(&["a:1"]).unwrap();
        let tls = plain.clone().with_tls(None).unwrap();
        let login = |of: &Config| of.clone().with_login(Mechanism::Plain, "u", "p").unwrap();
        for (config, protocol) in [
            (plain.clone(), "plaintext"),
            (tls.clone(), "ssl"),
            (login(&plain), "sasl_plaintext"),
            (login(&tls), "sasl_ssl"),
        ] {
            assert_eq!(config.client().get("security.protocol"), Some(protocol));
        }
        assert_eq!(plain.client().get("acks"), Some("all"));
        assert_eq!(plain.client().get("message.timeout.ms"), Some("10000"));
    }
}
