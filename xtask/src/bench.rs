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

const SOAK: &[&[&str]] = &[
    &["backlog", "--count=1000000"],
    &["backlog", "--count=10000000", "--restarts=1"],
    &["lists"],
];

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
            build(workspace)?;
            measure(workspace, &arguments)
        }
    }
}

/// About a minute: whether it works; prints ratios and judges none.
pub fn quick(workspace: &Workspace) -> Result<()> {
    build(workspace)?;
    measure(workspace, &["run", "--quick"])
}

fn all(workspace: &Workspace, lines: &[&[&'static str]]) -> Result<()> {
    build(workspace)?;
    let mut steps = Steps::default();
    for line in lines {
        let mut words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        words.push(docs(workspace));
        steps.step(line.first().copied().unwrap_or_default(), || measure(workspace, &words));
    }
    steps.report()
}

fn peers(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let tools = peers::install(workspace)?;
    build(workspace)?;
    shell(&mut workspace.cargo(&["build", "--release", "--package", "invoked-peers"]))?;
    let mut words = vec!["run".to_owned(), "--peers".to_owned()];
    words.push(format!("--peer-tools={}", tools.display()));
    // Whoever measures only some does not replace what stands there of all.
    if arguments.is_empty() || arguments.iter().any(|word| word.starts_with("--reps")) {
        words.push(docs(workspace));
    }
    words.extend_from_slice(arguments);
    measure(workspace, &words)
}

fn callbacks(workspace: &Workspace, mut arguments: Vec<String>) -> Result<()> {
    prepare::run(workspace)?;
    let started = brokers::up_for_tests(workspace)?;
    arguments.push(format!("--brokers={}", workspace.brokers().join("endpoints.json").display()));
    let python = workspace.tools().join("sinks-venv/bin/python");
    arguments.push(format!("--python={}", python.display()));
    let measured = build(workspace).and_then(|()| measure(workspace, &arguments));
    started.stop()?;
    measured
}

fn docs(workspace: &Workspace) -> String {
    format!("--docs={}", workspace.root.join("docs").display())
}

fn build(workspace: &Workspace) -> Result<()> {
    workspace.build_daemon()?;
    shell(&mut workspace.cargo(&[
        "build",
        "--release",
        "--package",
        "invoked-benches",
        "--bin",
        "invoked-load",
    ]))
}

fn measure(workspace: &Workspace, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Result<()> {
    let mut load = Command::new(workspace.release_binary("invoked-load"));
    load.args(arguments)
        .current_dir(&workspace.root)
        .env(BIN_VARIABLE, workspace.release_binary("invoked"));
    shell(&mut load)
}
