//! A page: its blocks of commands, and the commands that its sentences and tables mention.
//!
//! A fenced block marked `sh` is executed. A comment on the line before may say otherwise:
//!
//! - `<!-- test: background PORT -->`: it goes on until it is stopped; it is ready once PORT takes connections, and a
//!   daemon (7070) once it says so;
//! - `<!-- test: parse -->`: it needs what a test has not (a container engine, a cluster, root), so only its syntax and
//!   the arguments of our own program are checked.

use std::fs;
use std::path::Path;

use invoked_tests::tools::root;

#[derive(Debug, Eq, PartialEq)]
pub enum Mode {
    Run,
    Background { port: String },
    Parse,
}

#[derive(Debug)]
pub struct Block {
    pub mode: Mode,
    pub text: String,
    /// Of its first line, from 1.
    pub line: usize,
    heading: String,
}

/// A command in a code span, such as `invoked tasks list FUNCTION --all`.
#[derive(Debug)]
pub struct Mention {
    pub span: String,
    /// The names of the command and its parts.
    pub words: Vec<String>,
    pub flags: Vec<String>,
}

#[derive(Debug)]
pub struct Page {
    /// Relative to the root of the repository.
    pub name: String,
    pub text: String,
}

/// README.md, the book, and what stands beside the things to deploy.
pub fn pages() -> Vec<Page> {
    let mut names = vec!["README.md".to_owned(), "CONTRIBUTING.md".to_owned()];
    for directory in ["docs", "deploy"] {
        collect(directory, &mut names);
    }
    names.sort();
    names.iter().map(|name| Page::read(name)).collect()
}

fn collect(directory: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(root().join(directory)).expect("a readable directory") {
        let entry = entry.expect("an entry");
        let name = format!("{directory}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&name, names);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
            names.push(name);
        }
    }
}

impl Page {
    pub fn read(name: &str) -> Self {
        let text =
            fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { name: name.to_owned(), text }
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let (mut heading, mut before) = (String::new(), "");
        let mut open: Option<Option<Block>> = None;
        for (index, line) in self.text.lines().enumerate() {
            match &mut open {
                Some(block) if line.trim_start().starts_with("```") => {
                    blocks.extend(block.take());
                    open = None;
                }
                Some(Some(block)) => block.text = format!("{}{line}\n", block.text),
                Some(None) => {}
                None => {
                    if let Some(language) = line.trim_start().strip_prefix("```") {
                        open = Some(matches!(language.trim(), "sh" | "console").then(|| Block {
                            mode: self.mode(before),
                            text: String::new(),
                            line: index + 2,
                            heading: heading.clone(),
                        }));
                    } else if let Some(title) = line.strip_prefix("## ") {
                        title.clone_into(&mut heading);
                    }
                }
            }
            before = line;
        }
        assert!(open.is_none(), "{}: a block that nothing closes", self.name);
        blocks
    }

    pub fn blocks_of(&self, heading: &str) -> Vec<Block> {
        let blocks: Vec<_> =
            self.blocks().into_iter().filter(|block| block.heading == heading).collect();
        assert!(!blocks.is_empty(), "{}: no commands under {heading:?}", self.name);
        blocks
    }

    fn mode(&self, before: &str) -> Mode {
        let directive =
            before.trim().strip_prefix("<!-- test: ").and_then(|text| text.strip_suffix(" -->"));
        match directive.map(|text| text.split_whitespace().collect::<Vec<_>>()).as_deref() {
            None => Mode::Run,
            Some(["background", port]) => Mode::Background { port: (*port).to_owned() },
            Some(["parse"]) => Mode::Parse,
            Some(other) => panic!("{}: no such directive: {other:?}", self.name),
        }
    }

    /// Of every code span that begins with the name of the program, one for each alternative of `list|get`.
    pub fn mentions(&self) -> Vec<Mention> {
        let mut inside = false;
        let outside_blocks = self.text.lines().filter(|line| {
            let fence = line.trim_start().starts_with("```");
            inside ^= fence;
            !inside && !fence
        });
        let spans = outside_blocks.flat_map(|line| line.split('`').skip(1).step_by(2));
        spans.filter(|span| span.starts_with("invoked ")).flat_map(mentions_of).collect()
    }
}

fn mentions_of(span: &str) -> Vec<Mention> {
    let span = span.replace("\\|", "|");
    let is_name = |word: &&str| {
        !word.is_empty()
            && word.chars().all(|c| c.is_ascii_lowercase() || c == '|' || c == '-')
            && !word.starts_with('-')
    };
    let mut lines: Vec<Vec<String>> = vec![Vec::new()];
    // A command has one name, or two.
    for names in span.split_whitespace().skip(1).take(2).take_while(is_name) {
        if !lines[0].is_empty() && !has_parts(&lines[0][0]) {
            break;
        }
        let alternatives = |line: &Vec<String>| {
            names
                .split('|')
                .map(|name| [line.clone(), vec![name.to_owned()]].concat())
                .collect::<Vec<_>>()
        };
        lines = lines.iter().flat_map(alternatives).collect();
    }
    let words = span.split(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '|' | '='));
    let flags: Vec<_> =
        words.filter(|word| word.starts_with("--") && word.len() > 2).map(String::from).collect();
    // Of several commands, each flag belongs to some.
    let flags = if lines.len() == 1 { flags } else { Vec::new() };
    lines
        .into_iter()
        .map(|words| Mention { span: span.clone(), words, flags: flags.clone() })
        .collect()
}

fn has_parts(command: &str) -> bool {
    matches!(
        command,
        "tasks" | "functions" | "callbacks" | "destinations" | "config" | "store" | "completions"
    )
}

#[test]
fn a_block_knows_what_becomes_of_it() {
    let text = "## A\n```sh\none\n```\n<!-- test: background 7070 -->\n```sh\ntwo\n```\n```toml\nx = 1\n```\n";
    let page = Page { name: "page".to_owned(), text: text.to_owned() };
    let blocks = page.blocks();
    assert_eq!(blocks.len(), 2);
    assert_eq!(
        (blocks[0].text.as_str(), &blocks[0].mode, blocks[0].line),
        ("one\n", &Mode::Run, 3)
    );
    assert_eq!(blocks[1].mode, Mode::Background { port: "7070".to_owned() });
}

#[test]
fn alternatives_are_mentions_of_their_own() {
    let mentions = mentions_of("invoked tasks list\\|get FUNCTION --all");
    let words: Vec<_> = mentions.iter().map(|mention| mention.words.join(" ")).collect();
    assert_eq!(words, ["tasks list", "tasks get"]);
    let mentions = mentions_of("invoked why ID --function NAME");
    assert_eq!(
        (mentions[0].words.join(" "), mentions[0].flags.join(" ")),
        ("why".into(), "--function".into())
    );
}
