//! What the commands that ask a daemon share: a runtime, and texts from arguments, files and
//! standard input.

use std::fs::File;
use std::io::{self, Read};

use anyhow::Context as _;
use tokio::runtime::Builder;

use crate::failure::Failure;

/// Bytes that a payload or body may have. Source: the largest that a synchronous invocation takes.
const TEXT_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Runs one command to its end.
///
/// # Errors
/// As the command's own; or the system has no threads left.
pub(super) fn run(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(command)
}

/// The bytes that an argument stands for: `@FILE`, `-` for standard input, or itself.
///
/// # Errors
/// They cannot be read, or are too many.
pub(super) fn bytes(argument: &str, value: &str) -> Result<Vec<u8>, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::Usage(format!("{argument} {value}: {why}"));
    let source: Box<dyn Read> = if value == "-" {
        Box::new(io::stdin().lock())
    } else if let Some(path) = value.strip_prefix('@') {
        Box::new(File::open(path).map_err(|error| wrong(&error))?)
    } else {
        return Ok(value.as_bytes().to_vec());
    };
    let mut found = Vec::new();
    source.take(TEXT_BYTES_MAX + 1).read_to_end(&mut found).map_err(|error| wrong(&error))?;
    if u64::try_from(found.len()).is_ok_and(|length| length > TEXT_BYTES_MAX) {
        return Err(wrong(&format_args!("has more than {TEXT_BYTES_MAX} bytes")));
    }
    Ok(found)
}
