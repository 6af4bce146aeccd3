//! The configuration, in two stages: [`RawConfig`] is what was written, [`Config`] what it means.
//!
//! Crossing from one to the other is the only validation there is, and it reports all problems at
//! once. What comes out holds no text that still has to be read and no option that means "default":
//! the defaults are the lowest layer of the first stage, `config/default.toml`.

mod admin_tokens;
mod auth;
mod engine;
mod environment;
mod functions;
mod listeners;
mod outside;
mod problem;
mod raw;
mod reference;
mod secret;
mod section;
mod show;
mod telemetry;
mod tls;
mod value;

#[cfg(test)]
mod tests;

use invoked_core::envelope::Identity;
use invoked_engine::Seed;

pub(crate) use auth::Auth;
pub(crate) use engine::{Limits, Work};
pub(crate) use environment::Environment;
pub(crate) use listeners::{Admin, Server, Store};
pub(crate) use outside::{
    AmqpInstance, EventBridgeInstance, FcInstance, KafkaInstance, KafkaLogin, KafkaMechanism,
    MnsEncoding, MnsInstance, Outside, RocketMqInstance, RocketMqKey, RocketMqTrust, section_of,
};
pub(crate) use problem::Problems;
pub(crate) use raw::{RawConfig, Sources};
pub(crate) use reference::reference;
pub(crate) use secret::Secret;
pub(crate) use telemetry::{LogFormat, Telemetry, Traces, log_filter};
pub(crate) use value::{parse_duration, parse_size};

pub(crate) use show::{Difference, Effective, Kind};
pub(crate) use tls::Tls;

use section::{Reading, Section};

/// Everything an operator decides.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The listener of the API.
    pub(crate) server: Server,
    /// The listener for operators.
    pub(crate) admin: Admin,
    /// Who the daemon is in ARNs.
    pub(crate) identity: Identity,
    /// Who may do what.
    pub(crate) auth: Auth,
    /// Where invocations are durable.
    pub(crate) store: Store,
    /// How invocations and callbacks are worked on.
    pub(crate) work: Work,
    /// What is bounded.
    pub(crate) limits: Limits,
    /// What connections of the daemon reach.
    pub(crate) outside: Outside,
    /// The functions of the file.
    pub(crate) functions: Vec<Seed>,
    /// What the daemon tells of itself.
    pub(crate) telemetry: Telemetry,
}

impl Config {
    /// Reads and judges all sources.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn load(sources: &Sources) -> Result<Self, Problems> {
        Ok(Self::check(sources)?.0)
    }

    /// The same, with the effective configuration as it was written.
    ///
    /// # Errors
    /// Everything that is wrong with the sources.
    pub(crate) fn check(sources: &Sources) -> Result<(Self, Effective), Problems> {
        let raw = RawConfig::read(sources)?;
        let reading = Reading::new(&sources.environment);
        let mut root = Section::root(&raw.root, &reading);
        let config = Self::cross(&mut root);
        root.finish();
        let (problems, hidden) = reading.done();
        match config {
            Some(config) if problems.is_empty() => Ok((config, Effective::new(&raw, hidden))),
            Some(_) | None => Err(problems),
        }
    }

    fn cross(root: &mut Section<'_>) -> Option<Self> {
        let server = root.section("server", Server::read);
        let admin = root.section("admin", Admin::read);
        listeners::check_apart(root, server.as_ref(), admin.as_ref());
        let identity = root.section("account", listeners::identity);
        let account = identity.as_ref().map(|identity| identity.account.as_str());
        let auth = root.section("auth", |section| Auth::read(section, account));
        listeners::check_exposed(root, server.as_ref(), auth.as_ref());
        let store = root.section("store", Store::read);
        let work = Work::read(root);
        let limits = root.section("limits", Limits::read);
        let outside = Outside::read(root);
        let functions = functions::read(root, identity.as_ref(), &outside, auth.as_ref());
        let telemetry = root.section("telemetry", Telemetry::read);
        root.unsupported("cluster");
        Some(Self {
            server: server?,
            admin: admin?,
            identity: identity?,
            auth: auth?,
            store: store?,
            work: work?,
            limits: limits?,
            outside,
            functions,
            telemetry: telemetry?,
        })
    }
}
