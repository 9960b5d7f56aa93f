//! Figures of a graph.

use super::levels::Counted;
use super::{Graph, GraphError, NodeSet, PARTS};
use crate::table::Node;

/// Figures of a graph. A link that a node has twice counts twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shape {
    /// Nodes.
    pub nodes: u64,
    /// Links from nodes to nodes of the graph.
    pub links: u64,
    /// Nodes that nothing in the graph links to.
    pub roots: u64,
    /// Nodes that are known to link to nothing.
    pub leaves: u64,
    /// Nodes whose children are unknown.
    pub unlinked: u64,
    /// Nodes with more than one parent in the graph.
    pub shared: u64,
    /// Most links that one node has, wherever they lead.
    pub fan_out_max: u32,
    /// Most links of the graph to one node.
    pub fan_in_max: u32,
    /// Nodes of a longest chain.
    pub depth: u64,
    /// Most nodes on one level: nodes whose longest ways from roots are equally long.
    pub width: u64,
    /// Sum of the sizes of all nodes.
    pub bytes: u64,
    /// Sum of the sizes of the shared ones.
    pub bytes_shared: u64,
}

impl Graph<'_> {
    /// Figures of the table, or of a set; `size` says how large a node's block is, in bytes.
    ///
    /// A node whose children are unknown is counted as such, and not as a leaf.
    ///
    /// # Errors
    /// `Cycle` if links lead in a circle, for then nothing has a depth; `Memory`.
    pub fn shape(
        &self,
        within: Option<&NodeSet>,
        size: impl Fn(Node) -> u64 + Sync,
    ) -> Result<Shape, GraphError> {
        let mut counted = Counted::new(*self, within)?;
        let parts = self.parts(counted.numbers(), PARTS, |part| {
            part.filter(|number| counted.is_there(*number)).fold(Shape::default(), |mut shape, number| {
                shape.add(&counted, Node::from_number(number), &size);
                shape
            })
        });
        let mut shape = parts.into_iter().fold(Shape::default(), Shape::sum);
        shape.roots = counted.sources();
        let levels = counted.levels()?;
        shape.depth = levels.ends.len() as u64;
        let begins = core::iter::once(&0).chain(&levels.ends);
        shape.width =
            levels.ends.iter().zip(begins).map(|(end, begin)| end - begin).max().unwrap_or(0).into();
        Ok(shape)
    }
}

impl Shape {
    fn add(&mut self, counted: &Counted<'_>, node: Node, size: &impl Fn(Node) -> u64) {
        let table = counted.graph.table;
        let (bytes, links) = (size(node), counted.links_to(node.number()));
        self.nodes += 1;
        self.links += u64::from(links);
        self.fan_in_max = self.fan_in_max.max(links);
        self.bytes = self.bytes.saturating_add(bytes);
        // Links may all come from one parent.
        let mut parents = table.parents_listed(node).filter(|parent| counted.is_linked(*parent));
        if links > 1 && parents.next().is_some_and(|first| parents.any(|parent| parent != first)) {
            self.shared += 1;
            self.bytes_shared = self.bytes_shared.saturating_add(bytes);
        }
        let linked = counted.is_linked(node.number());
        match table.children(node).filter(|_| linked).map(|children| children.len()) {
            None => self.unlinked += 1,
            Some(0) => self.leaves += 1,
            Some(count) => self.fan_out_max = self.fan_out_max.max(u32::try_from(count).unwrap_or(u32::MAX)),
        }
    }

    /// The figures of two parts; those that only the whole has are left.
    fn sum(self, other: Self) -> Self {
        Self {
            nodes: self.nodes + other.nodes,
            links: self.links + other.links,
            leaves: self.leaves + other.leaves,
            unlinked: self.unlinked + other.unlinked,
            shared: self.shared + other.shared,
            fan_out_max: self.fan_out_max.max(other.fan_out_max),
            fan_in_max: self.fan_in_max.max(other.fan_in_max),
            bytes: self.bytes.saturating_add(other.bytes),
            bytes_shared: self.bytes_shared.saturating_add(other.bytes_shared),
            ..self
        }
    }
}
