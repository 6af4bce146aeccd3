//! `docs/logging.md` names every line of the log at info and above: its event, level and fields, as they stand in the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::none;

const LEVELS: [&str; 3] = ["error", "warn", "info"];

/// The levels and the fields of an event.
#[derive(Debug, Default, Eq, PartialEq)]
struct Line {
    levels: BTreeSet<String>,
    fields: BTreeSet<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The arguments of a macro that begins here, up to its closing bracket.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut is_text, mut is_escaped) = (0_u32, false, false);
    let mut found = vec![String::new()];
    for letter in text.chars() {
        if is_text {
            is_text = is_escaped || letter != '"';
            is_escaped = letter == '\\' && !is_escaped;
        } else {
            match letter {
                '"' => is_text = true,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                ',' if depth == 0 => {
                    found.push(String::new());
                    continue;
                }
                _ => {}
            }
        }
        found.last_mut().expect("one at least").push(letter);
    }
    found.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The events of the code; and the lines that have none.
fn in_code() -> (BTreeMap<String, Line>, Vec<String>) {
    let (mut files, mut events, mut nameless) = (Vec::new(), BTreeMap::new(), Vec::new());
    sources(&root().join("crates"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        for level in LEVELS {
            for part in text.split(&format!("tracing::{level}!(")).skip(1) {
                let arguments = arguments(part);
                let event = arguments.iter().find_map(|one| one.strip_prefix("event = "));
                let Some(event) = event else {
                    nameless.push(format!("{}: {level} {arguments:?}", file.display()));
                    continue;
                };
                let line: &mut Line = events.entry(event.trim_matches('"').to_owned()).or_default();
                line.levels.insert(level.to_owned());
                let fields = arguments.iter().filter(|one| !one.starts_with('"'));
                let fields = fields.map(|one| {
                    let name = one.split_once(" = ").map_or(one.as_str(), |(name, _)| name);
                    name.trim_start_matches(['%', '?']).to_owned()
                });
                line.fields.extend(fields.filter(|name| name != "event"));
            }
        }
    }
    (events, nameless)
}

fn in_the_page() -> BTreeMap<String, Line> {
    let page = fs::read_to_string(root().join("docs/logging.md")).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let words = |cell: &str| -> BTreeSet<String> {
        let words = cell.split(',').map(|word| word.trim().trim_matches('`').to_owned());
        words.filter(|word| !word.is_empty()).collect()
    };
    let row = |row: &str| {
        let cells: Vec<_> = row.split('|').collect();
        let event = cells[1].trim().trim_matches('`').to_owned();
        (event, Line { levels: words(cells[2]), fields: words(cells[3]) })
    };
    rows.map(row).collect()
}

#[test]
fn every_line_of_the_log_has_an_event_that_the_page_describes() {
    let (code, mut offences) = in_code();
    let page = in_the_page();
    assert!(code.len() > 50, "the lines are found: {}", code.len());
    let names: BTreeSet<_> = code.keys().chain(page.keys()).collect();
    for name in names {
        if code.get(name) != page.get(name) {
            offences.push(format!(
                "{name}: {:?} in the code, {:?} in the page",
                code.get(name),
                page.get(name)
            ));
        }
    }
    none(offences);
}
