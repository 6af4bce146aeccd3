//! A daemon, as our own commands see it: from outside, over its two listeners.
//!
//! - [`Fc`] makes signed calls of the Function Compute API, [`Admin`] calls of the admin listener;
//! - [`access`] finds the key to sign with;
//! - [`exchange`] is the I/O, [`advice`] what to do after a refusal.

mod access;
mod admin;
mod advice;
mod exchange;
mod fc;

pub(crate) use admin::Admin;
pub(crate) use fc::{Answer, Fc};
