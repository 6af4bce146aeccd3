//! Fuzzing of everything that reads bytes of strangers: no panic, no more memory than the input is worth, and no two
//! parts that disagree.
//!
//! A mutation loop of our own on the stable toolchain, and not cargo-fuzz: libFuzzer needs nightly and unsafe
//! instrumentation, while the rule of this repository is that its tests run on the toolchain that builds it. What it
//! finds by coverage, the corpus brings by hand: real requests of every client, the vectors of the contract, every
//! crasher there ever was.
//!
//! Each target first runs its corpus, then `FUZZ_CASES` mutations of it, or mutations for `FUZZ_SECONDS` seconds. A
//! failure prints the line that repeats it, and leaves the input in the corpus, so that it is tried first from then on.

mod bodies;
mod corpus;
mod mutate;
mod names;
mod records;
mod request;
mod runner;
mod sign;

/// Counts what is allocated. The targets run one at a time, so that each sees its own.
#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

use runner::Target;

#[test]
fn requests_are_read_or_refused() {
    runner::run(&Target { name: "request", reads: request::read, bytes_per_byte: 128 });
}

#[test]
fn bodies_are_read_or_refused() {
    runner::run(&Target { name: "bodies", reads: bodies::read, bytes_per_byte: 128 });
}

#[test]
fn authorizations_are_read_or_refused() {
    runner::run(&Target { name: "sign", reads: sign::verify, bytes_per_byte: 64 });
}

#[test]
fn what_is_signed_verifies_and_what_is_changed_does_not() {
    runner::run(&Target { name: "agree", reads: sign::agree, bytes_per_byte: 64 });
}

#[test]
fn names_read_back_as_they_were_written() {
    runner::run(&Target { name: "names", reads: names::read, bytes_per_byte: 16 });
}

#[test]
fn rows_of_the_store_are_read_or_refused() {
    runner::run(&Target { name: "records", reads: records::read, bytes_per_byte: 64 });
}
