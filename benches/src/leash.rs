//! `invoked-load leash PROGRAM …`: runs a foreign program that would outlive the harness, and ends it, with all that it
//! started, when standard input ends: when the process that started the leash is gone.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result};
use rustix::process::{Signal, getpgrp, getpid, kill_process_group};

#[derive(clap::Args)]
pub struct Args {
    program: OsString,
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Must lead a process group of its own, as [`crate::proc::Process::start_group`] starts it.
pub fn main(args: &Args) -> Result<()> {
    anyhow::ensure!(getpgrp() == getpid(), "a leash must lead a process group of its own");
    let mut child = Command::new(&args.program)
        .args(&args.arguments)
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {}", args.program.display()))?;
    thread::spawn(|| {
        let mut rest = Vec::new();
        let _ended = std::io::stdin().read_to_end(&mut rest);
        end_all();
    });
    let status = child.wait()?;
    eprintln!("{} ended: {status}", args.program.display());
    end_all();
    Ok(())
}

/// This process is a member.
fn end_all() {
    let _gone = kill_process_group(getpgrp(), Signal::KILL);
}
