//! The command lines about the store: of a daemon that runs, or of one that does not.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::access::AdminArgs;
use super::value;

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Read every byte and every row of a store that no daemon has open, and compare every count with
    /// the rows. Exits with 1 if anything is wrong.
    Verify(StorePlace),
    /// Print what a store that no daemon has open is made of.
    Stat(StorePlace),
    /// Write a backup: by the daemon, while it runs, or with --config or --path of a store that no
    /// daemon has open.
    Backup(BackupArgs),
    /// Make a store of a backup, in a directory that has nothing in it.
    Restore(RestoreArgs),
    /// Open a store again from whose end acknowledged work is missing.
    Repair(RepairArgs),
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

impl StorePlace {
    /// Whether it says where a store is.
    pub(crate) fn is_given(&self) -> bool {
        self.path.is_some() || !self.files.is_empty()
    }
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// By the daemon: the backup's name, below its `store.backup_path`. Of a store that no daemon has
    /// open: the backup's directory, which does not exist yet.
    #[arg(value_name = "NAME|DIRECTORY")]
    pub(crate) to: String,
    /// Write so much a second at most, such as 32MiB; 0: as fast as it goes [default: 32MiB by the
    /// daemon, else 0].
    #[arg(long, value_name = "SIZE", value_parser = value::size)]
    pub(crate) rate: Option<u64>,
    #[command(flatten)]
    pub(crate) place: StorePlace,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup's directory.
    #[arg(value_name = "BACKUP")]
    pub(crate) from: PathBuf,
    /// Where the store is to be: a directory that is empty or does not exist.
    #[arg(long, value_name = "DIRECTORY", required_unless_present = "check")]
    pub(crate) to: Option<PathBuf>,
    /// Only compare every checksum of the backup.
    #[arg(long, conflicts_with = "to")]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    /// Go on without what is missing: invocations that were answered with 202 are lost, and what was
    /// delivered may be delivered again.
    #[arg(long, required = true)]
    pub(crate) accept_loss: bool,
    #[command(flatten)]
    pub(crate) place: StorePlace,
}
