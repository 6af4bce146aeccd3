//! The daemon: its parts brought to life in order, and to their end in phases.
//!
//! The listeners are bound first, so that a port in use is said before the store is touched. The
//! admin pages are served while the store recovers, the API once the engine runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use invoked_api::auth::Auth;
use invoked_api::{
    About, Admin, Api, ApiConfig, Listening, ReloadWish, ServeConfig, SharedServeConfig,
    SharedTokens, Tls, serve,
};
use invoked_engine::clock::stopwatch;
use invoked_engine::{Engine, EngineConfig};
use invoked_sink::Spans;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::config::{self, Config};
use crate::listeners::Listeners;
use crate::reload::Reloadable;
use crate::telemetry::{Log, Metrics};
use crate::{memory, startup, wire};

/// How long requests in hand may take to end, however long the drain took.
const CLOSE_MIN: Duration = Duration::from_secs(1);
/// How long the last spans may take to be sent.
const TRACES_GRACE: Duration = Duration::from_secs(2);
/// Connections of operators and their scrapers at a time.
const ADMIN_CONNECTIONS_MAX: usize = 64;

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
    /// Sends spans.
    tracing: JoinSet<()>,
    traced: watch::Sender<bool>,
    close: watch::Sender<bool>,
}

impl Daemon {
    /// Brings everything to life. Work that is due starts at once. Whoever reads the configuration again
    /// hears of wishes through `reloads`.
    ///
    /// # Errors
    /// The store cannot be opened, or the engine did not start.
    pub(crate) async fn start(
        config: Config,
        about: About,
        listeners: Listeners,
        metrics: Metrics,
        log: Option<&Log>,
        reloads: Option<mpsc::Sender<ReloadWish>>,
    ) -> Result<Self> {
        let began = stopwatch();
        let (api, admin) = (listeners.api.local_addr()?, listeners.admin.local_addr()?);
        let own_listeners = vec![api, admin];
        let (close, _) = watch::channel(false);
        let mut serving = JoinSet::new();
        let rendered = metrics.clone();
        let tokens = SharedTokens::new(config.admin.tokens.clone());
        let pages = Admin::new(Arc::new(move |_view| rendered.render()), tokens.clone(), about);
        let mut background = JoinSet::new();
        if let Some(log) = log {
            pages.logged_by(Arc::new(log.filter.clone()));
            background.spawn(log.filter.clone().keep());
            background.spawn(log.flood.clone().report());
        }
        if let Some(wishes) = reloads {
            pages.reloaded_by(wishes);
        }
        let connections = SharedServeConfig::from(api_connections(&config));
        let few = SharedServeConfig::from(admin_connections(&config));
        let admin_tls = tls(config.admin.tls.as_ref()).context("admin.tls")?;
        let api_tls = tls(config.server.tls.as_ref()).context("server.tls")?;
        let listening = Listening::new(listeners.admin, admin_tls.clone());
        serving.spawn(serve(listening, pages.clone(), few.clone(), closed(&close)));

        let mut tracing = JoinSet::new();
        let (traced, _) = watch::channel(false);
        let spans = match &config.telemetry.traces {
            None => None,
            Some(traces) => {
                let (spans, export) = wire::traces(traces)?;
                tracing.spawn(export.run(closed(&traced), TRACES_GRACE));
                Some(spans)
            }
        };
        let engine = start_engine(&config, own_listeners.clone(), spans).await?;
        let handle = engine.handle();
        let auth = Auth::new(config.auth.config.clone());
        let service = Api::guarded(handle.clone(), reading(&config), auth.clone());
        let listening = Listening::new(listeners.api, api_tls.clone());
        serving.spawn(serve(listening, service.clone(), connections.clone(), closed(&close)));
        pages.started(handle.clone());
        let reloadable = Reloadable {
            engine: handle,
            api: service,
            auth,
            api_tls,
            admin_tls,
            admin_tokens: tokens,
            api_connections: connections,
            admin_connections: few,
            own_listeners,
        };

        background.spawn(metrics.keep_small());
        background.spawn(pages.clone().sample(reloadable.engine.clone()));
        if config.limits.memory_max.is_some() {
            memory::check().context("limits.memory_max")?;
        }
        background.spawn(memory::watch(reloadable.engine.clone()));
        tracing::info!(event = "ready", %api, %admin, seconds = began.elapsed().as_secs_f64(), "ready");
        Ok(Self { api, admin, reloadable, engine, serving, background, tracing, traced, close })
    }

