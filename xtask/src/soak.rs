//! `cargo xtask soak`: the tests whose worth grows with their number of rounds.

use anyhow::Result;

use crate::steps::Steps;
use crate::test;
use crate::workspace::{Workspace, run as shell};

pub fn run(workspace: &Workspace, rounds: u64, seeds: u64, fuzz_seconds: u64) -> Result<()> {
    workspace.build_daemon()?;
    let mut steps = Steps::default();
    steps.step("kill -9", || {
        let arguments =
            ["test", "--package", "invoked-tests", "--test", "kill9", "--", "--nocapture"];
        shell(workspace.cargo_with_daemon(&arguments).env("KILL9_ROUNDS", rounds.to_string()))
    });
    steps.step("simulation", || test::simulation(workspace, seeds));
    // In the profile of the simulation: with assertions and overflow checks, and fast.
    steps.step("fuzz", || {
        let profile = ["test", "--profile", "sim"];
        let targets = ["--package", "invoked-tests", "--test", "fuzz", "--", "--nocapture"];
        let mut cargo = workspace.cargo(&[profile.as_slice(), &targets].concat());
        shell(cargo.env("FUZZ_SECONDS", fuzz_seconds.to_string()))
    });
    steps.step("fuzz of the configuration", || {
        let arguments = [
            "test",
            "--profile",
            "sim",
            "--package",
            "invoked",
            "config::tests::fuzz",
            "--",
            "--nocapture",
        ];
        let mut cargo = workspace.cargo(&arguments);
        shell(cargo.env("FUZZ_SECONDS", fuzz_seconds.to_string()))
    });
    steps.report()
}
