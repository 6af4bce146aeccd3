//! How source files look: short, headed by what they are, and without leftovers.

use std::fs;
use std::path::{Path, PathBuf};

use invoked_tests::tools::root;

use crate::none;

/// Nothing is longer than this.
const LINES_MAX: usize = 600;

/// Longer than this only with a reason.
const LINES_USUAL: usize = 500;

/// Files between the two, each with its reason.
const LONG: &[(&str, &str)] = &[];

/// Leftovers, written so that this file does not contain them.
const LEFTOVERS: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("#[ig", "nore")];

/// Every Rust file of the repository.
pub fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in ["crates", "xtask", "tests", "benches"] {
        collect(&root().join(directory), &["rs"], &mut found);
    }
    found.sort();
    found
}

/// Every source file of the console and of what drives it.
fn console() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in ["console/src", "tests/console"] {
        collect(&root().join(directory), &["ts", "tsx", "css", "mjs"], &mut found);
    }
    found
}

fn collect(directory: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|have| extensions.iter().any(|one| have == *one)) {
            found.push(path);
        }
    }
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

/// One line for every Rust file in which `offence` finds something.
fn offences(offence: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    offences_in(&sources(), offence)
}

fn offences_in(files: &[PathBuf], offence: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    let look = |file: &PathBuf| {
        let text = fs::read_to_string(file).expect("a source file");
        offence(&shown(file), &text).map(|found| format!("{}: {found}", shown(file)))
    };
    files.iter().filter_map(look).collect()
}

#[test]
fn files_are_short() {
    none(offences(|file, text| {
        let lines = text.lines().count();
        let excused = LONG.iter().any(|(long, reason)| *long == file && !reason.is_empty());
        let limit = if excused { LINES_MAX } else { LINES_USUAL };
        (lines > limit).then(|| format!("{lines} lines, at most {limit}"))
    }));
}

#[test]
fn excuses_for_long_files_are_still_needed() {
    let needed = |file: &str| {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        text.lines().count() > LINES_USUAL
    };
    let stale = LONG.iter().filter(|(file, _)| !needed(file));
    none(stale.map(|(file, _)| format!("{file} is short enough without an excuse")).collect());
}

#[test]
fn every_file_begins_with_what_it_is() {
    // The tests of a module say what they are by standing in its directory.
    let headed = |file: &str, text: &str| file.ends_with("/tests.rs") || text.starts_with("//!");
    none(offences(|file, text| (!headed(file, text)).then(|| "no `//!` header".to_owned())));
}

#[test]
fn modules_stand_beside_their_directory() {
    none(offences(|file, _| {
        file.ends_with("/mod.rs").then(|| "foo.rs beside foo/, not mod.rs".to_owned())
    }));
}

#[test]
fn nothing_is_left_over() {
    none(offences(|_, text| {
        let left = |line: &str| LEFTOVERS.iter().any(|leftover| line.contains(leftover));
        let (number, line) = text.lines().enumerate().find(|(_, line)| left(line))?;
        Some(format!("line {}: {}", number + 1, line.trim()))
    }));
}

#[test]
fn the_console_is_short_headed_and_without_leftovers() {
    let files = console();
    assert!(!files.is_empty(), "the console has moved");
    none(offences_in(&files, |_, text| {
        let lines = text.lines().count();
        if lines > LINES_USUAL {
            return Some(format!("{lines} lines, at most {LINES_USUAL}"));
        }
        if !text.starts_with("// ") && !text.starts_with("/* ") {
            return Some("no comment at its head".to_owned());
        }
        let left = LEFTOVERS.iter().find(|leftover| text.contains(*leftover))?;
        Some(format!("contains {left}"))
    }));
}
