//! Queues and topics of MNS (SMQ) as destinations: `SendMessage` and `PublishMessage`.
//!
//! Requests are XML, signed with the service's signature V2, without a `Content-MD5`: the service's
//! own clients do not agree on what it is of. The id of a message is in its envelope and travels as
//! `x-mns-user-request-id`; on a topic the outcome is the `MessageTag`.
//!
//! What the body of a message is, the cloud does not say. Here a queue gets base64, because the
//! service's own clients decode it by default, and a topic the envelope itself; an instance can be
//! told otherwise. An envelope that is sent as it is must be text that XML 1.0 can carry: in JSON
//! the few characters it cannot are written as `\uffff`, say, which is the same JSON; what is not JSON
//! is refused with the advice to use base64.
//!
//! # What this crate does not do
//!
//! - It takes no endpoint or key from an ARN: region and account of an ARN are not looked at, the
//!   instance's configuration says where its queues are.
//! - It does not fetch temporary keys: an STS token comes from the configuration and is replaced
//!   there.
//! - No delay, priority or message group: a callback has none.
//! - It does not make repeats harmless: where an answer is lost, the next try is a second message
//!   with the same envelope.
#![warn(missing_docs)]

mod classify;
mod config;
mod request;
mod sink;

#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError, Encoding};
pub use sink::{Clock, Mns};
