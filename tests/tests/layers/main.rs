//! The shape of the workspace, as a test: who may import whom, which outside crate belongs to whom, and how files look.
//!
//! - [`dependencies`]: the table of ARCHITECTURE.md over `cargo metadata`;
//! - [`supply`]: the bans and licences of `deny.toml`, so that they hold where `cargo deny` is not installed;
//! - [`log_events`]: the table of `docs/logging.md` over the lines that the code writes;
//! - [`tidy`]: sizes, names and leftovers of source files.

mod dependencies;
mod log_events;
mod supply;
mod tidy;
mod workspace;

/// Fails with one line for every offence.
#[track_caller]
fn none(offences: Vec<String>) {
    assert!(offences.is_empty(), "{} offences:\n{}", offences.len(), offences.join("\n"));
}
