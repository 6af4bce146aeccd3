//! The table of `docs/compatibility.md`: operation × version × status × clients × known difference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::differences::difference;
use crate::run::{End, Line};

const BEGIN: &str = "<!-- conformance:begin -->";
const END: &str = "<!-- conformance:end -->";

#[derive(Debug, Default)]
struct Row<'run> {
    served: BTreeSet<&'run str>,
    refused: BTreeMap<&'run str, BTreeSet<&'run str>>,
}

/// One table for each version: what is served first, then what is refused, by its code.
pub fn rows(runs: &[Line]) -> String {
    let mut versions: BTreeMap<&str, BTreeMap<&str, Row>> = BTreeMap::new();
    for Line { client, version, operation, end } in runs {
        let row = versions.entry(version).or_default().entry(operation).or_default();
        match end {
            End::Served => row.served.insert(client),
            End::Refused(code) => row.refused.entry(code).or_default().insert(client),
        };
    }
    let mut text = String::new();
    for (version, operations) in versions.iter().rev() {
        write!(
            text,
            "### {version}\n\n| operation | status | clients that ran it | known difference |\n|---|---|---|---|\n"
        )
        .expect("a string takes everything");
        let mut refused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (&operation, row) in operations {
            if row.served.is_empty() {
                let codes: Vec<_> = row.refused.keys().copied().collect();
                assert!(
                    codes.len() == 1,
                    "{version} {operation} is refused in several ways: {row:?}"
                );
                refused.entry(codes[0]).or_default().push(operation);
                continue;
            }
            assert!(
                row.refused.is_empty(),
                "{version} {operation} is served to some only: {row:?}"
            );
            let clients: Vec<_> = row.served.iter().copied().collect();
            let known = difference(operation);
            writeln!(text, "| {operation} | served | {} | {known} |", clients.join(", "))
                .expect("a string takes everything");
        }
        for (code, operations) in refused {
            writeln!(text, "\nRefused with `{code}`: {}.", operations.join(", "))
                .expect("a string takes everything");
        }
        text.push('\n');
    }
    text
}

/// The page with `table` between its markers.
pub fn inserted(page: &str, table: &str) -> String {
    let parts =
        page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.expect("docs/compatibility.md has both markers, in order");
    format!("{before}{BEGIN}\n{table}{END}{after}")
}

#[test]
fn what_stands_between_the_markers_is_replaced_and_nothing_else() {
    let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
    let once = inserted(&page, "new\n");
    assert_eq!(once, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
    assert_eq!(inserted(&once, "new\n"), once);
}

#[test]
fn a_row_names_its_clients_and_refusals_stand_apart() {
    let line = |client: &str, operation: &str, end| Line {
        client: client.to_owned(),
        version: "2023-03-30".to_owned(),
        operation: operation.to_owned(),
        end,
    };
    let refused = || End::Refused("PathNotSupported".to_owned());
    let table = rows(&[
        line("b", "GetFunction", End::Served),
        line("a", "GetFunction", End::Served),
        line("a", "ListLayers", refused()),
        line("b", "GetLayer", refused()),
    ]);
    assert!(table.contains("| GetFunction | served | a, b |"), "{table}");
    assert!(table.contains("Refused with `PathNotSupported`: GetLayer, ListLayers."), "{table}");
}
