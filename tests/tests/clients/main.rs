//! Conformance: the official clients, unmodified, against the real binary with authentication and TLS on.
//!
//! The scenarios stand in `tests/conformance`, one for each client, and assert for themselves. Each prints the
//! operations it covered; the table in `docs/compatibility.md` is made of those lines and checked against them
//! (`INVOKED_COMPAT=write` writes it). Run by `cargo xtask test`, which installs the clients first.

mod client;
mod differences;
mod run;
mod site;
mod table;

use std::env;
use std::fs;

use invoked_tests::tools;

use crate::client::Client;
use crate::run::covered;

#[test]
fn python_2023_03_30() {
    covered(Client::Python2023);
}

#[test]
fn python_2021_04_06() {
    covered(Client::Python2021);
}

#[test]
fn python_2016_08_15() {
    covered(Client::Python2016);
}

#[test]
fn node_2023_03_30() {
    covered(Client::Node2023);
}

#[test]
fn node_2021_04_06() {
    covered(Client::Node2021);
}

#[test]
fn node_2016_08_15() {
    covered(Client::Node2016);
}

#[test]
fn terraform() {
    covered(Client::Terraform);
}

#[test]
fn go() {
    covered(Client::Go);
}

#[test]
fn the_table_in_the_documentation_is_what_the_clients_saw() {
    let runs: Vec<_> = Client::ALL.iter().flat_map(|&client| covered(client)).collect();
    let json =
        serde_json::to_string_pretty(&runs.iter().map(|line| line.json()).collect::<Vec<_>>())
            .expect("plain values");
    let report = tools::target().join("conformance.json");
    fs::write(&report, json).unwrap_or_else(|error| panic!("{}: {error}", report.display()));

    let page = tools::root().join("docs/compatibility.md");
    let text = fs::read_to_string(&page).expect("docs/compatibility.md");
    let wanted = table::inserted(&text, &table::rows(&runs));
    if env::var_os("INVOKED_COMPAT").is_some_and(|what| what == "write") {
        fs::write(&page, wanted).expect("docs/compatibility.md can be written");
        return;
    }
    assert!(text == wanted, "docs/compatibility.md is out of date: run with INVOKED_COMPAT=write");
}
