//! Where a broker is, and as whom: the `url` of an instance.

use std::fmt;

use percent_encoding::percent_decode_str;

/// A host and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    /// A name or an address, without the brackets of IPv6.
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
}

/// What a broker is told about who connects.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Login {
    pub(crate) username: Box<str>,
    pub(crate) password: Box<str>,
}

/// The parts of `amqp://user:password@host:port`.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Url {
    pub(crate) address: Address,
    pub(crate) login: Option<Login>,
    pub(crate) has_tls: bool,
}

/// A text is not the URL of a broker. Never holds the text, which may hold a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("must begin with amqp:// or amqps://")]
    Scheme,
    /// A path.
    #[error("must name no virtual host, the ARN of a destination does")]
    Vhost,
    /// A query or a fragment.
    #[error("must have no parameters; the other keys of the section take their place")]
    Parameters,
    /// No host, or one that cannot be.
    #[error("must name a host, as in amqp://user:password@host:5672")]
    Host,
    /// The port.
    #[error("must have a port from 1 to 65535, or none")]
    Port,
    /// What stands before the `@`.
    #[error("must have user:password before the @, percent-encoded UTF-8")]
    Login,
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let has_tls = match scheme {
            "amqp" => false,
            "amqps" => true,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(UrlError::Parameters);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !path.is_empty() {
            return Err(UrlError::Vhost);
        }
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(Login::parse(login)?), place),
            None => (None, authority),
        };
        let address = Address::parse(place, if has_tls { 5671 } else { 5672 })?;
        Ok(Self { address, login, has_tls })
    }
}

impl Address {
    fn parse(text: &str, default_port: u16) -> Result<Self, UrlError> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(UrlError::Host)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| UrlError::Host)?;
                (host, port)
            }
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(UrlError::Host);
        }
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(UrlError::Port)?,
            None if port.is_empty() => default_port,
            None => return Err(UrlError::Port),
        };
        Ok(Self { host: host.into(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Login {
    fn parse(text: &str) -> Result<Self, UrlError> {
        let (username, password) = text.split_once(':').ok_or(UrlError::Login)?;
        let decoded = |part: &str| match percent_decode_str(part).decode_utf8() {
            Ok(part) if !part.is_empty() => Ok(Box::from(&*part)),
            Ok(_) | Err(_) => Err(UrlError::Login),
        };
        Ok(Self { username: decoded(username)?, password: decoded(password)? })
    }
}

impl fmt::Debug for Login {
    /// Shows no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (text, host, port, login, has_tls) in [
            ("amqp://h", "h", 5672, None, false),
            ("amqps://h/", "h", 5671, None, true),
            ("amqp://u:p@mq.example:1/", "mq.example", 1, Some(("u", "p")), false),
            ("amqp://u%40x:p%2F%3A@[::1]:9", "::1", 9, Some(("u@x", "p/:")), false),
            ("amqps://[::1]", "::1", 5671, None, true),
            ("amqp://u:a@b@127.0.0.1", "127.0.0.1", 5672, Some(("u", "a@b")), false),
        ] {
            let url = Url::parse(text).unwrap();
            let login =
                login.map(|(name, word)| Login { username: name.into(), password: word.into() });
            assert_eq!(url, Url { address: Address { host: host.into(), port }, login, has_tls });
        }
        assert_eq!(Url::parse("amqp://[::1]").unwrap().address.to_string(), "[::1]:5672");
    }

    #[test]
    fn what_is_no_url_is_told_without_being_shown() {
        for (text, error) in [
            ("", UrlError::Scheme),
            ("http://h", UrlError::Scheme),
            ("AMQP://h", UrlError::Scheme),
            ("amqp://", UrlError::Host),
            ("amqp://u:p@", UrlError::Host),
            ("amqp://a b", UrlError::Host),
            ("amqp://[::1", UrlError::Host),
            ("amqp://[h]:1", UrlError::Host),
            ("amqp://h:0", UrlError::Port),
            ("amqp://h:65536", UrlError::Port),
            ("amqp://h:", UrlError::Port),
            ("amqp://[::1]1", UrlError::Port),
            ("amqp://secret@h", UrlError::Login),
            ("amqp://:secret@h", UrlError::Login),
            ("amqp://secret:%ff@h", UrlError::Login),
            ("amqp://h/%2F", UrlError::Vhost),
            ("amqp://h?heartbeat=1", UrlError::Parameters),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        let login = Url::parse("amqp://u:secret@h").unwrap();
        assert!(!format!("{login:?}").contains("secret"));
    }
}
