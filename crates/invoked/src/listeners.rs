//! Both listeners: bound by us, or handed over by a supervisor that listens already (socket activation).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, bail};
use listenfd::ListenFd;
use tokio::net::TcpListener;

use crate::config::{Config, Environment};
use crate::startup::port;

/// What a supervisor calls its sockets (`FileDescriptorName=`).
const NAMES: [&str; 2] = ["fc", "admin"];

/// Both listeners, bound.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) api: TcpListener,
    pub(crate) admin: TcpListener,
}

/// The sockets that a supervisor has handed over. One that it has not is bound by us.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    api: Option<std::net::TcpListener>,
    admin: Option<std::net::TcpListener>,
}

impl Inherited {
    /// Takes them, by `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`.
    ///
    /// # Errors
    /// One has a name that is none of ours, or is no listening TCP socket.
    pub(crate) fn take(environment: &Environment) -> Result<Self> {
        let mut sockets = ListenFd::from_env();
        let mut taken = Self::default();
        let names = environment.get("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        for index in 0..sockets.len() {
            let name = names.next().unwrap_or_default();
            let slot = match name {
                "fc" => &mut taken.api,
                "admin" => &mut taken.admin,
                _ => bail!(
                    "LISTEN_FDNAMES calls a socket \"{name}\"; name it {} or {} \
                     (FileDescriptorName= in the socket unit)",
                    NAMES[0],
                    NAMES[1]
                ),
            };
            let socket = sockets.take_tcp_listener(index);
            let socket = socket.with_context(|| {
                format!(
                    "the socket \"{name}\" that was handed over is not for TCP (ListenStream= with an address and a \
                     port in the socket unit)"
                )
            })?;
            if let Some(socket) = &socket {
                check_listens(name, socket)?;
            }
            if slot.is_some() {
                bail!("LISTEN_FDNAMES calls two sockets \"{name}\"; one is enough");
            }
            *slot = socket;
        }
        Ok(taken)
    }

    /// Where they listen, as configuration: what is judged by an address has to be judged by that.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn as_toml(&self) -> Result<String> {
        let mut toml = String::new();
        for (section, socket) in [("server", &self.api), ("admin", &self.admin)] {
            if let Some(socket) = socket {
                let address = socket.local_addr().context("where a socket listens")?;
                toml.push_str(&format!("[{section}]\nlisten = \"{address}\"\n"));
            }
        }
        Ok(toml)
    }
}

impl Listeners {
    /// Takes what was handed over, and binds the addresses of the configuration for the rest.
    ///
    /// # Errors
    /// One is not to be had; the error names it.
    pub(crate) async fn bind(config: &Config, inherited: Inherited) -> Result<Self> {
        let Inherited { api, admin } = inherited;
        Ok(Self {
            api: bind_or_take("server.listen", config.server.listen, api).await?,
            admin: bind_or_take("admin.listen", config.admin.listen, admin).await?,
        })
    }

    /// The same, but what nobody asked for by name may be elsewhere if its port is taken.
    ///
    /// # Errors
    /// An address that was asked for is not to be had.
    pub(crate) async fn bind_somewhere(config: &Config, environment: &Environment) -> Result<Self> {
        let api_is_free = environment.get("INVOKED__SERVER__LISTEN").is_none();
        let admin_is_free = environment.get("INVOKED__ADMIN__LISTEN").is_none();
        let api = bind_or_any("server.listen", config.server.listen, api_is_free).await?;
        let admin = bind_or_any("admin.listen", config.admin.listen, admin_is_free).await?;
        Ok(Self { api, admin })
    }
}

/// A socket that does not listen would be waited at for ever: no connection comes, and none is refused.
fn check_listens(name: &str, socket: &std::net::TcpListener) -> Result<()> {
    let listens = rustix::net::sockopt::socket_acceptconn(socket);
    if !listens.with_context(|| format!("whether the socket \"{name}\" listens"))? {
        bail!(
            "the socket \"{name}\" that was handed over does not listen; let whoever hands it over listen \
             (ListenStream= with Accept=no in the socket unit)"
        );
    }
    Ok(())
}

async fn bind_or_take(
    key: &str,
    address: SocketAddr,
    inherited: Option<std::net::TcpListener>,
) -> Result<TcpListener> {
    let Some(socket) = inherited else { return bind(key, address).await };
    socket.set_nonblocking(true).context("a socket that was handed over")?;
    TcpListener::from_std(socket).context("a socket that was handed over")
}

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| port::explain(error, key, address))
}

async fn bind_or_any(key: &str, address: SocketAddr, is_free: bool) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if is_free && error.kind() == io::ErrorKind::AddrInUse => {
            bind(key, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
        }
        bound => bound.map_err(|error| port::explain(error, key, address)),
    }
}
