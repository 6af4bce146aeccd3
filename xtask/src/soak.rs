//! `cargo xtask soak`: the tests whose worth grows with their number of rounds.

use anyhow::Result;

use crate::steps::Steps;
use crate::test;
use crate::workspace::{Workspace, run as shell};

pub fn run(workspace: &Workspace, rounds: u64, seeds: u64) -> Result<()> {
    workspace.build_daemon()?;
    let mut steps = Steps::default();
    steps.step("kill -9", || {
        let arguments =
            ["test", "--package", "invoked-tests", "--test", "kill9", "--", "--nocapture"];
        shell(workspace.cargo_with_daemon(&arguments).env("KILL9_ROUNDS", rounds.to_string()))
    });
    steps.step("simulation", || test::simulation(workspace, seeds));
    steps.report()
}
