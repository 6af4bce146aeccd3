//! The inputs that are checked in: `tests/fuzz/corpus/<target>/`, one file each.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use invoked_tests::tools::root;

#[derive(Debug)]
pub struct Input {
    pub name: String,
    pub bytes: Vec<u8>,
}

fn directory(target: &str) -> PathBuf {
    root().join("tests/fuzz/corpus").join(target)
}

/// All inputs of a target, in the order of their names.
pub fn of(target: &str) -> Vec<Input> {
    let directory = directory(target);
    let entries = fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("no corpus in {}: {error}", directory.display()));
    let mut inputs: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let bytes = fs::read(entry.path()).expect("a readable input");
            Input { name: entry.file_name().to_string_lossy().into_owned(), bytes }
        })
        .collect();
    assert!(!inputs.is_empty(), "{} is empty", directory.display());
    inputs.sort_by(|left, right| left.name.cmp(&right.name));
    inputs
}

/// Writes a crasher to the corpus of its target, unless it came from there.
pub fn keep(target: &str, bytes: &[u8]) -> PathBuf {
    if let Some(known) = of(target).into_iter().find(|input| input.bytes == bytes) {
        return directory(target).join(known.name);
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let file = directory(target).join(format!("crash-{:016x}", hasher.finish()));
    // The failure itself is told in any case.
    if let Err(error) = fs::write(&file, bytes) {
        eprintln!("{} cannot be written: {error}", file.display());
    }
    file
}
