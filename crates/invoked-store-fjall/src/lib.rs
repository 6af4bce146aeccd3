//! The embedded store: durable invocations on one machine, in a log and in fjall.
//!
//! [`FjallStore`] keeps the contract of [`invoked_store::Store`]. One thread owns the write side:
//! everything that waits goes into one batch, one write to the `log` and one sync. The tables get it
//! later (`overlay`). What stands in them is described in `keys`, what is done about files that are
//! torn or cut in `open`, `journal` and `acknowledged`.
//!
//! # For whoever starts it
//!
//! - Set the umask to 077 before opening. Opening mends the modes of what exists, but fjall makes
//!   new files while it runs and has no say in their modes.
//! - After [`invoked_store::StoreError::Poisoned`] or an unknown outcome, end the process and
//!   recover. A flush that fails in the background is noticed when the tables are next brought
//!   further; should fjall's worker die at the very moment its queue is full, that waits for ever, and
//!   commits do once too much stands in the log alone.
//!
//! Not here: any decision about an invocation, and any clock.
#![warn(missing_docs)]

mod acknowledged;
mod apply;
mod backup;
mod check;
mod config;
mod directory;
mod error;
mod figures;
mod journal;
mod keys;
mod log;
mod maintenance;
mod open;
mod overlay;
mod packs;
mod read;
mod repair;
mod restore;
mod staged;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

pub use config::FjallConfig;
pub use figures::{Figures, TableFigures};
pub use repair::{Lost, accept_loss};
pub use restore::{check_backup, restore};
pub use store::FjallStore;
pub use verify::{Verified, verify_files};
