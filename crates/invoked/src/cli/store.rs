//! The command lines about a store that no daemon has open.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Read every live row and compare every count with them. Exits with 1 if one does not agree.
    Verify(StorePlace),
    /// Print what the counts say, without looking at rows.
    Stat(StorePlace),
}

#[derive(Debug, Args)]
pub(crate) struct StorePlace {
    /// Configuration in TOML that says where the store is (repeatable).
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The store's directory.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "files")]
    pub(crate) path: Option<PathBuf>,
}
