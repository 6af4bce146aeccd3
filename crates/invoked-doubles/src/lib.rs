//! Doubles of the destinations that have no free server: strict servers on loopback, for tests and
//! for `invoked dev`.
//!
//! A double judges every request as the service's documents say, with code of its own: it shares
//! nothing with the adapters, so that a mistake of theirs cannot hide in it. What it takes lies in
//! its [`Mailbox`], also at `GET /mailbox`; what it refuses stands in [`Mailbox::seen`]; and a
//! [`Script`] makes it slow, wrong or silent on demand.
//!
//! - [`server`]: the common part: a [`Service`] behind HTTP or HTTPS, with mailbox and script;
//! - [`mns`]: queues and topics of MNS (SMQ);
//! - [`eventbridge`]: buses of EventBridge.
//!
//! # What this crate does not do
//!
//! - It delivers to nobody: whoever wants a message reads the mailbox.
//! - It forgets everything when it ends, and its oldest mail before that.
//! - It listens on loopback only: it is made to be asked anything by anyone.
#![warn(missing_docs)]

pub mod eventbridge;
pub mod mailbox;
pub mod mns;
pub mod script;
pub mod server;
mod tls;

pub use mailbox::{Mail, Mailbox, Seen};
pub use script::{Script, Step, Then};
pub use server::{Answer, Clock, Judged, Options, Outcome, Received, Server, Service};
pub use tls::{Tls, TlsError};
