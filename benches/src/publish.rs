//! Where a command's result goes: to standard output, and, if asked for, into a section of `docs/benchmarks.md` of its
//! own, with all figures as JSON and its charts beside it. Other sections are left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::calendar;
use crate::chart::Chart;

#[derive(Clone, Debug, clap::Args)]
pub struct Output {
    /// Writes all figures as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Writes the tables as Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Replaces this command's section of `benchmarks.md` in this directory, `benchmarks/SECTION.json` and
    /// `images/bench-SECTION-*.svg`.
    #[arg(long)]
    docs: Option<PathBuf>,
}

impl Output {
    /// `text` is Markdown without a heading of the second level, which the document has.
    pub fn publish(
        &self,
        section: &str,
        text: &str,
        figures: &impl Serialize,
        charts: &[Chart],
    ) -> Result<()> {
        print!("{text}");
        let json = serde_json::to_vec_pretty(figures)?;
        if let Some(path) = &self.markdown {
            write(path, text)?;
        }
        if let Some(path) = &self.out {
            write(path, &json)?;
        }
        let Some(docs) = &self.docs else { return Ok(()) };
        write(&docs.join(format!("benchmarks/{section}.json")), &json)?;
        let mut body = format!("{}\n\n{}\n", provenance(), text.trim_end());
        for chart in charts {
            let image = format!("images/bench-{section}-{}.svg", chart.name);
            write(&docs.join(&image), chart.svg())?;
            body.push_str(&format!("\n![{}]({image})\n", chart.title));
        }
        let path = docs.join("benchmarks.md");
        let document = fs::read_to_string(&path).unwrap_or_default();
        write(&path, replaced(&document, section, &body))
    }
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

/// The command as it was called, when, and of which commit.
fn provenance() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut shown = vec!["invoked-load".to_owned()];
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        // Where something lies on this machine says nothing to anybody else.
        let (flag, has_value) =
            word.split_once('=').map_or((word.as_str(), false), |(flag, _)| (flag, true));
        if [
            "--docs",
            "--dir",
            "--daemon",
            "--peer-tools",
            "--peer-program",
            "--brokers",
            "--python",
        ]
        .contains(&flag)
        {
            if !has_value {
                words.next();
            }
            continue;
        }
        shown.push(word);
    }
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let of = commit.ok().filter(|commit| !commit.is_empty());
    let of = of.map(|commit| format!(", commit {commit}")).unwrap_or_default();
    format!("`{}`, {}{of}.", shown.join(" "), calendar::now())
}

/// `document` with another body of `section`, which comes to the end if there is none yet.
fn replaced(document: &str, section: &str, body: &str) -> String {
    let (begin, end) = (format!("<!-- begin {section} -->\n"), format!("<!-- end {section} -->\n"));
    let found = document.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    match found {
        Some((before, after)) => format!("{before}{begin}{body}{end}{after}"),
        None => format!("{}\n\n## {section}\n\n{begin}{body}{end}", document.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::replaced;

    const DOCUMENT: &str = "# B\n\n## A\n<!-- begin a -->\nold\n<!-- end a -->\n\n## C\n<!-- begin c -->\nkept\n<!-- end c -->\n";

    #[test]
    fn a_section_is_replaced_and_the_others_are_kept() {
        let new = replaced(DOCUMENT, "a", "new\n");
        assert_eq!(new, DOCUMENT.replace("old", "new"));
        assert_eq!(replaced(&new, "a", "old\n"), DOCUMENT);
    }

    #[test]
    fn a_section_that_is_not_there_comes_last() {
        let new = replaced(DOCUMENT, "d", "new\n");
        assert_eq!(new, format!("{DOCUMENT}\n## d\n\n<!-- begin d -->\nnew\n<!-- end d -->\n"));
    }
}
