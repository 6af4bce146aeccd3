//! `cargo xtask test`: the whole workspace, the official client against the real binary among it.

use anyhow::Result;

use crate::brokers;
use crate::prepare;
use crate::steps::Steps;
use crate::workspace::{Workspace, run as shell};

/// The simulation's seeds: a taste of them in the debug build, the real number in its own profile.
const SEEDS_DEBUG: &str = "100";
const SEEDS: u64 = 10_000;

pub fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::default();
    add_steps(&mut steps, workspace);
    steps.report()
}

pub fn add_steps(steps: &mut Steps, workspace: &Workspace) {
    steps.step("prepare", || prepare::run(workspace));
    steps.step("daemon", || workspace.build_daemon());
    let mut brokers = None;
    steps.step("brokers", || {
        brokers::up_for_tests(workspace).map(|started| brokers = Some(started))
    });
    // Everything: unit tests, engine and API, conformance, layers, e2e and kill -9 against the release binary.
    steps.step("tests", || {
        // What speaks to the benchmark's peers has no tests, and many dependencies.
        let words = ["test", "--workspace", "--exclude", "invoked-peers", "--no-fail-fast"];
        let mut cargo = workspace.cargo_with_daemon(&words);
        shell(cargo.env("SIM_SEEDS", SEEDS_DEBUG))
    });
    if let Some(started) = brokers {
        steps.step("brokers end", || started.stop());
    }
    steps.step("simulation", || simulation(workspace, SEEDS));
}

/// The seeded simulation, with optimisation and assertions.
pub fn simulation(workspace: &Workspace, seeds: u64) -> Result<()> {
    let mut cargo = workspace.cargo(&[
        "test",
        "--profile",
        "sim",
        "--package",
        "invoked-tests",
        "--test",
        "sim",
    ]);
    shell(cargo.env("SIM_SEEDS", seeds.to_string()))
}
