//! Loops among configurations: a function whose destination leads back to itself.
//!
//! A cycle through functions of this daemon can be seen when a configuration is put, and is refused
//! with its path. A chain that leaves the daemon and comes back cannot be seen here; it is cut at a
//! depth of hand-overs ([`crate::limits::LINEAGE_DEPTH_MAX`]).

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

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

    /// A cycle through `start`, as the path from `start` back to it.
    #[must_use]
    pub fn cycle_through(&self, start: &Node) -> Option<Vec<Node>> {
        let mut path = Vec::from([start.clone()]);
        let mut seen = Vec::new();
        self.leads_back(start, start, &mut path, &mut seen).then_some(path)
    }

    /// Any cycle at all.
    #[must_use]
    pub fn any_cycle(&self) -> Option<Vec<Node>> {
        self.edges.keys().find_map(|node| self.cycle_through(node))
    }

    fn leads_back(
        &self,
        at: &Node,
        start: &Node,
        path: &mut Vec<Node>,
        seen: &mut Vec<Node>,
    ) -> bool {
        for next in self.edges.get(at).into_iter().flatten() {
            path.push(next.clone());
            if next == start {
                return true;
            }
            if !seen.contains(next) {
                seen.push(next.clone());
                if self.leads_back(next, start, path, seen) {
                    return true;
                }
            }
            path.pop();
        }
        false
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
}
