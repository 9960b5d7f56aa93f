//! What two roots do not share.

use super::marks::{Down, Marks, Unlinked, counts};
use super::{Graph, GraphError};
use crate::table::Node;

/// Marks of what was reached from the first roots, and from the second.
const FIRST: u8 = 1;
const SECOND: u8 = 2;

/// From where a node is reachable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// From the first roots only.
    First,
    /// From the second roots only.
    Second,
    /// From both.
    Both,
}

impl Side {
    fn marks(self) -> u8 {
        match self {
            Self::First => FIRST,
            Self::Second => SECOND,
            Self::Both => FIRST | SECOND,
        }
    }
}

/// What is reachable from two sets of roots, and from which.
#[derive(Debug)]
pub struct Diff {
    marks: Marks,
    counts: [u64; 4],
    unlinked: Option<Node>,
}

impl Diff {
    /// How many nodes are reachable from there.
    #[must_use]
    pub fn count(&self, side: Side) -> u64 {
        self.counts[usize::from(side.marks())]
    }

    /// The nodes that are reachable from there, by number.
    pub fn nodes(&self, side: Side) -> impl Iterator<Item = Node> + '_ {
        self.marks.nodes(FIRST | SECOND, side.marks())
    }

    /// From where a node is reachable; `None` if from neither.
    #[must_use]
    pub fn side(&self, node: Node) -> Option<Side> {
        let marks = self.marks.get(node.number());
        [Side::First, Side::Second, Side::Both].into_iter().find(|side| side.marks() == marks)
    }

    /// Of the nodes reached whose children are unknown, that with the smallest number.
    #[must_use]
    pub fn unlinked(&self) -> Option<Node> {
        self.unlinked
    }
}

impl Graph<'_> {
    /// What is reachable along children from each of two sets of roots, these included.
    ///
    /// A node whose children are unknown leads nowhere; [`Diff::unlinked`] tells of it.
    ///
    /// # Errors
    /// `Memory`.
    pub fn diff(&self, first: &[Node], second: &[Node]) -> Result<Diff, GraphError> {
        let sight = self.table.sight();
        let mut marks = Marks::new(sight.numbers())?;
        let unlinked = Unlinked::new();
        for (mark, roots) in [(FIRST, first), (SECOND, second)] {
            let down = Down::new(&marks, mark, &unlinked);
            self.mark(&sight, down, roots)?;
        }
        let counts = counts(&mut marks);
        Ok(Diff { marks, counts, unlinked: unlinked.node() })
    }
}