    /// Has a task run beside the daemon until it stops.
    pub(crate) fn accompany(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.background.spawn(task);
    }

    /// Waits until the daemon cannot go on. Never returns while all is well.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        let error = tokio::select! {
            fatal = self.engine.failed() => anyhow::Error::new(fatal).context("the engine failed"),
            _ended = self.serving.join_next() => anyhow!("a listener broke"),
        };
        tracing::error!(event = "failed", error = format!("{error:#}"), "the daemon cannot go on");
        error
    }

    /// Ends in phases: nothing new is taken, what runs may end within the drain timeout, the store
    /// is closed, the connections are closed.
    ///
    /// # Errors
    /// The store did not close well. Nothing acknowledged is lost.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let (began, connections) = (stopwatch(), &self.reloadable.api_connections);
        let drain_timeout = connections.current().drain_timeout;
        let drained = self.engine.shutdown(drain_timeout).await;

        // Requests in hand have what is left of the time, and a moment in any case.
        let drain_timeout = drain_timeout.saturating_sub(began.elapsed()).max(CLOSE_MIN);
        for connections in [connections, &self.reloadable.admin_connections] {
            connections.replace(ServeConfig { drain_timeout, ..connections.current() });
        }
        self.close.send_replace(true);
        while self.serving.join_next().await.is_some() {}
        self.traced.send_replace(true);
        while self.tracing.join_next().await.is_some() {}
        self.background.shutdown().await;
        tracing::info!(
            event = "stopped",
            seconds = began.elapsed().as_secs_f64(),
            "the connections are closed"
        );
        drained.context("the store did not close well").map(drop)
    }
}

/// How connections of the API are run.
pub(crate) fn api_connections(config: &Config) -> ServeConfig {
    ServeConfig {
        connections_max: config.server.connections_max,
        connections_per_peer_max: config.server.connections_per_peer_max,
        header_timeout: config.limits.header_timeout,
        drain_timeout: config.work.drain_timeout(),
    }
}

/// The same of those to the admin listener.
pub(crate) fn admin_connections(config: &Config) -> ServeConfig {
    ServeConfig {
        connections_max: ADMIN_CONNECTIONS_MAX,
        connections_per_peer_max: ADMIN_CONNECTIONS_MAX,
        ..api_connections(config)
    }
}

/// How requests of the API are read.
pub(crate) fn reading(config: &Config) -> ApiConfig {
    ApiConfig {
        body_timeout: config.limits.body_timeout,
        large_bodies_bytes: config.limits.large_bodies,
    }
}

/// How the engine works.
pub(crate) fn engine_config(
    config: &Config,
    own_listeners: Vec<SocketAddr>,
    seed: u64,
) -> EngineConfig {
    EngineConfig {
        roles: Arc::clone(&config.auth.roles),
        target_check: wire::target_check(config, own_listeners),
        ..config.work.engine(config.identity.clone(), &config.limits, seed)
    }
}

/// TLS of a listener, if we do it.
fn tls(config: Option<&config::Tls>) -> Result<Option<Tls>> {
    let certificate = config.and_then(config::Tls::certificate).cloned();
    Ok(certificate.map(Tls::new).transpose()?)
}

async fn start_engine(
    config: &Config,
    own_listeners: Vec<SocketAddr>,
    spans: Option<Arc<dyn Spans>>,
) -> Result<Engine> {
    let store = config.store.clone();
    let opened = tokio::task::spawn_blocking(move || {
        wire::store(&store).map_err(|error| startup::directory::explain(error, &store.path))
    });
    let store = opened.await.context("opening the store broke off")??;
    let parts = wire::parts(config, own_listeners.clone(), store, spans)?;
    let seed = getrandom::u64().context("the system has no random numbers")?;
    let engine = engine_config(config, own_listeners, seed);
    Engine::start(engine, parts, config.functions.clone()).await.context("the engine did not start")
}

async fn closed_by(mut closing: watch::Receiver<bool>) {
    // A sender that is gone has closed as well.
    drop(closing.wait_for(|is_closed| *is_closed).await);
}

fn closed(close: &watch::Sender<bool>) -> impl Future<Output = ()> + use<> {
    closed_by(close.subscribe())
}
