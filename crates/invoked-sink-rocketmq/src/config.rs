//! What an operator may set for an instance: `[sinks.rocketmq.<name>]`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::address::Address;
use crate::request::{Identity, is_name, with_namespace};
use crate::sign::Signer;
use crate::tls::{self, TlsError, Trust};

/// Name servers of one cluster. Ours: nobody runs more than a handful.
const NAME_SERVERS_MAX: usize = 16;

/// One cluster, and the key to it.
#[derive(Clone)]
pub struct Config {
    pub(crate) name_servers: Vec<Address>,
    pub(crate) namespace: Option<Box<str>>,
    pub(crate) timeout: Duration,
    pub(crate) connections: usize,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    namespace_v2: Option<Box<str>>,
    producer_group: Box<str>,
    signer: Option<Signer>,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The list of name servers.
    #[error("name_servers: must be from 1 to {NAME_SERVERS_MAX} of \"host:port\"")]
    NameServers,
    /// One of them.
    #[error("name_servers: must be \"host:port\" (with or without \"http://\"), got \"{0}\"")]
    NameServer(Box<str>),
    /// A key, or a part of it.
    #[error("{key}: must be visible ASCII characters, and not empty")]
    Key {
        /// Which setting.
        key: &'static str,
    },
    /// A token without a key.
    #[error("security_token: needs access_key and secret_key")]
    TokenAlone,
    /// A namespace or a group.
    #[error("{key}: must be from 1 to 127 letters, digits, '%', '|', '-' and '_'")]
    Name {
        /// Which setting.
        key: &'static str,
    },
    /// TLS.
    #[error("ca_file: {0}")]
    Tls(#[from] TlsError),
    /// The timeout.
    #[error("timeout: must be from 100ms to 5s")]
    Timeout,
    /// The connections.
    #[error("connections: must be from 1 to 16")]
    Connections,
}

impl Config {
    /// How long one try may take where nothing is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(3);

    /// The producer group where none is set.
    pub const GROUP_DEFAULT: &str = "PG_invoked";

    const TIMEOUT_MIN: Duration = Duration::from_millis(100);
    const TIMEOUT_MAX: Duration = Duration::from_secs(5);
    const CONNECTIONS_MAX: usize = 16;

    /// A cluster with these name servers, `host:port` each. An endpoint of ApsaraMQ 4.x
    /// (`http://MQ_INST_….mq-internal.aliyuncs.com:8080`) is one, and sets the namespace too.
    ///
    /// # Errors
    /// There is none, there are more than 16, or one is no address.
    pub fn new<S: AsRef<str>>(name_servers: &[S]) -> Result<Self, ConfigError> {
        if !(1..=NAME_SERVERS_MAX).contains(&name_servers.len()) {
            return Err(ConfigError::NameServers);
        }
        let address = |text: &S| {
            Address::parse(text.as_ref())
                .ok_or_else(|| ConfigError::NameServer(text.as_ref().into()))
        };
        let name_servers = name_servers.iter().map(address).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            namespace: name_servers.iter().find_map(Address::namespace).map(Into::into),
            name_servers,
            timeout: Self::TIMEOUT_DEFAULT,
            connections: 1,
            tls: None,
            namespace_v2: None,
            producer_group: Self::GROUP_DEFAULT.into(),
            signer: None,
        })
    }

    /// With a key that all requests are signed with.
    ///
    /// # Errors
    /// A part of it is empty, or not of visible ASCII characters.
    pub fn with_key(self, access_key: &str, secret_key: &str) -> Result<Self, ConfigError> {
        let access_key = key_part("access_key", access_key)?;
        let secret_key = key_part("secret_key", secret_key)?;
        Ok(Self { signer: Some(Signer::new(access_key, secret_key)), ..self })
    }

    /// With the token of a temporary key (STS). The key comes first.
    ///
    /// # Errors
    /// There is no key, or the token is empty or not of visible ASCII characters.
    pub fn with_security_token(self, token: &str) -> Result<Self, ConfigError> {
        let token = key_part("security_token", token)?;
        let signer = self.signer.ok_or(ConfigError::TokenAlone)?.with_security_token(token);
        Ok(Self { signer: Some(signer), ..self })
    }

    /// With a namespace before topics and group: the instance of ApsaraMQ 4.x, where the address of
    /// the name server does not tell.
    ///
    /// # Errors
    /// It cannot be part of a topic's name.
    pub fn with_namespace(self, namespace: &str) -> Result<Self, ConfigError> {
        Ok(Self { namespace: Some(name("namespace", namespace)?), ..self })
    }

    /// With an instance that travels beside the topic: ApsaraMQ 5.x, where it asks for it.
    ///
    /// # Errors
    /// It is no name.
    pub fn with_namespace_v2(self, instance: &str) -> Result<Self, ConfigError> {
        Ok(Self { namespace_v2: Some(name("namespace_v2", instance)?), ..self })
    }

    /// With another producer group.
    ///
    /// # Errors
    /// It is no name of a group.
    pub fn with_producer_group(self, group: &str) -> Result<Self, ConfigError> {
        Ok(Self { producer_group: name("producer_group", group)?, ..self })
    }

    /// With TLS towards name servers and brokers.
    ///
    /// # Errors
    /// There are no authorities to trust.
    pub fn with_tls(self, trust: &Trust) -> Result<Self, ConfigError> {
        Ok(Self { tls: Some(tls::client(trust)?), ..self })
    }

    /// With another limit on how long each request of a try may take, opening a connection
    /// included.
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

    /// With more connections to each broker than one.
    ///
    /// # Errors
    /// It is out of bounds.
    pub fn with_connections(self, connections: usize) -> Result<Self, ConfigError> {
        if (1..=Self::CONNECTIONS_MAX).contains(&connections) {
            Ok(Self { connections, ..self })
        } else {
            Err(ConfigError::Connections)
        }
    }

    /// In whose name requests are made.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            group: with_namespace(self.namespace.as_deref(), &self.producer_group),
            namespace_v2: self.namespace_v2.clone(),
            signer: self.signer.clone(),
        }
    }
}

