//! What each command does.

pub(crate) mod api;
pub(crate) mod callbacks;
mod client;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod destinations;
pub(crate) mod dev;
pub(crate) mod functions;
pub(crate) mod invoke;
mod lanes;
pub(crate) mod log_level;
pub(crate) mod reload;
pub(crate) mod serve;
pub(crate) mod store;
pub(crate) mod tasks;
pub(crate) mod why;
