//! `cargo xtask bench`: builds the daemon and the load generator as they are shipped, then lets the latter run.

use std::process::Command;

use anyhow::Result;

use crate::workspace::{BIN_VARIABLE, Workspace, run as shell};

pub fn run(workspace: &Workspace, arguments: Vec<String>) -> Result<()> {
    workspace.build_daemon()?;
    shell(&mut workspace.cargo(&[
        "build",
        "--release",
        "--package",
        "invoked-benches",
        "--bin",
        "invoked-load",
    ]))?;
    let mut load = Command::new(workspace.release_binary("invoked-load"));
    load.args(arguments)
        .current_dir(&workspace.root)
        .env(BIN_VARIABLE, workspace.release_binary("invoked"));
    shell(&mut load)
}
