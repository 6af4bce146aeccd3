//! Where a name server or a broker is.

use std::fmt;

/// A host and a port, and the namespace that an endpoint of ApsaraMQ carries in its host.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Address {
    host: Box<str>,
    port: u16,
}

impl Address {
    /// `host:port` or `[v6]:port`, with or without `http://` before it, as ApsaraMQ's console
    /// writes endpoints of the remoting protocol.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix("http://").unwrap_or(text);
        let (host, port) = text.strip_suffix('/').unwrap_or(text).rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?,
            None if host.contains(':') => return None,
            None => host,
        };
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (!host.is_empty() && host.bytes().all(is_plain)).then(|| Self { host: host.into(), port })
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The instance of ApsaraMQ 4.x: the first label of `MQ_INST_<account>_<id>.<region>…`.
    pub(crate) fn namespace(&self) -> Option<&str> {
        let (label, _) = self.host.split_once('.')?;
        let (account, id) = label.strip_prefix("MQ_INST_")?.split_once('_')?;
        let is_word = |text: &str| !text.is_empty() && !text.contains('-');
        (is_word(account) && is_word(id)).then_some(label)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_ports() {
        for (text, shown) in [
            ("127.0.0.1:9876", "127.0.0.1:9876"),
            ("http://ns.example:8080", "ns.example:8080"),
            ("http://ns.example:8080/", "ns.example:8080"),
            (" [::1]:9876", "[::1]:9876"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
        for bad in
            ["", "host", "host:", ":1", "host:0", "host:65536", "::1:9876", "a b:1", "https://h:1"]
        {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_endpoint_of_apsaramq_names_its_namespace() {
        for (text, namespace) in [
            (
                "http://MQ_INST_1234_BX.cn-hangzhou.mq-internal.aliyuncs.com:8080",
                Some("MQ_INST_1234_BX"),
            ),
            ("MQ_INST_1234_BX.mq:8080", Some("MQ_INST_1234_BX")),
            ("MQ_INST_1234_BX:8080", None),
            ("MQ_INST_1234.mq:8080", None),
            ("rmq-cn-abc.rmq.aliyuncs.com:8080", None),
        ] {
            assert_eq!(Address::parse(text).unwrap().namespace(), namespace, "{text}");
        }
    }
}
