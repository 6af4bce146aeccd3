//! Configurations that nobody meant to write: each is read or refused with its problems, and never panics.
//!
//! `FUZZ_SECONDS` lets it run for so long; proptest prints the configuration of a failure, shrunk.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config as Runs, TestRunner};

use super::{Config, Sources};

const BASES: [&str; 2] = [
    include_str!("../../../../../config/default.toml"),
    include_str!("../../../../../config/example.toml"),
];

/// Values where they were not, and what TOML itself may stumble over.
const WORDS: [&str; 28] = [
    "0",
    "-1",
    "9223372036854775807",
    "1e308",
    "nan",
    "true",
    "\"\"",
    "\"soon\"",
    "\"0s\"",
    "\"99999999999999999d\"",
    "\"1ms\"",
    "\"127.0.0.1:0\"",
    "\"[::]:1\"",
    "\"http://\"",
    "\"http://[\"",
    "[]",
    "{}",
    "[[]]",
    "\"\"\"",
    "'''",
    "[functions.x]\n",
    "[[functions]]\n",
    "[functions.\"s$f\"]\n",
    "\u{0}",
    "\u{e9}",
    "\"acs:fc:::functions/x\"",
    "\"1GB\"",
    "1979-05-27T07:32:00Z",
];

/// One change: at a place, so many characters go, and a word comes.
type Change = (prop::sample::Index, usize, &'static str);

/// A value of a line replaced, or any text anywhere.
fn change(text: &str, (place, gone, word): &Change, values_only: bool) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = place.index(lines.len().max(1));
    let Some(line) = lines.get_mut(at) else { return (*word).to_owned() };
    let plain = line.trim_start_matches(['#', ' ']);
    match plain.split_once('=') {
        // Commented lines are options as well.
        Some((key, _)) if values_only => *line = format!("{} = {word}", key.trim()),
        _ => {
            let from = line.chars().count().min(*gone);
            *line = line.chars().take(from).chain(word.chars()).collect();
        }
    }
    lines.join("\n")
}

/// A run of a batch of cases; reads each configuration as a file of its own over the defaults.
fn run(runner: &mut TestRunner) {
    let changes = prop::collection::vec(
        (any::<prop::sample::Index>(), 0..40_usize, prop::sample::select(&WORDS[..])),
        1..6,
    );
    let input = (prop::sample::select(&BASES[..]), changes, any::<bool>());
    let outcome = runner.run(&input, |(base, changes, values_only)| {
        let toml =
            changes.iter().fold(base.to_owned(), |text, one| change(&text, one, values_only));
        match Config::check(&Sources { flags: toml, ..Sources::default() }) {
            Ok((_, shown)) => drop(shown.table.to_string()),
            Err(problems) => {
                prop_assert!(problems.iter().next().is_some(), "a refusal says why");
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that runs for as long as it is told")]
fn configurations_are_read_or_refused() {
    let mut runner =
        TestRunner::new(Runs { cases: 200, failure_persistence: None, ..Runs::default() });
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    run(&mut runner);
    while end.is_some_and(|end| Instant::now() < end) {
        run(&mut runner);
    }
}

#[test]
fn deep_configurations_are_refused() {
    for open in ["[", "{a=", "[{a="] {
        let flags = format!("a = {}", open.repeat(100_000));
        assert!(Config::load(&Sources { flags, ..Sources::default() }).is_err(), "{open}");
    }
    let flags = format!("[{}]", vec!["a"; 100_000].join("."));
    assert!(Config::load(&Sources { flags, ..Sources::default() }).is_err(), "dotted");
}
