//! `[sinks.eventbridge.<name>]`: endpoints of EventBridge.

use std::time::Duration;

use invoked_http::Endpoint;

use super::super::secret::Secret;
use super::super::section::Section;
use super::super::value::{duration, header_text};
use super::endpoint;

/// An endpoint of EventBridge, with the buses of one account.
#[derive(Clone, Debug)]
pub(crate) struct EventBridgeInstance {
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
}

impl EventBridgeInstance {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let endpoint = section.needed("endpoint", endpoint);
        let access_key_id = section.needed("access_key_id", header_text);
        let access_key_secret = section.needed_secret("access_key_secret");
        let security_token = section.optional_secret("security_token");
        let timeout = section.optional("timeout", duration("100ms", "30s"));
        Some(Self {
            endpoint: endpoint?,
            access_key_id: access_key_id?,
            access_key_secret: access_key_secret?,
            security_token,
            timeout,
        })
    }
}
