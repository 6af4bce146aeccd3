//! Lists that come in pages: an aligned table for people, one JSON document for programs.
//!
//! Each page is printed when it is there, so that a list of any length takes the memory of a page.
//! The first page decides how wide a column is; what is wider later sticks out.
//!
//! # Invariants
//!
//! `a_list_ends_where_its_limit_does`, `a_document_is_whole_whatever_the_pages`.

use serde_json::{Value, json};

use super::{harmless, line, note};
use crate::cli::Output;
use crate::cli::client::PartArgs;
use crate::failure::Failure;

/// The most items that a page may have. Source: the FC API, and the admin listener's own.
const PAGE_MAX: u32 = 100;

/// How a list is printed.
#[derive(Debug)]
pub(crate) struct Table {
    /// What the items are, and their key in the document.
    pub(crate) items: &'static str,
    /// The columns: a title, and how an item reads there.
    pub(crate) columns: &'static [(&'static str, Read)],
}

/// How an item reads in a column.
pub(crate) type Read = fn(&Value) -> String;

/// A page as a daemon answered it.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) items: Vec<Value>,
    /// Where the list goes on.
    pub(crate) next: Option<String>,
}

impl Page {
    /// Takes the items under `key` and the token under `next` out of an answer.
    pub(crate) fn of(mut answer: Value, key: &str, next: &str) -> Self {
        let items = match answer.get_mut(key).map(Value::take) {
            Some(Value::Array(items)) => items,
            Some(
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_),
            )
            | None => Vec::new(),
        };
        let token = answer.get(next).and_then(Value::as_str).filter(|token| !token.is_empty());
        Self { next: token.map(str::to_owned), items }
    }
}

/// Prints the part of a list that is asked for; `fetch` gets a page of at most so many items from a
/// token on.
///
/// # Errors
/// A page could not be had. What came before it is printed.
pub(crate) async fn list(
    part: &PartArgs,
    table: &Table,
    output: Output,
    fetch: impl AsyncFnMut(u32, Option<String>) -> Result<Page, Failure>,
) -> Result<(), Failure> {
    let next = pages(part, table, output, fetch, line).await?;
    if let (Output::Text, Some(next)) = (output, next) {
        note(&format!("invoked: there are more: --next {next} goes on, --all shows all"));
    }
    Ok(())
}

/// Hands the lines of each page to `emit`, and tells where the list would go on.
async fn pages(
    part: &PartArgs,
    table: &Table,
    output: Output,
    mut fetch: impl AsyncFnMut(u32, Option<String>) -> Result<Page, Failure>,
    mut emit: impl FnMut(&str),
) -> Result<Option<String>, Failure> {
    let mut left = if part.all { u32::MAX } else { part.limit };
    let mut next = part.next.clone();
    let mut printer = Printer { table, output, widths: None, printed: 0 };
    loop {
        let page = fetch(left.min(PAGE_MAX), next.clone()).await?;
        let count = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
        if let Some(lines) = printer.page(&page.items) {
            emit(&lines);
        }
        if !part.all {
            left = left.saturating_sub(count);
        }
        let is_stuck = page.next.is_some() && page.next == next;
        next = page.next;
        if next.is_none() || left == 0 {
            break;
        }
        if is_stuck {
            let error = "the list does not go on: the same page was answered twice";
            return Err(Failure::Failed(anyhow::anyhow!(error)));
        }
    }
    if let Some(end) = printer.end(next.as_deref()) {
        emit(&end);
    }
    Ok(next)
}

struct Printer<'a> {
    table: &'a Table,
    output: Output,
    widths: Option<Vec<usize>>,
    printed: usize,
}

