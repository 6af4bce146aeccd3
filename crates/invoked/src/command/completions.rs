//! `invoked completions`: scripts for shells.

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs};
use crate::print;

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "invoked", &mut script);
    print::bytes(&script);
}
