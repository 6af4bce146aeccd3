//! `[sinks.kafka.<name>]`: clusters of Kafka.

use std::time::Duration;

use super::super::file;
use super::super::raw::Raw;
use super::super::secret::Secret;
use super::super::section::Section;
use super::super::value::{choice, duration, flag, list, size, text};

/// A cluster.
#[derive(Clone, Debug)]
pub(crate) struct KafkaInstance {
    /// Each `host:port`.
    pub(crate) bootstrap_servers: Vec<String>,
    /// Who we are there, where the cluster wants to know.
    pub(crate) login: Option<KafkaLogin>,
    /// Whether TLS is spoken; inside, the authorities whose certificates are taken, in PEM, or `None`
    /// for the system's.
    pub(crate) tls: Option<Option<String>>,
    /// How long one try may take; `None` leaves it to the sink.
    pub(crate) timeout: Option<Duration>,
    /// Bytes of a batch with one record; `None` leaves it to the sink.
    pub(crate) message_max: Option<usize>,
}

/// A user of the cluster (SASL).
#[derive(Clone, Debug)]
pub(crate) struct KafkaLogin {
    /// How the password is shown.
    pub(crate) mechanism: KafkaMechanism,
    /// The name.
    pub(crate) username: String,
    /// The password.
    pub(crate) password: Secret,
}

/// How a password is shown to a broker.
#[derive(Copy, Clone, Debug)]
pub(crate) enum KafkaMechanism {
    /// As it is.
    Plain,
    /// By a challenge, SHA-256.
    ScramSha256,
    /// By a challenge, SHA-512.
    ScramSha512,
}

impl KafkaInstance {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let bootstrap_servers = section.needed("bootstrap_servers", servers);
        let login = login(section);
        let tls = tls(section);
        let timeout = section.optional("timeout", duration("1s", "30s"));
        let message_max = section.optional("message_max", size("1KiB", "100MiB"));
        Some(Self {
            bootstrap_servers: bootstrap_servers?,
            login: login?,
            tls: tls?,
            timeout,
            message_max,
        })
    }
}

fn servers(raw: &Raw) -> Result<Vec<String>, String> {
    let server = |text: &str| {
        let has_port = text.rsplit_once(':').is_some_and(|(host, port)| {
            let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'/');
            let is_host = !host.is_empty() && host.bytes().all(is_plain);
            is_host && port.parse().is_ok_and(|port: u16| port != 0)
        });
        if has_port { Ok(text.to_owned()) } else { Err("must be \"host:port\" each".to_owned()) }
    };
    let servers = list(server)(raw)?;
    let is_few = (1..=64).contains(&servers.len());
    if is_few { Ok(servers) } else { Err("must be from 1 to 64 of \"host:port\"".to_owned()) }
}

/// User and password, which come together or not at all. The outer `None` is a problem.
fn login(section: &mut Section<'_>) -> Option<Option<KafkaLogin>> {
    let mechanisms = &[
        ("PLAIN", KafkaMechanism::Plain),
        ("SCRAM-SHA-256", KafkaMechanism::ScramSha256),
        ("SCRAM-SHA-512", KafkaMechanism::ScramSha512),
    ];
    let has_login = ["username", "password", "sasl_mechanism"].map(|key| section.has(key));
    if !has_login.contains(&true) {
        return Some(None);
    }
    let filled = |raw: &Raw| match text(raw)? {
        empty if empty.is_empty() => Err("must not be empty".to_owned()),
        filled => Ok(filled),
    };
    let mechanism = match section.has("sasl_mechanism") {
        true => section.optional("sasl_mechanism", choice(mechanisms)),
        false => Some(KafkaMechanism::Plain),
    };
    let username = section.needed("username", filled);
    let password = section.needed_secret("password");
    Some(Some(KafkaLogin { mechanism: mechanism?, username: username?, password: password? }))
}

/// The outer `None` is a problem.
fn tls(section: &mut Section<'_>) -> Option<Option<Option<String>>> {
    let is_on = section.optional("tls", flag).unwrap_or(false);
    let file = section.optional("ca_file", text);
    let note = |problem: String| {
        section.reading().note(&section.path_of("ca_file"), problem);
        None
    };
    match (is_on, file) {
        (false, None) => Some(None),
        (false, Some(_)) => note("needs tls = true".to_owned()),
        (true, None) => Some(Some(None)),
        (true, Some(path)) => match file::small_text(&path) {
            Ok(pem) => {
                section.reading().note_content(&section.path_of("ca_file"), pem.as_bytes());
                Some(Some(Some(pem)))
            }
            Err(error) => note(format!("{path}: {error}")),
        },
    }
}
