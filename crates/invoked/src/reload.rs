//! What changes while the daemon runs: SIGHUP reads the configuration again.
//!
//! # Invariants
//!
//! A configuration with a problem changes nothing, nor does one that would have us listen elsewhere or
//! be of another account: whether a daemon may be open to everybody was judged by where it listens, and
//! it listens there still. What is good takes effect at once, for requests that come after it, and ends no connection.
//! What can only take effect at a start is named in the log, each time.

use std::net::SocketAddr;
use std::sync::Arc;

use invoked_api::auth::Auth;
use invoked_api::{SharedTokens, Tls, Tokens};
use invoked_engine::Handle;

use crate::config::{Config, Effective, Sources};

/// Keys that take effect without a restart, with everything below them.
const RELOADED: [&str; 4] = ["auth", "server.tls", "admin.tls", "admin.tokens"];
/// What says who callers are and whether they have to: the daemon goes on with what it started with.
const JUDGED_BY: [&str; 3] = ["server.listen", "admin.listen", "account"];
/// Whether there is TLS at all is decided at the start; what it serves is not.
const DECIDED: [&str; 2] = ["server.tls", "admin.tls"];

/// The parts of a running daemon that a configuration can change. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Reloadable {
    pub(crate) engine: Handle,
    pub(crate) auth: Auth,
    pub(crate) api_tls: Option<Tls>,
    pub(crate) admin_tls: Option<Tls>,
    /// Where the admin listener is bound, whatever the configuration says by now.
    pub(crate) admin: SocketAddr,
    pub(crate) admin_tokens: SharedTokens,
}

impl Reloadable {
    /// Brings everything that can change to what `config` says. None of it can fail. (The tokens of
    /// the admin API belong here.)
    pub(crate) async fn apply(&self, config: &Config) {
        self.auth.replace(config.auth.config.clone());
        for (running, new) in
            [(&self.api_tls, &config.server.tls), (&self.admin_tls, &config.admin.tls)]
        {
            if let (Some(running), Some(new)) =
                (running, new.as_ref().and_then(|tls| tls.certificate()))
            {
                running.replace(new.clone());
            }
        }
        if let Some(tokens) = safe_tokens(self.admin, &config.admin.tokens) {
            self.admin_tokens.replace(tokens);
        }
        self.engine.set_roles((*config.auth.roles).clone()).await;
    }
}

/// A configuration in force, and where it comes from.
#[derive(Debug)]
pub(crate) struct Reload {
    sources: Arc<Sources>,
    started_with: Effective,
}

impl Reload {
    /// `started_with` is what the daemon was started with.
    pub(crate) fn new(sources: Sources, started_with: Effective) -> Self {
        Self { sources: Arc::new(sources), started_with }
    }

    /// Reads the sources again and applies what can be, if all of it is good.
    pub(crate) async fn again(&self, running: &Reloadable) {
        let sources = Arc::clone(&self.sources);
        let read = tokio::task::spawn_blocking(move || Config::check(&sources)).await;
        let (config, effective) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(problems)) => {
                for problem in problems.iter() {
                    tracing::error!(%problem, "the configuration is not read again: a problem");
                }
                return;
            }
            Err(error) => {
                tracing::error!(%error, "reading the configuration again broke off");
                return;
            }
        };
        let differences = self.started_with.differences(&effective);
        let moved: Vec<_> = differences.iter().filter(|path| is_of(path, &JUDGED_BY)).collect();
        if !moved.is_empty() {
            tracing::error!(keys = ?moved, "the configuration is not read again: this needs a restart");
            return;
        }
        running.apply(&config).await;
        for key in differences.iter().filter(|path| needs_restart(path)) {
            tracing::warn!(key, "a change of the configuration needs a restart");
        }
        tracing::info!("the configuration is read again");
    }
}

/// The tokens that may take effect on a listener that is bound at `admin`. A configuration that has
/// none means to listen on loopback: until a restart brings it there, the ones in force stay.
fn safe_tokens(admin: SocketAddr, tokens: &Tokens) -> Option<Tokens> {
    if tokens.is_empty() && !admin.ip().is_loopback() {
        tracing::warn!("the admin tokens in force stay until a restart moves the listener");
        return None;
    }
    Some(tokens.clone())
}

/// Whether a difference does not take effect by itself.
fn needs_restart(path: &str) -> bool {
    !is_of(path, &RELOADED) || DECIDED.contains(&path)
}

/// Whether a path is one of these keys or below one.
fn is_of(path: &str, keys: &[&str]) -> bool {
    let is_below = |key: &&str| {
        path.strip_prefix(*key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    keys.iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective(toml: &str) -> Effective {
        let sources = Sources { flags: toml.to_owned(), ..Sources::default() };
        Config::check(&sources).unwrap().1
    }

    const KEY: &str = "[auth]\nmode = \"signed\"\n[auth.keys.ak]\nsecret = ";
    const SINK: &str = "[sinks.fc.default]\nendpoint = \"http://h\"\naccess_key_id = \"id\"\n\
                        access_key_secret = ";

    #[test]
    fn what_callers_are_judged_by_stays_as_it_was() {
        let started = effective("");
        for (toml, is_judged_by) in [
            ("[server]\nlisten = \"127.0.0.1:1\"", true),
            ("[admin]\nlisten = \"[::1]:7071\"", true),
            ("[account]\nid = \"7\"", true),
            ("[server]\nconnections_max = 7", false),
        ] {
            let differences = started.differences(&effective(toml));
            let found = differences.iter().any(|path| is_of(path, &JUDGED_BY));
            assert_eq!(found, is_judged_by, "{toml}");
        }
    }

    #[test]
    fn a_listener_that_others_reach_is_never_left_without_tokens() {
        let (here, everywhere) = ("127.0.0.1:1".parse().unwrap(), "0.0.0.0:1".parse().unwrap());
        let some = Tokens::default().with("a", invoked_api::Role::Viewer, "0123456789abcdef");
        assert!(safe_tokens(here, &Tokens::default()).is_some());
        assert!(safe_tokens(here, &some).is_some() && safe_tokens(everywhere, &some).is_some());
        assert!(safe_tokens(everywhere, &Tokens::default()).is_none());
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        for (before, after, expected) in [
            (String::new(), String::new(), [].as_slice()),
            (format!("{KEY}\"one\""), format!("{KEY}\"two\""), &[]),
            (String::new(), format!("{KEY}\"two\""), &[]),
            (String::new(), "[server]\nconnections_max = 7".into(), &["server.connections_max"]),
            (String::new(), "[server]\ntls = \"upstream\"".into(), &["server.tls"]),
            (
                format!("{SINK}\"one\""),
                format!("{SINK}\"two\""),
                &["sinks.fc.default.access_key_secret"],
            ),
            (String::new(), "[functions.a]\nurl = \"http://h\"".into(), &["functions"]),
        ] {
            let differences = effective(&before).differences(&effective(&after));
            let found: Vec<_> = differences.iter().filter(|path| needs_restart(path)).collect();
            assert_eq!(found, expected, "{before} -> {after}");
        }
    }
}