impl Printer<'_> {
    /// The lines of a page.
    fn page(&mut self, items: &[Value]) -> Option<String> {
        if items.is_empty() {
            return None;
        }
        let lines = match self.output {
            Output::Text => self.rows(items),
            Output::Json => {
                let start = if self.printed == 0 {
                    format!("{{\"{}\":[", self.table.items)
                } else {
                    ",".to_owned()
                };
                let items: Vec<_> = items.iter().map(Value::to_string).collect();
                format!("{start}{}", items.join(",\n"))
            }
        };
        self.printed += items.len();
        Some(lines)
    }

    /// What follows the last page.
    fn end(&self, next: Option<&str>) -> Option<String> {
        match self.output {
            Output::Text if self.printed == 0 => Some(format!("no {}", self.table.items)),
            Output::Text => None,
            Output::Json => {
                let start = if self.printed == 0 {
                    format!("{{\"{}\":[", self.table.items)
                } else {
                    String::new()
                };
                Some(format!("{start}],\"next\":{}}}", json!(next)))
            }
        }
    }

    fn rows(&mut self, items: &[Value]) -> String {
        let mut rows: Vec<Vec<String>> = Vec::with_capacity(items.len() + 1);
        if self.printed == 0 {
            rows.push(self.table.columns.iter().map(|(title, _)| (*title).to_owned()).collect());
        }
        rows.extend(items.iter().map(|item| {
            self.table.columns.iter().map(|(_, read)| harmless(&read(item))).collect()
        }));
        let widths = self.widths.get_or_insert_with(|| {
            let of = |column: usize| {
                let cells = rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            };
            (0..self.table.columns.len()).map(of).collect()
        });
        let lines = rows.iter().map(|row| {
            let cells = row.iter().zip(widths.iter());
            let cells: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
            cells.join("  ").trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table {
        items: "things",
        columns: &[
            ("NAME", |item| item["name"].to_string()),
            ("SIZE", |item| item["n"].to_string()),
        ],
    };

    fn printer(output: Output) -> Printer<'static> {
        Printer { table: &TABLE, output, widths: None, printed: 0 }
    }

    #[test]
    fn a_document_is_whole_whatever_the_pages() {
        let item = |n: u32| json!({ "name": "x", "n": n });
        for pages in [&[][..], &[1], &[2, 0, 1], &[0, 3]] {
            let mut printer = printer(Output::Json);
            let mut text = String::new();
            for size in pages {
                let items: Vec<_> = (0..*size).map(item).collect();
                text.extend(printer.page(&items));
            }
            text.extend(printer.end(Some("token")));
            let whole: Value = serde_json::from_str(&text).unwrap();
            let count = pages.iter().sum::<u32>();
            assert_eq!(whole["things"].as_array().unwrap().len(), usize::try_from(count).unwrap());
            assert_eq!(whole["next"], "token");
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let mut printer = printer(Output::Text);
        let items = [json!({ "name": "long name", "n": 1 }), json!({ "name": "a", "n": 10 })];
        assert_eq!(
            printer.page(&items).unwrap(),
            "NAME         SIZE\n\"long name\"  1\n\"a\"          10"
        );
        assert_eq!(printer.page(&items[1..]).unwrap(), "\"a\"          10");
        assert_eq!(printer.end(None), None);
    }

    #[tokio::test]
    async fn a_list_ends_where_its_limit_does() {
        for (limit, all, expected) in
            [(5, false, vec![5]), (250, false, vec![100, 100, 50]), (1, true, vec![100; 7])]
        {
            let part = PartArgs { limit, all, next: Some("0".to_owned()) };
            let mut asked = Vec::new();
            let mut text = String::new();
            let fetch = async |limit, token: Option<String>| {
                asked.push(limit);
                let page: u32 = token.unwrap().parse().unwrap();
                let items = (0..limit).map(|n| json!({ "name": "x", "n": n })).collect();
                Ok(Page { items, next: (page < 6).then(|| (page + 1).to_string()) })
            };
            let emit = |lines: &str| text.push_str(lines);
            let next = pages(&part, &TABLE, Output::Json, fetch, emit).await.unwrap();
            let whole: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(whole["next"], json!(next));
            assert_eq!(next.is_none(), all);
            assert_eq!(asked, expected);
        }
    }

    #[tokio::test]
    async fn a_list_that_does_not_go_on_is_an_error() {
        let part = PartArgs { limit: 1, all: true, next: None };
        let fetch = async |_, _| Ok(Page { items: Vec::new(), next: Some("same".to_owned()) });
        assert!(pages(&part, &TABLE, Output::Json, fetch, |_| {}).await.is_err());
    }

    #[test]
    fn odd_answers_are_empty_pages() {
        for answer in [json!({}), json!({ "things": null, "next": "" }), json!([1])] {
            let page = Page::of(answer, "things", "next");
            assert!(page.items.is_empty() && page.next.is_none());
        }
    }
}
