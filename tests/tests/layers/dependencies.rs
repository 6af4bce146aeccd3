//! Who may import whom. The table is the picture in ARCHITECTURE.md; change both together.

use std::fs;

use cargo_metadata::DependencyKind;
use invoked_tests::tools::root;

use crate::workspace::{is_member, members};
use crate::{none, tidy};

/// What a crate of ours may name of the others, in ordinary and build dependencies.
fn may_import(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "invoked-core" | "invoked-http" => &[],
        "invoked-fc" | "invoked-store" | "invoked-sink" => &["invoked-core"],
        // Strict servers of what has no free server; they share nothing with the adapters they judge.
        "invoked-doubles" => &[],
        "invoked-sink-mns" | "invoked-sink-eventbridge" | "invoked-otlp" => {
            &["invoked-core", "invoked-sink", "invoked-http"]
        }
        "invoked-sink-fc" | "invoked-target-http" => {
            &["invoked-core", "invoked-sink", "invoked-fc", "invoked-http"]
        }
        "invoked-engine" => &["invoked-core", "invoked-store", "invoked-sink"],
        "invoked-api" => &["invoked-core", "invoked-fc", "invoked-engine"],
        "invoked-testkit" => {
            &["invoked-core", "invoked-store", "invoked-sink", "invoked-engine", "invoked-doubles"]
        }
        "invoked-tests" | "invoked-benches" => {
            // The conformance suite opens every store; the load generator signs what it sends.
            &[
                "invoked-core",
                "invoked-fc",
                "invoked-store",
                "invoked-store-fjall",
                "invoked-sink",
                "invoked-sink-amqp",
                "invoked-sink-eventbridge",
                "invoked-sink-fc",
                "invoked-sink-kafka",
                "invoked-sink-mns",
                "invoked-sink-rocketmq",
                "invoked-http",
                "invoked-doubles",
                "invoked-engine",
                "invoked-testkit",
            ]
        }
        "invoked-peers" => &["invoked-benches"],
        "xtask" => &[],
        store if store.starts_with("invoked-store-") => &["invoked-core", "invoked-store"],
        sink if sink.starts_with("invoked-sink-") => &["invoked-core", "invoked-sink"],
        _ => return None,
    })
}

/// The binary may name everything but what is for tests only.
const BINARY: &str = "invoked";
const TESTS_ONLY: &[&str] =
    &["invoked-testkit", "invoked-tests", "invoked-benches", "invoked-peers", "xtask"];

/// An adapter joins a port to one technology.
fn is_adapter(name: &str) -> bool {
    ["invoked-store-", "invoked-sink-", "invoked-target-", "invoked-otlp"]
        .iter()
        .any(|port| name.starts_with(port))
}

/// Crates that do I/O, read clocks or throw dice: what makes a core impure. `deny.toml` knows the owners of storage.
const NOT_IN_THE_CORE: &[&str] = &[
    "async-trait",
    "config",
    "fjall",
    "getrandom",
    "http",
    "hyper",
    "metrics",
    "rand",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-util",
    "tracing",
];

#[test]
fn each_crate_imports_only_what_the_table_allows() {
    let mut offences = Vec::new();
    for member in members() {
        let name = member.name.as_str();
        let allowed = may_import(name);
        if allowed.is_none() && name != BINARY {
            offences.push(format!("{name} is not in the table: where does it belong?"));
        }
        let ours = member.dependencies.iter().filter(|dependency| is_member(&dependency.name));
        for dependency in ours.filter(|dependency| dependency.kind != DependencyKind::Development) {
            let import = dependency.name.as_str();
            let fine =
                allowed.map_or(!TESTS_ONLY.contains(&import), |allowed| allowed.contains(&import));
            if !fine {
                offences.push(format!("{name} may not import {import}"));
            }
        }
    }
    none(offences);
}

#[test]
fn only_the_binary_and_the_conformance_suite_name_adapters() {
    let mut offences = Vec::new();
    let may = [BINARY, "invoked-tests"];
    for member in members().into_iter().filter(|member| !may.contains(&member.name.as_str())) {
        let adapters = member.dependencies.iter().filter(|dependency| is_adapter(&dependency.name));
        offences.extend(
            adapters.map(|adapter| format!("{} may not import {}", member.name, adapter.name)),
        );
    }
    none(offences);
}

#[test]
fn one_file_of_the_binary_names_the_adapters() {
    let adapters: Vec<String> = members()
        .iter()
        .filter(|member| is_adapter(&member.name))
        .map(|member| member.name.replace('-', "_"))
        .collect();
    let wire = root().join("crates/invoked/src/wire.rs");
    let mut offences = Vec::new();
    for file in tidy::sources()
        .into_iter()
        .filter(|file| file.starts_with(root().join("crates/invoked")) && *file != wire)
    {
        let text = fs::read_to_string(&file).expect("a source file");
        let named = adapters.iter().filter(|adapter| text.contains(&format!("{adapter}::")));
        offences.extend(
            named.map(|adapter| format!("{} names {adapter}; wire.rs does that", file.display())),
        );
    }
    none(offences);
}

#[test]
fn the_core_is_pure() {
    let lib = fs::read_to_string(root().join("crates/invoked-core/src/lib.rs")).expect("the core");
    assert!(lib.lines().any(|line| line == "#![no_std]"), "invoked-core is not no_std");
    let core = members()
        .into_iter()
        .find(|member| member.name.as_str() == "invoked-core")
        .expect("the core");
    let ordinary =
        core.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    let impure = ordinary.filter(|dependency| NOT_IN_THE_CORE.contains(&dependency.name.as_str()));
    none(
        impure
            .map(|dependency| format!("invoked-core may not import {}", dependency.name))
            .collect(),
    );
}

#[test]
fn versions_stand_in_one_place_and_every_crate_takes_the_lints_of_the_workspace() {
    let mut offences = Vec::new();
    for member in members() {
        let manifest = fs::read_to_string(&member.manifest_path).expect("a manifest");
        let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let dependencies =
                manifest.get(table).and_then(toml::Value::as_table).into_iter().flatten();
            let own = dependencies.filter(|(_, dependency)| dependency.get("workspace").is_none());
            offences.extend(own.map(|(name, _)| {
                format!("{}: {name} does not say `workspace = true`", member.name)
            }));
        }
        // The tests and xtask have a lighter table of their own.
        let inherits = manifest.get("lints").is_some_and(|lints| lints.get("workspace").is_some());
        if !inherits
            && member
                .manifest_path
                .starts_with(root().join("crates").to_str().expect("a UTF-8 path"))
        {
            offences.push(format!("{}: no `[lints] workspace = true`", member.name));
        }
    }
    none(offences);
}