impl fmt::Debug for Config {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name_servers", &self.name_servers)
            .field("namespace", &self.namespace)
            .field("producer_group", &self.producer_group)
            .field("has_tls", &self.tls.is_some())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn key_part<'a>(key: &'static str, text: &'a str) -> Result<&'a str, ConfigError> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { Ok(text) } else { Err(ConfigError::Key { key }) }
}

fn name(key: &'static str, text: &str) -> Result<Box<str>, ConfigError> {
    if is_name(text) { Ok(text.into()) } else { Err(ConfigError::Name { key }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new(&["127.0.0.1:9876"]).unwrap()
    }

    #[test]
    fn settings_are_checked() {
        let error = |config: Result<Config, ConfigError>| config.unwrap_err();
        assert_eq!(error(Config::new::<&str>(&[])), ConfigError::NameServers);
        assert_eq!(error(Config::new(&["h:1"; 17])), ConfigError::NameServers);
        assert_eq!(error(Config::new(&["h"])), ConfigError::NameServer("h".into()));
        for (key, secret, part) in [("", "s", "access_key"), ("k", "a\nb", "secret_key")] {
            assert_eq!(error(config().with_key(key, secret)), ConfigError::Key { key: part });
        }
        assert_eq!(error(config().with_security_token("t")), ConfigError::TokenAlone);
        for (found, key) in [
            (config().with_namespace("a.b"), "namespace"),
            (config().with_namespace_v2(""), "namespace_v2"),
            (config().with_producer_group("a b"), "producer_group"),
        ] {
            assert_eq!(error(found), ConfigError::Name { key });
        }
        assert_eq!(error(config().with_timeout(Duration::ZERO)), ConfigError::Timeout);
        assert_eq!(error(config().with_connections(17)), ConfigError::Connections);
        for pem in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let tls = config().with_tls(&Trust::Authorities(pem.into()));
            assert_eq!(error(tls), ConfigError::Tls(TlsError::Pem));
        }
    }

    #[test]
    fn no_secret_is_shown() {
        let config = config().with_key("id", "secret").unwrap();
        let shown = format!("{:?}", config.with_security_token("token").unwrap());
        assert!(!shown.contains("secret") && !shown.contains("token"), "{shown}");
    }

    #[test]
    fn an_endpoint_of_apsaramq_sets_the_namespace_of_topics_and_group() {
        let endpoint = "http://MQ_INST_1_a.cn-hangzhou.mq-internal.aliyuncs.com:8080";
        let config = Config::new(&[endpoint]).unwrap();
        assert_eq!(config.namespace.as_deref(), Some("MQ_INST_1_a"));
        assert_eq!(&*config.identity().group, "MQ_INST_1_a%PG_invoked");
        let named = config.with_namespace("MQ_INST_2_b").unwrap();
        assert_eq!(&*named.identity().group, "MQ_INST_2_b%PG_invoked");
    }
}
