//! The pure heart of `invoked`: what an invocation is, how it lives, and what is owed for it.
//!
//! Everything here is a value or a decision. The crate is `no_std`: it cannot read a clock, draw a
//! random number, open a socket or log. Time and randomness are arguments; what has to happen in
//! the world comes out as [`shard::Effect`]s, and only what a store has made durable is acted on.
//!
//! Not here: bytes on disk (`invoked-store`), the Function Compute wire (`invoked-fc`), and
//! everything that waits (`invoked-engine`).
#![no_std]
#![warn(missing_docs)]
#![warn(clippy::float_arithmetic)]

extern crate alloc;

pub mod adaptive;
pub mod arn;
pub mod breaker;
pub mod callback;
pub mod directory;
pub mod envelope;
pub mod fault;
pub mod head;
pub mod history;
pub mod id;
pub mod invariant;
pub mod lane;
pub mod life;
pub mod limits;
pub mod loops;
pub mod name;
pub mod pattern;
pub mod pause;
pub mod qualifiers;
pub mod redrive;
pub mod retry;
pub mod role;
pub mod shard;
pub mod sweep;
pub mod terms;
pub mod time;
pub mod totals;
pub mod trace;
