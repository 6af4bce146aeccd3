//! The README and the book do what they say: every command in them is executed, every link leads somewhere, and every
//! page is in the table of contents.

mod built;
mod contents;
mod page;
mod session;

use std::process::Command;

use invoked_tests::tools::daemon;

use page::{Mode, Page, pages};
use session::Session;

/// Fails with one line for every offence.
#[track_caller]
fn none(offences: Vec<String>) {
    assert!(offences.is_empty(), "{} offences:\n{}", offences.len(), offences.join("\n"));
}

#[test]
fn every_command_of_every_page_does_what_it_is_for() {
    let mut executed = 0;
    for page in pages() {
        let blocks = page.blocks();
        if blocks.is_empty() {
            continue;
        }
        let mut session = Session::new(&page.name);
        for block in &blocks {
            match &block.mode {
                Mode::Run => session.run(block),
                Mode::Background { port } => session.background(block, port),
                Mode::Parse => session.parse(block),
            }
            executed += usize::from(block.mode != Mode::Parse);
        }
    }
    assert!(executed >= 8, "only {executed} blocks were executed: are they still found?");
}

#[test]
fn the_readme_alone_leads_to_a_callback_that_can_be_seen() {
    let page = Page::read("README.md");
    let mut session = Session::new(&page.name);
    for block in page.blocks_of("Five minutes") {
        match &block.mode {
            Mode::Run => session.run(&block),
            Mode::Background { port } => session.background(&block, port),
            Mode::Parse => panic!("the quick start is executed, not only read"),
        }
    }
    // The callback comes by itself, after the last command.
    session.until_said("hello was given {\"order\":17}");
    session.until_said("report was given {\"timestamp\":");
}

#[test]
fn every_command_that_is_mentioned_exists_with_its_flags() {
    let mut offences = Vec::new();
    let mut looked_at = 0;
    for page in pages() {
        for mention in page.mentions() {
            looked_at += 1;
            let help = Command::new(daemon()).args(&mention.words).arg("--help").output();
            let help = help.expect("the program starts");
            let text = String::from_utf8_lossy(&help.stdout);
            let missing = mention.flags.iter().find(|flag| !text.contains(flag.as_str()));
            if !help.status.success() {
                offences.push(format!("{}: there is no `{}`", page.name, mention.span));
            } else if let Some(flag) = missing {
                offences.push(format!("{}: `{}` has no {flag}", page.name, mention.span));
            }
        }
    }
    assert!(looked_at > 10, "only {looked_at} commands are mentioned: are they still found?");
    none(offences);
}
