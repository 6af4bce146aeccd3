//! How inputs change: flips, numbers, splices, repetitions, truncations and words.

use std::collections::BTreeSet;

use invoked_tests::rng::Rng;

use crate::corpus::Input;

/// No mutation grows an input beyond this: what the listener accepts of a head.
const BYTES_MAX: usize = 64 * 1024;
const STEPS_MAX: u64 = 6;
const WORDS_MAX: usize = 1_000;

/// What breaks parsers, besides the words of the corpus itself.
const WORDS: &[&str] = &[
    "",
    "%",
    "%2",
    "%00",
    "%0A",
    "%24",
    "%25",
    "%2F",
    "%C3",
    "%zz",
    "+",
    "$",
    ";",
    ",",
    ":",
    "=",
    "==",
    "&&",
    "/",
    "//",
    "/../",
    "?",
    "#",
    "\0",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\u{e9}",
    "\u{1F980}",
    "\u{202E}",
    "-1",
    "0",
    "1e999",
    "NaN",
    "nan",
    "inf",
    "0x10",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "4294967296",
    "1.5",
    "true",
    "null",
    "{}",
    "[]",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":",
    "\"\\ud800\"",
    "\"\"\"",
    "'''",
    "acs:",
    "acs:fc:::functions/",
    "services/",
    "SignedHeaders=",
    "Signature=",
    "Credential=",
    "ACS3-HMAC-SHA256 ",
    "FC ",
    "acs ",
    "authorization: ",
    "x-acs-",
    "x-fc-",
    "host",
    "x-fc-signature=",
    "x-fc-expires=",
    "9999-12-31T23:59:59Z",
    "0000-00-00T00:00:00Z",
    "Thu, 31 Feb 9999 25:61:61 GMT",
];

/// The words of a corpus, for putting them where they were not.
pub fn dictionary(corpus: &[Input]) -> Vec<Vec<u8>> {
    let words: BTreeSet<&[u8]> = corpus
        .iter()
        .flat_map(|input| {
            input.bytes.split(|byte| !byte.is_ascii_alphanumeric() && !b"-_.%$".contains(byte))
        })
        .filter(|word| (2..=64).contains(&word.len()))
        .collect();
    let own = words.into_iter().take(WORDS_MAX).map(<[u8]>::to_vec);
    WORDS.iter().map(|word| word.as_bytes().to_vec()).chain(own).collect()
}

/// An input of the corpus after a few steps.
pub fn mutate(rng: &mut Rng, corpus: &[Input], dictionary: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = pick(rng, corpus).bytes.clone();
    for _ in 0..=rng.below(STEPS_MAX) {
        step(rng, &mut bytes, corpus, dictionary);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn step(rng: &mut Rng, bytes: &mut Vec<u8>, corpus: &[Input], dictionary: &[Vec<u8>]) {
    let (from, to) = range(rng, bytes.len());
    match rng.below(10) {
        0 => flip(rng, bytes),
        1 => {
            let byte = byte(rng);
            bytes.insert(from, byte);
        }
        2 => drop(bytes.drain(from..to)),
        3 => bytes.truncate(from),
        4 | 5 => drop(bytes.splice(from..from, pick(rng, dictionary).iter().copied())),
        6 => drop(bytes.splice(from..to, pick(rng, dictionary).iter().copied())),
        7 => {
            let other = &pick(rng, corpus).bytes;
            let (other_from, other_to) = range(rng, other.len());
            drop(bytes.splice(from..to, other[other_from..other_to].iter().copied()));
        }
        8 => repeat(rng, bytes, from, to),
        _ => number(rng, bytes),
    }
}

fn flip(rng: &mut Rng, bytes: &mut [u8]) {
    if bytes.is_empty() {
        return;
    }
    let bit = rng.below(8);
    let at = index(rng, bytes.len());
    bytes[at] ^= 1 << bit;
}

/// Puts a part of the input after itself, now and then very often.
fn repeat(rng: &mut Rng, bytes: &mut Vec<u8>, from: usize, to: usize) {
    let part = bytes[from..to].to_vec();
    if part.is_empty() {
        return;
    }
    let most = if rng.below(8) == 0 { BYTES_MAX / part.len() } else { 4 };
    let times = 1 + index(rng, most.max(1));
    drop(bytes.splice(to..to, part.repeat(times)));
}

/// Replaces a run of digits.
fn number(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let start = index(rng, bytes.len() + 1);
    let Some(from) = bytes[start..].iter().position(u8::is_ascii_digit) else { return };
    let from = start + from;
    let length = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = if rng.below(2) == 0 { rng.below(1_000) } else { rng.word() };
    drop(bytes.splice(from..from + length, value.to_string().into_bytes()));
}

fn byte(rng: &mut Rng) -> u8 {
    rng.word().to_le_bytes()[0]
}

/// A place in something of `length`, or 0.
fn index(rng: &mut Rng, length: usize) -> usize {
    let limit = u64::try_from(length).expect("a length").max(1);
    usize::try_from(rng.below(limit)).expect("below a length")
}

/// A part of something of `length`, as a rule a short one.
fn range(rng: &mut Rng, length: usize) -> (usize, usize) {
    let from = index(rng, length + 1);
    let most = if rng.below(4) == 0 { length - from } else { (length - from).min(16) };
    (from, from + index(rng, most + 1))
}

fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> &'a T {
    &list[index(rng, list.len())]
}
