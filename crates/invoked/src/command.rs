//! What each command does.

pub(crate) mod config;
pub(crate) mod dev;
pub(crate) mod serve;
