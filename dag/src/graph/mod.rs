//! Algorithms over the node table, on all workers where it pays.
//!
//! **Which way.** A node's *children* are what it links to: the parts of a block, but also the commits before a commit,
//! for it names them. Its *parents* are the nodes that link to it. So the history of a commit is what is reachable from
//! it along children, and a topological order names a commit before those that it stands on.
//!
//! **Which graph.** Each call looks at the numbers given out by its start; other workers may insert and link on. What
//! they add meanwhile is seen wholly or not at all: a node's links are those found when it is come to, and links to
//! newer nodes are left out.
//!
//! **Unknown children.** A block may be absent, and its node then unlinked. Each call says what it makes of that: most
//! take such a node as one without children.
//!
//! Nothing here recurses, and arrays by number are allocated so that a lack of memory is an error.

mod base;
mod chain;
mod cycle;
mod diff;
mod levels;
mod marks;
mod order;
mod reach;
mod shape;

#[cfg(test)]
#[cfg(not(loom))]
mod tests;

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use dagvault_core::parallel;

use crate::table::{Node, NodeTable, TableError};

pub use crate::table::Direction;
pub use cycle::{Cycle, NAMED_MAX};
pub use diff::{Diff, Side};
pub use marks::NodeSet;
pub use shape::Shape;

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum GraphError {
    /// There is no memory for it.
    Memory,
    /// Links lead in a circle, which names by hashes can't: someone forged them.
    Cycle(Cycle),
    /// The answer depends on the children of this node, which are unknown.
    Unlinked(Node),
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("there is no memory for this"),
            Self::Cycle(cycle) => write!(f, "{} nodes link to each other in a circle", cycle.length),
            Self::Unlinked(_) => f.write_str("the links of a block that this depends on are unknown"),
        }
    }
}

impl core::error::Error for GraphError {}

impl From<TableError> for GraphError {
    fn from(_: TableError) -> Self {
        Self::Memory
    }
}

/// Algorithms over a table, by so many workers.
#[derive(Clone, Copy, Debug)]
pub struct Graph<'t> {
    table: &'t NodeTable,
    workers: usize,
}

/// Numbers that make a part of a pass worth while.
const PART_MIN: u32 = if cfg!(test) { 4 } else { 1 << 14 };
/// Parts a worker: they differ in what they cost.
const PARTS: u32 = 8;

impl<'t> Graph<'t> {
    /// Over `table`, by at most so many workers; the answers don't depend on how many.
    #[must_use]
    pub fn new(table: &'t NodeTable, workers: usize) -> Self {
        Self { table, workers: workers.max(1) }
    }

    /// Runs `job` over all numbers below `numbers`, by so many ranges a worker; answers its results in their order.
    fn parts<T: Send>(&self, numbers: u32, each: u32, job: impl Fn(Range<u32>) -> T + Sync) -> Vec<T> {
        if self.workers == 1 {
            return alloc::vec![job(0..numbers)];
        }
        let parts = u32::try_from(self.workers).unwrap_or(u32::MAX).saturating_mul(each);
        let part = numbers.div_ceil(parts).max(PART_MIN);
        let count = numbers.div_ceil(part);
        parallel::map(count as usize, |turn| {
            let from = u32::try_from(turn).map_or(numbers, |turn| turn.saturating_mul(part));
            job(from..from.saturating_add(part).min(numbers))
        })
    }
}

/// An empty list with room for so many.
fn with_room<T>(count: usize) -> Result<Vec<T>, GraphError> {
    let mut list = Vec::new();
    list.try_reserve_exact(count).map_err(|_| GraphError::Memory)?;
    Ok(list)
}
