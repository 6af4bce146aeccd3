//! Functions behind the custom-runtime protocol: `POST {url}/invoke` with the event as the body; an
//! HTTP function gets the caller's own method, path, query, headers and body instead.
//!
//! # What this crate does not do
//!
//! - It sends no credentials: the daemon has none for functions, so the `x-fc-access-key-*` and
//!   `x-fc-security-token` headers of the protocol are left out.
//! - It keeps no instances: `/initialize` runs once for a target, again after the target could not
//!   be reached, and `/pre-stop` never.
//! - It streams nothing: bodies are whole on their way in and out.
//! - It has nothing to configure: what a function may take stands in its [`TargetSpec`], how
//!   connections are kept in [`invoked_http::Config`].
//!
//! [`TargetSpec`]: invoked_sink::TargetSpec
#![warn(missing_docs)]

mod classify;
mod event;
mod initialize;
mod request;
mod target;

#[cfg(test)]
mod tests;

pub use target::HttpTarget;
