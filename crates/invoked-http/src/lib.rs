//! The HTTP/1.1 client that every adapter shares.
//!
//! An [`Endpoint`] is a parsed URL, an [`Origin`] is one such host with its idle connections, and
//! [`Origin::send`] makes one exchange: within a total time, with a bounded answer, to an address
//! that [`Egress`] permits. Connections are hyper's, driven by the caller's own future instead of a
//! task of their own: no task is detached, no channel is crossed between threads, and dropping the
//! future closes the connection.
//!
//! # What this crate does not do
//!
//! - No retries, except for a request that is known not to have left a reused connection.
//! - No redirects, cookies, proxies or content codings: an answer is passed on as it came.
//! - No HTTP/2: neither the custom-runtime protocol nor the services' APIs need it.
//! - No verdicts: whether a status is good is the caller's business.
#![warn(missing_docs)]

mod client;
mod config;
mod connect;
mod connection;
mod egress;
mod endpoint;
mod error;
mod origin;
mod retry_after;
mod tls;

#[cfg(test)]
mod tests;

pub use client::Client;
pub use config::Config;
pub use egress::{AllowEntry, AllowEntryError, Denied, Egress, Trust};
pub use endpoint::{Endpoint, EndpointError, Scheme};
pub use error::{ConnectError, Error, TlsError};
pub use origin::{Call, Origin};
pub use retry_after::retry_after;
