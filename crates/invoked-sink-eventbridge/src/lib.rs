//! Buses of Alibaba Cloud EventBridge as destinations: `POST /openapi/putEvents` with a batch of one
//! CloudEvent.
//!
//! The event is made by the core ([`invoked_core::envelope::cloud_event`]) and sent byte for byte;
//! the extension `aliyuneventbusname` inside it chooses the bus. Requests are signed with HMAC-SHA1
//! over their `x-acs-*` headers. The body is not signed: operators should name an `https` endpoint.
//!
//! # What this crate does not do
//!
//! - It takes no endpoint or key from an ARN: region and account of an ARN are not looked at, the
//!   instance's configuration says where its buses are.
//! - It does not make repeats harmless: the event's id is the request id on every try, and a
//!   receiver that is told twice has to notice.
//! - It gets no new token when a temporary key expires: that is a permanent error which says so.
#![warn(missing_docs)]

mod classify;
mod config;
mod request;
mod sink;

#[cfg(test)]
mod tests;

pub use config::{Config, ConfigError};
pub use sink::{Clock, EventBridge};
