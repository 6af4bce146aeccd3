//! `cargo xtask …`: everything one does with this repository besides building it.
//!
//! Each command is a list of ordinary command lines, printed before they run, so that any of them can be repeated
//! by hand.

mod bench;
mod brokers;
mod ci;
mod console;
mod deploy;
mod options;
mod prepare;
mod release;
mod soak;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::options::Options;
use crate::workspace::Workspace;

const USAGE: &str = "\
cargo xtask COMMAND

  test                  install what the tests need under target/, then run all of them
  prepare               only install it (the official clients for Python and Node, a Go program, promtool, Helm, mdBook)
  ci                    format, clippy, docs, the layer test, the supply chain, the console's build, then test; reports
                        every step that failed
  console [--check]     build the console's page out of console/ into the files that the daemon embeds, or compare what
                        is committed with a fresh build; needs Node 20.19 or later
  brokers up|down|restart|status [NAME…]
                        the real brokers that the tests deliver to: rabbitmq, kafka, rocketmq, rocketmq-acl;
                        on loopback, under target/brokers
  layers                the layer and tidy test alone
  supply                bans, licences and sources by cargo-deny, offline; advisories where their database can be had
  release               the package for Debian, an archive, its line tables, a bill of materials, licences, checksums under
                        target/release-files; needs no network once cargo-deb is built
  soak [--rounds 50] [--seeds 100000] [--fuzz-seconds 60]
                        kill -9 rounds against the release binary, the simulation with more seeds, and each fuzz
                        target for so long
  bench                 invoked beside the floor, ways to invoke, neighbours, a failing target, a backlog of 200,000;
                        writes its sections of docs/benchmarks.md
  bench --quick         a minute, for CI: prints ratios, writes nothing
  bench --peers […]     installs RabbitMQ, BullMQ on Redis, Restate and NATS and measures all in one run; writes its
                        section unless other words than --reps N follow
  bench --soak          backlogs of one and ten million, lists among a million tasks; writes their sections
  bench callbacks […]   callbacks to the brokers of the tests
  bench WORDS…          any other command of the load generator, which writes only with --docs docs

CARGO_TARGET_DIR is honoured (default: target/).";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let Some((command, rest)) = words.split_first() else { bail!("which command?\n\n{USAGE}") };
    let workspace = Workspace::locate()?;
    let mut options = Options::new(rest);
    match command.as_str() {
        "test" => {
            options.finish()?;
            test::run(&workspace)
        }
        "prepare" => {
            options.finish()?;
            prepare::run(&workspace)
        }
        "console" => {
            let check = options.flag("--check");
            options.finish()?;
            if check { console::check(&workspace) } else { console::build(&workspace) }
        }
        "ci" => {
            options.finish()?;
            ci::run(&workspace)
        }
        "release" => {
            options.finish()?;
            release::run(&workspace)
        }
        "layers" => {
            options.finish()?;
            ci::layers(&workspace)
        }
        "supply" => {
            options.finish()?;
            deploy::supply(&workspace)
        }
        "soak" => {
            let rounds = options.number("--rounds")?.unwrap_or(50);
            let seeds = options.number("--seeds")?.unwrap_or(100_000);
            let fuzz_seconds = options.number("--fuzz-seconds")?.unwrap_or(60);
            options.finish()?;
            soak::run(&workspace, rounds, seeds, fuzz_seconds)
        }
        "brokers" => brokers::run(&workspace, &options.rest()),
        "bench" => bench::run(&workspace, options.rest()),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        unknown => bail!("no command {unknown:?}\n\n{USAGE}"),
    }
}
