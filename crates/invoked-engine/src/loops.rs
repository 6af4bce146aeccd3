//! The hand-overs between functions that the registry describes, and what an alias adds to them.
//!
//! A configuration belongs to exactly one qualifier, so an alias and the versions it stands for are
//! different functions when an invocation is accepted. In the search for loops they are one: an owner
//! who tells `b/prod` means whatever version `prod` stands for, and a loop that only a later change of
//! an alias would close is refused by that change.

use std::collections::BTreeSet;

use invoked_core::envelope::Identity;
use invoked_core::loops::{Graph, Node, describe};
use invoked_core::name::{FunctionKey, Qualifier, ServiceName};
use invoked_core::terms::AsyncConfig;

use crate::functions::Functions;
use crate::labels::Resources;
use crate::resources::{AliasRecord, Owner, OwnerKey};

/// Every hand-over from function to function of this daemon, as if `changed` were put.
pub(crate) fn hand_overs(
    registered: &Functions,
    identity: &Identity,
    changed: Option<(&Node, &AsyncConfig)>,
) -> Graph {
    let mut graph = Graph::default();
    let is_changed = |node: &Node| changed.is_some_and(|(this, _)| this == node);
    let others = registered.configs.iter().filter(|(node, _)| !is_changed(node));
    let edges = others.map(|(node, record)| (node, &record.config)).chain(changed);
    for (from, config) in edges {
        for to in [&config.on_success, &config.on_failure].into_iter().flatten() {
            if let Some(to) = identity.own_function(&from.0.account, to) {
                graph.add(from.clone(), to);
            }
        }
    }
    let named: BTreeSet<Node> =
        graph.nodes().filter(|node| node.1.as_named().is_some()).cloned().collect();
    for node in named {
        let Some(alias) = alias_of(&registered.resources, &node) else { continue };
        for version in alias.versions() {
            graph.add(node.clone(), (node.0.clone(), version));
        }
    }
    graph
}

/// A loop through the functions that an alias belongs to, as people read it.
pub(crate) fn loop_through(
    registered: &Functions,
    identity: &Identity,
    alias: &AliasRecord,
) -> Option<String> {
    let graph = hand_overs(registered, identity, None);
    let is_its = |node: &&Node| {
        node.1 == alias.name && owners_of(&node.0).into_iter().flatten().any(|of| of == alias.owner)
    };
    let through = graph.nodes().filter(is_its).find_map(|node| graph.cycle_through(node));
    through.map(|path| describe(&path))
}

fn alias_of<'a>(resources: &'a Resources, (function, name): &Node) -> Option<&'a AliasRecord> {
    owners_of(function).into_iter().flatten().find_map(|owner| resources.alias(&owner, name))
}

/// What may have the aliases of a function: itself, or its service.
fn owners_of(function: &FunctionKey) -> [Option<OwnerKey>; 2] {
    let service = function.name.service().and_then(|(service, _)| ServiceName::parse(service).ok());
    let account = || std::sync::Arc::clone(&function.account);
    let service = service.map(|name| OwnerKey { account: account(), owner: Owner::Service(name) });
    [Some(OwnerKey::from(function)), service]
}

impl AliasRecord {
    /// The versions that it stands for, those of `additionalVersionWeight` among them.
    fn versions(&self) -> BTreeSet<Qualifier> {
        let main = match self.version {
            None => Some(Qualifier::LATEST),
            Some(number) => Qualifier::parse(&number.to_string()).ok(),
        };
        let attributes: serde_json::Value =
            serde_json::from_str(&self.attributes).unwrap_or_default();
        let weights = attributes.get("additionalVersionWeight").and_then(|of| of.as_object());
        let weights = weights.into_iter().flatten();
        let weighted = weights.filter_map(|(version, _)| Qualifier::parse(version).ok());
        main.into_iter().chain(weighted).collect()
    }
}
