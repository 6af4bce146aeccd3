//! What a command prints: results on standard output, failures on standard error.
//!
//! A reader that has gone away (`invoked … | head`) is no failure.

use std::io::{self, Write as _};

use serde_json::json;

use crate::cli::Output;
use crate::failure::Failure;

/// Prints one line, or several, and has them seen at once.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    gone_reader_is_fine(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// A text from outside, so that it cannot command the terminal.
pub(crate) fn harmless(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    text.chars().map(plain).collect()
}

/// Prints why a command failed.
pub(crate) fn failure(failure: &Failure, output: Output) {
    let text = match (output, failure) {
        (Output::Text, _) => format!("invoked: {failure}"),
        (Output::Json, Failure::Config(problems)) => {
            let problems: Vec<_> = problems
                .iter()
                .map(|problem| {
                    json!({
                        "path": problem.path(),
                        "message": problem.message(),
                        "origin": problem.origin(),
                    })
                })
                .collect();
            json!({ "code": failure.code(), "problems": problems }).to_string()
        }
        (Output::Json, Failure::Failed(_)) => {
            json!({ "code": failure.code(), "error": failure.to_string() }).to_string()
        }
    };
    gone_reader_is_fine(writeln!(io::stderr().lock(), "{text}"));
}

fn gone_reader_is_fine(written: io::Result<()>) {
    // There is nobody left to tell of any other error either.
    drop(written);
}
