//! Functions of a remote Function Compute, or of another `invoked`: as destinations they are
//! invoked asynchronously with the envelope, as targets synchronously with the event.
//!
//! Requests are signed with ACS3-HMAC-SHA256. A function has its own version of the API: 2021-04-06
//! for a function of a service, 2023-03-30 for every other.
//!
//! # What this crate does not do
//!
//! - It takes no endpoint or key from an ARN: region and account of an ARN are not looked at, the
//!   instance's configuration says where its functions are.
//! - It does not make repeats harmless: the message's id travels as `x-fc-request-id`, and a
//!   function that is told twice has to notice.
#![warn(missing_docs)]

mod classify;
mod config;
mod request;
mod sink;

#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError};
pub use sink::{Clock, RemoteFc};
