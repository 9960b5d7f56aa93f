//! What is reachable, and whether.

use alloc::vec::Vec;

use super::marks::{Down, Marks, NodeSet, Unlinked, Up, counts};
use super::{Direction, Graph, GraphError, with_room};
use crate::table::links::{Gather, Sight, Visitor};
use crate::table::share::{extend, taken};
use crate::table::{Node, TableError};

impl Graph<'_> {
    /// All nodes that can be reached from `roots`, these included.
    ///
    /// A node whose children are unknown leads nowhere; [`NodeSet::unlinked`] tells of it.
    ///
    /// # Errors
    /// `Memory`.
    pub fn reachable(&self, roots: &[Node], direction: Direction) -> Result<NodeSet, GraphError> {
        let sight = self.table.sight();
        let mut marks = Marks::new(sight.numbers())?;
        let unlinked = Unlinked::new();
        let count = match direction {
            Direction::Children => self.mark(&sight, Down::new(&marks, 1, &unlinked), roots)?,
            Direction::Parents => self.mark(&sight, Up::new(&marks, 1), roots)?,
        };
        let count = if self.workers == 1 { count } else { counts(&mut marks)[1] };
        Ok(NodeSet { marks, count, unlinked: unlinked.node() })
    }

    /// Lets a search mark all that it reaches from roots; answers how many it did, which several workers may take for
    /// more.
    pub(super) fn mark(
        &self,
        sight: &Sight<'_>,
        search: impl Visitor,
        roots: &[Node],
    ) -> Result<u64, GraphError> {
        let begun = begun(search, roots)?;
        Ok(begun.len() as u64 + sight.walk(search, begun, self.workers)?)
    }

    /// Whether `to` can be reached from `from` along children; every node can from itself.
    ///
    /// Looks from both ends in turn and stops when they meet or one comes to its end: it costs at most twice what the
    /// cheaper of both searches would. One worker does it. A node whose children are unknown leads nowhere.
    ///
    /// # Errors
    /// `Memory`.
    pub fn reaches(&self, from: Node, to: Node) -> Result<bool, GraphError> {
        if from == to {
            return Ok(true);
        }
        let sight = self.table.sight();
        let marks = Marks::new(sight.numbers())?;
        let unlinked = Unlinked::new();
        let (down, up) = (Down::new(&marks, DOWN, &unlinked), Up::new(&marks, UP));
        let mut below = (begun(down, &[from])?, Gather::new());
        let mut above = (begun(up, &[to])?, Gather::new());
        loop {
            for _ in 0..TURN {
                match step(&sight, down, &mut below, |number| marks.get(number) & UP != 0)? {
                    Step::On => {}
                    Step::Met => return Ok(true),
                    Step::End => return Ok(marks.get(to.number()) & DOWN != 0),
                }
            }
            for _ in 0..TURN {
                match step(&sight, up, &mut above, |number| marks.get(number) & DOWN != 0)? {
                    Step::On => {}
                    Step::Met => return Ok(true),
                    Step::End => return Ok(false),
                }
            }
        }
    }
}

/// Visits some of a search's nodes; what leads no further does not count as met.
fn step(
    sight: &Sight<'_>,
    search: impl Visitor,
    (stack, gather): &mut (Vec<u32>, Gather),
    met: impl Fn(u32) -> bool,
) -> Result<Step, TableError> {
    let mut step = Step::On;
    let (batch, taken) = taken(stack);
    sight.visit(search, gather, &batch[..taken], |numbers, _| {
        if numbers.iter().any(|number| met(*number)) {
            step = Step::Met;
        }
        extend(stack, numbers)
    })?;
    Ok(if matches!(step, Step::On) && stack.is_empty() { Step::End } else { step })
}

/// Marks of what was met from either end.
const DOWN: u8 = 1;
const UP: u8 = 2;

/// Steps of one search before it is the other's turn.
const TURN: u32 = 8;

/// What came of a step.
enum Step {
    On,
    /// It met the other search.
    Met,
    /// Nothing is left to visit.
    End,
}

/// The roots of a search, each once.
fn begun(search: impl Visitor, roots: &[Node]) -> Result<Vec<u32>, GraphError> {
    let mut list = with_room(roots.len())?;
    list.extend(roots.iter().map(|root| root.number()).filter(|root| search.claim(*root)));
    Ok(list)
}
