//! Loops among configurations: a function whose destination leads back to itself.
//!
//! A cycle through functions of this daemon can be seen when a configuration is put, and is refused
//! with its path. A chain that leaves the daemon and comes back cannot be seen here; it is cut at a
//! depth of hand-overs ([`crate::limits::LINEAGE_DEPTH_MAX`]).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::slice;

use crate::name::{FunctionKey, Qualifier};

/// A function as a configuration addresses it.
pub type Node = (FunctionKey, Qualifier);

/// The hand-overs between functions of this daemon that configurations describe.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    edges: BTreeMap<Node, Vec<Node>>,
}

impl Graph {
    /// Adds a hand-over.
    pub fn add(&mut self, from: Node, to: Node) {
        self.edges.entry(from).or_default().push(to);
    }

    /// Every function that hands over, or is handed over to, as configurations address them.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.edges.iter().flat_map(|(from, to)| core::iter::once(from).chain(to))
    }

    /// A cycle through `start`, as the path from `start` back to it.
    #[must_use]
    pub fn cycle_through(&self, start: &Node) -> Option<Vec<Node>> {
        // By hand, because a chain is as long as somebody cares to configure.
        let mut seen = BTreeSet::new();
        let mut path: Vec<(&Node, slice::Iter<'_, Node>)> = Vec::new();
        path.push((start, self.told_by(start)));
        while let Some((_, rest)) = path.last_mut() {
            match rest.next() {
                None => {
                    path.pop();
                }
                Some(next) if next == start => {
                    let there = path.iter().map(|(node, _)| (*node).clone());
                    return Some(there.chain([start.clone()]).collect());
                }
                Some(next) if seen.insert(next) => path.push((next, self.told_by(next))),
                Some(_) => {}
            }
        }
        None
    }

    /// Any cycle at all.
    #[must_use]
    pub fn any_cycle(&self) -> Option<Vec<Node>> {
        self.edges.keys().find_map(|node| self.cycle_through(node))
    }

    fn told_by(&self, node: &Node) -> slice::Iter<'_, Node> {
        self.edges.get(node).map(Vec::as_slice).unwrap_or_default().iter()
    }
}

/// A path as people read it: `a -> b -> a`.
#[must_use]
pub fn describe(path: &[Node]) -> String {
    let mut text = String::new();
    for (index, (function, qualifier)) in path.iter().enumerate() {
        if index > 0 {
            text.push_str(" -> ");
        }
        text.push_str(function.name.as_str());
        if let Some(named) = qualifier.as_named() {
            text.push('/');
            text.push_str(named);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::FunctionName;

    fn node(name: &str) -> Node {
        (FunctionKey::new("1", FunctionName::parse(name).unwrap()), Qualifier::LATEST)
    }

    #[test]
    fn a_cycle_is_named_with_its_path() {
        let mut graph = Graph::default();
        graph.add(node("a"), node("b"));
        graph.add(node("b"), node("c"));
        graph.add(node("b"), node("d"));
        assert_eq!(graph.any_cycle(), None);
        graph.add(node("c"), node("a"));
        let path = graph.cycle_through(&node("a")).unwrap();
        assert_eq!(describe(&path), "a -> b -> c -> a");
        assert_eq!(graph.cycle_through(&node("d")), None);
    }

    #[test]
    fn a_function_that_tells_itself_is_a_cycle() {
        let mut graph = Graph::default();
        graph.add(node("a"), node("a"));
        assert_eq!(describe(&graph.any_cycle().unwrap()), "a -> a");
    }

    #[test]
    fn qualifiers_are_different_functions() {
        let mut graph = Graph::default();
        let alias = (node("a").0, Qualifier::parse("prod").unwrap());
        graph.add(node("a"), alias.clone());
        assert_eq!(graph.any_cycle(), None);
        graph.add(alias, node("a"));
        assert_eq!(describe(&graph.any_cycle().unwrap()), "a -> a/prod -> a");
    }

    #[test]
    fn a_diamond_is_no_cycle_and_a_long_chain_is_walked() {
        let mut graph = Graph::default();
        for (from, to) in [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")] {
            graph.add(node(from), node(to));
        }
        assert_eq!(graph.any_cycle(), None);
        let link = |number: u32| node(&alloc::format!("f{number}"));
        let mut chain = Graph::default();
        for number in 0..100_000 {
            chain.add(link(number), link(number + 1));
        }
        assert_eq!(chain.cycle_through(&link(0)), None);
        chain.add(link(100_000), link(0));
        assert_eq!(chain.cycle_through(&link(0)).unwrap().len(), 100_002);
    }
}
