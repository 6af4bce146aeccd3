//! Topics of Kafka as destinations, through `rdkafka`: idempotent, acknowledged by all replicas in
//! sync, with the request id as the key.
//!
//! Each instance has one producer, made at the first message, with threads of librdkafka's own; an
//! instance that is down costs others nothing. Nothing is started where no instance is configured.
//! Connections that are idle for five minutes are closed; one of an instance stays, on which it asks for
//! its topics once a minute.
//!
//! # What this crate does not do
//!
//! - It consults no egress policy: bootstrap servers are the operator's word, and the brokers that
//!   they name are theirs.
//! - It creates no topics: what is not there is a mistake.
//! - It does not make repeats harmless. Within one try librdkafka drops its own; a new try of the
//!   same message is a new record with the same key, and a consumer has to notice.
//! - No transactions: they would tell apart the tries of one producer's life, not those of a callback.
#![warn(missing_docs)]

mod classify;
mod config;
mod context;
mod instance;
mod request;
mod sink;

#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError, Mechanism};
pub use request::overhead;
pub use sink::Kafka;
