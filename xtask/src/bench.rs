//! `cargo xtask bench`: builds the daemon and the load generator as they are shipped, then lets the latter run.

use std::process::Command;

use anyhow::Result;

use crate::workspace::{BIN_VARIABLE, Workspace, run as shell};
use crate::{brokers, prepare};

pub fn run(workspace: &Workspace, mut arguments: Vec<String>) -> Result<()> {
    if arguments.first().is_some_and(|word| word == "callbacks") {
        prepare::run(workspace)?;
        let started = brokers::up_for_tests(workspace)?;
        arguments
            .push(format!("--brokers={}", workspace.brokers().join("endpoints.json").display()));
        let python = workspace.tools().join("sinks-venv/bin/python");
        arguments.push(format!("--python={}", python.display()));
        let measured = measure(workspace, arguments);
        started.stop()?;
        return measured;
    }
    measure(workspace, arguments)
}

fn measure(workspace: &Workspace, arguments: Vec<String>) -> Result<()> {
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
