//! `[server]`, `[admin]`, `[account]` and `[store]`: who the daemon is and where.
//!
//! Off loopback nothing is open by default: the API is bound there only where requests are signed or
//! somebody wrote out that they are not, and where somebody does TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use invoked_api::Tokens;
use invoked_core::envelope::Identity;
use invoked_store::backup::resolved;

use super::admin_tokens;
use super::auth::Auth;
use super::section::Section;
use super::tls::Tls;
use super::value::{address, arn_part, choice, count, size, text};

/// `[server]`.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Where the API listens.
    pub(crate) listen: SocketAddr,
    /// Connections at a time.
    pub(crate) connections_max: usize,
    /// Connections at a time from one address.
    pub(crate) connections_per_peer_max: usize,
    /// Who does TLS; `None` is nobody.
    pub(crate) tls: Option<Tls>,
}

/// `[admin]`.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    /// Where metrics, health and the admin API are served.
    pub(crate) listen: SocketAddr,
    /// Who may use it; none at all is anybody on this machine.
    pub(crate) tokens: Tokens,
    /// Who does TLS; `None` is nobody.
    pub(crate) tls: Option<Tls>,
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
    /// The directory under which the daemon may write backups.
    pub(crate) backup_path: Option<PathBuf>,
}

impl Server {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let listen = section.needed("listen", address);
        let connections_max = section.needed("connections_max", count(1..=1_000_000));
        let per_peer = section.optional("connections_per_peer_max", count(1..=1_000_000));
        let is_upstream = section.has("tls") && !section.is_table("tls");
        let tls = Tls::read(section);
        let connections_max: usize = connections_max?;
        // Behind a proxy all come from its address.
        let share = if is_upstream { connections_max } else { connections_max.div_ceil(2) };
        Some(Self {
            listen: listen?,
            connections_max,
            connections_per_peer_max: per_peer.unwrap_or(share),
            tls,
        })
    }
}

impl Admin {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let listen = section.needed("listen", address);
        let tls = Tls::read(section);
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
        Some(Self { listen: listen?, tokens, tls })
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

/// What can be reached from elsewhere is not left open by default.
pub(super) fn check_exposed(root: &Section<'_>, server: Option<&Server>, auth: Option<&Auth>) {
    let (Some(server), Some(auth)) = (server, auth) else { return };
    if server.listen.ip().is_loopback() {
        return;
    }
    let listen = server.listen;
    if !auth.is_on() && !auth.is_written {
        let problem = format!(
            "must be a loopback address, got \"{listen}\": requests are not authenticated; set \
             auth.mode = \"signed\" with a key under auth.keys, or write out auth.mode = \"off\""
        );
        root.reading().note("server.listen", problem);
    }
    if server.tls.is_none() && !root.reading().has_noted("server.tls") {
        let problem = format!(
            "is missing, and \"{listen}\" is not a loopback address: set it to {{ cert = \"PATH\", \
             key = \"PATH\" }}, or to \"upstream\" where a proxy does TLS"
        );
        root.reading().note("server.tls", problem);
    }
}

/// Whether one path leads into the other, through links too. Where we may not look, they are judged as written.
fn is_inside(path: &str, place: &str) -> bool {
    let absolute = |path: &str| std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    match (resolved(Path::new(path)), resolved(Path::new(place))) {
        (Ok(path), Ok(place)) => path.starts_with(place),
        (Err(_), _) | (_, Err(_)) => absolute(path).starts_with(absolute(place)),
    }
}

impl Store {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let kind = section.needed("kind", choice(&[("embedded", ())]));
        let path = section.needed("path", text);
        let cache = section.needed("cache", size("1MiB", "64GiB"));
        let free_min = section.needed("free_min", size("1MiB", "1024GiB"));
        let backup_path = section.optional("backup_path", text);
        for (key, path) in [("path", &path), ("backup_path", &backup_path)] {
            if path.as_deref() == Some("") {
                section.reading().note(&section.path_of(key), "must not be empty");
            }
        }
        if let (Some(store), Some(backups)) = (&path, &backup_path)
            && !store.is_empty()
            && is_inside(backups, store)
        {
            let problem = format!(
                "is inside of store.path, {store:?}: a backup would be lost with the store"
            );
            section.reading().note(&section.path_of("backup_path"), &problem);
        }
        kind?;
        Some(Self {
            path: PathBuf::from(path?),
            cache: cache?,
            free_min: free_min?,
            backup_path: backup_path.map(PathBuf::from),
        })
    }
}
