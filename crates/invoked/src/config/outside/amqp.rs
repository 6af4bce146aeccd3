//! `[sinks.amqp.<name>]`: brokers of RabbitMQ.

use std::time::Duration;

use super::super::file;
use super::super::secret::Secret;
use super::super::section::Section;
use super::super::value::{duration, size, text};

/// A broker of RabbitMQ, or a cluster of them.
#[derive(Clone, Debug)]
pub(crate) struct AmqpInstance {
    /// Where it is, and as whom: a secret, because a password may stand in it.
    pub(crate) url: Secret,
    /// Another user name than the URL's.
    pub(crate) username: Option<String>,
    /// Another password than the URL's.
    pub(crate) password: Option<Secret>,
    /// The authorities whose certificates are taken, in PEM; `None` means the system's.
    pub(crate) authorities: Option<Vec<u8>>,
    /// How long one try may take; `None` leaves it to the sink.
    pub(crate) timeout: Option<Duration>,
    /// How often each side says that it is alive; `None` leaves it to the sink.
    pub(crate) heartbeat: Option<Duration>,
    /// Bytes of a message; `None` leaves it to the sink.
    pub(crate) message_max: Option<usize>,
}

impl AmqpInstance {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let url = section.needed_secret("url").and_then(|url| checked_url(section, url));
        let username = section.optional("username", text);
        let password = section.optional_secret("password");
        let authorities = section.optional("ca_file", text);
        let timeout = section.optional("timeout", duration("100ms", "30s"));
        let heartbeat = section.optional("heartbeat", duration("1s", "10m"));
        let message_max = section.optional("message_max", size("1KiB", "512MiB"));
        let url = url?;
        let authorities = match authorities {
            Some(path) => Some(read_authorities(section, &url, &path)?),
            None => None,
        };
        Some(Self { url, username, password, authorities, timeout, heartbeat, message_max })
    }
}

/// The URL, as far as it can be judged without saying what stands in it. The sink reads it in full.
fn checked_url(section: &Section<'_>, url: Secret) -> Option<Secret> {
    let rest = ["amqp://", "amqps://"].iter().find_map(|scheme| url.reveal().strip_prefix(scheme));
    let problem = match rest {
        None => "must begin with amqp:// or amqps://",
        Some(rest) if rest.contains(['?', '#']) => {
            "must have no parameters; the other keys of the section take their place"
        }
        Some(rest) if rest.split_once('/').is_some_and(|(_, path)| !path.is_empty()) => {
            "must name no virtual host, the ARN of a destination does"
        }
        Some(_) => return Some(url),
    };
    section.reading().note(&section.path_of("url"), problem);
    None
}

fn read_authorities(section: &Section<'_>, url: &Secret, path: &str) -> Option<Vec<u8>> {
    let problem = if url.reveal().starts_with("amqps://") {
        match file::small(path) {
            Ok(pem) => {
                section.reading().note_content(&section.path_of("ca_file"), &pem);
                return Some(pem);
            }
            Err(error) => format!("{path}: {error}"),
        }
    } else {
        "needs a url with amqps://".to_owned()
    };
    section.reading().note(&section.path_of("ca_file"), problem);
    None
}
