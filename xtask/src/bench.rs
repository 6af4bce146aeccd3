//! `cargo xtask bench`: builds what is measured as it is shipped, sets the peers up, lets the load generator run, and has
//! it write its sections of `docs/benchmarks.md`.
//!
//! - without a flag: invoked beside the floor, and the scenarios that need nothing else;
//! - `--quick`: works, says nothing about speed, writes nothing; for CI;
//! - `--peers`: everybody in one run;
//! - `--soak`: backlogs of one and ten million, and lists;
//! - anything else is passed on as it is, and writes only with `--docs docs`.

mod peers;

use std::process::Command;

use anyhow::Result;

use crate::steps::Steps;
use crate::workspace::{BIN_VARIABLE, Workspace, run as shell};
use crate::{brokers, prepare};

/// What is measured without peers, and written.
const USUAL: &[&[&str]] = &[
    &["run"],
    &["modes"],
    &["neighbours"],
    &["failing"],
    &["backlog", "--count=200000", "--settle=60"],
];

const SOAK: &[&[&str]] =
    &[&["backlog", "--count=1000000"], &["depth", "--count=10000000"], &["many"], &["lists"]];

pub fn run(workspace: &Workspace, mut arguments: Vec<String>) -> Result<()> {
    let Some(first) = arguments.first().map(String::as_str) else {
        return all(workspace, USUAL);
    };
    match first {
        "--quick" => quick(workspace),
        "--soak" => all(workspace, SOAK),
        "--peers" => {
            arguments.remove(0);
            peers(workspace, &arguments)
        }
        "callbacks" => callbacks(workspace, arguments),
        _ => {
            build(workspace, SHIPPED)?;
            measure(workspace, SHIPPED, &arguments)
        }
    }
}

/// The profile that packages are built with: a few percent faster, minutes slower to build.
const SHIPPED: &str = "dist";
/// The one that the tests have built already.
const AT_HAND: &str = "release";

/// About a minute: whether it works; prints ratios and judges none.
pub fn quick(workspace: &Workspace) -> Result<()> {
    build(workspace, AT_HAND)?;
    measure(workspace, AT_HAND, &["run", "--quick"])
}

fn all(workspace: &Workspace, lines: &[&[&'static str]]) -> Result<()> {
    build(workspace, SHIPPED)?;
    let mut steps = Steps::default();
    for line in lines {
        let mut words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        words.push(docs(workspace));
        let name = line.first().copied().unwrap_or_default();
        steps.step(name, || measure(workspace, SHIPPED, &words));
    }
    steps.report()
}

fn peers(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let tools = peers::install(workspace)?;
    build(workspace, SHIPPED)?;
    let profile = format!("--profile={SHIPPED}");
    shell(&mut workspace.cargo(&["build", &profile, "--package", "invoked-peers"]))?;
    let mut words = vec!["run".to_owned(), "--peers".to_owned()];
    words.push(format!("--peer-tools={}", tools.display()));
    // Whoever measures only some does not replace what stands there of all.
    if arguments.is_empty() || arguments.iter().any(|word| word.starts_with("--reps")) {
        words.push(docs(workspace));
    }
    words.extend_from_slice(arguments);
    measure(workspace, SHIPPED, &words)
}

fn callbacks(workspace: &Workspace, mut arguments: Vec<String>) -> Result<()> {
    prepare::run(workspace)?;
    let started = brokers::up_for_tests(workspace)?;
    arguments.push(format!("--brokers={}", workspace.brokers().join("endpoints.json").display()));
    let python = workspace.tools().join("sinks-venv/bin/python");
    arguments.push(format!("--python={}", python.display()));
    let built = build(workspace, SHIPPED);
    let measured = built.and_then(|()| measure(workspace, SHIPPED, &arguments));
    started.stop()?;
    measured
}

fn docs(workspace: &Workspace) -> String {
    format!("--docs={}", workspace.root.join("docs").display())
}

fn build(workspace: &Workspace, profile: &str) -> Result<()> {
    let profile = format!("--profile={profile}");
    let packages = ["--package=invoked", "--package=invoked-benches"];
    let binaries = ["--bin=invoked", "--bin=invoked-load"];
    shell(workspace.cargo(&["build", &profile]).args(packages).args(binaries))
}

fn measure(
    workspace: &Workspace,
    profile: &str,
    arguments: &[impl AsRef<std::ffi::OsStr>],
) -> Result<()> {
    let mut load = Command::new(workspace.binary(profile, "invoked-load"));
    load.args(arguments)
        .current_dir(&workspace.root)
        .env(BIN_VARIABLE, workspace.binary(profile, "invoked"));
    shell(&mut load)
}
