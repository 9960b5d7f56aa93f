//! Merge bases: the lowest common ancestors of commits.
//!
//! What is reachable from all of them is common. A common node that another common one links to is not lowest; and if
//! one is reachable from another at all, then the last node on the way to it is common too. So one pass over the links
//! of common nodes leaves exactly the lowest, however often histories cross.

use alloc::vec::Vec;

use super::marks::{Down, Marks, Unlinked};
use super::{Graph, GraphError, PARTS, with_room};
use crate::table::Node;

/// Reached from all nodes so far.
const COMMON: u8 = 1;
/// Reached from the node whose turn it is.
const SEEN: u8 = 2;
/// Linked to by a common node.
const PASSED: u8 = 4;

impl Graph<'_> {
    /// Of the nodes that are reachable along children from each of `nodes`, these included, all that are reachable
    /// from no other of them, by number: `git merge-base --all` of two commits, `--octopus --all` of more.
    ///
    /// None are lowest in a circle of links, which names by hashes can't form. It goes through all that is reachable:
    /// without dates that can be trusted, nothing near the tips shows that no other base is near.
    ///
    /// # Errors
    /// `Unlinked` if children of a node in these histories are unknown, for a base may be behind it; `Memory`.
    pub fn merge_bases(&self, nodes: &[Node]) -> Result<Vec<Node>, GraphError> {
        let sight = self.table.sight();
        let numbers = sight.numbers();
        let marks = Marks::new(numbers)?;
        for (turn, node) in nodes.iter().enumerate() {
            let unlinked = Unlinked::new();
            let down = Down::new(&marks, SEEN, &unlinked);
            self.mark(&sight, down, &[*node])?;
            if let Some(unlinked) = unlinked.node() {
                return Err(GraphError::Unlinked(unlinked));
            }
            self.parts(numbers, PARTS, |part| {
                for number in part {
                    let now = marks.get(number);
                    let common = now & SEEN != 0 && (turn == 0 || now & COMMON != 0);
                    if now != 0 {
                        marks.replace(number, u8::from(common) * COMMON);
                    }
                }
            });
        }
        self.parts(numbers, PARTS, |part| {
            let common = part.filter(|number| marks.get(*number) & COMMON != 0).map(Node::from_number);
            for child in common.flat_map(|node| self.table.children(node)).flatten() {
                marks.set(child.number(), PASSED);
            }
        });
        let lowest = || marks.nodes(COMMON | PASSED, COMMON);
        let mut bases = with_room(lowest().count())?;
        bases.extend(lowest());
        Ok(bases)
    }
}
