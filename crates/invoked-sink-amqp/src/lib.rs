//! Exchanges of RabbitMQ as destinations, through `lapin`: persistent messages, published as
//! mandatory, and delivered once the broker has confirmed them.
//!
//! An instance is a broker and a login; each virtual host that its ARNs name has one connection,
//! opened at need and closed after long idling ([`vhost`](mod@vhost)). A publish has a channel to
//! itself while it lasts, taken from the connection's pool ([`link`](mod@link)): a missing exchange
//! closes its own channel and no other, and what the broker returns belongs to the one message
//! under way, where on a shared channel `lapin` would hand it to whichever confirm came first.
//! [`request`](mod@request) has the message, [`classify`](mod@classify) what answers mean.
//!
//! `lapin` is given its sockets and its executor by us ([`kit`](mod@kit), [`wire`](mod@wire)): TLS
//! is our rustls with ring, its tasks end with the sink, and a connection that hangs can be ended.
//!
//! # What this crate does not do
//!
//! - It consults no egress policy: the broker's address is the operator's word. No ARN and no
//!   client of ours chooses one.
//! - It declares no exchanges, queues or bindings: what is not there is a mistake.
//! - It does not make repeats harmless: `message_id` is the same at each try, and a consumer that
//!   sees a message twice has to notice.
#![warn(missing_docs)]

mod address;
mod classify;
mod config;
mod kit;
mod link;
mod request;
mod sink;
mod tasks;
mod tls;
mod vhost;
mod wire;

#[cfg(test)]
mod tests;

pub use address::UrlError;
pub use config::{Config, ConfigError};
pub use sink::Amqp;
pub use tls::{TlsError, Trust};
