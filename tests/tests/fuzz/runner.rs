//! The loop around a target: corpus, mutations, what is checked of every case, and what is said of a failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use invoked_tests::rng::Rng;

use crate::HEAP;
use crate::corpus::{self, Input};
use crate::mutate;

const CASES_DEFAULT: u64 = 3_000;
const SEED_DEFAULT: u64 = 1;

/// What any input may allocate, however short it is.
const BYTES_CONSTANT: usize = 256 * 1024;

/// Something that reads bytes.
#[derive(Debug)]
pub struct Target {
    /// The directory of its corpus.
    pub name: &'static str,
    /// Reads an input; panics if what it came to is wrong.
    pub reads: fn(&[u8]),
    /// How many bytes it may hold at once for each byte of input.
    pub bytes_per_byte: usize,
}

/// The targets take turns: the heap is counted for the whole process.
static TURN: Mutex<()> = Mutex::new(());

pub fn run(target: &Target) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let corpus = corpus::of(target.name);
    let dictionary = mutate::dictionary(&corpus);
    for Input { name, bytes } in &corpus {
        check(target, bytes, &format!("{name} of the corpus"));
    }

    let seed = number("FUZZ_SEED").unwrap_or(SEED_DEFAULT);
    let case = |number: u64| {
        // A generator per case, so that a failure is repeated without those before it.
        let mut rng = Rng::new(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let bytes = mutate::mutate(&mut rng, &corpus, &dictionary);
        let line = format!("FUZZ_SEED={seed} FUZZ_CASE={number} on target {:?}", target.name);
        check(target, &bytes, &line);
    };
    if let Some(only) = number("FUZZ_CASE") {
        case(only);
    } else if let Some(seconds) = number("FUZZ_SECONDS") {
        let start = Instant::now();
        let mut cases = 0;
        while start.elapsed() < Duration::from_secs(seconds) {
            case(cases);
            cases += 1;
        }
        println!("{}: {cases} cases in {seconds} s", target.name);
    } else {
        (0..number("FUZZ_CASES").unwrap_or(CASES_DEFAULT)).for_each(case);
    }
    drop(turn);
}

/// Lets the target read `bytes`, and keeps them if it fails.
fn check(target: &Target, bytes: &[u8], line: &str) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.reads)(bytes)));
    let held = HEAP.peak_usage().saturating_sub(before);
    let limit = target.bytes_per_byte * bytes.len() + BYTES_CONSTANT;
    if outcome.is_ok() && held <= limit {
        return;
    }
    let file = corpus::keep(target.name, bytes);
    let what = if outcome.is_err() {
        "it panicked".to_owned()
    } else {
        format!("it held {held} bytes for {} of input, and may hold {limit}", bytes.len())
    };
    panic!("{line}: {what}; the input is in {}", file.display());
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
}
