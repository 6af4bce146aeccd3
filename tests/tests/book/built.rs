//! The book as mdBook makes it, links and all.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use invoked_tests::tools::{mdbook, root};
use tempfile::TempDir;

use crate::none;

/// Every page below `place`, but the one for what is not found, which may be shown anywhere.
fn made(place: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left = vec![place.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).expect("a readable directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "html")
                && path.file_name().is_some_and(|name| name != "404.html")
            {
                found.insert(path);
            }
        }
    }
    found
}

/// What a page refers to within the book.
fn references(text: &str) -> impl Iterator<Item = &str> {
    let attributes = ["href=\"", "src=\""].into_iter().flat_map(|name| text.split(name).skip(1));
    let values = attributes.filter_map(|rest| rest.split(['"', '#', '?']).next());
    values.filter(|value| !value.is_empty() && !value.contains(':') && !value.starts_with("//"))
}

#[test]
fn mdbook_makes_the_book_without_a_warning_and_its_links_stay_in_it() {
    let directory = TempDir::new().expect("a temporary directory");
    let output = Command::new(mdbook())
        .args(["build", "--dest-dir"])
        .arg(directory.path())
        .arg(root().join("docs"))
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let is_quiet = !said.contains("WARN") && !said.contains("ERROR");
    assert!(output.status.success() && is_quiet, "{said}");

    let pages = made(directory.path());
    let sources = fs::read_to_string(root().join("docs/SUMMARY.md")).expect("the contents");
    let listed = sources.matches(".md)").count();
    assert!(pages.len() > listed, "{} pages of {listed}", pages.len());
    let mut offences = BTreeSet::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        let place = page.parent().expect("a directory");
        for reference in references(&text).filter(|reference| !place.join(reference).exists()) {
            offences.insert(format!("{}: {reference} is not in the book", page.display()));
        }
    }
    none(offences.into_iter().collect());
}
