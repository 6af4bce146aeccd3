//! What a command prints: results on standard output, failures on standard error.
//!
//! A reader that has gone away (`invoked … | head`) is no failure.

pub(crate) mod list;
pub(crate) mod record;

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::{Value, json};

use crate::cli::Output;
use crate::failure::Failure;

/// Prints one line, or several, and has them seen at once.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    gone_reader_is_fine(writeln!(out, "{text}").and_then(|()| out.flush()));
}

/// Prints bytes from outside: as they are into a pipe or file, harmless and with a last line end on
/// a terminal.
pub(crate) fn bytes(bytes: &[u8]) {
    if io::stdout().is_terminal() {
        if !bytes.is_empty() {
            line(harmless_lines(&String::from_utf8_lossy(bytes)).trim_end_matches('\n'));
        }
        return;
    }
    let mut out = io::stdout().lock();
    gone_reader_is_fine(out.write_all(bytes).and_then(|()| out.flush()));
}

/// Prints a JSON document: one line for programs, indented for people.
pub(crate) fn document(document: &Value, output: Output) {
    line(&match output {
        // `{:#}` of a value is its indented form.
        Output::Text => harmless_lines(&format!("{document:#}")),
        Output::Json => document.to_string(),
    });
}

/// Tells people something beside the result, on standard error.
pub(crate) fn note(text: &str) {
    gone_reader_is_fine(writeln!(io::stderr().lock(), "{}", harmless_lines(text)));
}

/// Shows what is being waited for, where a person is watching. Each text takes the place of the one
/// before; an empty one clears the line.
pub(crate) fn progress(text: &str) {
    let mut err = io::stderr().lock();
    if err.is_terminal() {
        let text = harmless(text);
        gone_reader_is_fine(write!(err, "\r\u{1b}[K{text}").and_then(|()| err.flush()));
    }
}

/// A text from outside, so that it cannot command the terminal.
pub(crate) fn harmless(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    text.chars().map(plain).collect()
}

/// The same for a text of several lines.
fn harmless_lines(text: &str) -> String {
    let is_harmful = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    text.chars().map(|letter| if is_harmful(letter) { '\u{fffd}' } else { letter }).collect()
}

/// Prints why a command failed.
pub(crate) fn failure(failure: &Failure, output: Output) {
    let text = match (output, failure) {
        (Output::Text, _) => {
            let advice = failure.advice().map(|advice| format!("\n  next: {advice}"));
            harmless_lines(&format!("invoked: {failure}{}", advice.unwrap_or_default()))
        }
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
        (Output::Json, Failure::Refused { refusal, advice }) => json!({
            "code": failure.code(),
            "error": failure.to_string(),
            "advice": advice,
            "refusal": {
                "httpStatus": refusal.status,
                "code": refusal.code,
                "message": refusal.message,
                "requestId": refusal.request_id,
            },
        })
        .to_string(),
        (Output::Json, Failure::Unreachable { advice, .. }) => {
            json!({ "code": failure.code(), "error": failure.to_string(), "advice": advice })
                .to_string()
        }
        (Output::Json, Failure::Failed(_) | Failure::Usage(_)) => {
            json!({ "code": failure.code(), "error": failure.to_string() }).to_string()
        }
    };
    gone_reader_is_fine(writeln!(io::stderr().lock(), "{text}"));
}

fn gone_reader_is_fine(written: io::Result<()>) {
    // There is nobody left to tell of any other error either.
    drop(written);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_outside_cannot_command_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31m\n\u{9b}b"), "a\u{fffd}[31m\u{fffd}\u{fffd}b");
        assert_eq!(harmless_lines("a\u{1b}\n\tb\r"), "a\u{fffd}\n\tb\u{fffd}");
    }
}
