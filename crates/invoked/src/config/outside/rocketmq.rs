//! `[sinks.rocketmq.<name>]`: clusters of RocketMQ.

use std::time::Duration;

use super::super::file;
use super::super::raw::Raw;
use super::super::secret::Secret;
use super::super::section::Section;
use super::super::value::{count, duration, flag, header_text, list, text};

/// A cluster, by its name servers.
#[derive(Clone, Debug)]
pub(crate) struct RocketMqInstance {
    /// Each `host:port`.
    pub(crate) name_servers: Vec<String>,
    /// The key that requests are signed with, where the cluster wants one.
    pub(crate) key: Option<RocketMqKey>,
    /// What stands before topics and group; `None` leaves it to the name servers' addresses.
    pub(crate) namespace: Option<String>,
    /// The instance that travels beside the topic.
    pub(crate) namespace_v2: Option<String>,
    /// In whose name messages are sent; `None` leaves it to the sink.
    pub(crate) producer_group: Option<String>,
    /// Whether, and with whom, TLS is spoken.
    pub(crate) tls: Option<RocketMqTrust>,
    /// How long each request of a try may take; `None` leaves it to the sink.
    pub(crate) timeout: Option<Duration>,
    /// Connections to each broker; `None` leaves it to the sink.
    pub(crate) connections: Option<usize>,
}

/// A key of an ACL.
#[derive(Clone, Debug)]
pub(crate) struct RocketMqKey {
    /// Its name.
    pub(crate) access_key: String,
    /// Its secret.
    pub(crate) secret_key: Secret,
    /// The token of a temporary key.
    pub(crate) security_token: Option<Secret>,
}

/// Whose certificates are taken.
#[derive(Clone, Debug)]
pub(crate) enum RocketMqTrust {
    /// Those of the system's authorities.
    System,
    /// Those of the authorities in this PEM.
    Authorities(Vec<u8>),
    /// Any.
    Anybody,
}

impl RocketMqInstance {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let name_servers = section.needed("name_servers", name_servers);
        let key = key(section);
        let tls = tls(section);
        let namespace = section.optional("namespace", name);
        let namespace_v2 = section.optional("namespace_v2", name);
        let producer_group = section.optional("producer_group", name);
        let timeout = section.optional("timeout", duration("100ms", "5s"));
        let connections = section.optional("connections", count(1..=16));
        Some(Self {
            name_servers: name_servers?,
            key: key?,
            namespace,
            namespace_v2,
            producer_group,
            tls: tls?,
            timeout,
            connections,
        })
    }
}

fn name_servers(raw: &Raw) -> Result<Vec<String>, String> {
    let server = |text: &str| {
        let has_port = text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.trim_end_matches('/').parse().is_ok_and(|port: u16| port != 0)
        });
        if has_port { Ok(text.to_owned()) } else { Err("must be \"host:port\" each".to_owned()) }
    };
    let servers = list(server)(raw)?;
    if (1..=16).contains(&servers.len()) {
        Ok(servers)
    } else {
        Err("must be from 1 to 16 of \"host:port\"".to_owned())
    }
}

/// Key and secret, which come together or not at all. The outer `None` is a problem.
fn key(section: &mut Section<'_>) -> Option<Option<RocketMqKey>> {
    let has_key = ["access_key", "secret_key", "security_token"].map(|key| section.has(key));
    if !has_key.contains(&true) {
        return Some(None);
    }
    let access_key = section.needed("access_key", header_text);
    let secret_key = section.needed_secret("secret_key");
    let security_token = section.optional_secret("security_token");
    Some(Some(RocketMqKey { access_key: access_key?, secret_key: secret_key?, security_token }))
}

/// The outer `None` is a problem.
fn tls(section: &mut Section<'_>) -> Option<Option<RocketMqTrust>> {
    let is_on = section.optional("tls", flag).unwrap_or(false);
    let file = section.optional("ca_file", text);
    let is_insecure = section.optional("tls_insecure", flag).unwrap_or(false);
    let note = |key: &str, problem: String| {
        section.reading().note(&section.path_of(key), problem);
        None
    };
    match (is_on, is_insecure, file) {
        (false, false, None) => Some(None),
        (false, true, _) => note("tls_insecure", "needs tls = true".to_owned()),
        (false, false, Some(_)) => note("ca_file", "needs tls = true".to_owned()),
        (true, true, Some(_)) => {
            note("ca_file", "is not looked at with tls_insecure = true; leave one out".to_owned())
        }
        (true, true, None) => Some(Some(RocketMqTrust::Anybody)),
        (true, false, None) => Some(Some(RocketMqTrust::System)),
        (true, false, Some(path)) => match file::small(&path) {
            Ok(pem) => {
                section.reading().note_content(&section.path_of("ca_file"), &pem);
                Some(Some(RocketMqTrust::Authorities(pem)))
            }
            Err(error) => note("ca_file", format!("{path}: {error}")),
        },
    }
}

/// A part of a topic's or group's name.
fn name(raw: &Raw) -> Result<String, String> {
    let rule = "must be from 1 to 127 letters, digits, '%', '|', '-' and '_'";
    let found = text(raw).map_err(|_| rule.to_owned())?;
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'|' | b'-' | b'_');
    let is_name = (1..=127).contains(&found.len()) && found.bytes().all(is_plain);
    if is_name { Ok(found) } else { Err(rule.to_owned()) }
}
