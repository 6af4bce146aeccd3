//! Topics of RocketMQ as destinations: a producer of our own on the remoting protocol, which
//! self-hosted 4.9 and 5.x, the proxy of 5.x, and ApsaraMQ 4.x and 5.x all speak.
//!
//! A delivery asks a name server for the topic's route (kept for 30 seconds), picks a queue of a
//! master that may be written, and sends one message to its broker, over one multiplexed connection
//! per broker. [`frame`](mod@frame) has the bytes, [`request`](mod@request) what is asked,
//! [`classify`](mod@classify) what answers mean.
//!
//! # What this crate does not do
//!
//! - It consults no egress policy: name servers are the operator's words, and brokers are where the
//!   operator's name servers say. No ARN and no client of ours chooses an address.
//! - It creates no topics, not even on brokers that would: a topic without a route is a mistake.
//! - It sends no heartbeats, compresses nothing, and knows no transactions or delayed messages.
//! - It does not make repeats harmless: `UNIQ_KEY` and `KEYS` are the same at each try, and a
//!   consumer that sees a message twice has to notice.
#![warn(missing_docs)]

mod address;
mod classify;
mod config;
mod connection;
mod error;
mod frame;
mod instance;
mod peer;
mod request;
mod route;
mod routes;
mod sign;
mod sink;
mod tasks;
mod tls;
mod waiters;

#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError};
pub use sink::{Clock, RocketMq};
pub use tls::{TlsError, Trust};
