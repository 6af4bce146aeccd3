//! The daemon: its parts brought to life in order, and to their end in phases.

use std::net::SocketAddr;

use anyhow::Result;

use crate::config::{Config, Environment};
use crate::telemetry::Metrics;

pub(crate) struct Listeners;

impl Listeners {
    pub(crate) async fn bind(_config: &Config) -> Result<Self> {
        std::future::ready(Ok(Self)).await
    }

    pub(crate) async fn bind_somewhere(_config: &Config, _environment: &Environment) -> Result<Self> {
        std::future::ready(Ok(Self)).await
    }
}

pub(crate) struct Daemon {
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Daemon {
    pub(crate) async fn start(_config: Config, _listeners: Listeners, _metrics: Metrics) -> Result<Self> {
        anyhow::bail!("x")
    }
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        std::future::pending().await
    }
    pub(crate) async fn stop(self) -> Result<()> {
        Ok(())
    }
}
