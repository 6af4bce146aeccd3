//! What must hold before a change is taken; `.ci/run` calls this.

use anyhow::Result;

use crate::bench;
use crate::console;
use crate::deploy;
use crate::prepare;
use crate::steps::Steps;
use crate::test;
use crate::workspace::{Workspace, run as shell};

pub fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::default();
    steps.step("format", || shell(&mut workspace.cargo(&["fmt", "--all", "--check"])));
    steps.step("libraries", prepare::libraries);
    steps.step("clippy", || {
        shell(&mut workspace.cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
    steps.step("docs", || {
        shell(
            workspace
                .cargo(&["doc", "--workspace", "--exclude", "invoked-peers", "--no-deps"])
                .env("RUSTDOCFLAGS", "-Dwarnings"),
        )
    });
    steps.step("layers", || layers(workspace));
    steps.step("supply", || deploy::supply(workspace));
    steps.step("console", || console::check(workspace));
    test::add_steps(&mut steps, workspace);
    steps.step("bench", || bench::quick(workspace));
    steps.report()
}

pub fn layers(workspace: &Workspace) -> Result<()> {
    shell(&mut workspace.cargo(&["test", "--package", "invoked-tests", "--test", "layers"]))
}
