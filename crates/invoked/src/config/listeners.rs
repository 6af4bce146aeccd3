//! `[server]`, `[admin]`, `[account]`, `[auth]` and `[store]`: who the daemon is and where.
//!
//! Requests are not authenticated by this version, so both listeners stay on loopback, whatever
//! `auth.mode` says.

use std::net::SocketAddr;
use std::path::PathBuf;

use invoked_api::Tokens;
use invoked_core::envelope::Identity;

use super::admin_tokens;
use super::section::Section;
use super::value::{address, arn_part, choice, count, size, text};

/// `[server]`.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Where the API listens.
    pub(crate) listen: SocketAddr,
    /// Connections at a time.
    pub(crate) connections_max: usize,
}

/// `[admin]`.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    /// Where metrics, health and the admin API are served.
    pub(crate) listen: SocketAddr,
    /// Who may use it; none at all is anybody on this machine.
    pub(crate) tokens: Tokens,
}

/// `[store]`.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// The directory of the embedded store.
    pub(crate) path: PathBuf,
    /// Bytes of its tables that are kept in memory.
    pub(crate) cache: usize,
    /// Free bytes on its disk below which nothing new is taken.
    pub(crate) free_min: usize,
}

impl Server {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let listen = section.needed("listen", address);
        let connections_max = section.needed("connections_max", count(1..=1_000_000));
        section.unsupported("tls");
        if let Some(listen) = listen.filter(|listen| !listen.ip().is_loopback()) {
            section.reading().note(
                &section.path_of("listen"),
                format!(
                    "must be a loopback address, got \"{listen}\": this version does not verify \
                     signatures, so only processes of this machine may reach the API"
                ),
            );
        }
        Some(Self { listen: listen?, connections_max: connections_max? })
    }
}

impl Admin {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let listen = section.needed("listen", address);
        let has_tokens = section.has("tokens");
        let tokens = admin_tokens::read(section);
        if let Some(listen) = listen.filter(|listen| !has_tokens && !listen.ip().is_loopback()) {
            section.reading().note(
                &section.path_of("listen"),
                format!(
                    "must be a loopback address as long as there is no token under admin.tokens, \
                     got \"{listen}\""
                ),
            );
        }
        Some(Self { listen: listen?, tokens })
    }
}

/// Two listeners cannot share a port, unless the kernel chooses both.
pub(super) fn check_apart(root: &Section<'_>, server: Option<&Server>, admin: Option<&Admin>) {
    if let (Some(server), Some(admin)) = (server, admin)
        && server.listen == admin.listen
        && server.listen.port() != 0
    {
        let problem = format!("must differ from server.listen, both are \"{}\"", admin.listen);
        root.reading().note("admin.listen", problem);
    }
}

pub(super) fn identity(section: &mut Section<'_>) -> Option<Identity> {
    let account = section.needed("id", arn_part);
    let region = section.needed("region", arn_part);
    Some(Identity { account: account?, region: region? })
}

/// There is nothing to decide yet; the section says so, so that nobody believes otherwise.
pub(super) fn auth(section: &mut Section<'_>) {
    let mode = section.needed("mode", choice(&[("off", false), ("signed", true)]));
    if mode == Some(true) {
        let path = section.path_of("mode");
        section.reading().note(&path, "\"signed\" is not supported yet by this version");
    }
    section.unsupported("keys");
}

impl Store {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let kind = section.needed("kind", choice(&[("embedded", ())]));
        let path = section.needed("path", text);
        let cache = section.needed("cache", size("1MiB", "64GiB"));
        let free_min = section.needed("free_min", size("1MiB", "1024GiB"));
        if path.as_deref() == Some("") {
            section.reading().note(&section.path_of("path"), "must not be empty");
        }
        kind?;
        Some(Self { path: PathBuf::from(path?), cache: cache?, free_min: free_min? })
    }
}
