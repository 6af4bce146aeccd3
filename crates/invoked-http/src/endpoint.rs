//! A URL of the configuration, parsed once.
//!
//! Users' names and passwords, queries and fragments are refused, because none of them would be
//! sent and an operator would wonder where they went.

use std::fmt;
use std::net::IpAddr;

use http::uri::{PathAndQuery, Uri};

/// A parsed `http://` or `https://` URL.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Endpoint {
    scheme: Scheme,
    host: Box<str>,
    port: u16,
    path: Box<str>,
}

/// How an origin is spoken to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

/// A text is not the URL of an endpoint.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// It does not read as a URL.
    #[error("not a URL of the form http://host[:port][/path]")]
    Malformed,
    /// Another scheme.
    #[error("the URL must start with http:// or https://")]
    Scheme,
    /// `user:password@`.
    #[error("the URL must not hold a user name or password")]
    UserInfo,
    /// `?` or `#`.
    #[error("the URL must not hold a query or fragment")]
    Query,
}

impl Endpoint {
    /// Parses `http://host[:port][/path]`.
    ///
    /// # Errors
    /// Other schemes, users' names, queries, fragments, and what is no URL at all.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.contains(['?', '#']) {
            return Err(EndpointError::Query);
        }
        let uri: Uri = text.parse().map_err(|_| EndpointError::Malformed)?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(_) | None => return Err(EndpointError::Scheme),
        };
        let authority = uri.authority().ok_or(EndpointError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(EndpointError::UserInfo);
        }
        // `Authority::port` takes a port that does not read for none.
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().map_err(|_| EndpointError::Malformed)?,
            None => scheme.default_port(),
        };
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || port == 0 {
            return Err(EndpointError::Malformed);
        }
        Ok(Self {
            scheme,
            host: host.to_ascii_lowercase().into(),
            port,
            path: uri.path().trim_end_matches('/').into(),
        })
    }

    /// How it is spoken to.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host in lower case, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none was given.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path without a trailing slash; empty for the root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The URI of a request for `path`, which starts with a slash, below the endpoint's own path.
    ///
    /// # Errors
    /// `path` holds characters that a URI must escape.
    pub fn uri(&self, path: &str) -> Result<Uri, EndpointError> {
        let joined = format!("{}{path}", self.path);
        let path = PathAndQuery::try_from(joined).map_err(|_| EndpointError::Malformed)?;
        Ok(Uri::from(path))
    }

    /// What the `host` header says: the port is left out where it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(_)) | Err(_) => self.host.to_string(),
        };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority(), self.path)
    }
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_read_as_they_are_shown() {
        for (text, shown, authority) in [
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000", "127.0.0.1:9000"),
            ("http://Example.com/", "http://example.com", "example.com"),
            ("https://example.com:443/a/b/", "https://example.com/a/b", "example.com"),
            ("http://example.com:443", "http://example.com:443", "example.com:443"),
            ("http://[::1]:9000/x", "http://[::1]:9000/x", "[::1]:9000"),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(endpoint.authority(), authority);
        }
        assert_eq!(Endpoint::parse("http://[::1]:9000").unwrap().host(), "::1");
    }

    #[test]
    fn paths_are_joined_below_the_endpoint() {
        let endpoint = Endpoint::parse("http://h/base/").unwrap();
        assert_eq!(endpoint.uri("/invoke").unwrap(), "/base/invoke");
        assert_eq!(endpoint.uri("/a b"), Err(EndpointError::Malformed));
    }

    #[test]
    fn refusals_say_why() {
        for (text, error) in [
            ("", EndpointError::Malformed),
            ("http://", EndpointError::Malformed),
            ("http://h:0", EndpointError::Malformed),
            ("http://h:", EndpointError::Malformed),
            ("http://h:99999", EndpointError::Malformed),
            ("example.com", EndpointError::Scheme),
            ("/invoke", EndpointError::Scheme),
            ("ftp://h", EndpointError::Scheme),
            ("http://user:secret@h", EndpointError::UserInfo),
            ("http://h?x=1", EndpointError::Query),
            ("http://h/#x", EndpointError::Query),
        ] {
            assert_eq!(Endpoint::parse(text), Err(error), "{text}");
        }
    }
}
