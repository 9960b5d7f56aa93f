//! Topological order.

use alloc::vec::Vec;

use super::levels::Counted;
use super::{Graph, GraphError, NodeSet};
use crate::table::Node;

impl Graph<'_> {
    /// The nodes of the table, or of a set, each before those that it links to.
    ///
    /// By level, which is the number of links on the longest way that leads there; on one level by number. So the order
    /// depends on links and numbers only. Links that lead out of the set don't count. A node whose children are unknown
    /// stands where the links to it put it, and orders nothing behind it.
    ///
    /// # Errors
    /// `Cycle` if there is none; `Memory`.
    pub fn topological_order(&self, within: Option<&NodeSet>) -> Result<Vec<Node>, GraphError> {
        let levels = Counted::new(*self, within)?.levels()?;
        // In place: a node is its number.
        Ok(levels.order.into_iter().map(Node::from_number).collect())
    }
}
