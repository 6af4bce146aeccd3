//! The table of contents of the book, and links between pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use invoked_tests::tools::{daemon, root};

use crate::none;
use crate::page::{Page, pages};

/// Targets of `[text](target)` outside code, with what they are relative to taken away.
fn links(page: &Page) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in page.text.lines() {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        if inside || fence {
            continue;
        }
        let outside_code: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for rest in outside_code.split("](").skip(1) {
            found.extend(rest.split([')', ' ']).next().map(String::from));
        }
    }
    found
}

/// `a/../b` as `b`.
fn clean(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut clean, part| {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => clean.push(part),
        }
        clean
    })
}

fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>()
        .replace(' ', "-")
}

#[test]
fn every_link_leads_somewhere() {
    let mut offences = Vec::new();
    for page in pages() {
        let directory = Path::new(&page.name).parent().unwrap_or(Path::new(""));
        for link in links(&page) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, part) = link.split_once('#').unwrap_or((&link, ""));
            let name = if file.is_empty() {
                PathBuf::from(&page.name)
            } else {
                clean(&directory.join(file))
            };
            if !root().join(&name).exists() {
                offences.push(format!("{}: {link} is not there", page.name));
            } else if !part.is_empty()
                && name.extension().is_some_and(|extension| extension == "md")
            {
                let text = Page::read(name.to_str().expect("a UTF-8 path")).text;
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                if !headings.any(|line| anchor(line.trim_start_matches('#')) == part) {
                    offences.push(format!("{}: {link} has no such heading", page.name));
                }
            }
        }
    }
    none(offences);
}

#[test]
fn every_page_of_the_book_is_in_its_table_of_contents_once() {
    let summary = Page::read("docs/SUMMARY.md");
    let listed = links(&summary);
    let unique: BTreeSet<_> = listed.iter().map(|link| format!("docs/{link}")).collect();
    assert_eq!(unique.len(), listed.len(), "a page is listed twice");
    let all = pages().into_iter().map(|page| page.name);
    let there: BTreeSet<_> =
        all.filter(|name| name.starts_with("docs/") && name != "docs/SUMMARY.md").collect();
    let missing = there.difference(&unique).map(|name| format!("{name} is not in docs/SUMMARY.md"));
    none(missing.collect());
}

#[test]
fn the_page_of_the_configuration_is_what_the_program_prints() {
    let output = Command::new(daemon()).args(["config", "reference"]).output();
    let printed = String::from_utf8(output.expect("the program starts").stdout).expect("UTF-8");
    assert!(printed.contains("## `server`"), "{printed}");
    let file = root().join("docs/configuration.md");
    if std::env::var_os("INVOKED_BOOK").is_some_and(|wish| wish == "write") {
        fs::write(&file, &printed).expect("the page");
    }
    let committed = fs::read_to_string(&file).expect("the page");
    assert!(
        committed == printed,
        "docs/configuration.md is old: INVOKED_BOOK=write cargo test -p invoked-tests --test book"
    );
}
