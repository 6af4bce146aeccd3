//! `[sinks.mns.<name>]`: endpoints of MNS (SMQ).

use std::time::Duration;

use invoked_http::Endpoint;

use super::super::secret::Secret;
use super::super::section::Section;
use super::super::value::{choice, duration, header_text};
use super::endpoint;

/// An endpoint of MNS, with the queues and topics of one account.
#[derive(Clone, Debug)]
pub(crate) struct MnsInstance {
    /// Where it is.
    pub(crate) endpoint: Endpoint,
    /// The key its requests are signed with.
    pub(crate) access_key_id: String,
    /// Its secret.
    pub(crate) access_key_secret: Secret,
    /// The token of a temporary key.
    pub(crate) security_token: Option<Secret>,
    /// How long one try of a callback may take; `None` leaves it to the sink.
    pub(crate) timeout: Option<Duration>,
    /// What the body of a message to a queue is; `None` leaves it to the sink.
    pub(crate) queue_encoding: Option<MnsEncoding>,
    /// What the body of a message to a topic is; `None` leaves it to the sink.
    pub(crate) topic_encoding: Option<MnsEncoding>,
}

/// What the body of a message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MnsEncoding {
    /// The envelope as base64.
    Base64,
    /// The envelope itself.
    Raw,
}

const ENCODINGS: [(&str, MnsEncoding); 2] =
    [("base64", MnsEncoding::Base64), ("raw", MnsEncoding::Raw)];

impl MnsInstance {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let endpoint = section.needed("endpoint", endpoint);
        let access_key_id = section.needed("access_key_id", header_text);
        let access_key_secret = section.needed_secret("access_key_secret");
        let security_token = section.optional_secret("security_token");
        let timeout = section.optional("timeout", duration("100ms", "30s"));
        let queue_encoding = section.optional("queue_encoding", choice(&ENCODINGS));
        let topic_encoding = section.optional("topic_encoding", choice(&ENCODINGS));
        Some(Self {
            endpoint: endpoint?,
            access_key_id: access_key_id?,
            access_key_secret: access_key_secret?,
            security_token,
            timeout,
            queue_encoding,
            topic_encoding,
        })
    }
}
