//! The daemon: its parts brought to life in order, and to their end in phases.
//!
//! The listeners are bound first, so that a port in use is said before the store is touched. The
//! admin pages are served while the store recovers, the API once the engine runs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use invoked_api::auth::Auth;
use invoked_api::{About, Admin, Api, ApiConfig, Listening, ServeConfig, SharedTokens, Tls, serve};
use invoked_engine::clock::stopwatch;
use invoked_engine::{Drained, Engine, EngineConfig};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{self, Config, Environment};
use crate::memory;
use crate::reload::Reloadable;
use crate::telemetry::Metrics;
use crate::wire;

/// Connections of operators and their scrapers at a time.
const ADMIN_CONNECTIONS_MAX: usize = 64;

/// Both listeners, bound.
#[derive(Debug)]
pub(crate) struct Listeners {
    api: TcpListener,
    admin: TcpListener,
}

impl Listeners {
    /// Binds the addresses of the configuration.
    ///
    /// # Errors
    /// One is not to be had; the error names it.
    pub(crate) async fn bind(config: &Config) -> Result<Self> {
        let api = bind("server.listen", config.server.listen).await?;
        Ok(Self { api, admin: bind("admin.listen", config.admin.listen).await? })
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

async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address} ({key})"))
}

async fn bind_or_any(key: &str, address: SocketAddr, is_free: bool) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if is_free && error.kind() == io::ErrorKind::AddrInUse => {
            bind(key, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
        }
        bound => bound.with_context(|| format!("cannot listen on {address} ({key})")),
    }
}

/// A running daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// Where the API listens.
    pub(crate) api: SocketAddr,
    /// Where the admin pages are.
    pub(crate) admin: SocketAddr,
    /// What can be changed while it runs.
    pub(crate) reloadable: Reloadable,
    engine: Engine,
    serving: JoinSet<()>,
    background: JoinSet<()>,
    close: watch::Sender<bool>,
    drain_timeout: Duration,
}

impl Daemon {
    /// Brings everything to life. Work that is due starts at once.
    ///
    /// # Errors
    /// The store cannot be opened, or the engine did not start.
    pub(crate) async fn start(
        config: Config,
        about: About,
        listeners: Listeners,
        metrics: Metrics,
    ) -> Result<Self> {
        let began = stopwatch();
        let (api, admin) = (listeners.api.local_addr()?, listeners.admin.local_addr()?);
        let (close, _) = watch::channel(false);
        let mut serving = JoinSet::new();
        let rendered = metrics.clone();
        let tokens = SharedTokens::new(config.admin.tokens.clone());
        let pages = Admin::new(Arc::new(move |_view| rendered.render()), tokens.clone(), about);
        let connections = ServeConfig {
            connections_max: config.server.connections_max,
            connections_per_peer_max: config.server.connections_per_peer_max,
            header_timeout: config.limits.header_timeout,
            drain_timeout: config.work.drain_timeout(),
        };
        let few = ServeConfig {
            connections_max: ADMIN_CONNECTIONS_MAX,
            connections_per_peer_max: ADMIN_CONNECTIONS_MAX,
            ..connections
        };
        let admin_tls = tls(config.admin.tls.as_ref()).context("admin.tls")?;
        let api_tls = tls(config.server.tls.as_ref()).context("server.tls")?;
        let listening = Listening::new(listeners.admin, admin_tls.clone());
        serving.spawn(serve(listening, pages.clone(), few, closed(&close)));

        let engine = start_engine(&config, vec![api, admin]).await?;
        let handle = engine.handle();
        handle.seed(config.functions).await.context("cannot bring in the functions of the file")?;
        let requests = ApiConfig {
            body_timeout: config.limits.body_timeout,
            large_bodies_bytes: config.limits.large_bodies,
        };
        let auth = Auth::new(config.auth.config.clone());
        let service = Api::guarded(handle.clone(), requests, auth.clone());
        let listening = Listening::new(listeners.api, api_tls.clone());
        serving.spawn(serve(listening, service, connections, closed(&close)));
        pages.started(handle.clone());
        let reloadable =
            Reloadable { engine: handle, auth, api_tls, admin_tls, admin, admin_tokens: tokens };

        let mut background = JoinSet::new();
        background.spawn(metrics.keep_small());
        background.spawn(pages.clone().sample(reloadable.engine.clone()));
        if config.limits.memory_max.is_some() {
            background.spawn(memory::watch(reloadable.engine.clone())?);
        }
        tracing::info!(%api, %admin, seconds = began.elapsed().as_secs_f64(), "ready");
        let drain_timeout = config.work.drain_timeout();
        Ok(Self { api, admin, reloadable, engine, serving, background, close, drain_timeout })
    }

    /// Waits until the daemon cannot go on. Never returns while all is well.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let error = tokio::select! {
            fatal = self.engine.failed() => anyhow::Error::new(fatal).context("the engine failed"),
            _ended = self.serving.join_next() => anyhow!("a listener broke"),
        };
        tracing::error!(error = format!("{error:#}"), "the daemon cannot go on");
        error
    }

    /// Ends in phases: nothing new is taken, what runs may end within the drain timeout, the store
    /// is closed, the connections are closed.
    ///
    /// # Errors
    /// The store did not close well. Nothing acknowledged is lost.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.engine.handle().refuse();
        tracing::info!(phase = "refuse", "new invocations are refused");

        let began = stopwatch();
        let drained = self.engine.shutdown(self.drain_timeout).await;
        let seconds = began.elapsed().as_secs_f64();
        match &drained {
            Ok(Drained::Completely) => {
                tracing::info!(phase = "drain", seconds, "what ran has ended; the store is closed");
            }
            Ok(Drained::InPart) => tracing::warn!(
                phase = "drain",
                seconds,
                "what still ran starts anew after the next start; the store is closed"
            ),
            Err(_) => {}
        }

        let began = stopwatch();
        self.close.send_replace(true);
        while self.serving.join_next().await.is_some() {}
        self.background.shutdown().await;
        let seconds = began.elapsed().as_secs_f64();
        tracing::info!(phase = "close", seconds, "the connections are closed");
        drained.context("the store did not close well").map(drop)
    }
}

/// TLS of a listener, if we do it.
fn tls(config: Option<&config::Tls>) -> Result<Option<Tls>> {
    let certificate = config.and_then(config::Tls::certificate).cloned();
    Ok(certificate.map(Tls::new).transpose()?)
}

async fn start_engine(config: &Config, own_listeners: Vec<SocketAddr>) -> Result<Engine> {
    let path = config.store.path.display().to_string();
    let store = config.store.clone();
    let opened = tokio::task::spawn_blocking(move || wire::store(&store)).await;
    let store = opened.context("opening the store broke off")?;
    let store = store.with_context(|| format!("cannot open the store in {path}"))?;
    let target_check = wire::target_check(config, own_listeners.clone());
    let parts = wire::parts(config, own_listeners, store)?;
    let seed = getrandom::u64().context("the system has no random numbers")?;
    let engine = EngineConfig {
        roles: Arc::clone(&config.auth.roles),
        target_check,
        ..config.work.engine(config.identity.clone(), &config.limits, seed)
    };
    Engine::start(engine, parts).await.context("the engine did not start")
}

async fn closed_by(mut closing: watch::Receiver<bool>) {
    // A sender that is gone has closed as well.
    drop(closing.wait_for(|is_closed| *is_closed).await);
}

fn closed(close: &watch::Sender<bool>) -> impl Future<Output = ()> + use<> {
    closed_by(close.subscribe())
}
