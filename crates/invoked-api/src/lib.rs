//! What listens: the Function Compute API on one port, the admin pages on another.
//!
//! [`serve()`] runs the connections of a listener and hands each request to a [`Respond`]:
//! [`Api`] speaks Function Compute's wire and [`Admin`] tells how the daemon is. Both ask the engine
//! through its handle and turn what it says into answers: one conversion each way for every
//! resource, one table for everything that can go wrong.
//!
//! # What this crate does not do
//!
//! - No reading of the wire: paths, headers, queries, bodies and error bodies are `invoked-fc`'s.
//! - No decision about an invocation: that is the engine's, and the core's below it.
//! - No signatures: those are `invoked-fc`'s too. [`auth`] says whose they are, and what they may do.
#![warn(missing_docs)]

mod admin;
mod api;
pub mod auth;
mod body;
mod caller;
mod configs;
mod content;
mod dispatch;
mod etag;
mod functions;
mod ids;
mod invoke;
mod labels;
mod overload;
mod problem;
mod proxy;
mod refused;
mod reply;
mod serve;
mod services;
mod switches;
mod tags;
mod tasks;
mod telemetry;

pub use admin::log_level::{LogLevel, LogLevels};
pub use admin::reload::{ReloadChange, ReloadDone, ReloadKind, ReloadProblem, ReloadWish};
pub use admin::tokens::{Rights, Role, SharedTokens, Tokens};
pub use admin::{About, Admin, Render};
pub use api::{Api, ApiConfig};
pub use content::Content;
pub use reply::Reply;
pub use serve::tls::{Certificate, CertificateError, Tls};
pub use serve::unread::Unread;
pub use serve::{Listening, Respond, ServeConfig, SharedServeConfig, serve};
pub use telemetry::describe;
