//! The parts of `deny.toml` that can be checked without `cargo deny`: bans with their exceptions, and licences.

use std::fs;

use cargo_metadata::PackageId;
use invoked_tests::tools::root;
use toml::{Table, Value};

use crate::none;
use crate::workspace::{is_member, metadata};

mod spdx;

fn policy() -> Table {
    fs::read_to_string(root().join("deny.toml"))
        .expect("deny.toml")
        .parse()
        .expect("deny.toml is TOML")
}

fn strings(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn name_of(id: &PackageId) -> &'static str {
    metadata()[id].name.as_str()
}

/// The crates that `name` is a direct dependency of, in whatever kind.
fn dependents(name: &str) -> Vec<&'static str> {
    let graph = metadata().resolve.as_ref().expect("a resolved graph");
    let uses = |node: &&cargo_metadata::Node| {
        node.dependencies.iter().any(|dependency| name_of(dependency) == name)
    };
    graph.nodes.iter().filter(uses).map(|node| name_of(&node.id)).collect()
}

#[test]
fn banned_crates_are_used_only_by_their_owners() {
    let policy = policy();
    let bans = policy["bans"]["deny"].as_array().expect("bans.deny is a list");
    assert!(!bans.is_empty(), "deny.toml bans nothing");
    let mut offences = Vec::new();
    for ban in bans {
        let banned = ban["crate"].as_str().expect("a ban names a crate");
        let owners = strings(ban.get("wrappers"));
        let strangers =
            dependents(banned).into_iter().filter(|dependent| !owners.contains(dependent));
        offences.extend(
            strangers.map(|stranger| format!("{stranger} may not use {banned}: {owners:?} may")),
        );
    }
    none(offences);
}

#[test]
fn every_licence_is_on_the_list() {
    let policy = policy();
    let allowed = strings(policy["licenses"].get("allow"));
    assert!(!allowed.is_empty(), "deny.toml allows no licence");
    let mut offences = Vec::new();
    for package in metadata().packages.iter().filter(|package| !is_member(&package.name)) {
        let licence = package.license.as_deref().unwrap_or_default();
        if !spdx::is_satisfied(licence, &|name| allowed.contains(&name)) {
            offences.push(format!("{} {}: {licence:?}", package.name, package.version));
        }
    }
    none(offences);
}

#[test]
fn every_crate_comes_from_the_registry() {
    let foreign = metadata().packages.iter().filter(|package| !is_member(&package.name));
    let foreign = foreign.filter(|package| {
        !package.source.as_ref().is_some_and(cargo_metadata::Source::is_crates_io)
    });
    none(
        foreign
            .map(|package| format!("{} comes from {:?}", package.name, package.source))
            .collect(),
    );
}
